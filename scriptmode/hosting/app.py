"""An ASGI application with the routes that SageMaker asks of a container, and some more.

Contract: "Use Your Own Inference Code with Hosting Services" and "Use Your Own Inference Code with
Batch Transform", Amazon SageMaker Developer Guide.
"""

from __future__ import annotations

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from scriptmode.errors import MissingExtraError
from scriptmode.handlers.response import Response, failure
from scriptmode.hosting.asgi import Call, ClientGoneError, Receive, Scope, Send, json_response
from scriptmode.hosting.invoking import Invoker
from scriptmode.hosting.journal import Journal
from scriptmode.hosting.logs import RequestLog
from scriptmode.hosting.metrics import CONTENT_TYPE, Meter
from scriptmode.hosting.routing import Router
from scriptmode.hosting.spans import spans_from_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scriptmode.hosting.routing import Methods
    from scriptmode.hosting.settings import Settings

_MEGABYTE = 2**20
_SECOND = 1.0


class Site(Protocol):
    """What a server serves: one model, or several."""

    def routes(self, invoker: Invoker) -> Mapping[str, Methods]:
        """Its own paths.

        Args:
            invoker: answers requests for predictions.
        """
        ...

    def start(self, meter: Meter) -> None:
        """Load what is to be there from the start; called in a thread."""
        ...

    def stop(self) -> None:
        """Answer nothing more."""
        ...

    @property
    def obstacle(self) -> str | None:
        """Why it is not ready; None once it is."""
        ...

    @property
    def is_stuck(self) -> bool:
        """Whether a model has been at a request for longer than any may take."""
        ...


class App:
    """A site over HTTP.

    Args:
        site: what is served; it is started in the background, when the server starts.
        settings: of the server.
        meter: counts requests.
        log: tells of them.
        beat: called every second in which nothing is stuck.

    Attributes:
        invoker: answers requests for predictions.
        routes: which function answers which path; others may be added.
    """

    moment = 0.5
    """Seconds for which clients are sent away before it ends."""

    def __init__(
        self,
        site: Site,
        settings: Settings,
        meter: Meter | None = None,
        log: RequestLog | None = None,
        beat: Callable[[], None] | None = None,
    ) -> None:
        self.site, self._settings, self._beat = site, settings, beat
        self._meter = meter or Meter()
        self._journal = Journal(self._meter, log or RequestLog("none"), spans_from_environment())
        self.invoker = Invoker(settings, self._meter, self._journal)
        self._starting = ThreadPoolExecutor(1, "starting")
        self.routes = Router(
            {
                "/ping": {"GET": self._ping},
                "/execution-parameters": {"GET": self._execution_parameters},
                "/metrics": {"GET": self._metrics},
                **site.routes(self.invoker),
            }
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            call = Call.of(scope, receive, send)
            try:
                await self._answer(call)
            except ClientGoneError:
                return

    def drain(self) -> None:
        """Close connections with their next answer."""
        self.invoker.is_draining = True

    async def _answer(self, call: Call) -> None:
        response = await self.routes(call)
        if response is None:
            return
        headers = [(b"retry-after", b"1")] if response.status == 503 else []  # noqa: PLR2004
        if self.invoker.is_draining:
            headers.append((b"connection", b"close"))
        await call.answer(response, headers)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            event = (await receive())["type"]
            if event == "lifespan.startup":
                self._starting.submit(self.site.start, self._meter)
                self._go_on_beating()
            else:
                self._starting.shutdown(wait=False, cancel_futures=True)
                self.site.stop()
                self._journal.close()
            await send({"type": f"{event}.complete"})
            if event == "lifespan.shutdown":
                return

    def _go_on_beating(self) -> None:
        if self._beat is not None:
            if not self.site.is_stuck:
                self._beat()
            asyncio.get_running_loop().call_later(_SECOND, self._go_on_beating)

    async def _ping(self, call: Call) -> Response:
        obstacle = self.site.obstacle
        if self.site.is_stuck:
            obstacle = "the model does not answer"
        elif self.invoker.is_draining:
            obstacle = "the server is about to end"
        if obstacle is None:
            return Response(200, "application/json", b"")
        return failure(503, {"code": "not_ready", "message": obstacle})

    async def _execution_parameters(self, call: Call) -> Response:
        settings = self._settings
        return json_response(
            200,
            {
                "MaxConcurrentTransforms": settings.workers,
                "BatchStrategy": "MULTI_RECORD",
                "MaxPayloadInMB": max(1, math.floor(settings.max_body / _MEGABYTE)),
            },
        )

    async def _metrics(self, call: Call) -> Response:
        import scriptmode

        self._journal.tell()
        try:
            text = self._meter.text({"version": scriptmode.__version__})
        except MissingExtraError as error:
            return failure(404, {"code": "not_found", "message": str(error)})
        return Response(200, CONTENT_TYPE, text)
