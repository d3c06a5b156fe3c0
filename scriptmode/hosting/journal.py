"""What is told of requests once they were answered: counts, log lines and spans."""

from __future__ import annotations

import asyncio
import logging
from time import perf_counter, time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scriptmode.hosting.invoking import Answer
    from scriptmode.hosting.logs import RequestLog
    from scriptmode.hosting.metrics import Meter
    from scriptmode.hosting.spans import Spans

_LOG = logging.getLogger("scriptmode")
_PAUSE = 0.05  # seconds for which requests wait for others: to tell of many at once costs less
_TOGETHER = 32  # requests that wait for no others
_LARGE = 2**16  # bytes of a body that is not kept meanwhile


class Noted(NamedTuple):
    """A request that was answered.

    Args:
        answer: what was sent.
        model: which of several was asked.
        received: bytes of its body; 0 where that was not read.
        sent: bytes of the answer's body.
        seconds: from its arrival to the answer.
        at: when it was answered, in seconds since the epoch.
        route: its place in :data:`scriptmode.hosting.metrics.ROUTES`.
    """

    answer: Answer
    model: str | None
    received: int
    sent: int
    seconds: float
    at: float
    route: int


class Journal:
    """Notes requests, and tells of them later, in company, where others wait for answers.

    Args:
        meter: counts them.
        log: has a line for each.
        spans: records them for tracing; None where nobody asks for it.
    """

    def __init__(self, meter: Meter, log: RequestLog, spans: Spans | None = None) -> None:
        self._meter, self._log, self._spans = meter, log, spans
        self._noted: list[Noted] = []
        self._due: asyncio.TimerHandle | None = None

    def note(  # noqa: PLR0913 - what is noted, and when it is told
        self,
        answer: Answer,
        model: str | None,
        sent: int,
        started: float,
        route: int,
        *,
        at_once: bool = False,
    ) -> None:
        """Note a request that was answered.

        Args:
            answer: what was sent.
            model: which of several was asked.
            sent: bytes of the body.
            started: when the request came, in seconds of ``perf_counter``.
            route: its place in :data:`scriptmode.hosting.metrics.ROUTES`.
            at_once: whether nobody else waits while it is told of.
        """
        received = 0 if answer.exchange is None else len(answer.exchange.request.body)
        seconds = perf_counter() - started
        self._noted.append(Noted(answer, model, received, sent, seconds, time(), route))
        if at_once:
            self.tell()
        elif len(self._noted) == _TOGETHER or received > _LARGE or sent > _LARGE:
            asyncio.get_running_loop().call_soon(self.tell)
        elif self._due is None:
            self._due = asyncio.get_running_loop().call_later(_PAUSE, self.tell)

    def tell(self) -> None:
        """Tell of what was noted."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if not self._noted:
            return
        noted, self._noted = self._noted, []
        _tell(self._meter.add, noted)
        _tell(self._log.add, noted)
        if self._spans is not None:
            for each in noted:
                _tell(self._spans.add, [each])

    def close(self) -> None:
        """Tell of what is left."""
        self.tell()
        self._meter.count()
        self._log.flush()
        if self._spans is not None:
            self._spans.close()


def _tell(add: Callable[[Sequence[Noted]], None], noted: Sequence[Noted]) -> None:
    """Tell of all; where that fails, nothing was told of them yet, and each is tried alone."""
    try:
        add(noted)
    except Exception:  # noqa: BLE001 - what goes wrong with one keeps no others untold
        if len(noted) == 1:
            _LOG.exception("a request could not be logged")
        else:
            for each in noted:
                _tell(add, [each])
