"""Apache Arrow's tables as neutral values, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scriptmode._imports import require
from scriptmode._memo import Memo
from scriptmode.errors import BodyTooLargeError, MalformedBodyError, NotAcceptableError
from scriptmode.serializers.plain import as_rows, check_unique, densify, is_frame
from scriptmode.values import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from numpy.typing import NDArray

_LARGEST_KEPT = 2**16  # bytes of a schema that is remembered
_INDEX = "__index_level_"  # the name under which pandas keeps an index


@dataclass(frozen=True)
class Columns:
    """What a schema says of the columns that are read.

    Args:
        names: of the columns, without those that pandas keeps an index in.
        kinds: what the cells of each are: ``"number"``, ``"text"`` or ``"time"``.
        is_whole: whether the schema has no other columns.
        are_primitive: whether all are of one length in bytes, without any that point elsewhere.
        are_floats: whether all are of floating point.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    is_whole: bool
    are_primitive: bool
    are_floats: bool

    @property
    def are_positions(self) -> bool:
        """Whether the names are those that an array's columns get, which has none."""
        return self.names == tuple(map(str, range(len(self.names))))


def describe(schema: Any) -> Columns:
    """The columns of ``pyarrow.Schema``, remembered by what it says.

    Raises:
        MalformedBodyError: no columns, two of one name, or one of lists, objects or bytes.
    """
    said = schema.remove_metadata().serialize()
    return _describe(schema) if said.size > _LARGEST_KEPT else _DESCRIBED[said.to_pybytes()]


def _describe(schema: Any) -> Columns:
    types = require("pyarrow.types", extra="arrow")
    try:
        fields = [field for field in schema if not field.name.startswith(_INDEX)]
        names = tuple(field.name for field in fields)
    except UnicodeDecodeError:
        raise MalformedBodyError("the name of a column is not UTF-8") from None
    if not names or len(set(names)) != len(names):
        raise MalformedBodyError(
            "the table has no columns" if not names else "the table has two columns of one name"
        )
    kinds: list[str] = []
    for field in fields:
        kind = _kind(field.type)
        if kind is None:
            problem = f"column {field.name!r} is of type {field.type}, which is no cell"
            raise MalformedBodyError(problem, field=field.name)
        kinds.append(kind)
    return Columns(
        names,
        tuple(kinds),
        is_whole=len(fields) == len(schema),
        are_primitive=all(types.is_primitive(field.type) for field in schema),
        are_floats=all(types.is_floating(field.type) for field in fields),
    )


def _describe_again(said: bytes) -> Columns:
    ipc = require("pyarrow.ipc", extra="arrow")
    return _describe(ipc.read_schema(require("pyarrow", extra="arrow").py_buffer(said)))


_DESCRIBED: Memo[Columns] = Memo(_describe_again)


def from_arrow(table: Any, columns: Columns, limit: int) -> Any:
    """Named columns.

    Args:
        table: ``pyarrow.Table``.
        columns: what its schema says.
        limit: how many bytes it may take, strings at their full length.

    Returns:
        A ``Table`` of float64 where all columns are numbers or booleans, else a data frame of
        the columns' own types. A null is NaN, or None in a column of text. Columns called
        ``0``, ``1`` and so on are those of an array, and have no names.

    Raises:
        BodyTooLargeError: more than ``limit`` bytes.
    """
    cells = table.num_rows * len(columns.names) * 8
    if cells > limit or ("text" in columns.kinds and _text_bytes(table, limit) > limit):
        raise BodyTooLargeError(f"the table takes more than {limit} bytes")
    if not columns.is_whole:
        table = table.select(list(columns.names))
    if set(columns.kinds) == {"number"}:
        values = _matrix(table, columns)
        return values if columns.are_positions else Table(columns.names, values)
    return _frame(table, columns)


def _text_bytes(table: Any, limit: int) -> int:
    """How many bytes text takes at its full length, also where a word is kept once."""
    compute = None
    total = 0
    for index, kind in enumerate(table.schema.types):
        if _kind(kind) != "text":
            continue
        compute = compute or require("pyarrow.compute", extra="arrow")
        for chunk in table.column(index).chunks:
            words = chunk.dictionary if hasattr(chunk, "dictionary") else chunk
            lengths = compute.binary_length(words.cast("string"))
            if hasattr(chunk, "dictionary"):
                lengths = lengths.take(chunk.indices)
            total += compute.sum(lengths).as_py() or 0
            if total > limit:
                return total
    return total


def _matrix(table: Any, columns: Columns) -> NDArray[Any]:
    """Columns of numbers side by side, float64 ``(rows, columns)``, each in one piece."""
    import numpy as np

    pyarrow = require("pyarrow", extra="arrow")
    if table.num_rows and columns.are_floats:
        batch = table.combine_chunks().to_batches()[0]
        try:
            tensor = batch.to_tensor(null_to_nan=True, row_major=False)
        except (AttributeError, TypeError, pyarrow.ArrowException):
            pass  # before pyarrow 17
        else:
            return np.asarray(tensor.to_numpy(), dtype=np.float64)
    values = np.empty((table.num_rows, table.num_columns), order="F")
    for index, column in enumerate(table.columns):
        values[:, index] = _numbers(column)
    return values


def _frame(table: Any, columns: Columns) -> pd.DataFrame:
    import pandas as pd

    series = {
        name: _numbers(column) if kind == "number" else _objects(name, column, kind)
        for name, column, kind in zip(columns.names, table.columns, columns.kinds, strict=True)
    }
    frame = pd.DataFrame(series)
    return frame.set_axis(range(len(series)), axis=1) if columns.are_positions else frame


def to_arrow(value: Any) -> Any:
    """A prediction as ``pyarrow.Table``.

    Args:
        value: a table, rows, named outputs or an array of up to two dimensions.

    Raises:
        NotAcceptableError: it has no rows, columns share a name, or cells mix types.
    """
    import numpy as np

    pyarrow = require("pyarrow", extra="arrow")
    value = densify(value)
    try:
        if isinstance(value, Table):
            return _by_name(pyarrow, value.names, value.values)
        if isinstance(value, np.ndarray) and value.ndim in (1, 2) and value.dtype.kind in "fiub":
            width = value.shape[1] if value.ndim > 1 else 1
            return _by_name(pyarrow, map(str, range(width)), value.reshape(len(value), width))
        if is_frame(value):
            frame: Any = value
            check_unique([str(name) for name in frame.columns])
            if not len(frame.columns):
                raise NotAcceptableError("the prediction has no columns")
            return pyarrow.Table.from_pandas(frame.rename(columns=str), preserve_index=False)
        return pyarrow.table(_columns(value))
    except (pyarrow.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise NotAcceptableError(f"Arrow cannot carry the prediction: {error}") from error


def _by_name(pyarrow: Any, names: Iterable[str], values: NDArray[Any]) -> Any:
    import numpy as np

    native = values.dtype.newbyteorder("=")
    columns = {
        name: np.ascontiguousarray(column, native)
        for name, column in zip(names, values.T, strict=True)
    }
    if not columns:
        raise NotAcceptableError("the prediction has no columns")
    return pyarrow.table(columns)


def _columns(value: Any) -> dict[str, list[Any]]:
    names, rows = as_rows(value)
    cells = [row if isinstance(row, (list, tuple)) and names else [row] for row in rows]
    if names is None and rows and isinstance(rows[0], (list, tuple)):
        cells = [list(row) for row in rows]
        if len({len(row) for row in cells}) != 1:
            raise NotAcceptableError("the rows of the prediction differ in width")
    width = len(names) if names is not None else len(cells[0]) if cells else 0
    if not width or any(isinstance(row, dict) for row in rows):
        raise NotAcceptableError("the rows of the prediction have no columns")
    named = names or tuple(str(index) for index in range(width))
    check_unique(named)
    return {name: [row[index] for row in cells] for index, name in enumerate(named)}


def _kind(kind: Any) -> str | None:
    """What cells of an Arrow type are; None for lists, objects and bytes."""
    types = require("pyarrow.types", extra="arrow")
    if types.is_dictionary(kind):
        return _kind(kind.value_type)
    numbers = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    if any(is_one(kind) for is_one in (*numbers, types.is_null)):
        return "number"
    if types.is_string(kind) or types.is_large_string(kind) or str(kind) == "string_view":
        return "text"
    return "time" if types.is_timestamp(kind) or types.is_date(kind) else None


def _numbers(column: Any) -> NDArray[Any]:
    import numpy as np

    pyarrow = require("pyarrow", extra="arrow")
    if pyarrow.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pyarrow.types.is_decimal(column.type):  # whose own cast does not round to the nearest
        try:
            cells = [float("nan") if cell is None else float(cell) for cell in column.to_pylist()]
        except ArithmeticError:
            raise MalformedBodyError("a decimal has more digits than its type") from None
        return np.array(cells, dtype=np.float64)
    found = column.cast(pyarrow.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(found, dtype=np.float64)


def _objects(name: str, column: Any, kind: str | None) -> pd.Series[Any]:
    import pandas as pd

    try:
        if kind == "text":
            return pd.Series(column.to_pylist(), dtype=object)
        return pd.Series(column.to_pandas())
    except (ValueError, OverflowError, LookupError) as error:
        # Text that is none, dates beyond the calendar, a time zone that nobody knows.
        problem = str(error).partition("\n")[0][:200]
        raise MalformedBodyError(f"column {name!r}: {problem}", field=name) from None
