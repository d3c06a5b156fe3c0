"""How much memory decoding takes, in batches: of Python and numpy, and of the whole process.

`tracemalloc` sees Python and numpy; what Arrow and Pillow take, only the kernel sees.
It is used by `python -m benchmarks.fuzz`.
"""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from benchmarks.fuzzing.invariants import Finding, read

if TYPE_CHECKING:
    from benchmarks.fuzzing.target import Target

BATCH = 64
TRACED = 8
_SLACK = 8 * 2**20
_COPIES = 4
_RESET = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def allowance(target: Target, body: bytes) -> float:
    """The bytes that decoding a body may take beside the body: for the limit, some copies."""
    size = len(target.wrap(body))
    return target.peak * size + _SLACK + target.limit * max(_COPIES, target.spread * 2)


def greedy(target: Target, body: bytes) -> Finding | None:
    """Whether a body takes more than it may, decoded alone."""
    taken = max(min(growth(target, body) for _ in range(2)), traced(target, body))
    return _finding(target, body, taken) if taken > allowance(target, body) else None


def growth(target: Target, body: bytes) -> int:
    """The growth of the process while one body is decoded."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    reading = Peak()
    read(target, target.wrap(body))
    return reading()


def traced(target: Target, body: bytes) -> int:
    """The peak of what Python and numpy allocate while one body is decoded."""
    raw = target.wrap(body)
    tracemalloc.start()
    try:
        read(target, raw)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


class Peak:
    """The growth of the process since this was made; 0 where the kernel does not tell."""

    def __init__(self) -> None:
        self._is_known = True
        try:
            _RESET.write_text("5")
        except OSError:
            self._is_known = False
        self._before = self._kilobytes("VmRSS")

    def __call__(self) -> int:
        """Bytes."""
        return max(0, self._kilobytes("VmHWM") - self._before) * 1024

    def _kilobytes(self, name: str) -> int:
        if not self._is_known:
            return 0
        lines = _STATUS.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name))


def _finding(target: Target, body: bytes, taken: int) -> Finding:
    size, allowed = len(target.wrap(body)), allowance(target, body)
    detail = f"a body of {size} bytes took {taken} bytes at its peak; {allowed:.0f} are allowed"
    return Finding(target.name, "memory in proportion", detail, f"{target.name}: memory", body)
