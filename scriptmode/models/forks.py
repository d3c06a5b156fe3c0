"""What keeps a forked process from waiting for threads that only its parent has."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAPS = Path("/proc/self/maps")
_OPENMP = ("gomp", "libomp", "iomp")
_HARD = 2  # omp_pause_hard of OpenMP 5.0


@cache
def make_forks_safe() -> None:
    """Let libraries that use OpenMP work in forked processes.

    The runtime believes in the threads that the parent had, and waits for them without end. So it
    is told to end them before each fork; it makes others where they are asked for. To be called
    once such a library was imported.
    """
    if _MAPS.is_file():
        os.register_at_fork(before=_end_threads)


def _end_threads() -> None:
    for runtime in openmp_runtimes():
        try:
            runtime.omp_pause_resource_all(_HARD)
        except AttributeError:  # noqa: PERF203 - before OpenMP 5.0; then one thread must do
            runtime.omp_set_num_threads(1)


def openmp_runtimes() -> Iterator[ctypes.CDLL]:
    """Those that are loaded; a process may have several, and where it cannot tell, none."""
    if not _MAPS.is_file():
        return
    lines = (line.split(maxsplit=5) for line in _MAPS.read_text().splitlines())
    for path in {parts[5] for parts in lines if len(parts) > 5}:  # noqa: PLR2004 - the path is last
        if any(name in os.path.basename(path) for name in _OPENMP):  # noqa: PTH119 - maybe no file
            yield ctypes.CDLL(path)
