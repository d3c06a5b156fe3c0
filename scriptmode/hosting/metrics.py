"""Counts and durations of all processes of a server, for Prometheus.

Every process counts in a part of its own of memory that they share, so that whichever is asked
tells of all, and nothing is lost when one is replaced. Names and units follow Prometheus's
conventions (https://prometheus.io/docs/practices/naming/).
"""

from __future__ import annotations

import mmap
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

from scriptmode._imports import require
from scriptmode.hosting.exchange import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from scriptmode.hosting.exchange import Exchange
    from scriptmode.hosting.journal import Noted

SECONDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0,
)  # fmt: skip
"""Upper bounds of the histograms of durations."""

COMPANY = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Upper bounds of the histogram of requests that were asked together."""

ROUTES = ("/invocations", "/models/{model}/invoke")
CODES = (200, 400, 404, 406, 408, 413, 415, 422, 424, 500, 503)
_OTHER = len(CODES)
_PLACES = {code: place for place, code in enumerate(CODES)}
_COUNTERS = ("rows", "received_bytes", "sent_bytes")
_GAUGES = ("load_seconds", "under_way")
_DOUBLE = 8
_MOST_NOTED = 256
_LONG = len(SECONDS) + 2  # buckets, the last without a bound, and the sum
_SHORT = len(COMPANY) + 2

_REQUESTS = 0
_STAGES = _REQUESTS + len(ROUTES) * (len(CODES) + 1) * _LONG
_TOGETHER = _STAGES + len(STAGES) * _LONG
_PLAIN = _TOGETHER + _SHORT
_WIDTH = _PLAIN + len(_COUNTERS) + len(_GAUGES)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Meter:
    """Counts of one process, beside those of others.

    Args:
        processes: how many count.
        memory: what they share; None makes it.
        place: which of them this is, from 0.
    """

    def __init__(
        self, processes: int = 1, memory: memoryview[float] | None = None, place: int = 0
    ) -> None:
        if memory is None:
            memory = memoryview(mmap.mmap(-1, processes * _WIDTH * _DOUBLE)).cast("d")
        self._memory, self._processes = memory, processes
        self._own = memory[place * _WIDTH : (place + 1) * _WIDTH]
        self._noted: list[tuple[float, ...]] = []

    def of(self, place: int) -> Meter:
        """That of another process."""
        return Meter(self._processes, self._memory, place)

    def add(self, noted: Sequence[Noted]) -> None:
        """Count requests, those that went through the stages together with the next ones."""
        rows = [_row(each, known) for each in noted if (known := each.answer.exchange) is not None]
        for each in noted:
            if each.answer.exchange is None:
                self._refuse(each)
        self._noted += rows
        if len(self._noted) >= _MOST_NOTED:
            self.count()

    def count(self) -> None:
        """Count what was noted since the last time: many at once cost less."""
        import numpy as np

        if not self._noted:
            return
        table = np.array(self._noted, np.float64)
        self._noted.clear()
        own = np.asarray(self._own)
        together, rows, received, sent, routes, statuses, seconds, *stages = table.T
        _add(own[_TOGETHER:], COMPANY, together)
        own[_PLAIN : _PLAIN + len(_COUNTERS)] += rows.sum(), received.sum(), sent.sum()
        for route, status in {*zip(routes.tolist(), statuses.tolist(), strict=True)}:
            are_alike = (routes == route) & (statuses == status)
            _add(own[_start(int(route), int(status)) :], SECONDS, seconds[are_alike])
        for stage, spent in enumerate(stages):
            _add(own[_STAGES + stage * _LONG :], SECONDS, spent)

    def _refuse(self, noted: Noted) -> None:
        """Count one that was not even read."""
        own, start = self._own, _start(noted.route, noted.answer.response.status)
        own[start + bisect_left(SECONDS, noted.seconds)] += 1
        own[start + _LONG - 1] += noted.seconds
        own[_PLAIN + 1] += noted.received
        own[_PLAIN + 2] += noted.sent

    def loaded(self, seconds: float) -> None:
        """Note how long the model took to load."""
        self._own[_PLAIN + len(_COUNTERS)] = seconds

    def under_way(self, count: int) -> None:
        """Note how many requests have no answer yet."""
        self._own[_PLAIN + len(_COUNTERS) + 1] = count

    def text(self, info: dict[str, str]) -> bytes:
        """What all processes have counted, in Prometheus's text format.

        Args:
            info: what does not change, such as versions.

        Raises:
            MissingExtraError: prometheus_client is not installed.
        """
        self.count()
        exposition = require("prometheus_client.exposition", extra="serve")
        core = require("prometheus_client.core", extra="serve")
        registry = core.CollectorRegistry(auto_describe=False)
        registry.register(_Collector(self, info))
        found: bytes = exposition.generate_latest(registry)
        return found

    def sums(self, start: int, length: int) -> list[float]:
        """Cells of all processes, added up."""
        memory = self._memory
        rows = range(self._processes)
        return [sum(memory[row * _WIDTH + start + cell] for row in rows) for cell in range(length)]

    def each(self, cell: int) -> list[float]:
        """One cell of each process."""
        return [self._memory[row * _WIDTH + cell] for row in range(self._processes)]


def _row(noted: Noted, exchange: Exchange) -> tuple[float, ...]:
    return (
        exchange.together,
        exchange.rows or 0,
        noted.received,
        noted.sent,
        noted.route,
        noted.answer.response.status,
        noted.seconds,
        exchange.decode,
        exchange.align,
        exchange.queue,
        exchange.predict,
        exchange.encode,
    )


def _start(route: int, status: int) -> int:
    """Where requests of a route with a status are counted."""
    return _REQUESTS + (route * (_OTHER + 1) + _PLACES.get(status, _OTHER)) * _LONG


def _add(cells: NDArray[Any], bounds: Sequence[float], values: NDArray[Any]) -> None:
    """Put values into a histogram."""
    import numpy as np

    places = np.searchsorted(bounds, values)
    cells[: len(bounds) + 1] += np.bincount(places, minlength=len(bounds) + 1)
    cells[len(bounds) + 1] += values.sum()


class _Collector:
    """What prometheus_client asks for the families."""

    def __init__(self, meter: Meter, info: dict[str, str]) -> None:
        self._meter, self._info = meter, info

    def collect(self) -> Iterator[Any]:
        core = require("prometheus_client.core", extra="serve")
        yield self._requests(core)
        yield self._stages(core)
        together = core.HistogramMetricFamily(
            "scriptmode_batch_size", "Requests that the model was asked for at once."
        )
        self._add(together, [], _TOGETHER, COMPANY)
        yield together
        for place, name in enumerate(_COUNTERS):
            total = self._meter.sums(_PLAIN + place, 1)[0]
            yield core.CounterMetricFamily(f"scriptmode_{name}", _COUNTED[name], value=total)
        for place, name in enumerate(_GAUGES, len(_COUNTERS)):
            gauge = core.GaugeMetricFamily(_GAUGED[name][0], _GAUGED[name][1], labels=["worker"])
            for worker, value in enumerate(self._meter.each(_PLAIN + place)):
                gauge.add_metric([str(worker)], value)
            yield gauge
        yield core.InfoMetricFamily("scriptmode", "What serves.", value=self._info)

    def _requests(self, core: Any) -> Any:
        family = core.HistogramMetricFamily(
            "scriptmode_request_duration_seconds",
            "From the arrival of a request to its answer.",
            labels=["route", "code"],
        )
        for route, path in enumerate(ROUTES):
            for code, name in enumerate([*map(str, CODES), "other"]):
                start = _REQUESTS + (route * (_OTHER + 1) + code) * _LONG
                self._add(family, [path, name], start, SECONDS)
        return family

    def _stages(self, core: Any) -> Any:
        family = core.HistogramMetricFamily(
            "scriptmode_stage_duration_seconds",
            "Of one stage; what several requests were asked for at once counts for each.",
            labels=["stage"],
        )
        for stage, name in enumerate(STAGES):
            self._add(family, [name], _STAGES + stage * _LONG, SECONDS)
        return family

    def _add(self, family: Any, labels: list[str], start: int, bounds: Sequence[float]) -> None:
        *counts, total = self._meter.sums(start, len(bounds) + 2)
        if labels and not any(counts):
            return
        buckets, seen = [], 0.0
        for bound, count in zip([*map(str, bounds), "+Inf"], counts, strict=True):
            seen += count
            buckets.append((bound, seen))
        family.add_metric(labels, buckets=buckets, sum_value=total)


_COUNTED = {
    "rows": "Rows that were asked for.",
    "received_bytes": "Bytes of requests' bodies.",
    "sent_bytes": "Bytes of answers' bodies.",
}
_GAUGED = {
    "load_seconds": ("scriptmode_model_load_seconds", "How long the model took to load."),
    "under_way": ("scriptmode_requests_in_progress", "Requests that have no answer yet."),
}
