"""JSON Lines: one JSON value a line, one line a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode.errors import MalformedBodyError
from scriptmode.serializers.base import Body, as_utf8
from scriptmode.serializers.json import parse_json
from scriptmode.serializers.json_numbers import SMALL, read_few_lines, read_lines
from scriptmode.serializers.layouts import read_records, read_rows
from scriptmode.serializers.plain import as_records, densify, dump_json, numeric_array

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class JSONLines:
    """A table as one list, or one object, a line.

    Lines are never skipped, so that line n of the answer belongs to line n of the request.
    """

    media_types: ClassVar[tuple[str, ...]] = (
        "application/jsonlines",
        "application/x-jsonlines",
        "application/jsonl",
        "application/x-ndjson",
        "application/ndjson",
    )

    def decode(self, body: Body, params: Mapping[str, str]) -> Any:
        """Read a list of cells, or an object of named cells, from each line.

        Returns:
            float64 ``(lines, columns)``, a ``Table`` or a data frame.

        Raises:
            MalformedBodyError: a blank line, a line that is not JSON, or one unlike line 1.
        """
        table: Any = None
        if type(body) is bytes and not params and len(body) <= SMALL:
            table = read_few_lines(body)
            if table is not None:
                return table
        raw = as_utf8(body, params)
        if len(raw) > SMALL:
            table = read_lines(raw.removesuffix(b"\n"))
        return self._read_carefully(raw) if table is None else table

    def _read_carefully(self, raw: bytes) -> Any:
        lines = raw.removesuffix(b"\n").split(b"\n")
        parsed = [_parse_line(line, number) for number, line in enumerate(lines, 1)]
        rows = [row for row, _ in parsed]
        has_text = any(has_text for _, has_text in parsed)
        read = read_records if isinstance(rows[0], dict) else read_rows
        return read(rows, has_text=has_text)

    def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
        """Write a line for each row: a scalar, a list, or an object where columns have names.

        Raises:
            NotAcceptableError: the value has no rows, or a cell has no form in JSON.
        """
        value = densify(value)
        array = numeric_array(value)
        if array is None or not array.size or array.ndim > 2:  # noqa: PLR2004 - beyond a table
            return b"".join(dump_json(row) + b"\n" for row in as_records(value))
        # One call for all rows, then line breaks where the rows meet: 20 times a loop.
        meet, line_break = (b",", b"\n") if array.ndim == 1 else (b"],[", b"]\n[")
        return dump_json(array)[1:-1].replace(meet, line_break) + b"\n"


def _parse_line(line: bytes, number: int) -> tuple[Any, bool]:
    if not line.strip():
        raise MalformedBodyError(f"line {number} is blank", line=number)
    value, has_text = parse_json(line, number)
    if isinstance(value, (list, dict)):
        return value, has_text
    raise MalformedBodyError(
        f"line {number} is neither a list of cells nor an object of named cells", line=number
    )
