"""What is told of requests, and when."""

import asyncio
import weakref
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import pytest

from scriptmode.handlers.endpoint import Request
from scriptmode.handlers.response import Response
from scriptmode.hosting.exchange import Exchange
from scriptmode.hosting.invoking import SINGLE, Answer
from scriptmode.hosting.journal import Journal, Noted
from scriptmode.hosting.metrics import Meter
from scriptmode.hosting.tracing import Trace


class Lines:
    """Keeps what a log is told; of one request it cannot tell."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def add(self, noted: Sequence[Noted]) -> None:
        names = [each.answer.trace.request_id for each in noted]
        if "unspeakable" in names:
            raise ValueError(names)
        self.told += names

    def flush(self) -> None:
        self.told.append("flushed")


def answer(request_id: str, body: bytes | None = None) -> Answer:
    trace = Trace.of({"x-request-id": request_id})
    exchange = None if body is None else Exchange(Request(body), trace)
    return Answer(Response(503, "text/plain", b""), trace, exchange)


def test_nothing_is_told_before_the_turn_is_over_and_all_of_it_in_order() -> None:
    lines: Any = Lines()
    names = list(map(str, range(32)))  # as many as wait for no others

    async def noting() -> None:
        journal = Journal(Meter(), lines)
        for name in names:
            journal.note(answer(name), None, 0, perf_counter(), SINGLE)
        assert lines.told == []
        await asyncio.sleep(0)
        assert lines.told == names
        journal.note(answer("c"), None, 0, perf_counter(), SINGLE)
        journal.close()

    asyncio.run(noting())
    assert lines.told == [*names, "c", "flushed"]


def test_a_request_alone_is_told_of_soon() -> None:
    lines: Any = Lines()

    async def noting() -> None:
        journal = Journal(Meter(), lines)
        for name in ("a", "b"):
            journal.note(answer(name), None, 0, perf_counter(), SINGLE)
            await asyncio.sleep(0)
            assert name not in lines.told
            await asyncio.sleep(0.2)
            assert lines.told[-1:] == [name]

    asyncio.run(noting())


def test_a_request_is_told_of_at_once_where_nobody_waits_and_those_before_it_first() -> None:
    lines: Any = Lines()

    async def noting() -> None:
        journal = Journal(Meter(), lines)
        journal.note(answer("a"), None, 0, perf_counter(), SINGLE)
        journal.note(answer("b"), None, 0, perf_counter(), SINGLE, at_once=True)
        assert lines.told == ["a", "b"]

    asyncio.run(noting())


def test_a_large_body_is_not_kept_until_others_come() -> None:
    lines: Any = Lines()

    async def noting() -> None:
        journal = Journal(Meter(), lines)
        journal.note(answer("small", b"1"), None, 0, perf_counter(), SINGLE)
        large = answer("large", bytes(2**20))
        gone = weakref.ref(large.exchange)
        journal.note(large, None, 0, perf_counter(), SINGLE)
        del large
        await asyncio.sleep(0)
        assert lines.told == ["small", "large"]
        assert gone() is None

    asyncio.run(noting())


def test_what_is_left_is_counted_where_others_see_it() -> None:
    meter, lines = Meter(2), Lines()
    left: Any = lines

    async def noting() -> None:
        journal = Journal(meter.of(1), left)
        journal.note(answer("a", b"12"), None, 0, perf_counter(), SINGLE)
        journal.close()

    asyncio.run(noting())
    assert "scriptmode_received_bytes_total 2.0" in meter.text({}).decode().splitlines()


def test_what_cannot_be_told_of_one_keeps_no_other_untold(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lines: Any = Lines()

    async def noting() -> None:
        journal = Journal(Meter(), lines)
        for name in ("a", "unspeakable", "b"):
            journal.note(answer(name), None, 0, perf_counter(), SINGLE)
        journal.tell()

    asyncio.run(noting())
    assert lines.told == ["a", "b"]
    assert "a request could not be logged" in caplog.text
