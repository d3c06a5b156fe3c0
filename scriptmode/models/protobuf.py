"""The outermost fields of a protobuf message, without its library or its values."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MOST_FIELDS = 10_000
_LONGEST_VARINT = 10


class Fields(NamedTuple):
    """What is known of a message.

    Args:
        found: for each field its number, and where its value starts and ends in the file.
        is_short: whether the file ends within a field.
    """

    found: list[tuple[int, int, int]]
    is_short: bool


def fields_of(path: Path) -> Fields:
    """Walk over the outermost fields of the message in a file.

    Returns:
        No fields where it is no message. Encoding: https://protobuf.dev/programming-guides/encoding
    """
    with path.open("rb") as stream:
        return _walk(stream, path.stat().st_size)


def _walk(stream: BinaryIO, size: int) -> Fields:
    found: list[tuple[int, int, int]] = []
    while stream.tell() < size:
        key = _varint(stream)
        start = stream.tell()
        end = None if key is None else _end(stream, key & 7)
        if key is None or end is None or not key >> 3 or len(found) > _MOST_FIELDS:
            return Fields([], is_short=False)
        found.append((key >> 3, start if key & 7 != _BYTES else stream.tell(), end))
        if end > size:
            return Fields(found, is_short=True)
        stream.seek(end)
    return Fields(found, is_short=False)


def _end(stream: BinaryIO, kind: int) -> int | None:
    """Where the value that starts here ends; None for a kind that there is not."""
    if kind == _BYTES:
        length = _varint(stream)
        return None if length is None else stream.tell() + length
    if kind == _VARINT:
        return None if _varint(stream) is None else stream.tell()
    return {_FIXED64: stream.tell() + 8, _FIXED32: stream.tell() + 4}.get(kind)


def _varint(stream: BinaryIO) -> int | None:
    value = 0
    for shift in range(0, 7 * _LONGEST_VARINT, 7):
        byte = stream.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << shift
        if not byte[0] & 0x80:
            return value
    return None


def find_text(path: Path, numbers: Sequence[int]) -> str | None:
    """The text of a field that lies within others.

    Args:
        path: a file that holds one message.
        numbers: of the fields to go into, from the outermost, and of the text's own.

    Returns:
        The first there is; None where there is none, or the file is no message.
    """
    try:
        raw = path.read_bytes()
    except OSError:
        return None
    start, end = 0, len(raw)
    for number in numbers:
        inner = io.BytesIO(raw[start:end])
        places = [place for place in _walk(inner, end - start)[0] if place[0] == number]
        if not places:
            return None
        start, end = start + places[0][1], start + places[0][2]
    return raw[start:end].decode("utf-8", "replace")
