"""What is told of requests once they were answered: counts, log lines and spans."""

from __future__ import annotations

import asyncio
import logging
from time import perf_counter
from typing import TYPE_CHECKING

from scriptmode.hosting.metrics import ROUTES

if TYPE_CHECKING:
    from scriptmode.hosting.invoking import Answer
    from scriptmode.hosting.logs import RequestLog
    from scriptmode.hosting.metrics import Meter
    from scriptmode.hosting.spans import Spans

_LOG = logging.getLogger("scriptmode")


class Journal:
    """Notes requests at once, and tells of them when the answers have left: nobody waits for it.

    An event loop may keep what is written until all that is to be called in one turn was called.

    Args:
        meter: counts them.
        log: has a line for each.
        spans: records them for tracing; None where nobody asks for it.
    """

    def __init__(self, meter: Meter, log: RequestLog, spans: Spans | None = None) -> None:
        self._meter, self._log, self._spans = meter, log, spans
        self._noted: list[tuple[Answer, str | None, int, float, int]] = []

    def note(
        self, answer: Answer, model: str | None, sent: int, started: float, route: int
    ) -> None:
        """Note a request that was answered.

        Args:
            answer: what was sent.
            model: which of several was asked.
            sent: bytes of the body.
            started: when the request came, in seconds of ``perf_counter``.
            route: its place in :data:`scriptmode.hosting.metrics.ROUTES`.
        """
        if not self._noted:
            asyncio.get_running_loop().call_soon(self._tell)
        self._noted.append((answer, model, sent, perf_counter() - started, route))

    def close(self) -> None:
        """Tell of what is left."""
        self._tell()
        self._log.flush()
        if self._spans is not None:
            self._spans.close()

    def _tell(self) -> None:
        noted, self._noted = self._noted, []
        for each in noted:
            self._tell_of(*each)

    def _tell_of(
        self, answer: Answer, model: str | None, sent: int, seconds: float, route: int
    ) -> None:
        try:
            size = (0 if answer.exchange is None else len(answer.exchange.request.body), sent)
            self._count(answer, route, seconds, size)
            response, trace, exchange = answer
            self._log.add(trace, ROUTES[route], response, size, seconds, exchange, model)
            if self._spans is not None:
                self._spans.add(answer, ROUTES[route], seconds, model)
        except Exception:  # noqa: BLE001 - what goes wrong with one keeps no others untold
            _LOG.exception("a request could not be logged")

    def _count(self, answer: Answer, route: int, seconds: float, size: tuple[int, int]) -> None:
        status, exchange = answer.response.status, answer.exchange
        if exchange is None:
            self._meter.refused(route, status, seconds, size)
        else:
            self._meter.answered(route, status, seconds, size, exchange)
