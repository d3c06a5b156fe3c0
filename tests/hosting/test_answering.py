"""When requests are answered."""

import asyncio
from collections.abc import Sequence
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

    with ThreadPoolExecutor(1) as own:  # in which models compute with one thread from now on
        assert own.submit(asyncio.run, asking()).result() == expected
    assert len(told) == 2
