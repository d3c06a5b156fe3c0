"""Requests that nobody should wait for any longer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")

_LOOKS = 10  # during the time that a request has
_SHORTEST = 0.05  # seconds between two looks


class Deadlines(Generic[R]):
    """Ends requests that take too long, at little cost for those that do not.

    All have the same time, so that the oldest is always the first; one timer looks at it.

    Args:
        seconds: how long one may take.
        end: called with each whose time is over.
    """

    def __init__(self, seconds: float, end: Callable[[R], Any]) -> None:
        self._seconds, self._end = seconds, end
        self._started: dict[R, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._started)

    def watch(self, request: R) -> None:
        """Start a clock; ``release`` must follow."""
        loop = asyncio.get_running_loop()
        self._started[request] = loop.time()
        if self._timer is None:
            self._look_again(loop)

    def release(self, request: R) -> bool:
        """Stop a clock; whether it still ran."""
        return self._started.pop(request, None) is not None

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        pause = max(self._seconds / _LOOKS, _SHORTEST)
        self._timer = loop.call_later(pause, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        latest = loop.time() - self._seconds
        late = []
        for request, started in self._started.items():
            if started > latest:
                break
            late.append(request)
        for request in late:
            del self._started[request]
            self._end(request)
        if self._started:
            self._look_again(loop)
