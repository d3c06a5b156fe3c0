"""Comma-separated values (RFC 4180, RFC 7111): numbers, with columns of text where declared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Literal, TypeAlias

from scriptmode.errors import (
    DeclarationError,
    InvalidFeaturesError,
    MalformedBodyError,
    NotAcceptableError,
    UnsupportedMediaTypeError,
)
from scriptmode.serializers.base import BOM, Body, as_text, as_utf8
from scriptmode.serializers.cells import Cells, assemble, read_cells
from scriptmode.serializers.headers import read_names, take_names
from scriptmode.serializers.lines import write_cells, write_numbers
from scriptmode.serializers.numbers import read_number_file, read_numbers, read_several
from scriptmode.serializers.plain import as_rows, numeric_array
from scriptmode.values import Table

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

Header: TypeAlias = bool | Literal["auto"]

_LONGEST_HEAD = 100_000  # bytes; Python's csv refuses names that are longer than a little more
_DELIMITERS = (",", "\t", ";", "|")
_HEADER_PARAM: dict[str, Header] = {"present": True, "absent": False}


@dataclass(frozen=True)
class CSV:
    """Tables as comma-separated values.

    Args:
        header: whether line 1 names the columns. ``"auto"`` takes it for names when none of its
            cells is a number. A request's ``header=present`` or ``header=absent`` parameter
            (RFC 7111) overrides this. Writing follows it for predictions that have names.
        text: columns to keep as they were sent, by name or by position from 0; every other
            cell must be a number or missing.
        missing: the spellings of a missing cell. ``nan`` in a column of numbers is one always.
        names: the columns' names in order, for bodies without a header.
        words: names of columns to keep as they were sent in bodies that have them.
        read: names of the columns to read, where a header names others: those are kept as they
            were sent. None reads all of them.
        final_newline: whether what is written ends with a line feed.
        delimiter: the one character between cells: not one that occurs in numbers.
    """

    header: Header = False
    text: Collection[str | int] = ()
    missing: Collection[str] = ("",)
    names: Collection[str] = ()
    words: Collection[str] = ()
    read: Collection[str] | None = None
    final_newline: bool = True
    delimiter: str = ","
    _plain: bool = field(init=False, repr=False, compare=False)
    _separator: bytes = field(init=False, repr=False, compare=False)

    media_types: ClassVar[tuple[str, ...]] = ("text/csv", "application/csv")
    parameters: ClassVar[tuple[str, ...]] = ("header",)

    def __post_init__(self) -> None:
        if not isinstance(self.header, bool) and self.header != "auto":
            raise DeclarationError(f"CSV(header={self.header!r}): expected True, False or 'auto'")
        if self.delimiter not in _DELIMITERS:
            raise DeclarationError(
                f"{type(self).__name__}(delimiter={self.delimiter!r}): expected one of"
                f" {', '.join(map(repr, _DELIMITERS))}"
            )
        for option in ("text", "missing", "names", "words"):
            if isinstance(getattr(self, option), str):
                raise DeclarationError(f"CSV({option}=...) takes a list, not one string")
        object.__setattr__(self, "_separator", self.delimiter.encode())
        object.__setattr__(self, "text", tuple(self.text))
        if any(isinstance(column, int) and column < 0 for column in self.text):
            raise DeclarationError("CSV(text=...): positions count from 0 at the left")
        object.__setattr__(self, "missing", tuple(self.missing))
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "words", tuple(self.words))
        spellings = [spelling for spelling in self.missing if Cells.number(spelling) is not None]
        object.__setattr__(
            self, "_plain", not (self.text or self.words or spellings) and "" in self.missing
        )

    def decode(self, body: Body, params: Mapping[str, str]) -> Any:
        """Read a table.

        Returns:
            float64 ``(rows, columns)``; a ``Table`` where a header names the columns; a data
            frame where some are text.

        Raises:
            MalformedBodyError: a ragged row, a cell that is no number, a blank line, an unclosed
                quote; names line and column.
            UnsupportedMediaTypeError: an unknown charset, or header neither present nor absent.
        """
        header = self._header(params) if params else self.header
        raw = as_utf8(body, params)
        if not raw:
            raise MalformedBodyError("the body is empty")
        if self._plain:
            if header is not True and (matrix := read_numbers(raw, self._separator)) is not None:
                return self._named(matrix)
            if header is not False:
                table = self._read_named_numbers(raw, header)
                if table is not None:
                    return table
        return self._read_carefully(raw, header)

    def decode_many(
        self, bodies: Sequence[bytes], params: Mapping[str, str]
    ) -> list[NDArray[Any] | Table] | None:
        """See :class:`scriptmode.serializers.base.ManyDecoder`."""
        if params or not self._plain or self.header is True or type(self).decode is not CSV.decode:
            return None  # a subclass may read bodies otherwise
        found = read_several(bodies, self._separator)
        return found if found is None else [self._named(each) for each in found]

    def decode_file(self, file: BinaryIO, params: Mapping[str, str]) -> Any:
        """See :class:`scriptmode.serializers.base.FileDecoder`."""
        header = self._header(params) if params else self.header
        if self._plain and "charset" not in params:
            found = self._read_number_file(file, header)
            if found is not None:
                return found
            file.seek(0)
        return self.decode(file.read(), params)

    def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
        """Write one line a row, each ended by a line feed; missing cells are empty.

        The columns of named outputs have their names; a cell that is a list is a JSON list.

        Raises:
            NotAcceptableError: the value is not a table, a cell is no scalar, or a header is
                asked for where the columns have no names.
        """
        written = self._write(value, params)
        return written if self.final_newline else written.removesuffix(b"\n")

    def _write(self, value: Any, params: Mapping[str, str]) -> bytes:
        asked = params.get("header", "").lower()
        if asked not in ("", *_HEADER_PARAM):
            raise NotAcceptableError(
                f"{self.media_types[0]} has no header={asked!r}", supported=self._headers()
            )
        numbers = numeric_array(value)
        if asked != "present" and numbers is not None and numbers.size and numbers.ndim <= 2:  # noqa: PLR2004
            written = write_numbers(numbers)
            return written.replace(b",", self._separator)
        names, rows = as_rows(value)
        lines = [row if isinstance(row, (list, tuple)) else [row] for row in rows]
        if asked == "present" and names is None:
            raise NotAcceptableError("the columns of the prediction have no names for a header")
        if names is not None and _HEADER_PARAM.get(asked, self.header) is True:
            lines = [names, *lines]
        return write_cells(lines, self.delimiter, nested=isinstance(value, dict))

    def typed(
        self,
        names: Sequence[str],
        words: Collection[str],
        missing: Collection[str],
        read: Collection[str] | None,
    ) -> CSV:
        """See :class:`scriptmode.serializers.base.Typable`; what is set here stays set."""
        spellings = tuple(dict.fromkeys((*self.missing, *missing)))
        names = tuple(self.names) or tuple(names)
        words = tuple(dict.fromkeys((*self.words, *words)))
        read = self.read if read is None else tuple(read)
        return replace(self, missing=spellings, names=names, words=words, read=read)

    def _named(self, matrix: NDArray[Any]) -> NDArray[Any] | Table:
        is_named = self.names and len(self.names) == matrix.shape[1]
        return Table(tuple(self.names), matrix) if is_named else matrix

    def _headers(self) -> tuple[str, str]:
        kind = self.media_types[0]
        return f"{kind}; header=present", f"{kind}; header=absent"

    def _header(self, params: Mapping[str, str]) -> Header:
        if "header" not in params:
            return self.header
        try:
            return _HEADER_PARAM[params["header"].lower()]
        except KeyError:
            message = f"{self.media_types[0]} has no header={params['header']!r}"
            raise UnsupportedMediaTypeError(message, supported=self._headers()) from None

    def _read_number_file(self, file: BinaryIO, header: Header) -> Any:
        """The fast road through a file; None sends it down that of bodies."""
        head = file.readline(_LONGEST_HEAD)
        if head.startswith(BOM) or not file.read(1):
            return None  # names without rows are a matter of bodies
        file.seek(len(head))
        names = None if header is False else self._names_in(head.removesuffix(b"\n"), header)
        if names is None:
            if header is True:
                return None
            file.seek(0)
        matrix = read_number_file(file, self._separator)
        if matrix is None or names is None:
            return None if matrix is None else self._named(matrix)
        return Table(names, matrix) if len(names) == matrix.shape[1] else None

    def _names_in(self, head: bytes, header: Header) -> tuple[str, ...] | None:
        """The names in a line that holds nothing but plain ones."""
        head = head.removesuffix(b"\r")
        if b'"' in head or b"\r" in head or len(head) > _LONGEST_HEAD:
            return None
        row = as_text(head, {}).split(self.delimiter)
        if header == "auto" and not self._looks_like_names(row):
            return None
        return read_names(row)

    def _read_named_numbers(self, raw: bytes, header: Header) -> Table | None:
        """The fast road for a header over plain numbers."""
        head, _, rest = raw.partition(b"\n")
        names = self._names_in(head, header) if rest else None
        matrix = None if names is None else read_numbers(rest, self._separator)
        if matrix is None or names is None or matrix.shape[1] != len(names):
            return None
        return Table(names, matrix)

    def _read_carefully(self, raw: bytes, header: Header) -> Any:
        cells = read_cells(
            raw,
            self.delimiter,
            f"send {self._headers()[0]!r} or declare {type(self).__name__}(header=True)",
        )
        names: tuple[str, ...] | None = None
        if header is True or (header == "auto" and self._looks_like_names(cells.rows[0])):
            names, cells = take_names(cells)
        elif len(self.names) == cells.width:
            names = tuple(self.names)
        elif self.words:
            raise InvalidFeaturesError(
                f"each row of the body has {cells.width} cells; {len(self.names)} columns are"
                " declared"
            )
        text = self._text_positions(names, cells)
        columns = [
            cells.texts(index, self.missing)
            if index in text
            else cells.numbers(index, self.missing)
            for index in range(cells.width)
        ]
        return assemble(names, columns, len(cells.rows), has_text=bool(text))

    def _looks_like_names(self, row: list[str]) -> bool:
        # As names are read: without any blanks around them.
        return not any(
            cell in self.missing or Cells.number(cell.strip()) is not None for cell in row
        )

    def _text_positions(self, names: tuple[str, ...] | None, cells: Cells) -> set[int]:
        positions: set[int] = set()
        for column in self.text:
            if isinstance(column, int):
                positions.add(column)
            elif names is None:
                raise MalformedBodyError(
                    f"column {column!r} is declared by name, but the body has no header"
                )
            elif column in names:
                positions.add(names.index(column))
            else:
                raise InvalidFeaturesError(f"missing column {column!r}", field=column)
        for position in positions:
            if position >= cells.width:
                raise InvalidFeaturesError(
                    f"each row of the body has {cells.width} cells; that at position {position},"
                    " from 0, is declared as text"
                )
        return positions | {i for i, name in enumerate(names or ()) if self._is_kept(name)}

    def _is_kept(self, name: str) -> bool:
        return name in self.words or (self.read is not None and name not in self.read)
