"""How many threads a model may use, where it says nothing itself."""

from __future__ import annotations

import os
from functools import cache

from scriptmode.errors import DeclarationError

_WORKERS = "SAGEMAKER_MODEL_SERVER_WORKERS"


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
    return declared or _share()


@cache
def _share() -> int:
    """Of the cores that this process may run on, which containers restrict."""
    is_known = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if is_known else os.cpu_count() or 1
    workers = os.environ.get(_WORKERS, "")
    return max(1, cores // int(workers) if workers.isdigit() and int(workers) else cores)
