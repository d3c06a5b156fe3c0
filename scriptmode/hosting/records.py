"""Files as records, and records as requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from scriptmode.errors import MalformedBodyError
from scriptmode.serializers.dense_records import HEAD, MAGIC

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def lines_of(file: BinaryIO, *, is_quoted: bool) -> Iterator[bytes]:
    """The lines of a file, without what ends them.

    Args:
        file: read from where it stands.
        is_quoted: whether a line break between quotes is part of a record, as in CSV.
    """
    record = b""
    for line in file:
        record += line
        if is_quoted and record.count(b'"') % 2:
            continue
        yield record.removesuffix(b"\n")
        record = b""
    if record:  # a quote that nothing closes
        yield record.removesuffix(b"\n")


def frames_of(file: BinaryIO) -> Iterator[bytes]:
    """The records of a RecordIO file, each with what frames it.

    Raises:
        MalformedBodyError: it does not go on as such a file.
    """
    number = 0
    while head := file.read(HEAD.size):
        number += 1
        mark, length = HEAD.unpack(head) if len(head) == HEAD.size else (0, 0)
        body = file.read(length + -length % 4) if mark == MAGIC else b""
        if mark != MAGIC or len(body) != length + -length % 4:
            raise MalformedBodyError(f"record {number} is no whole RecordIO record", row=number)
        yield head + body


def groups_of(records: Iterable[bytes], *, most: int, are_single: bool) -> Iterator[list[bytes]]:
    """Records that go into one request together.

    Args:
        records: without their separators.
        most: bytes of one request, separators among them; 0 for no bound.
        are_single: whether each goes alone.

    Raises:
        MalformedBodyError: one record is larger than a request may be.
    """
    group: list[bytes] = []
    size = 0
    for number, record in enumerate(records, 1):
        if most and len(record) + 1 > most:
            raise MalformedBodyError(
                f"record {number} has {len(record)} bytes; a request has at most {most}", row=number
            )
        if group and (are_single or (most and size + len(record) + 1 > most)):
            yield group
            group, size = [], 0
        group.append(record)
        size += len(record) + 1
    if group:
        yield group
