"""A server of one model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptmode.errors import DeclarationError
from scriptmode.handlers.response import Response, failure
from scriptmode.hosting.asgi import json_response
from scriptmode.hosting.memory import settle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scriptmode.hosting.asgi import Call
    from scriptmode.hosting.hosted import Hosted
    from scriptmode.hosting.invoking import Invoker
    from scriptmode.hosting.metrics import Meter
    from scriptmode.hosting.routing import Methods


class SingleModel:
    """One script and one model; see :class:`scriptmode.hosting.app.Site`.

    Args:
        hosted: both.
    """

    def __init__(self, hosted: Hosted) -> None:
        self.hosted = hosted

    def routes(self, invoker: Invoker) -> Mapping[str, Methods]:
        """``/invocations``, and what it takes and answers."""

        async def invoke(call: Call) -> None:
            await invoker(call, lambda: self.hosted)

        return {"/invocations": {"POST": invoke}, "/openapi.json": {"GET": self._openapi}}

    def start(self, meter: Meter) -> None:
        """Load the model, unless the process was forked from one that had."""
        if self.hosted.not_ready is not None:
            self.hosted.load()
            settle()
        meter.loaded(self.hosted.seconds)

    def stop(self) -> None:
        """Answer nothing more."""
        self.hosted.close()

    @property
    def obstacle(self) -> str | None:
        """Why the model is not ready."""
        return self.hosted.not_ready

    @property
    def is_stuck(self) -> bool:
        """Whether the model does not come back from a request."""
        return self.hosted.is_stuck

    async def _openapi(self, call: Call) -> Response:
        try:
            document = self.hosted.endpoint.openapi()
        except DeclarationError as error:
            return failure(404, {"code": "not_found", "message": str(error)})
        return json_response(200, document)
