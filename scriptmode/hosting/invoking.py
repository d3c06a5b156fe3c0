"""From a request of HTTP to its answer: what may wait, how long, and what is noted of it."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

from scriptmode.errors import BodyTooLargeError, PredictionError, RequestError
from scriptmode.handlers.context import RequestContext
from scriptmode.handlers.endpoint import Endpoint, Request
from scriptmode.handlers.reports import FAILED
from scriptmode.handlers.response import Response, failure
from scriptmode.hosting.asgi import too_large
from scriptmode.hosting.deadlines import Deadlines
from scriptmode.hosting.exchange import STAGES, Exchange
from scriptmode.hosting.streaming import next_piece, stream
from scriptmode.hosting.tracing import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scriptmode.hosting.asgi import Call, Headers
    from scriptmode.hosting.hosted import Hosted
    from scriptmode.hosting.journal import Journal
    from scriptmode.hosting.metrics import Meter
    from scriptmode.hosting.settings import Settings

SINGLE, OF_SEVERAL = range(2)
"""Places in :data:`scriptmode.hosting.metrics.ROUTES`."""

_SOON = 0.5  # seconds


class Answer(NamedTuple):
    """A response and whose it is.

    Args:
        response: as the script or the server gives it.
        trace: the request's names.
        exchange: None for a request that was not read.
    """

    response: Response
    trace: Trace
    exchange: Exchange | None = None


class Invoker:
    """Answers requests for predictions.

    Args:
        settings: of the server.
        meter: counts those that are under way.
        journal: tells of each.

    Attributes:
        is_draining: whether connections are to be closed, since the server is about to end.
    """

    def __init__(self, settings: Settings, meter: Meter, journal: Journal) -> None:
        self._settings, self._meter, self._journal = settings, meter, journal
        self._answers = Deadlines[Exchange](settings.timeout, self._give_up)
        self._bodies = Deadlines["_Reading"](settings.timeout, _Reading.end)
        self._told = self._tell
        self._counting: asyncio.TimerHandle | None = None
        self.is_draining = False

    def __len__(self) -> int:
        """How many requests are under way."""
        return len(self._answers) + len(self._bodies)

    async def __call__(
        self, call: Call, hosted_now: Callable[[], Hosted], route: int = SINGLE
    ) -> None:
        """Answer one request, however slowly it comes.

        Args:
            call: the request.
            hosted_now: whom it asks; looked at again once its body has come.
            route: its place in :data:`scriptmode.hosting.metrics.ROUTES`.

        Raises:
            ClientGoneError: nobody is there to be answered.
        """
        started = perf_counter()
        found = await self._read(call, self.refusal(hosted_now()))
        hosted = hosted_now()
        answer = await self._answer(call, found, hosted) if isinstance(found, bytes) else found
        await self.deliver(call, hosted, answer, started, route)

    async def deliver(
        self, call: Call, hosted: Hosted, answer: Answer, started: float, route: int
    ) -> None:
        """Send an answer, piece by piece where it comes so; see :meth:`note`."""
        pieces, piece, sent = answer.response.pieces, None, 0
        try:
            if pieces is not None:
                try:
                    piece = await next_piece(hosted, pieces, answer.trace, self._settings.timeout)
                except BaseException as error:  # noqa: BLE001 - a script may raise anything
                    answer, pieces = answer._replace(response=Endpoint.fail(error)), None
            if pieces is None:
                sent = await call.answer(answer.response, self.headers(answer))
            else:
                await call.start(answer.response, self.headers(answer))
                limit = self._settings.timeout
                sent = await stream(call, hosted, answer.trace, pieces, piece, limit)
        finally:
            self.note(answer, hosted, sent, started, route)

    def submit(
        self,
        headers: Mapping[str, str],
        body: bytes,
        hosted: Hosted,
        done: Callable[[Answer], None],
        *,
        is_alone: bool = False,
    ) -> None:
        """Answer a request that has come whole.

        Args:
            headers: names lower-cased.
            body: as it came.
            hosted: whom it asks.
            done: called with the answer.
            is_alone: see :meth:`scriptmode.hosting.answering.Answering.submit`.
        """
        trace = Trace.of(headers)
        refusal = self.refusal(hosted, len(body))
        if refusal is not None:
            asyncio.get_running_loop().call_soon(done, Answer(refusal, trace))
            return
        hosted.under_way += 1
        if self._counting is None:
            self._count_soon()
        context = RequestContext(headers, {}, hosted.model_dir, hosted.name)
        request = Request(body, headers.get("content-type"), headers.get("accept"), context)
        exchange = Exchange(request, trace, self._told, done)
        self._answers.watch(exchange)
        hosted.answering.submit(exchange, is_alone=is_alone)

    def _tell(self, exchange: Exchange) -> None:
        """Send a response on, unless its time was over before."""
        if self._answers.release(exchange) and exchange.reply is not None:
            exchange.reply(Answer(exchange.response or _broken(), exchange.trace, exchange))

    def _give_up(self, exchange: Exchange) -> None:
        exchange.done = None
        if exchange.reply is not None:
            exchange.reply(Answer(self._late(exchange), exchange.trace, exchange))

    def refusal(self, hosted: Hosted, size: int = 0) -> Response | None:
        """Why a request is not even decoded; None where it is.

        Args:
            hosted: whom it asks.
            size: of its body, in bytes, as far as that is known.
        """
        if hosted.not_ready is not None:
            return failure(503, {"code": "not_ready", "message": hosted.not_ready})
        if len(hosted.answering) >= self._settings.max_waiting:
            return failure(503, {"code": "busy", "message": "too many requests wait already"})
        if size > self._settings.max_body:
            return _failure_of(too_large(self._settings.max_body, f"{size} bytes are announced"))
        return None

    def headers(self, answer: Answer) -> Headers:
        """What an answer has beside the headers of its body."""
        response, trace, exchange = answer
        headers, status = [(b"x-request-id", trace.request_id.encode())], response.status
        if status in (408, 503):
            headers.append((b"retry-after", b"1"))
        if self.is_draining or status == 408:  # noqa: PLR2004 - the rest is still to come
            headers.append((b"connection", b"close"))
        if self._settings.is_development and exchange is not None:
            headers.append((b"server-timing", _timing(exchange)))
        return headers

    def note(  # noqa: PLR0913 - as the journal's
        self,
        answer: Answer,
        hosted: Hosted,
        sent: int,
        started: float,
        route: int,
        *,
        at_once: bool = False,
    ) -> None:
        """Note a request that was answered; see :meth:`scriptmode.hosting.journal.Journal.note`."""
        if answer.exchange is not None:
            hosted.under_way -= 1
        if self._counting is None:
            self._count_soon()
        self._journal.note(answer, hosted.name, sent, started, route, at_once=at_once)

    def _count_soon(self) -> None:
        """Other processes are asked for what this one has counted."""
        self._counting = asyncio.get_running_loop().call_later(_SOON, self._count)

    def _count(self) -> None:
        self._counting = None
        self._journal.tell()
        self._meter.count()
        self._meter.under_way(len(self))
        if len(self):
            self._count_soon()

    async def _read(self, call: Call, refusal: Response | None) -> bytes | Answer:
        """The body, or why there is none."""
        body: bytes | None = None
        if refusal is None:
            try:
                body = await self._body(call)
            except BodyTooLargeError as error:
                refusal = _failure_of(error)
        if body is not None:
            return body
        return Answer(refusal or self._late(None), Trace.of(call.headers))

    async def _answer(self, call: Call, body: bytes, hosted: Hosted) -> Answer:
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.submit(call.headers, body, hosted, lambda answer: _settle(future, answer))
        return await future

    async def _body(self, call: Call) -> bytes | None:
        """The whole body; None where it did not come in time."""
        reading = _Reading(asyncio.current_task())
        self._bodies.watch(reading)
        try:
            return await call.body(self._settings.max_body)
        except asyncio.CancelledError:
            if not reading.is_late:
                raise
            return None
        finally:
            self._bodies.release(reading)

    def _late(self, exchange: Exchange | None) -> Response:
        seconds = f"{self._settings.timeout:g} seconds"
        if exchange is None:
            return failure(408, {"code": "timeout", "message": f"no whole body came in {seconds}"})
        message = f"the request was not answered in {seconds}"
        return failure(503, {"code": "deadline_exceeded", "message": message})


class _Reading:
    """A task that waits for the rest of a body."""

    def __init__(self, task: asyncio.Task[None] | None) -> None:
        self._task, self.is_late = task, False

    def end(self) -> None:
        self.is_late = True
        if self._task is not None:
            self._task.cancel()


def _failure_of(error: RequestError) -> Response:
    return failure(error.status, error.to_dict(), error)


def _settle(future: asyncio.Future[Answer], answer: Answer) -> None:
    if not future.done():  # it was cancelled where the server is about to end
        future.set_result(answer)


def _timing(exchange: Exchange) -> bytes:
    """The stages as a Server-Timing header has them (https://www.w3.org/TR/server-timing/)."""
    stages = zip(STAGES, exchange.seconds, strict=True)
    return ", ".join(f"{name};dur={seconds * 1000:.3f}" for name, seconds in stages).encode()


def _broken() -> Response:
    return failure(500, {"code": PredictionError.code, "message": FAILED})
