"""When requests are answered."""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from scriptmode.handlers.endpoint import Request
from scriptmode.hosting.answering import Answering
from scriptmode.hosting.exchange import CURRENT, Exchange
from scriptmode.hosting.tracing import Trace


class Counting:
    """Notes how many exchanges it was given at a time."""

    is_grouping = True

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, exchanges: Sequence[Exchange]) -> None:
        self.asked.append(len(exchanges))
        CURRENT.set("of a request")


@pytest.mark.parametrize(
    ("is_alone", "wait", "expected"),
    [(True, 0.0, [[1], [1, 1], [1, 1]]), (False, 0.0, [[], [], [2]]), (True, 0.02, [[], [], [2]])],
)
def test_a_request_waits_for_its_turn_unless_nobody_else_can_come(
    is_alone: Any, wait: float, expected: list[list[int]]
) -> None:
    answerer: Any = Counting()
    told: list[Exchange] = []

    async def asking() -> list[list[int]]:
        answering = Answering(answerer, place="loop", wait=wait)
        found = []
        for _ in range(2):
            answering.submit(Exchange(Request(b"1"), Trace.of({}), told.append), is_alone=is_alone)
            found.append(answerer.asked.copy())
            assert CURRENT.get() is None
        await asyncio.sleep(3 * wait)
        answering.close()
        return [*found, answerer.asked]

    assert in_a_thread(asking()) == expected
    assert len(told) == 2


@pytest.mark.parametrize("before", ["a request", "a connection"])
def test_a_request_alone_waits_for_what_came_before_it(before: str) -> None:
    answerer: Any = Counting()
    told: list[str] = []

    def exchange(name: str) -> Exchange:
        trace = Trace.of({"x-request-id": name})
        return Exchange(Request(b"1"), trace, lambda done: told.append(done.trace.request_id))

    async def asking() -> list[str]:
        answering = Answering(answerer, place="loop")
        if before == "a request":
            answering.submit(exchange("before"))
        else:
            answering.welcome()
        answering.submit(exchange("alone"), is_alone=True)
        at_once = told.copy()
        for _ in range(5):
            await asyncio.sleep(0)
        answering.close()
        return at_once

    assert in_a_thread(asking()) == []
    assert told == (["before", "alone"] if before == "a request" else ["alone"])


@pytest.mark.parametrize("is_alone", [True, False])
def test_a_request_is_told_of_where_threads_cannot_be_counted(
    is_alone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError("no such library")

    monkeypatch.setattr("scriptmode.hosting.answering.compute_alone_here", fail)
    answerer: Any = Counting()
    told: list[Exchange] = []

    async def asking() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        answering = Answering(answerer, place="loop")
        with contextlib.suppress(OSError):
            answering.submit(Exchange(Request(b"1"), Trace.of({}), told.append), is_alone=is_alone)
        await asyncio.sleep(0)
        answering.close()

    in_a_thread(asking())
    assert len(told) == 1


def in_a_thread(asking: Coroutine[Any, Any, Any]) -> Any:
    """In one of its own, since models compute with one thread there from now on."""
    with ThreadPoolExecutor(1) as own:
        return own.submit(asyncio.run, asking).result()
