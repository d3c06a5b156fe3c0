"""What browsers send: urlencoded forms, and multipart forms with files."""

from __future__ import annotations

import logging
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import unquote_to_bytes

from scriptmode._imports import require
from scriptmode.errors import MalformedBodyError
from scriptmode.serializers.base import Body, as_bytes, as_text
from scriptmode.serializers.cells import Cells, assemble
from scriptmode.values import Enveloped

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

_MOST_FIELDS = 10_000
_LONGEST_BOUNDARY = 70  # RFC 2046 section 5.1.1
_HEADERS = 16
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_QUIET = logging.getLogger("scriptmode.forms")
_QUIET.disabled = True


@dataclass(frozen=True)
class Form:
    """One row: each field is a cell, a number unless it is declared as text.

    Args:
        words: names of fields to keep as they were sent.
        missing: the spellings of a missing cell.
        read: names of the fields to read; others are kept as they were sent. None reads all.
    """

    words: Collection[str] = ()
    missing: Collection[str] = ("",)
    read: Collection[str] | None = None

    media_types: ClassVar[tuple[str, ...]] = ("application/x-www-form-urlencoded",)

    def decode(self, body: Body, params: Mapping[str, str]) -> Any:
        """Read the fields.

        Returns:
            A ``Table`` of one row; a data frame where a field is text.

        Raises:
            MalformedBodyError: no fields, a field that stands twice, or one that is no number.
        """
        pairs: list[tuple[str, str]] = []
        for part in as_text(body, params).strip("\r\n").split("&"):
            if part:
                name, _, cell = part.partition("=")
                pairs.append((_unquote(name), _unquote(cell)))
        return self.read_row(pairs)

    def typed(
        self,
        names: Sequence[str],
        words: Collection[str],
        missing: Collection[str],
        read: Collection[str] | None,
    ) -> Form:
        """See :class:`scriptmode.serializers.base.Typable`."""
        spellings = tuple(dict.fromkeys((*self.missing, *missing)))
        read = self.read if read is None else tuple(read)
        return replace(self, words=(*self.words, *words), missing=spellings, read=read)

    def read_row(self, pairs: Sequence[tuple[str, str]]) -> Any:
        """Named cells as a table of one row.

        Raises:
            MalformedBodyError: see :meth:`decode`.
        """
        if not pairs or len(pairs) > _MOST_FIELDS:
            raise MalformedBodyError(f"a form has 1 to {_MOST_FIELDS} fields, not {len(pairs)}")
        names = tuple(name for name, _ in pairs)
        if "" in names:
            raise MalformedBodyError("a field has no name")
        if len(set(names)) != len(names):
            twice = Counter(names).most_common(1)[0][0]
            raise MalformedBodyError(f"the field {twice!r} stands twice", field=twice)
        columns: list[Any] = []
        for name, cell in pairs:
            if self._is_kept(name):
                columns.append([None if cell in self.missing else cell])
                continue
            number = float("nan") if cell.strip() in self.missing else Cells.number(cell)
            if number is None:
                raise MalformedBodyError(
                    f"field {name!r}: {cell[:40]!r} is not a number", field=name
                )
            columns.append([number])
        return assemble(names, columns, 1, has_text=any(map(self._is_kept, names)))

    def _is_kept(self, name: str) -> bool:
        return name in self.words or (self.read is not None and name not in self.read)


class Part(NamedTuple):
    """One part of a multipart body.

    Args:
        name: of the field.
        filename: None for a field that is no file.
        content_type: as sent; None where there was none.
        body: its bytes.
    """

    name: str
    filename: str | None
    content_type: str | None
    body: bytes


@dataclass(frozen=True)
class Multipart:
    """A file with the rows, of any declared type, or fields as of ``Form``.

    Args:
        form: reads fields.
        read: reads a file, given its bytes and content type; ``compose`` sets it to the declared
            decoders.
    """

    form: Form = Form()
    read: Callable[[bytes, str | None], Any] | None = None

    media_types: ClassVar[tuple[str, ...]] = ("multipart/form-data",)

    def decode(self, body: Body, params: Mapping[str, str]) -> Any:
        """Read one file, or the fields.

        Returns:
            What the file's own content type is read as; the other fields stand around it
            (``Enveloped``), as text. Without a file, as of ``Form``.

        Raises:
            MalformedBodyError: not such a body, several files, or a field that is no number.
            UnsupportedMediaTypeError: nothing that is declared reads the file.
            MissingExtraError: python-multipart is not installed.
        """
        parts = read_parts(as_bytes(body), params.get("boundary"))
        # A browser sends a file input that was left empty as a file without name and bytes.
        parts = [part for part in parts if part.filename != "" or part.body]
        files = [part for part in parts if part.filename is not None]
        fields = [(part.name, _as_text(part)) for part in parts if part.filename is None]
        if not files:
            return self.form.read_row(fields)
        if len(files) > 1:
            raise MalformedBodyError(f"expected one file, got {len(files)}")
        if self.read is None:
            raise MalformedBodyError("a file came, and no declared format reads files")
        if len({name for name, _ in fields}) != len(fields):
            raise MalformedBodyError("a field stands twice")
        data = self.read(files[0].body, files[0].content_type)
        return Enveloped(data, dict(fields)) if fields else data

    def typed(
        self,
        names: Sequence[str],
        words: Collection[str],
        missing: Collection[str],
        read: Collection[str] | None,
    ) -> Multipart:
        """See :class:`scriptmode.serializers.base.Typable`."""
        return replace(self, form=self.form.typed(names, words, missing, read))

    def reading(self, read: Callable[[bytes, str | None], Any]) -> Multipart:
        """The same, reading files with the given decoders."""
        return replace(self, read=self.read or read)


def read_parts(raw: bytes, boundary: str | None) -> list[Part]:
    """The parts of a ``multipart/form-data`` body (RFC 7578).

    Raises:
        MalformedBodyError: no or a false boundary, a part without a name, or no end.
    """
    if not boundary or len(boundary) > _LONGEST_BOUNDARY or not boundary.isascii():
        raise MalformedBodyError("multipart/form-data needs the boundary parameter")
    multipart = require("python_multipart", extra="forms")
    collector = _Collector()
    try:
        parser = multipart.MultipartParser(
            boundary, collector.callbacks(), max_header_count=_HEADERS
        )
        parser.logger = _QUIET  # which would repeat what was sent
        parser.write(raw)
        parser.finalize()
    except multipart.exceptions.FormParserError as error:
        raise MalformedBodyError(f"not multipart/form-data: {str(error)[:200]}") from None
    if not collector.is_ended:
        raise MalformedBodyError("the multipart body ends before its last boundary")
    return [_part(headers, body) for headers, body in collector.parts]


class _Collector:
    """What the parser reports, piece by piece."""

    def __init__(self) -> None:
        self.parts: list[tuple[dict[str, bytes], bytes]] = []
        self.is_ended = False
        self._headers: dict[str, bytes] = {}
        self._name, self._value = bytearray(), bytearray()
        self._body: list[bytes] = []

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_part_data": lambda data, start, end: self._body.append(data[start:end]),
            "on_part_end": lambda: self.parts.append((self._headers, b"".join(self._body))),
            "on_end": lambda: setattr(self, "is_ended", True),
        }

    def _begin(self) -> None:
        if len(self.parts) >= _MOST_FIELDS:
            raise MalformedBodyError(f"a form has 1 to {_MOST_FIELDS} fields")
        self._headers, self._body = {}, []

    def _end_header(self) -> None:
        name = self._name.decode("latin-1").lower()
        if name in self._headers:
            raise MalformedBodyError(f"a part of the multipart body has two {name[:40]!r} headers")
        self._headers[name] = bytes(self._value)
        self._name.clear()
        self._value.clear()


def _part(headers: dict[str, bytes], body: bytes) -> Part:
    multipart = require("python_multipart.multipart", extra="forms")
    disposition = headers.get("content-disposition", b"")
    _check_options(disposition)
    _, options = multipart.parse_options_header(disposition)
    if not options.get(b"name"):
        raise MalformedBodyError("a part of the multipart body has no name")
    filename = options.get(b"filename")
    content_type = headers.get("content-type")
    return Part(
        _decoded(options[b"name"]),
        None if filename is None else filename.decode("utf-8", "replace"),
        None if content_type is None else content_type.decode("latin-1"),
        body,
    )


def _check_options(disposition: bytes) -> None:
    """Refuse a name that a part has twice: readers differ in which of them counts."""
    unquoted = _QUOTED.sub(b"", disposition)
    options = (option.partition(b"=")[0].strip().lower() for option in unquoted.split(b";"))
    names = [name for name in options if name]
    if len(set(names)) != len(names):
        twice = Counter(names).most_common(1)[0][0].decode("latin-1")[:40]
        raise MalformedBodyError(f"a part of the multipart body has two {twice!r} in its header")


def _decoded(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise MalformedBodyError("the name of a part is not UTF-8") from None


def _as_text(part: Part) -> str:
    try:
        return part.body.decode()
    except UnicodeDecodeError:
        raise MalformedBodyError(f"the field {part.name!r} is not UTF-8", field=part.name) from None


def _unquote(text: str) -> str:
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError:
        raise MalformedBodyError(f"{text[:40]!r} is not UTF-8") from None
