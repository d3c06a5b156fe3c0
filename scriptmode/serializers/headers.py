"""The names that line 1 of delimited text gives to its columns."""

from __future__ import annotations

from scriptmode.errors import MalformedBodyError
from scriptmode.serializers.cells import Cells


def take_names(cells: Cells) -> tuple[tuple[str, ...], Cells]:
    """The names in the first row, and the other rows.

    Raises:
        MalformedBodyError: a name is missing, or there twice.
    """
    return read_names(cells.rows[0]), Cells(cells.rows[1:], cells.lines[1:], len(cells.rows[0]))


def read_names(row: list[str]) -> tuple[str, ...]:
    """The names in a row, without the blanks around them.

    Raises:
        MalformedBodyError: a name is missing, or there twice.
    """
    names: dict[str, None] = {}
    for column, cell in enumerate(row, 1):
        name = cell.strip().lstrip("\ufeff").strip()  # which would be the body's own when written
        if not name or name in names:
            problem = f"names {name!r} twice" if name else f"has no name for column {column}"
            raise MalformedBodyError(f"the header {problem}", line=1, column=column)
        names[name] = None
    return tuple(names)
