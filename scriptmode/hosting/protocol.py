"""A shorter way through uvicorn for requests that come whole and small.

A scope, a task, an event and a dozen coroutines for each request cost about what all the rest of
it does. So what ``POST /invocations`` sends in one piece is handed on as soon as it was parsed, and
its answer is written at once. Everything else, such as large or slow bodies, requests that do not
wait for the answer before them, and other routes, goes the common way of ASGI; both give the same
answers.
"""

from __future__ import annotations

import asyncio
from itertools import chain
from time import perf_counter
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from scriptmode.hosting.asgi import Call, head_of, headers_of
from scriptmode.hosting.connection import TolerantProtocol
from scriptmode.hosting.invoking import SINGLE

if TYPE_CHECKING:
    from asyncio import TimerHandle

    from scriptmode.hosting.asgi import Headers
    from scriptmode.hosting.hosted import Hosted
    from scriptmode.hosting.invoking import Answer, Invoker
    from scriptmode.hosting.single import SingleModel


def protocol_for(invoker: Invoker, site: SingleModel) -> type[TolerantProtocol]:
    """The protocol of a server with one model.

    Args:
        invoker: answers requests.
        site: holds the model.
    """
    return type("Protocol", (_Protocol,), {"invoker": invoker, "site": site})


class _Short:
    """A request on the shorter way, as far as uvicorn asks for one that is under way.

    Args:
        lines: its headers, as they came.
        keep_alive: whether the connection is kept after the answer.

    Attributes:
        headers: by lower-cased name.
    """

    body = b""
    more_body = True
    disconnected = response_complete = False
    message_event = asyncio.Event()  # for which nobody waits

    def __init__(self, lines: Headers, *, keep_alive: bool) -> None:
        self.lines, self.headers, self.keep_alive = lines, headers_of(lines), keep_alive


class _Protocol(TolerantProtocol):
    invoker: Invoker
    site: SingleModel
    cycle: Any  # uvicorn's, or a short one
    coming: _Short | None = None  # of which not all is there
    come: _Short | None = None  # not submitted yet
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

    def data_received(self, data: bytes) -> None:
        """Parse what came; a request of which the rest is still to come goes the common way."""
        self.idle_since = None
        super().data_received(data)
        come, coming, self.come, self.coming = self.come, self.coming, None, None
        if self.transport.is_closing():  # as after what is no HTTP
            return
        if come is not None:
            self._submit(come)
        elif coming is not None:
            self._start_commonly(coming.lines)
            super().on_body(coming.body)

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

    def on_message_begin(self) -> None:
        self.url, self.headers = b"", []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        lines, self.headers = self.headers, []  # what follows the body is no header
        if self._may_be_short():
            short = _Short(lines, keep_alive=self.parser.should_keep_alive())
            if "expect" not in short.headers:
                self.coming = short
                return
        self._start_commonly(lines)

    def on_body(self, body: bytes) -> None:
        if self.coming is None:
            super().on_body(body)
        else:
            self.coming.body += body

    def on_message_complete(self) -> None:
        if self.coming is None:
            super().on_message_complete()
            return
        self.coming.more_body = False
        self.cycle = self.come = self.coming
        self.coming = None

    def _may_be_short(self) -> bool:
        parser, before = self.parser, self.cycle
        return (
            self.url == b"/invocations"
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and (before is None or before.response_complete)
            and not self.flow.write_paused  # a client that reads no answers must wait
            and not parser.should_upgrade()
        )

    def _start_commonly(self, lines: Headers) -> None:
        """Tell uvicorn what it has not been told of yet."""
        url = self.url
        super().on_message_begin()
        super().on_url(url)
        for name, value in lines:
            super().on_header(name, value)
        super().on_headers_complete()

    def _submit(self, short: _Short) -> None:
        started = perf_counter()
        hosted, is_alone = self.site.hosted, len(self.connections) == 1

        def done(answer: Answer) -> None:
            if answer.response.pieces is None:
                sent = 0
                try:
                    sent = self._write(short, answer)
                finally:
                    self.invoker.note(answer, hosted, sent, started, SINGLE, at_once=is_alone)
            else:
                self._start_streaming(short, hosted, answer, started)

        body, short.body = short.body, b""  # which an idle connection need not keep
        self.invoker.submit(short.headers, body, hosted, done, is_alone=is_alone)

    def _start_streaming(
        self, short: _Short, hosted: Hosted, answer: Answer, started: float
    ) -> None:
        cycle = RequestResponseCycle(
            scope={"type": "http", "method": "POST"},  # type: ignore[typeddict-item]
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),  # what comes next is that the client leaves
            expect_100_continue=False,
            keep_alive=short.keep_alive,
            on_response=self.on_response_complete,
        )
        cycle.more_body, cycle.disconnected = False, short.disconnected
        if self.cycle is short:
            self.cycle = cycle

        async def stream(scope: Any, receive: Any, send: Any) -> None:
            call = Call(scope, receive, send, short.headers)
            await self.invoker.deliver(call, hosted, answer, started, SINGLE)

        self._start_asgi_task(cycle, stream)

    def _write(self, short: _Short, answer: Answer) -> int:
        response = answer.response
        if short.disconnected or self.transport.is_closing():
            return 0
        head = head_of(response, self.invoker.headers(answer))
        head += self.server_state.default_headers
        if self.invoker.is_draining:
            short.keep_alive = False
        elif not short.keep_alive:
            head.append((b"connection", b"close"))
        lines = b"%b: %b\r\n" * len(head) % (*chain.from_iterable(head),)
        status = STATUS_LINE[response.status]
        self.transport.write(b"".join((status, lines, b"\r\n", response.body)))
        short.response_complete = True
        if not short.keep_alive:
            self.transport.close()
        self.on_response_complete()
        return len(response.body)
