"""Numbers between commas, the kernel of every fast road: one flat JSON array of doubles."""

from __future__ import annotations

import importlib
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

IN_NUMBERS = b"0123456789.eE+- "
"""Every byte that occurs in a number, or beside one."""

_FEW = 120  # bytes, below which orjson is quicker; `python -m benchmarks.codecs` shows it
_MOST_KEPT = 2**22  # bytes: a parser keeps some ten times its largest body
_OF_THREAD = threading.local()


def parse_flat(flat: bytes) -> NDArray[Any] | None:
    """The cells of a JSON array, whose brackets are left out.

    Args:
        flat: nothing but the bytes of numbers, nulls and commas.

    Returns:
        float64 ``(cells,)``, NaN for null; None where some cell is no number of JSON's, or is the
        integer -0, whose sign JSON parsers drop.
    """
    found = parse_nested(b"[%b]" % flat)
    if b"-0" in flat and found is not None and not found.all() and _has_minus_zero(flat, found):
        return None
    return found


def parse_nested(raw: bytes) -> NDArray[Any] | None:
    """The numbers of a JSON array of numbers or of arrays of them, one after the other.

    Args:
        raw: JSON without text or truth values, which a parser may take for numbers.

    Returns:
        float64 ``(cells,)``, NaN for null; None where it is no JSON, or some cell is no number.
    """
    found = _parse_many(raw) if len(raw) > _FEW else None
    return _parse_few(raw) if found is None else found


def _parse_few(raw: bytes) -> NDArray[Any] | None:
    import numpy as np
    import orjson

    try:
        return np.array(orjson.loads(raw), dtype=np.float64).ravel()
    except (orjson.JSONDecodeError, TypeError, ValueError):
        return None


def _parse_many(raw: bytes) -> NDArray[Any] | None:
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


@cache
def _simdjson() -> Any:
    """The library, where the extra ``fast`` is installed."""
    try:
        return importlib.import_module("simdjson")
    except ModuleNotFoundError:
        return None


def _has_minus_zero(flat: bytes, found: NDArray[Any]) -> bool:
    """Whether a cell that was read as zero is the integer -0."""
    import numpy as np

    framed = b",%b," % flat
    commas = np.flatnonzero(np.frombuffer(framed, dtype=np.uint8) == ord(","))
    places = np.flatnonzero(found == 0)
    bounds = zip(commas[places].tolist(), commas[places + 1].tolist(), strict=True)
    return any(framed[start + 1 : end].strip() == b"-0" for start, end in bounds)
