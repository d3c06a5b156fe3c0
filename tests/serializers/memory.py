"""What tests of bombs measure with."""

from __future__ import annotations

import tracemalloc
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 2**20
_POOLS: list[pa.MemoryPool] = []
"""Buffers free themselves into the pool that they came from, which must live as long."""


@contextmanager
def memory_within(limit: int) -> Iterator[None]:
    """The block never holds more bytes than that at a time, of Python's or of Arrow's."""
    before = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(before)
    _POOLS.append(pool)
    pa.set_memory_pool(pool)
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(before)
    assert peak < limit, f"{peak // MIB} MiB of Python's memory"
    assert pool.max_memory() < limit, f"{pool.max_memory() // MIB} MiB of Arrow's memory"
