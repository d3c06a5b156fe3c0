"""The careful road through delimited text: every cell with the line it stands in."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

from scriptmode.errors import MalformedBodyError
from scriptmode.serializers.base import as_text
from scriptmode.serializers.layouts import WIDEST_WITH_TEXT
from scriptmode.values import Table

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

# Narrower than float(): no underscores, no digits of other scripts.
_NUMBER = re.compile(
    r"[ \t]*[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf(?:inity)?|nan)[ \t]*",
    re.IGNORECASE,
)
_LONGEST_SHOWN = 40


class Cells:
    """A rectangle of strings.

    Args:
        rows: the cells, each row of the same length.
        lines: for each row the line of the body that it begins in, from 1.
        width: how many columns there are, for when there are no rows to tell.
        advice: what to do where line 1 names the columns.
    """

    def __init__(
        self,
        rows: list[list[str]],
        lines: list[int],
        width: int | None = None,
        advice: str = "",
    ) -> None:
        self.rows, self.lines, self._advice = rows, lines, advice
        self.width = len(rows[0]) if width is None else width

    def texts(self, column: int, missing: Collection[str]) -> list[str | None]:
        """A column as it was sent; missing cells are None."""
        return [None if row[column] in missing else row[column] for row in self.rows]

    def numbers(self, column: int, missing: Collection[str]) -> NDArray[Any]:
        """A column of numbers, float64 ``(rows,)``; missing cells are NaN.

        Raises:
            MalformedBodyError: a cell is no number; names line and column.
        """
        import numpy as np

        found = np.empty(len(self.rows))
        for index, row in enumerate(self.rows):
            cell = row[column]
            value = float("nan") if cell.strip() in missing else self.number(cell)
            if value is None:
                raise self._not_a_number(index, column)
            found[index] = value
        return found

    @staticmethod
    def number(cell: str) -> float | None:
        """The double nearest to a decimal number; None when the cell is not one, or beyond all."""
        if not _NUMBER.fullmatch(cell):
            return None
        value = float(cell)
        return None if value in (float("inf"), float("-inf")) and "n" not in cell.lower() else value

    def _not_a_number(self, index: int, column: int) -> MalformedBodyError:
        line, cell = self.lines[index], self.rows[index][column]
        hint = ""
        if line == 1 and not any(map(_NUMBER.fullmatch, self.rows[index])):
            hint = f"; if line 1 is a header, {self._advice}"
        return MalformedBodyError(
            f"line {line}, column {column + 1}: {cell[:_LONGEST_SHOWN]!r} is not a number"
            f" that float64 can hold{hint}",
            line=line,
            column=column + 1,
        )


def read_cells(raw: bytes, delimiter: str = ",", advice: str = "") -> Cells:
    """Split delimited text into a rectangle.

    One final line break is dropped; any other blank line is a row of one empty cell.

    Raises:
        MalformedBodyError: not UTF-8, an unclosed or stray quote, a cell that is too long, or
            a row whose width is not that of line 1; names the line.
    """
    text = io.StringIO(as_text(raw, {}), newline="")
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    line = 1
    try:
        for row in reader:
            rows.append(row or [""])
            lines.append(line)
            if len(rows[-1]) != len(rows[0]):
                raise _ragged(rows, line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise MalformedBodyError(f"line {line}: {error}", line=line) from None
    if not rows:
        raise MalformedBodyError("the body is empty")
    return Cells(rows, lines, advice=advice)


def _ragged(rows: list[list[str]], line: int) -> MalformedBodyError:
    found, expected = len(rows[-1]), len(rows[0])
    if rows[-1] == [""]:
        return MalformedBodyError(f"line {line} is blank", line=line)
    return MalformedBodyError(
        f"line {line} has {found} cell{'s' * (found != 1)} where line 1 has {expected}", line=line
    )


def assemble(
    names: tuple[str, ...] | None, columns: list[Any], height: int, *, has_text: bool
) -> Any:
    """Columns as a matrix or a ``Table``; as a data frame where some are text."""
    import numpy as np

    if not has_text:
        matrix = np.empty((height, len(columns)))
        for index, column in enumerate(columns):
            matrix[:, index] = column
        return matrix if names is None else Table(names, matrix)
    if len(columns) > WIDEST_WITH_TEXT:
        raise MalformedBodyError(
            f"rows with text have at most {WIDEST_WITH_TEXT} cells, not {len(columns)}"
        )
    import pandas as pd

    frame = pd.DataFrame(dict(enumerate(columns)))
    if names is not None:
        frame.columns = pd.Index(names)
    return frame
