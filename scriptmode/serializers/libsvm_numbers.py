"""The fast road through libsvm: lines that all have a label, or none, one blank between cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptmode.serializers.flat import END, MARK, blocks_of_lines, parse_flat

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST_COLUMN = 2**31 - 2
"""What the sparse matrices of scipy and of the frameworks hold."""

_DIGITS = b"0123456789"
_ATOMS = _DIGITS + b".eE+-"
_TO_COMMAS = bytes.maketrans(b" :", b",,")


def read_plain(
    raw: bytes, *, labelled: bool | None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]] | None:
    """The cells of a body; None sends it down the careful road.

    Args:
        raw: the body.
        labelled: as of ``LibSVM``.

    Returns:
        The values, float64 ``(cells,)``; their columns as they are written, int32 ``(cells,)``,
        rising in each row; where each row begins and the last ends, int32 ``(rows + 1,)``.
    """
    import numpy as np

    end = raw.find(b"\n")
    has_label = b":" not in raw[: end if end >= 0 else len(raw)].partition(b" ")[0]
    if labelled is not None and labelled is not has_label:
        return None
    read: list[tuple[NDArray[Any], NDArray[Any]]] = []
    for lines in blocks_of_lines(raw):
        block = _read_block(lines, has_label=has_label)
        if block is None:
            return None
        read.append(block)
    cells, counts = read[0] if len(read) == 1 else map(np.concatenate, zip(*read, strict=True))
    starts = np.zeros(len(counts) + 1, np.int32)
    counts.cumsum(out=starts[1:])
    columns = cells[::2]
    if len(columns) and columns.max() > LARGEST_COLUMN:
        return None
    falls = columns[1:] <= columns[:-1]
    if falls.any():  # as it may where a row begins
        is_start = np.zeros(len(columns) + 1, np.bool_)
        is_start[starts] = True
        if (falls & ~is_start[1:-1]).any():
            return None
    return cells[1::2].copy(), columns.astype(np.int32), starts


def _read_block(raw: bytes, *, has_label: bool) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Columns and values in turn, and how many pairs of them each line has."""
    import numpy as np

    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n")
    raw = raw.removesuffix(b"\n")
    if not has_label:
        raw = b"0 " + raw.replace(b"\n", b"\n0 ")
    if b"+" in raw and b"+-" not in raw:  # labels such as +1, which JSON does not know
        raw = raw.removeprefix(b"+").replace(b"\n+", b"\n")
    if not _is_regular(raw):
        return None
    flat = raw.translate(_TO_COMMAS)
    if b"\n" not in raw:
        found = parse_flat(flat) if flat else None
        return None if found is None else (found[1:], np.array([len(found) // 2]))
    found = parse_flat(flat.replace(b"\n", END + b",") + END)
    if found is None:
        return None
    ends = np.flatnonzero(found == MARK)
    if len(ends) != raw.count(b"\n") + 1:
        return None
    counts = np.diff(ends, prepend=-1)
    is_cell = np.ones(len(found), np.bool_)
    is_cell[ends] = is_cell[ends + 1 - counts] = False  # nor are labels
    return found[is_cell], (counts - 1) // 2


def _is_regular(raw: bytes) -> bool:
    """Whether every line is a label and cells whose columns are digits, one blank before each."""
    left = raw.translate(None, _ATOMS)
    cells = left.replace(b"\n", b"")
    count = len(cells) // 2
    if cells != b" :" * count or b" \n" in left:
        return False
    return raw.translate(None, _DIGITS).count(b" :") == count
