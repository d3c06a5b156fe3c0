"""How many threads a model may use, where it says nothing itself."""

from __future__ import annotations

import os
import threading
from functools import cache

from scriptmode.errors import DeclarationError
from scriptmode.models.forks import openmp_runtimes

_WORKERS = "SAGEMAKER_MODEL_SERVER_WORKERS"
_NO_LIMIT = 2**31
_HERE = threading.local()


def check_threads(threads: int | None) -> None:
    """Refuse a number of threads that there cannot be.

    Raises:
        DeclarationError: no positive number.
    """
    if threads is not None and (type(threads) is not int or threads < 1):
        raise DeclarationError(f"threads={threads!r}: expected a number from 1")


def threads_of(declared: int | None) -> int:
    """The declared number; else the machine's cores, shared among the server's workers.

    Args:
        declared: ``threads`` of the declaration.

    Returns:
        At least 1. ``SAGEMAKER_MODEL_SERVER_WORKERS`` tells of the workers.
    """
    return min(declared or _share(), getattr(_HERE, "limit", _NO_LIMIT))


def compute_alone_here() -> None:
    """Let models that this Python thread asks compute in it, and in no others.

    A few rows are answered before other threads have woken up, and where these find no free core
    they are waited for: with two threads on a busy machine, one row takes XGBoost eight times as
    long. To be called once the libraries are loaded.
    """
    _HERE.limit = 1
    for runtime in openmp_runtimes():
        runtime.omp_set_num_threads(1)  # of this thread alone


@cache
def _share() -> int:
    """Of the cores that this process may run on, which containers restrict."""
    is_known = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if is_known else os.cpu_count() or 1
    workers = os.environ.get(_WORKERS, "")
    return max(1, cores // int(workers) if workers.isdigit() and int(workers) else cores)
