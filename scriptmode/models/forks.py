"""What keeps a forked process from waiting for threads that only its parent has."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path

_MAPS = Path("/proc/self/maps")
_OPENMP = ("gomp", "libomp", "iomp")


@cache
def make_forks_safe() -> None:
    """Let libraries that use OpenMP work in forked processes, with one thread each.

    The runtime believes in the threads that the parent had, and waits for them without end
    wherever more than one is asked for. To be called once such a library was imported.
    """
    if _MAPS.is_file():
        os.register_at_fork(after_in_child=_use_one_thread)


def _use_one_thread() -> None:
    paths = {line.split()[-1] for line in _MAPS.read_text().splitlines()}
    for path in paths:
        if any(name in os.path.basename(path) for name in _OPENMP):  # noqa: PTH119 - no file, maybe
            ctypes.CDLL(path).omp_set_num_threads(1)
