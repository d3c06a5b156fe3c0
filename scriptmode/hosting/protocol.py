"""A shorter way through uvicorn for requests that come whole and small.

A task, an event and a dozen coroutines for each request cost about what all the rest of it does. So
what ``POST /invocations`` sends in one piece is handed on as soon as it was parsed, and its answer
is written at once. Everything else, such as large or slow bodies and other routes, goes the common
way of ASGI; both give the same answers.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from scriptmode.hosting.asgi import Call, head_of, headers_of
from scriptmode.hosting.invoking import SINGLE

if TYPE_CHECKING:
    from asyncio import TimerHandle

    from scriptmode.hosting.hosted import Hosted
    from scriptmode.hosting.invoking import Answer, Invoker
    from scriptmode.hosting.single import SingleModel


def protocol_for(invoker: Invoker, site: SingleModel) -> type[HttpToolsProtocol]:
    """The protocol of a server with one model.

    Args:
        invoker: answers requests.
        site: holds the model.
    """
    return type("Protocol", (_Protocol,), {"invoker": invoker, "site": site})


class _Protocol(HttpToolsProtocol):
    invoker: Invoker
    site: SingleModel
    held: tuple[RequestResponseCycle, Any] | None = None
    is_feeding = False
    idle_since: float | None = None  # in seconds of the loop; None while a request is under way
    idle_timer: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Another client."""
        super().connection_made(transport)
        self.site.hosted.welcome()

    def connection_lost(self, exc: Exception | None) -> None:
        """A client that is gone."""
        if self.idle_timer is not None:
            self.idle_timer.cancel()
            self.idle_timer = None
        super().connection_lost(exc)

    def eof_received(self) -> Any:
        """A client that has sent all it will send may still read its answer."""
        cycle = self.cycle  # None before the first request
        if not cycle or cycle.response_complete or cycle.more_body:
            return False
        cycle.keep_alive = False
        return True

    def data_received(self, data: bytes) -> None:
        self.is_feeding = True
        self.idle_since = None
        super().data_received(data)
        self.is_feeding = False
        if self.held is not None:  # the body is still to come
            cycle, app = self.held
            self.held = None
            super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """As uvicorn's, but with one timer for a connection instead of one for each answer."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self.idle_since = self.loop.time()
        if self.idle_timer is None:
            self._start_idle_timer(self.timeout_keep_alive)

    def _start_idle_timer(self, seconds: float) -> None:
        self.idle_timer = self.loop.call_later(seconds, self._close_if_idle)

    def _close_if_idle(self) -> None:
        """Close the connection where nothing came for as long as one is kept."""
        self.idle_timer = None
        now = self.loop.time()
        idle_since = now if self.idle_since is None else self.idle_since
        left = idle_since + self.timeout_keep_alive - now
        if left <= 0:
            self.timeout_keep_alive_handler()
        elif not self.transport.is_closing():
            self._start_idle_timer(left)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self.held is not None:
            cycle = self.held[0]
            self.held = None
            self._submit(cycle)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if not self._is_short(cycle):
            super()._start_asgi_task(cycle, app)
        elif not cycle.more_body:
            self._submit(cycle)
        elif self.is_feeding:
            self.held = (cycle, app)
        else:  # it was waiting for the answer before it, and is slow
            super()._start_asgi_task(cycle, app)

    def _is_short(self, cycle: RequestResponseCycle) -> bool:
        scope = cycle.scope
        if scope["path"] != "/invocations" or scope["method"] != "POST":
            return False
        is_read = not self.flow.write_paused  # a client that reads no answers must wait
        return is_read and not cycle.waiting_for_100_continue

    def _submit(self, cycle: RequestResponseCycle) -> None:
        started = perf_counter()
        hosted = self.site.hosted

        def done(answer: Answer) -> None:
            if answer.response.pieces is None:
                sent = 0
                try:
                    sent = self._write(cycle, answer)
                finally:
                    self.invoker.note(answer, hosted, sent, started, SINGLE)
            else:
                self._start_streaming(cycle, hosted, answer, started)

        headers = headers_of(cycle.scope["headers"])
        self.invoker.submit(headers, bytes(cycle.body), hosted, done)

    def _start_streaming(
        self, cycle: RequestResponseCycle, hosted: Hosted, answer: Answer, started: float
    ) -> None:
        cycle.body.clear()
        cycle.message_event.clear()  # what comes next is that the client leaves

        async def stream(scope: Any, receive: Any, send: Any) -> None:
            call = Call.of(scope, receive, send)
            await self.invoker.deliver(call, hosted, answer, started, SINGLE)

        super()._start_asgi_task(cycle, stream)

    def _write(self, cycle: RequestResponseCycle, answer: Answer) -> int:
        response = answer.response
        if cycle.disconnected or self.transport.is_closing():
            return 0
        parts = [STATUS_LINE[response.status]]
        for name, value in (
            *cycle.default_headers,
            *head_of(response, self.invoker.headers(answer)),
        ):
            parts += name, b": ", value, b"\r\n"
        if self.invoker.is_draining:
            cycle.keep_alive = False
        elif not cycle.keep_alive:
            parts.append(b"connection: close\r\n")
        parts += b"\r\n", response.body
        self.transport.write(b"".join(parts))
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        return len(response.body)
