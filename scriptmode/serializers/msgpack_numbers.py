"""The fast road through MessagePack: rows of doubles, which lie at equal distances.

Contract: the MessagePack specification, "float format family" and "array format family".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIX, _SHORT, _LONG = 0x9, 0xDC, 0xDD  # arrays by the bytes of their length: a half, two, four
_KINDS = {0xCB: (9, ">f8"), 0xCA: (5, ">f4")}  # by its mark: the bytes of a cell, and its type


def read_doubles(raw: bytes) -> NDArray[Any] | None:
    """An array of arrays of equal length, of which every cell is a double, or every one a float.

    Returns:
        float64 ``(rows, columns)``, a copy; None sends any other body down the careful road.
    """
    try:
        height, start = _array(raw, 0)
        width, first = _array(raw, start)
        cell, kind = _KINDS[raw[first]]
    except LookupError:  # other cells, or an early end
        return None
    stride = first - start + width * cell
    if not height or not width or len(raw) != start + height * stride:
        return None
    if height == 1:
        is_regular = raw[first::cell].count(raw[first]) == width
    else:
        is_regular = _are_alike(raw, start, first, cell, height)
    if not is_regular:
        return None
    import numpy as np

    cells: NDArray[Any] = np.ndarray((height, width), kind, raw, first + 1, (stride, cell))
    if kind == ">f8":
        return cells.astype(np.float64)
    with np.errstate(invalid="ignore"):  # of NaNs of the kind that signals
        return cells.astype(np.float64)


def _array(raw: bytes, at: int) -> tuple[int, int]:
    """How many items the array has that begins there, 0 for what is none; where they begin."""
    mark = raw[at]
    if mark == _SHORT:
        return raw[at + 1] << 8 | raw[at + 2], at + 3
    if mark >> 4 == _FIX:
        return mark & 0xF, at + 1
    return (int.from_bytes(raw[at + 1 : at + 5], "big"), at + 5) if mark == _LONG else (0, at)


def _are_alike(raw: bytes, start: int, first: int, cell: int, height: int) -> bool:
    """Whether each row has the head of the first, and each cell its mark."""
    import numpy as np

    rows = np.frombuffer(raw, np.uint8, offset=start).reshape(height, -1)
    heads, marks = rows[:, : first - start], rows[:, first - start :: cell]
    return bool((heads == heads[0]).all() and (marks == raw[first]).all())
