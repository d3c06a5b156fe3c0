"""How large the messages of Arrow IPC become, read from them before anything is unpacked.

Contract: "Serialization and Interprocess Communication", Apache Arrow Columnar Format. The lengths
of compressed buffers stand before each of them, where pyarrow looks only while it unpacks.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE_MAGIC = b"ARROW1"
"""What an IPC file begins and ends with."""

_CONTINUATION = 0xFFFFFFFF
_DICTIONARY, _BATCH = 2, 3  # kinds of messages that have buffers
_VERSION_5 = 4  # as it is counted, of Arrow 1.0 and since
_BUFFER = 16  # bytes that tell of one
_INT32, _INT64 = struct.Struct("<i").unpack_from, struct.Struct("<q").unpack_from
_UINT16, _UINT32 = struct.Struct("<H").unpack_from, struct.Struct("<I").unpack_from
_PAIR = struct.Struct("<qq").unpack_from


def unpacked_bytes(raw: bytes) -> int:
    """How many bytes all buffers of a stream or a file take, those that are compressed unpacked.

    Raises:
        ValueError: it is not laid out as Arrow IPC is, or is compressed as before Arrow 1.0.
    """
    total, left = 0, len(raw) // _BUFFER
    try:
        for metadata, body in _file(raw) if raw.startswith(FILE_MAGIC) else _stream(raw):
            buffers = _buffers(raw, metadata)
            left -= len(buffers.places)
            if left < 0:
                raise ValueError("messages share their lists of buffers")
            total += sum(_size(raw, place, body, buffers) for place in buffers.places)
    except (struct.error, IndexError, OverflowError):
        raise ValueError("a message points outside of the body") from None
    return total


class _Buffers(NamedTuple):
    """Where the buffers of a message are told of, and whether they are compressed."""

    places: range
    are_compressed: bool


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


def _buffers(raw: bytes, metadata: int) -> _Buffers:
    message = _follow(raw, metadata)
    kind, header = _field(raw, message, 1), _field(raw, message, 2)
    if not kind or not header or raw[kind] not in (_DICTIONARY, _BATCH):
        return _Buffers(range(0), are_compressed=False)
    batch = _follow(raw, header)
    if raw[kind] == _DICTIONARY:
        batch = _follow(raw, _field(raw, batch, 1))
    version, compression = _field(raw, message, 0), _field(raw, batch, 3)
    is_old = not version or _UINT16(raw, version)[0] < _VERSION_5
    if is_old and (compression or _field(raw, message, 4)):
        # pyarrow reads such buffers as if they were not compressed, or unpacks them uncounted.
        raise ValueError("metadata before version 5 does not tell of compression")
    return _Buffers(_items(raw, _field(raw, batch, 2), _BUFFER), bool(compression))


def _size(raw: bytes, place: int, body: int, buffers: _Buffers) -> int:
    offset, length = _PAIR(raw, place)
    if not buffers.are_compressed or not length:
        return int(length)
    announced = int(_INT64(raw, body + offset)[0])
    return int(length) if announced < 0 else announced  # -1 for a buffer left as it is


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
