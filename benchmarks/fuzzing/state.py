"""What a worker is doing, in memory that outlives it: `python -m benchmarks.fuzz` reads it."""

from __future__ import annotations

import mmap
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HEAD = struct.Struct("<QII")
_COUNT = struct.Struct("<Q")
_MOST_TARGETS = 256
_BODY_AT = _HEAD.size + _MOST_TARGETS * _COUNT.size
_LENGTH = 2**24


class State:
    """Beats, the body that is being decoded, and executions by target.

    Args:
        path: the file that holds them, made where there is none.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        with path.open("r+b") as file:
            file.truncate(_BODY_AT + _LENGTH)
            self._memory = mmap.mmap(file.fileno(), _BODY_AT + _LENGTH)

    def begin(self, target: int, body: bytes) -> None:
        """Note a body before it is decoded."""
        beats, _, _ = _HEAD.unpack_from(self._memory)
        body = body[:_LENGTH]
        self._memory[_BODY_AT : _BODY_AT + len(body)] = body
        _HEAD.pack_into(self._memory, 0, beats + 1, target, len(body))

    def count(self, target: int) -> None:
        """Note that it was decoded."""
        place = _HEAD.size + target * _COUNT.size
        _COUNT.pack_into(self._memory, place, _COUNT.unpack_from(self._memory, place)[0] + 1)

    def executions(self, target: int) -> int:
        """How many bodies a target has decoded."""
        found: int = _COUNT.unpack_from(self._memory, _HEAD.size + target * _COUNT.size)[0]
        return found

    @property
    def beats(self) -> int:
        """A number that grows while the worker lives."""
        found: int = _HEAD.unpack_from(self._memory)[0]
        return found

    @property
    def current(self) -> tuple[int, bytes]:
        """The target and the body that were begun last."""
        _, target, length = _HEAD.unpack_from(self._memory)
        return target, bytes(self._memory[_BODY_AT : _BODY_AT + length])
