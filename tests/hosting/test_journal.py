"""What is told of requests, and when."""

import asyncio
from time import perf_counter
from typing import Any

import pytest

from scriptmode.handlers.response import Response
from scriptmode.hosting.invoking import SINGLE, Answer
from scriptmode.hosting.journal import Journal
from scriptmode.hosting.metrics import Meter
from scriptmode.hosting.tracing import Trace


class Lines:
    """Keeps what a log is told; of one request it cannot tell."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def add(self, trace: Trace, *_: Any) -> None:
        if trace.request_id == "unspeakable":
            raise ValueError(trace.request_id)
        self.told.append(trace.request_id)

    def flush(self) -> None:
        self.told.append("flushed")


def answer(request_id: str) -> Answer:
    return Answer(Response(503, "text/plain", b""), Trace.of({"x-request-id": request_id}))


def test_nothing_is_told_before_the_turn_is_over_and_all_of_it_in_order() -> None:
    lines: Any = Lines()

    async def noting() -> None:
        journal = Journal(Meter(), lines)
        for name in ("a", "b"):
            journal.note(answer(name), None, 0, perf_counter(), SINGLE)
        assert lines.told == []
        await asyncio.sleep(0)
        assert lines.told == ["a", "b"]
        journal.note(answer("c"), None, 0, perf_counter(), SINGLE)
        journal.close()

    asyncio.run(noting())
    assert lines.told == ["a", "b", "c", "flushed"]


def test_what_cannot_be_told_of_one_keeps_no_other_untold(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lines: Any = Lines()

    async def noting() -> None:
        journal = Journal(Meter(), lines)
        for name in ("a", "unspeakable", "b"):
            journal.note(answer(name), None, 0, perf_counter(), SINGLE)
        await asyncio.sleep(0)

    asyncio.run(noting())
    assert lines.told == ["a", "b"]
    assert "a request could not be logged" in caplog.text
