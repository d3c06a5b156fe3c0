"""How large the messages of Arrow IPC become, read from them before anything is unpacked.

Contract: "Serialization and Interprocess Communication", Apache Arrow Columnar Format. The lengths
of compressed buffers stand before each of them, where pyarrow looks only while it unpacks.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE_MAGIC = b"ARROW1"
"""What an IPC file begins and ends with."""

_CONTINUATION = 0xFFFFFFFF
_DICTIONARY, _BATCH = 2, 3  # kinds of messages that have buffers
_INT32, _INT64 = struct.Struct("<i").unpack_from, struct.Struct("<q").unpack_from
_UINT16, _UINT32 = struct.Struct("<H").unpack_from, struct.Struct("<I").unpack_from
_PAIR = struct.Struct("<qq").unpack_from


def unpacked_bytes(raw: bytes) -> int:
    """How many bytes all compressed buffers of a stream or a file take once unpacked.

    Raises:
        ValueError: it is not laid out as Arrow IPC is.
    """
    try:
        messages = _file(raw) if raw.startswith(FILE_MAGIC) else _stream(raw)
        return sum(_message(raw, metadata, body) for metadata, body in messages)
    except (struct.error, IndexError):
        raise ValueError("a message points outside of the body") from None


def _stream(raw: bytes) -> Iterator[tuple[int, int]]:
    """Where the metadata and the buffers of each message begin."""
    at = 0
    while at + 8 <= len(raw):
        head = 8 if _UINT32(raw, at)[0] == _CONTINUATION else 4  # 4 before Arrow 0.15
        length = _INT32(raw, at + head - 4)[0]
        if length <= 0:
            return
        metadata = at + head
        yield metadata, metadata + length
        at = metadata + length + _body_length(raw, metadata)


def _body_length(raw: bytes, metadata: int) -> int:
    place = _field(raw, _follow(raw, metadata), 3)
    length: int = _INT64(raw, place)[0] if place else 0
    if length < 0:
        raise ValueError("a message has a negative length")
    return length


def _file(raw: bytes) -> Iterator[tuple[int, int]]:
    """As :func:`_stream`, of the messages that the footer lists."""
    length = _INT32(raw, len(raw) - len(FILE_MAGIC) - 4)[0]
    footer = _follow(raw, len(raw) - len(FILE_MAGIC) - 4 - length)
    for blocks in (_field(raw, footer, 2), _field(raw, footer, 3)):
        for block in _items(raw, blocks, 24):
            start, size = _INT64(raw, block)[0], _INT32(raw, block + 8)[0]
            head = 8 if _UINT32(raw, start)[0] == _CONTINUATION else 4
            yield start + head, start + size


def _message(raw: bytes, metadata: int, body: int) -> int:
    """How many bytes the buffers of one message take, if they are compressed."""
    message = _follow(raw, metadata)
    kind, header = _field(raw, message, 1), _field(raw, message, 2)
    if not kind or not header or raw[kind] not in (_DICTIONARY, _BATCH):
        return 0
    batch = _follow(raw, header)
    if raw[kind] == _DICTIONARY:
        inner = _field(raw, batch, 1)
        if not inner:
            return 0
        batch = _follow(raw, inner)
    if not _field(raw, batch, 3):
        return 0
    total = 0
    for place in _items(raw, _field(raw, batch, 2), 16):
        offset, length = _PAIR(raw, place)
        announced = _INT64(raw, body + offset)[0] if length else 0
        total += length if announced < 0 else announced  # -1 for a buffer left as it is
    return total


def _follow(raw: bytes, at: int) -> int:
    """Where the offset at a place leads, as flatbuffers has them."""
    return at + int(_UINT32(raw, at)[0])


def _field(raw: bytes, table: int, number: int) -> int:
    """Where a field of a table of flatbuffers is; 0 where it is left out."""
    fields = table - _INT32(raw, table)[0]
    if _UINT16(raw, fields)[0] < 6 + 2 * number:
        return 0
    offset = int(_UINT16(raw, fields + 4 + 2 * number)[0])
    return table + offset if offset else 0


def _items(raw: bytes, field: int, size: int) -> range:
    """Where the items of a vector begin; none where the field is left out."""
    if not field:
        return range(0)
    vector = _follow(raw, field)
    first, count = vector + 4, _UINT32(raw, vector)[0]
    if first + count * size > len(raw):
        raise ValueError("a list of a message is longer than the body")
    return range(first, first + count * size, size)
