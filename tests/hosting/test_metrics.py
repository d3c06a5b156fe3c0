"""Counts of several processes, read by Prometheus's own parser."""

import os
from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from scriptmode.handlers.endpoint import Request
from scriptmode.handlers.response import Response
from scriptmode.hosting.exchange import Exchange
from scriptmode.hosting.invoking import Answer
from scriptmode.hosting.journal import Noted
from scriptmode.hosting.metrics import SECONDS, Meter
from scriptmode.hosting.tracing import Trace


def exchange(together: int = 1, rows: int | None = 1, **seconds: float) -> Exchange:
    made = Exchange(Request(b""), Trace.of({}))
    made.together, made.rows = together, rows
    for stage, spent in seconds.items():
        setattr(made, stage, spent)
    return made


def noted(
    route: int, status: int, seconds: float, size: tuple[int, int], exchange: Exchange | None = None
) -> list[Noted]:
    answer = Answer(Response(status, "text/plain", b""), Trace.of({}), exchange)
    return [Noted(answer, None, *size, seconds, 0.0, route)]


def read(meter: Meter) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = meter.text({"version": "1"}).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(meter: Meter, name: str, **labels: str) -> float:
    return read(meter).get((f"scriptmode_{name}", tuple(sorted(labels.items()))), 0.0)


def test_what_is_noted_is_counted() -> None:
    meter = Meter()
    meter.add(noted(0, 200, 0.003, (10, 20), exchange(3, 5, decode=0.0002, predict=0.002)))
    meter.add(noted(0, 422, 0.001, (1, 2), exchange(rows=None)))
    meter.add(noted(0, 503, 0.5, (0, 7)))
    found = {"route": "/invocations", "code": "200"}
    assert value(meter, "request_duration_seconds_count", **found) == 1
    assert value(meter, "request_duration_seconds_sum", **found) == 0.003
    assert value(meter, "request_duration_seconds_bucket", le="0.0025", **found) == 0
    assert value(meter, "request_duration_seconds_bucket", le="0.005", **found) == 1
    assert value(meter, "request_duration_seconds_count", route="/invocations", code="503") == 1
    assert value(meter, "stage_duration_seconds_sum", stage="decode") == 0.0002
    assert value(meter, "stage_duration_seconds_count", stage="predict") == 2
    assert value(meter, "batch_size_sum") == 4
    assert value(meter, "rows_total") == 5
    assert (value(meter, "received_bytes_total"), value(meter, "sent_bytes_total")) == (11, 29)


def test_a_status_that_nobody_expects_is_counted_too() -> None:
    meter = Meter()
    meter.add(noted(1, 599, 0.1, (0, 0), exchange()))
    labels = {"route": "/models/{model}/invoke", "code": "other"}
    assert value(meter, "request_duration_seconds_count", **labels) == 1


def test_every_process_tells_of_all() -> None:
    meter = Meter(3)
    for place in (1, 2):
        pid = os.fork()
        if pid == 0:
            own = meter.of(place)
            for _ in range(300):  # more than are noted before they are counted
                own.add(noted(0, 200, 0.001, (1, 1), exchange()))
            own.count()
            own.loaded(place)
            os._exit(0)
        os.waitpid(pid, 0)
    found = {"route": "/invocations", "code": "200"}
    assert value(meter, "request_duration_seconds_count", **found) == 600
    loaded = [value(meter, "model_load_seconds", worker=str(worker)) for worker in range(3)]
    assert loaded == [0, 1, 2]


@pytest.mark.parametrize("count", [1, 255, 256, 1000])
def test_histograms_are_those_of_numpy(count: int) -> None:
    meter, spent = Meter(), np.random.default_rng(count).lognormal(-6, 3, count)
    for seconds in spent.tolist():
        meter.add(noted(0, 200, seconds, (0, 0), exchange()))
    labels: dict[str, Any] = {"route": "/invocations", "code": "200"}
    for bound in SECONDS:
        found = value(meter, "request_duration_seconds_bucket", le=str(bound), **labels)
        assert found == (spent <= bound).sum()
