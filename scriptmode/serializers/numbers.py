"""The fast road through comma-separated numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

_IN_NUMBERS = b"0123456789.eE+- "


def read_numbers(raw: bytes) -> NDArray[Any] | None:
    """The fast road for plain numbers; None sends the body down the careful one.

    Without every byte that occurs in a number, what is left of a rectangular body is one run of
    commas, repeated. Then its cells are one flat JSON array, which a JSON parser reads several
    times faster than any CSV reader and to the same double.
    """
    import numpy as np
    import orjson

    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n")
    raw = raw[:-1] if raw.endswith((b"\n", b"\r")) else raw  # one final line break, no more
    width = raw.count(b",", 0, _line_end(raw)) + 1
    height = raw.count(b"\n") + 1
    skeleton = b"," * (width - 1) + b"\n"
    if raw.translate(None, _IN_NUMBERS) + b"\n" != skeleton * height:
        return None
    flat = raw.replace(b"\n", b",") if height > 1 else raw
    try:
        cells = orjson.loads(b"[%b]" % flat)
    except orjson.JSONDecodeError:
        try:
            cells = orjson.loads(b"[%b]" % _spell_gaps(flat))
        except orjson.JSONDecodeError:
            return None  # such as "+1", ".5", "007": numbers, but not JSON's
    if len(cells) != height * width:
        return None  # a single empty cell
    found = np.array(cells, dtype=np.float64)  # which makes NaN of null
    if not found.all() and _has_minus_zero(raw):
        return None
    return found.reshape(height, width)


def _has_minus_zero(raw: bytes) -> bool:
    """Whether a cell is the integer -0, whose sign JSON parsers drop."""
    return raw.endswith(b"-0") or any(cell in raw for cell in (b"-0,", b"-0\n", b"-0 "))


def _spell_gaps(flat: bytes) -> bytes:
    """Write empty cells as null; the second pass finds those that share a comma with the first."""
    spelled = b",%b," % flat
    return spelled.replace(b",,", b",null,").replace(b",,", b",null,")[1:-1]


def _line_end(raw: bytes) -> int:
    end = raw.find(b"\n")
    return len(raw) if end < 0 else end
