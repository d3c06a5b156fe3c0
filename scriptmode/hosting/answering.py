"""When and where requests are answered: now or in company, here or in a thread.

What the event loop has received in one turn is answered once the turn ends, so that requests that
came together are asked together, and none waits for company, except while further clients connect.
Where nobody else is connected and nothing waits, a quick one is answered at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from time import perf_counter
from typing import TYPE_CHECKING, Literal, TypeAlias

from scriptmode.hosting.costs import Costs
from scriptmode.hosting.exchange import CURRENT
from scriptmode.models.threads import compute_alone_here

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scriptmode.hosting.exchange import Exchange
    from scriptmode.hosting.grouping import Answerer

_LOG = logging.getLogger("scriptmode")
_NOTHING: deque[Exchange] = deque()

Place: TypeAlias = Literal["auto", "loop", "thread"]
PLACES = ("auto", "loop", "thread")

_SLOW = 0.005  # seconds of one request, above which others must not wait for it
_GRACE = 2  # turns after a connection was accepted, until the next one is told of
_POSTPONED = 128  # turns for which answers wait for such
_TURN = 0.002  # seconds of requests that are answered one by one before the loop turns again


class Answering:
    """The queue in front of one model.

    Args:
        answerer: answers exchanges.
        place: ``loop`` answers in the event loop, which is fastest for quick models; ``thread``
            in a thread, so that the loop goes on receiving; ``auto`` by what requests of that
            size took so far.
        wait: seconds to wait for company; only slow models gain from more than none.
        most: how many requests are asked together.
        is_parallel: whether the model may be asked by the loop while the thread asks it.
    """

    def __init__(
        self,
        answerer: Answerer,
        *,
        place: Place = "auto",
        wait: float = 0.0,
        most: int = 64,
        is_parallel: bool = False,
    ) -> None:
        self._answerer, self._place, self._wait = answerer, place, wait
        self._most = most if answerer.is_grouping else 1
        self._is_parallel = is_parallel
        self._quick: deque[Exchange] = deque()
        self._slow: deque[Exchange] = deque()
        self._costs = Costs()
        self._thread = ThreadPoolExecutor(1, "scriptmode")
        self._due: asyncio.Handle | None = None
        self._is_waiting = self._computes_alone = False
        self._grace = self._postponed = 0
        self._batches = self._pieces = 0  # that the thread is at
        self._since: float | None = None

    def __len__(self) -> int:
        """How many requests wait."""
        return len(self._quick) + len(self._slow)

    def submit(self, exchange: Exchange, *, is_alone: bool = False) -> None:
        """Queue an exchange; it is told when it has its response.

        Args:
            exchange: a request.
            is_alone: whether nobody else is there who could ask in this turn of the loop.
        """
        is_slow = self._is_slow(exchange)
        if is_alone and not (is_slow or self._wait or self._grace or self._due or self.is_busy):
            copy_context().run(self._answer_here, [exchange])  # with one of its own, as a turn
            return
        (self._slow if is_slow else self._quick).append(exchange)
        if self._due is None or self._is_waiting:
            self._ask_for_turn(asyncio.get_running_loop())

    def welcome(self) -> None:
        """Answer a little later, since a connection was accepted.

        uvloop accepts one connection in each turn. Where many come at once, the last would wait
        for as many turns with all the answers of those before it.
        """
        self._grace = _GRACE

    async def next_piece(self, pieces: Iterator[bytes], request_id: str) -> bytes | None:
        """The next piece of a streamed answer, made in the thread; None after the last."""
        self._pieces += 1
        self._since = perf_counter()
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, _next, pieces, request_id)
        finally:
            self._pieces -= 1
            self._since = None
            self._go_on()

    def learn(self, size: int, seconds: float) -> None:
        """Note how long a request took.

        Args:
            size: of its body, in bytes.
            seconds: all stages together.
        """
        self._costs.learn(size, seconds)

    @property
    def is_busy(self) -> bool:
        """Whether anything waits or is being answered."""
        return bool(self._quick or self._slow or self._batches or self._pieces)

    @property
    def spent(self) -> float:
        """For how many seconds the thread has been at what it does."""
        return 0.0 if self._since is None else perf_counter() - self._since

    def close(self) -> None:
        """Answer nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _ask_for_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._wait:
            self._due = self._due or loop.call_soon(self._turn)
            return
        is_company = len(self) >= self._most
        if self._due is not None:
            if not (is_company and self._is_waiting):
                return
            self._due.cancel()
        self._is_waiting = not is_company
        turn = self._turn
        self._due = loop.call_soon(turn) if is_company else loop.call_later(self._wait, turn)

    def _turn(self) -> None:
        self._due = None
        if self._waits_for_newcomers():
            self._go_on()
            return
        queue = self._for_thread()
        if queue and not self._batches:
            self._answer_in_thread(self._taken(queue))
        ends = perf_counter() + _TURN
        while self._quick and self._may_answer_here():
            self._answer_here(self._taken(self._quick))
            if perf_counter() > ends:
                break
        if not self._batches:
            self._go_on()

    def _waits_for_newcomers(self) -> bool:
        if not self._grace or self._wait or self._postponed == _POSTPONED:
            self._postponed = 0
            return False
        self._grace -= 1
        self._postponed += 1
        return True

    def _for_thread(self) -> deque[Exchange]:
        """What the thread is to take next: of models that are asked by one, the oldest."""
        if self._is_parallel or not self._quick:
            return self._slow
        if self._slow and self._slow[0].arrived < self._quick[0].arrived:
            return self._slow
        return self._quick if self._pieces else _NOTHING

    def _may_answer_here(self) -> bool:
        if self._is_parallel:
            return True
        is_first = not self._slow or self._quick[0].arrived <= self._slow[0].arrived
        return is_first and not (self._batches or self._pieces)

    def _taken(self, queue: deque[Exchange]) -> list[Exchange]:
        batch: list[Exchange] = []
        while queue and len(batch) < self._most:
            exchange = queue.popleft()
            if exchange.done is not None:
                batch.append(exchange)
        return batch

    def _answer_in_thread(self, batch: list[Exchange]) -> None:
        def after(future: asyncio.Future[None]) -> None:
            self._since = None
            self._batches -= 1
            self._go_on()
            _tell(batch)
            future.exception()  # it was logged, and nobody else asks

        self._batches += 1
        self._since = perf_counter()
        loop = asyncio.get_running_loop()
        loop.run_in_executor(self._thread, self._answer, batch).add_done_callback(after)

    def _go_on(self) -> None:
        if len(self):
            self._ask_for_turn(asyncio.get_running_loop())

    def _answer_here(self, batch: list[Exchange]) -> None:
        try:
            if not self._computes_alone:
                compute_alone_here()
                self._computes_alone = True
            self._answer(batch)
        finally:
            _tell(batch)

    def _answer(self, batch: list[Exchange]) -> None:
        if not batch:
            return
        started = perf_counter()
        self._answerer(batch)
        seconds = (perf_counter() - started) / len(batch)
        self._costs.learn(max([len(exchange.request.body) for exchange in batch]), seconds)

    def _is_slow(self, exchange: Exchange) -> bool:
        if self._place != "auto":
            return self._place == "thread"
        return self._costs.of(len(exchange.request.body)) > _SLOW


def _next(pieces: Iterator[bytes], request_id: str) -> bytes | None:
    CURRENT.set(request_id)
    return next(pieces, None)


def _tell(batch: list[Exchange]) -> None:
    for exchange in batch:
        _tell_one(exchange)


def _tell_one(exchange: Exchange) -> None:
    try:
        if exchange.done is not None:
            exchange.done(exchange)
    except Exception:  # noqa: BLE001 - what goes wrong with one keeps no others waiting
        _LOG.exception("an answer could not be sent")
