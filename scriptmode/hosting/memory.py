"""How much memory a process has, and giving it back."""

from __future__ import annotations

import ctypes
import gc
import os
from pathlib import Path

_STATM = Path("/proc/self/statm")


def memory_in_use() -> int:
    """Bytes of this process that are in the machine's memory; 0 where nobody tells."""
    if not _STATM.is_file():
        return 0
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def give_back() -> None:
    """Return memory that nothing needs to the system, which the C library would keep."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):
        return


def settle() -> None:
    """Let what was loaded stay as it is, for good.

    Later looks for garbage leave it out, and so write to none of the pages that forked processes
    share.
    """
    gc.collect()
    gc.freeze()


def machine_memory() -> int | None:
    """Bytes of the machine's memory, or of what a container may have of it; None if unknown."""
    names = os.sysconf_names if hasattr(os, "sysconf_names") else {}
    if "SC_PHYS_PAGES" not in names:
        return None
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = Path("/sys/fs/cgroup/memory.max")
    told = limit.read_text().strip() if limit.is_file() else "max"
    return min(whole, int(told)) if told.isdecimal() else whole
