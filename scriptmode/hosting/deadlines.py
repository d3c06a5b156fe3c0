"""Requests that nobody should wait for any longer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

_LOOKS = 10  # during the time that a request has
_SHORTEST = 0.05  # seconds between two looks

End: TypeAlias = Callable[[], Any]


class Deadlines:
    """Ends requests that take too long, at little cost for those that do not.

    All have the same time, so that the oldest is always the first; one timer looks at it.

    Args:
        seconds: how long one may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._started: dict[object, tuple[float, End]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._started)

    def watch(self, request: object, end: End) -> None:
        """Start a clock; ``release`` must follow.

        Args:
            request: whose it is, by identity.
            end: called when its time is over.
        """
        loop = asyncio.get_running_loop()
        self._started[request] = (loop.time(), end)
        if self._timer is None:
            self._look_again(loop)

    def release(self, request: object) -> bool:
        """Stop a clock; whether it still ran."""
        return self._started.pop(request, None) is not None

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        pause = max(self._seconds / _LOOKS, _SHORTEST)
        self._timer = loop.call_later(pause, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        latest = loop.time() - self._seconds
        late = []
        for request, (started, end) in self._started.items():
            if started > latest:
                break
            late.append((request, end))
        for request, end in late:
            del self._started[request]
            end()
        if self._started:
            self._look_again(loop)
