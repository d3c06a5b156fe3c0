"""JSON (RFC 8259), strict: no NaN tokens, no duplicate names, bounded nesting."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode.errors import MalformedBodyError
from scriptmode.serializers.base import Body, as_text, as_utf8
from scriptmode.serializers.images import read_pictures
from scriptmode.serializers.json_numbers import (
    SMALL,
    read_few_records,
    read_few_rows,
    read_single_rows,
    read_table,
)
from scriptmode.serializers.layouts import Layout, check_layout, read_layout
from scriptmode.serializers.plain import dump_json, dump_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from json import JSONDecodeError

    from numpy.typing import NDArray

_LONG_INTEGER = re.compile(rb"\d{19}")


@dataclass(frozen=True)
class JSON:
    """Tables, tensors and free-form values as JSON.

    Args:
        layout: the one layout to read, or ``"auto"`` to recognise a list of rows, a flat list
            (one row), records, one record, columns, split, and each of them under
            ``instances`` or ``inputs``; ``"raw"`` reads any JSON value as plain Python.

        image: the one field of a record, whose cells are pictures in base64.

    Numbers are read as float64: integers beyond 2**53 take the nearest double.
    NaN and infinity are written as ``null``; float32 in its shortest exact form.
    """

    layout: Layout = "auto"
    image: str | None = None
    _reads_rows: bool = field(init=False, repr=False, compare=False)
    _reads_records: bool = field(init=False, repr=False, compare=False)

    media_types: ClassVar[tuple[str, ...]] = ("application/json", "text/json")

    def __post_init__(self) -> None:
        check_layout(self.layout)
        is_table = self.image is None
        object.__setattr__(self, "_reads_rows", is_table and self.layout in ("auto", "rows"))
        object.__setattr__(self, "_reads_records", is_table and self.layout in ("auto", "records"))

    def decode(self, body: Body, params: Mapping[str, str]) -> Any:
        """Read one JSON value.

        Returns:
            float64 ``(rows, columns)``, a ``Table``, a data frame, or a plain value if ``raw``;
            of pictures, uint8 ``(rows, height, width, 3)``.

        Raises:
            MalformedBodyError: not JSON, another layout, ragged rows; names line or row.
            UnsupportedMediaTypeError: an unknown charset.
        """
        table: Any = None
        if type(body) is bytes and not params and len(body) <= SMALL:
            second = body[1:2]  # enough to choose by: each road looks at the rest
            if second == b"[" and self._reads_rows:
                table = read_few_rows(body)
            elif second == b"{" and self._reads_records:
                table = read_few_records(body)
            if table is not None:
                return table
        raw = as_utf8(body, params)
        if self.image is not None:
            return read_pictures(parse_json(raw)[0], self.image)
        if len(raw) > SMALL:
            table = read_table(raw, rows=self._reads_rows, records=self._reads_records)
        if table is not None:
            return table
        return self._read_carefully(raw)

    def decode_many(
        self, bodies: Sequence[bytes], params: Mapping[str, str]
    ) -> list[NDArray[Any]] | None:
        """See :class:`scriptmode.serializers.base.ManyDecoder`."""
        if params or not self._reads_rows or type(self).decode is not JSON.decode:
            return None  # a subclass may read bodies otherwise
        return read_single_rows(bodies)

    def _read_carefully(self, raw: bytes) -> Any:
        value, has_text = parse_json(raw)
        if self.layout == "raw":
            return with_exact_integers(value, raw)
        return read_layout(value, self.layout, has_text=has_text)

    def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
        """Write an array as (nested) lists, named columns as records, else the plain value.

        Raises:
            NotAcceptableError: the value holds something that JSON has no form for.
        """
        return dump_json(value)

    def encode_many(self, values: Sequence[Any], params: Mapping[str, str]) -> list[bytes] | None:
        """See :class:`scriptmode.serializers.base.ManyEncoder`."""
        return dump_rows(values) if type(self).encode is JSON.encode else None


def parse_json(raw: bytes, line: int | None = None) -> tuple[Any, bool]:
    """Parse strictly; ``line`` is where ``raw`` stands in a larger body.

    Returns:
        The value, and whether it may hold strings besides the names of columns.

    Raises:
        MalformedBodyError: not JSON, or a name that stands twice in one object; names the place.
    """
    import orjson

    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _malformed(raw, error, line or 1) from None
    # Every name costs two quotes. With no more of them than that, no name was lost to its
    # equal, and there is no text.
    has_text = raw.count(b'"') != 2 * _count_names(value)
    if has_text:
        _refuse_duplicates(raw, line)
    return value, has_text


def with_exact_integers(value: Any, raw: bytes) -> Any:
    """What was parsed, with integers beyond 64 bits as they were sent; orjson makes floats of them.

    Args:
        value: what :func:`parse_json` made.
        raw: the same as text.

    Raises:
        MalformedBodyError: it is nested too deeply, or an integer is too long for Python.
    """
    if _LONG_INTEGER.search(raw) is None:
        return value
    try:
        return json.loads(raw)
    except RecursionError:
        raise MalformedBodyError("the body is nested too deeply") from None
    except ValueError:  # Python takes no more than some thousand digits
        raise MalformedBodyError("an integer of the body has too many digits") from None


def _malformed(raw: bytes, error: JSONDecodeError, line: int) -> MalformedBodyError:
    if not raw.strip():
        return MalformedBodyError("the body is empty")
    as_text(raw, {}, line)  # a wrong charset explains more than the parser's message
    is_nan = error.doc[error.pos :][:4].lstrip("-").startswith(("NaN", "Inf", "nan", "inf"))
    hint = "; NaN and Infinity are not JSON, a missing cell is null" if is_nan else ""
    message = f"not JSON: {error.msg}{hint}"
    return MalformedBodyError(message, line=line + error.lineno - 1, column=error.colno)


def _count_names(value: Any, depth: int = 2) -> int:
    """How many names of columns a table has in any of its layouts; of other values, no more."""
    if isinstance(value, dict):
        listed = _count_listed(value["columns"]) if value.keys() >= {"columns", "data"} else 0
        inner = (_count_names(item, depth - 1) for item in value.values()) if depth else ()
        return len(value) + sum(inner) + listed
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return sum(len(record) for record in value if isinstance(record, dict))
    return 0


def _count_listed(names: Any) -> int:
    return sum(isinstance(name, str) for name in names) if isinstance(names, list) else 0


def _refuse_duplicates(raw: bytes, line: int | None) -> None:
    """Parsers keep the last of two equal names, so that a value would be lost in silence.

    Only bodies with more quotes than a numeric table accounts for come here: those with text.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = dict(pairs)
        if len(names) != len(pairs):
            twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
            raise MalformedBodyError(
                f"the name {twice!r} stands twice in one object", line=line, field=twice
            )
        return names

    try:
        json.loads(raw, object_pairs_hook=unique)
    except RecursionError:
        raise MalformedBodyError("the body is nested too deeply", line=line) from None
