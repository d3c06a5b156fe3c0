"""What a server's processes tell each other, in memory that they share."""

from __future__ import annotations

import mmap
import time

_REASON = 512  # bytes
_DOUBLE = 8


class Board:
    """Why nothing can be answered yet, and when each worker was last seen to work.

    Args:
        workers: how many there are.
    """

    def __init__(self, workers: int) -> None:
        memory = mmap.mmap(-1, _REASON + workers * _DOUBLE)
        self._reason = memoryview(memory)[:_REASON]
        self._seen = memoryview(memory)[_REASON:].cast("d")
        self.reason = "the model is being loaded"

    @property
    def reason(self) -> str:
        """Why nothing can be answered yet."""
        return bytes(self._reason).rstrip(b"\0").decode(errors="replace")

    @reason.setter
    def reason(self, text: str) -> None:
        self._reason[:] = text.encode()[:_REASON].ljust(_REASON, b"\0")

    def beat(self, place: int) -> None:
        """Tell that a worker can answer."""
        self._seen[place] = time.monotonic()

    def forget(self, place: int) -> None:
        """Tell that a worker is gone."""
        self._seen[place] = 0.0

    def silence(self, place: int) -> float:
        """For how many seconds a worker has told nothing; 0 where it has told nothing yet."""
        seen = self._seen[place]
        return time.monotonic() - seen if seen else 0.0

    @property
    def are_ready(self) -> bool:
        """Whether every worker can answer."""
        return all(self._seen)
