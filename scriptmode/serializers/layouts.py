"""The shapes a table takes in JSON, and how each becomes a neutral value."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from scriptmode.errors import DeclarationError, LayoutError, MalformedBodyError, suggestion
from scriptmode.values import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

Layout: TypeAlias = Literal["auto", "rows", "records", "columns", "split", "texts", "raw"]
"""How a JSON body lays out a table; ``auto`` recognises all but ``texts``, a list of strings or one
of them, and ``raw``, which is any value."""

LAYOUTS = ("auto", "rows", "records", "columns", "split", "texts", "raw")
ENVELOPES = ("instances", "inputs")
EXAMPLES: dict[str, tuple[str, ...]] = {
    "rows": ("[[1, 2.5, null]]",),
    "records": ('[{"a": 1, "b": 2.5}]',),
    "columns": ('{"a": [1], "b": [2.5]}',),
    "split": ('{"columns": ["a", "b"], "data": [[1, 2.5]]}',),
}
EXAMPLES["auto"] = (
    *(example for examples in EXAMPLES.values() for example in examples),
    '{"instances": [[1, 2.5]]}',
    '{"inputs": [[1, 2.5]]}',
)
EXAMPLES["texts"] = ('["one", "two"]', '{"inputs": "one"}', '[{"text": "one"}]')
_SPLIT = {"columns", "data"}
WIDEST_WITH_TEXT = 10_000  # a data frame costs some 10 µs a column
_DEEPEST = 32  # numpy's own limit before 2.0


def check_layout(layout: str) -> None:
    """Refuse a layout that there is not.

    Raises:
        DeclarationError: no such layout; suggests the nearest.
    """
    if layout not in LAYOUTS:
        raise DeclarationError(f"there is no layout {layout!r}{suggestion(layout, LAYOUTS)}")


def read_layout(value: Any, layout: Layout, *, has_text: bool) -> Any:
    """Recognise a parsed JSON value as a table.

    Args:
        value: the parsed value.
        layout: the one to read, or ``auto``.
        has_text: whether some cells may be strings: then numpy must not infer a type, which
            would be that of the longest string for every cell.

    Returns:
        An array of float64, ``(rows, columns)`` or more dimensions, when the cells are numbers
        without names; a :class:`Table` when they have names; a data frame when some are text.

    Raises:
        MalformedBodyError: another layout, a ragged row, a cell that is no scalar.
    """
    if layout == "raw":
        return value
    if layout == "texts":
        return _read_texts(value, has_text=has_text)
    found, value = _recognise(value)
    if layout not in ("auto", found):
        raise LayoutError(f"expected the layout {layout!r}, got {found!r}", EXAMPLES[layout])
    return _READERS[found](value, has_text=has_text)


def read_rows(rows: list[Any], *, has_text: bool) -> NDArray[Any] | pd.DataFrame:
    """Lists of cells to a matrix, or a data frame when some cells are text.

    A flat list of scalars is one row.
    """
    import numpy as np

    if rows and not isinstance(rows[0], (list, dict)):
        rows = [rows]
    matrix = _matrix(rows, has_text=has_text)
    if matrix.dtype.kind in "fiub":
        matrix = matrix.astype(np.float64, copy=False)
        return matrix if rows else matrix.reshape(0, 0)
    _check_depth(rows)
    if rows and isinstance(rows[0][0] if rows[0] else None, list):
        return _tensor(rows)
    _check_rectangle(rows)
    return _numbers_or_frame(rows, None)


def read_records(records: list[Any], *, has_text: bool) -> Table | pd.DataFrame:
    """Objects with the same fields to named columns, in the order of the first."""
    first: Any = records[0]
    names = tuple(first)
    if not names:
        raise MalformedBodyError("record 1 has no fields", row=1)
    only = names[0]
    pick: Any = itemgetter(*names) if len(names) > 1 else lambda record: (record[only],)
    try:
        rows = [pick(record) for record in records if len(record) == len(names)]
    except (KeyError, TypeError):
        rows = []
    if len(rows) != len(records):
        raise _unlike_first(records)
    return _named(names, rows, has_text=has_text)


def read_columns(columns: dict[str, list[Any]], *, has_text: bool) -> Table | pd.DataFrame:
    """Lists of equal length by name to named columns."""
    lengths = {name: len(cells) for name, cells in columns.items()}
    longest = max(lengths.values())
    for name, length in lengths.items():
        if length != longest:
            raise MalformedBodyError(
                f"column {name!r} has {length} cells where others have {longest}", field=name
            )
    rows = list(zip(*columns.values(), strict=True))
    return _named(tuple(columns), rows, has_text=has_text)


def read_split(parts: dict[str, Any], *, has_text: bool) -> Table | pd.DataFrame:
    """``columns`` and ``data`` apart (pandas' ``orient="split"``) to named columns."""
    names, rows = parts["columns"], parts["data"]
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise MalformedBodyError('"columns" must be a list of names')
    if not names or len(set(names)) != len(names):
        problem = "names a column twice" if names else "names no column"
        raise MalformedBodyError(f'"columns" {problem}')
    if not isinstance(rows, list):
        raise MalformedBodyError('"data" must be a list of rows')
    _check_rectangle(rows, len(names), "columns has")
    return _named(tuple(names), rows, has_text=has_text)


def _read_texts(value: Any, *, has_text: bool) -> Any:
    """Texts as a list of strings, or whatever other table it is."""
    inner = value
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ENVELOPES:
        inner = next(iter(value.values()))
    inner = [inner] if isinstance(inner, str) else inner
    if isinstance(inner, list) and all(isinstance(text, str) for text in inner):
        return inner
    if isinstance(inner, list) and inner and isinstance(inner[0], dict):
        return read_records(inner, has_text=has_text)
    raise LayoutError("the body holds no texts", EXAMPLES["texts"])


def _recognise(value: Any) -> tuple[str, Any]:
    if isinstance(value, dict):
        return _recognise_object(value)
    if not isinstance(value, list):
        raise LayoutError(f"{_kind(value)} is not a table", EXAMPLES["auto"])
    if value and isinstance(value[0], dict):
        return "records", value
    return "rows", value


def _recognise_object(value: dict[str, Any]) -> tuple[str, Any]:
    if len(value) == 1 and next(iter(value)) in ENVELOPES:
        inner = next(iter(value.values()))
        if isinstance(inner, (list, dict)) and inner != {} and not _is_envelope(inner):
            return _recognise(inner)
    elif value.keys() >= _SPLIT and value.keys() <= _SPLIT | {"index"}:
        return "split", value
    elif value and not value.keys() & set(ENVELOPES):
        if all(isinstance(cells, list) for cells in value.values()):
            return "columns", value
        if not any(isinstance(cell, (list, dict)) for cell in value.values()):
            return "records", [value]
    raise LayoutError("the object is not a table of a known layout", EXAMPLES["auto"])


def _is_envelope(value: Any) -> bool:
    return isinstance(value, dict) and bool(value.keys() & set(ENVELOPES))


def _matrix(rows: Sequence[Any], *, has_text: bool) -> NDArray[Any]:
    """What numpy makes of the rows; an array of objects sends them down the careful road."""
    import numpy as np

    if not has_text:
        try:
            return np.array(rows)
        except ValueError:  # ragged: let the careful road say where
            pass
    return np.empty(0, dtype=object)


def _named(
    names: tuple[str, ...], rows: Sequence[Sequence[Any]], *, has_text: bool
) -> Table | pd.DataFrame:
    import numpy as np

    if not rows:
        return Table(names, np.empty((0, len(names))))
    matrix = _matrix(rows, has_text=has_text)
    if matrix.dtype.kind in "fiub" and matrix.ndim == 2:  # noqa: PLR2004 - a table
        return Table(names, matrix.astype(np.float64, copy=False))
    found = _numbers_or_frame(rows, names)
    return Table(names, found) if isinstance(found, np.ndarray) else found


def _numbers_or_frame(
    rows: Sequence[Sequence[Any]], names: tuple[str, ...] | None
) -> NDArray[Any] | pd.DataFrame:
    """Rows of equal length, some cells missing, huge or text."""
    import numpy as np

    numeric = True
    for number, row in enumerate(rows, 1):
        for column, cell in enumerate(row):
            if isinstance(cell, (list, dict)):
                field = names[column] if names else None
                raise MalformedBodyError(
                    f"row {number}, column {column + 1}: {_kind(cell)} is not a cell",
                    row=number,
                    column=column + 1,
                    field=field,
                )
            numeric = numeric and not isinstance(cell, str)
    if numeric:
        return np.array(rows, dtype=np.float64)
    if len(rows[0]) > WIDEST_WITH_TEXT:
        raise MalformedBodyError(
            f"rows with text have at most {WIDEST_WITH_TEXT} cells, not {len(rows[0])}"
        )
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(names) if names else None)


def _tensor(rows: list[Any]) -> NDArray[Any]:
    import numpy as np

    try:
        tensor = np.array(rows, dtype=object)
    except ValueError:
        tensor = np.empty((0, 0), dtype=object)
    cells = tensor.ravel().tolist()
    if not tensor.size or any(isinstance(cell, (str, list, dict)) for cell in cells):
        raise MalformedBodyError("the nested lists are not a rectangular array of numbers")
    return tensor.astype(np.float64)


def _check_depth(rows: list[Any]) -> None:
    depth, inner = 1, rows
    while inner and isinstance(inner[0], list):
        depth, inner = depth + 1, inner[0]
        if depth > _DEEPEST:
            raise MalformedBodyError(f"lists are nested deeper than {_DEEPEST}")


def _check_rectangle(rows: list[Any], width: int | None = None, where: str = "row 1 has") -> None:
    for number, row in enumerate(rows, 1):
        if not isinstance(row, list):
            raise MalformedBodyError(
                f"row {number} is {_kind(row)}, not a list of cells", row=number
            )
        width = len(row) if width is None else width
        if len(row) != width:
            raise MalformedBodyError(
                f"row {number} has {len(row)} cells where {where} {width}", row=number
            )


def _unlike_first(records: list[Any]) -> MalformedBodyError:
    """Find the record whose fields are not those of the first."""
    expected = records[0].keys()
    for number, record in enumerate(records, 1):
        if not isinstance(record, dict):
            return MalformedBodyError(
                f"row {number} is {_kind(record)}, not an object like row 1", row=number
            )
        for name in sorted(expected ^ record.keys()):
            problem = "lacks" if name in expected else "has the extra"
            return MalformedBodyError(
                f"row {number} {problem} field {name!r} (row 1 sets the fields;"
                " a missing cell is null)",
                row=number,
                field=name,
            )
    raise AssertionError("every record is like the first")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")


_READERS: dict[str, Any] = {
    "rows": read_rows,
    "records": read_records,
    "columns": read_columns,
    "split": read_split,
}
