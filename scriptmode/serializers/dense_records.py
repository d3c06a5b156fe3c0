"""The fast road through RecordIO: dense records that are all laid out alike."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC = 0xCED7230A
HEAD = struct.Struct("<II")
KEY = "values"  # under which the features of a row are kept
LONGEST = 2**29 - 1  # the three bits above it tell of records in several parts
_KEY_FIELD = b"\n\x06values"
_LONGEST_VARINT = 5  # bytes of a length
_LONGEST_FRAME = 64  # bytes before the values of one dense tensor: tags, lengths and a key
# A record of one dense tensor: the map entry, its key, its value, the tensor, its values.
_DENSE = {b"\x12": "<f4", b"\x1a": "<f8"}


def read_alike(raw: bytes) -> NDArray[Any] | None:
    """Dense rows at once where all records are laid out as the first; else None."""
    import numpy as np

    if len(raw) < HEAD.size:
        return None
    magic, length = HEAD.unpack_from(raw)
    stride = HEAD.size + length + -length % 4
    if magic != MAGIC or length > LONGEST or len(raw) % stride:
        return None
    found = _find_values(raw[HEAD.size : HEAD.size + min(length, _LONGEST_FRAME)], length)
    if found is None:
        return None
    start, dtype = found
    start += HEAD.size
    if len(raw) == stride:
        width = (length + HEAD.size - start) // int(dtype[-1])
        return np.frombuffer(raw, dtype, width, start).reshape(1, -1)
    records = np.frombuffer(raw, dtype=np.uint8).reshape(-1, stride)
    if not (records[:, :start] == records[0, :start]).all():
        return None
    cells = records[:, start : HEAD.size + length]
    return np.ascontiguousarray(cells).view(dtype)


@lru_cache(maxsize=256)
def _find_values(record: bytes, size: int) -> tuple[int, str] | None:
    """Where the values of a record of one dense tensor begin, and their dtype.

    Args:
        record: its first bytes, as many as frame the values.
        size: how many bytes it has.
    """
    position = _enter(record, 0, b"\n", size)  # the entry of the map
    if position is None or record[position : position + len(_KEY_FIELD)] != _KEY_FIELD:
        return None
    position = _enter(record, position + len(_KEY_FIELD), b"\x12", size)  # its value
    dtype = None if position is None else _DENSE.get(record[position : position + 1])
    if position is None or dtype is None:
        return None
    position = _enter(record, position, record[position : position + 1], size)  # the tensor
    position = None if position is None else _enter(record, position, b"\n", size)  # its values
    if position is None or (size - position) % int(dtype[-1]):
        return None
    return position, dtype


def _enter(record: bytes, position: int, tag: bytes, end: int) -> int | None:
    """Where a field begins that has this tag and fills the rest; None where there is none."""
    if record[position : position + 1] != tag:
        return None
    length = shift = 0
    for start in range(position + 1, min(position + 1 + _LONGEST_VARINT, len(record))):
        length |= (record[start] & 127) << shift
        shift += 7
        if record[start] < 128:  # noqa: PLR2004 - the bit that says that more follows
            return start + 1 if start + 1 + length == end else None
    return None
