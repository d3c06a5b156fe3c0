"""Numbers between commas, the kernel of every fast road: one flat JSON array of doubles."""

from __future__ import annotations

import importlib
import struct
import threading
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

IN_NUMBERS = b"0123456789.eE+- "
"""Every byte that occurs in a number, or beside one."""

MARK = -1e-300
"""A number that is put where lines end, to find them again among the cells."""

END = b",-1e-300"
"""What is written there."""

BLOCK = 2**16
"""Bytes that are read at once: what is made of them stays in the processor's cache."""

_FEW = 120  # bytes, below which orjson is quicker; `python -m benchmarks.codecs` shows it
_MANY = 4096  # bytes, from which looking at the cells is quicker than at the text
_MOST_KEPT = 2**22  # bytes: a parser keeps some ten times its largest body
_OF_THREAD = threading.local()


@cache
def kernel() -> tuple[Callable[..., Any], Callable[..., NDArray[Any]], Any]:
    """``orjson.loads``, ``numpy.array`` and ``numpy.float64``.

    One row is read in little more than a microsecond, of which import statements would be a tenth.
    """
    import numpy as np
    import orjson

    return orjson.loads, np.array, np.float64


def pack(cells: Iterable[Any], height: int, width: int) -> NDArray[Any] | None:
    """Python's numbers as an array, in half the time of ``numpy.array`` from ten rows on.

    Returns:
        float64 ``(height, width)``; None where some cell is no number, as null is, or there are
        not as many.
    """
    import numpy as np

    try:
        packed = _packer(height * width)(*cells)
    except (struct.error, OverflowError):
        return None
    return np.ndarray((height, width), np.float64, bytearray(packed))


def blocks_of_lines(raw: bytes) -> Iterator[bytes]:
    """A body cut where lines end, small enough for the processor's cache."""
    start = 0
    while start < len(raw):
        end = raw.rfind(b"\n", start, start + BLOCK) + 1 or raw.find(b"\n", start) + 1
        if not end or len(raw) - start <= BLOCK:
            end = len(raw)
        yield raw[start:end]
        start = end


def parse_flat(flat: bytes) -> NDArray[Any] | None:
    """The cells of a JSON array, whose brackets are left out.

    Args:
        flat: nothing but the bytes of numbers, nulls and commas.

    Returns:
        float64 ``(cells,)``, NaN for null; None where some cell is no number of JSON's, or is the
        integer -0, whose sign JSON parsers drop.
    """
    found = parse_nested(b"[%b]" % flat)
    return None if found is None or loses_sign(flat, found) else found


def parse_nested(raw: bytes) -> NDArray[Any] | None:
    """The numbers of a JSON array of numbers or of arrays of them, one after the other.

    Args:
        raw: JSON without text or truth values, which a parser may take for numbers.

    Returns:
        float64 ``(cells,)``, NaN for null; None where it is no JSON, or some cell is no number.
    """
    found = parse_many(raw) if len(raw) > _FEW else None
    return parse_few(raw) if found is None else found


def parse_few(raw: bytes) -> NDArray[Any] | None:
    """As :func:`parse_nested`, by way of Python's numbers."""
    loads, array, float64 = kernel()
    try:
        return array(loads(raw), float64).ravel()
    except (TypeError, ValueError):
        return None


def parse_many(raw: bytes) -> NDArray[Any] | None:
    """Without a Python float for each cell; None where a cell is null, or simdjson is absent."""
    simdjson = _simdjson()
    if simdjson is None:
        return None
    import numpy as np

    # One parser a thread: it must not serve two, and a new one costs as much as the parsing.
    parser = getattr(_OF_THREAD, "parser", None)
    if parser is None or len(raw) > _MOST_KEPT:
        parser = simdjson.Parser()
    if len(raw) <= _MOST_KEPT:
        _OF_THREAD.parser = parser
    try:
        buffer = parser.parse(raw).as_buffer(of_type="d")  # a copy of its own
    except (ValueError, TypeError, RuntimeError):
        return None
    return np.frombuffer(buffer, dtype=np.float64)


def loses_sign(flat: bytes, found: NDArray[Any]) -> bool:
    """Whether a cell of ``flat`` is the integer -0, which JSON parsers read as 0."""
    if len(flat) > _MANY:
        if found.view("i8").all():
            return False  # no cell is 0, of which only the bits are all zero
    elif flat.count(b"-0") == flat.count(b"-0."):
        return False
    tight = flat.translate(None, b" \t\r\n")
    return b",-0," in b",%b," % tight


@lru_cache(256)
def _packer(cells: int) -> Callable[..., bytes]:
    return struct.Struct(f"{cells}d").pack


@cache
def _simdjson() -> Any:
    """The library, where the extra ``fast`` is installed."""
    try:
        return importlib.import_module("simdjson")
    except ModuleNotFoundError:
        return None
