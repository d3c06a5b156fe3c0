"""Neutral values in the form that a framework asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptmode.errors import InvalidFeaturesError
from scriptmode.values import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

_MOST_DENSE = 50_000_000  # cells
_LARGEST_SQUARE = 1e76  # below that of the largest float32
_BLOCK = 8192  # of longer ones OpenBLAS asks its threads, and waits for them where cores are busy


def as_matrix(data: Any) -> NDArray[Any]:
    """A table of numbers, ``(rows, columns)``; missing cells are NaN.

    Raises:
        InvalidFeaturesError: not a table, or a cell is no number; names row and column.
    """
    import numpy as np

    if isinstance(data, Table):
        return data.values
    if not isinstance(data, np.ndarray):
        if hasattr(data, "tocsr"):
            return as_dense(data)
        if hasattr(data, "columns"):
            return _frame_to_matrix(data)
        if isinstance(data, (str, bytes, dict)):
            raise InvalidFeaturesError(
                f"expected a table of numbers, got {type(data).__name__}; send CSV, JSON or npy"
            )
        data = np.asarray(data)
    matrix: NDArray[Any] = data
    if data.ndim != 2 or data.dtype.kind not in "fiub":  # noqa: PLR2004 - a table
        raise InvalidFeaturesError(
            f"expected a table of numbers, got {data.dtype} of shape {data.shape}"
        )
    return matrix if matrix.flags.aligned else matrix.copy()  # C libraries refuse or misread it


def fits_float32(cells: NDArray[Any]) -> bool:
    """Whether all numbers are within float32, found out quicker than by a look at each.

    False where it takes that look: a cell is missing, infinite or large.
    """
    import numpy as np

    flat = cells.ravel()
    if flat.size <= _BLOCK:
        return bool(np.vdot(flat, flat) < _LARGEST_SQUARE)
    blocks = (flat[start : start + _BLOCK] for start in range(0, flat.size, _BLOCK))
    return all(np.vdot(block, block) < _LARGEST_SQUARE for block in blocks)


def as_dense(data: Any) -> NDArray[Any]:
    """A sparse table as float64 ``(rows, columns)``, in which absent cells are missing.

    Raises:
        InvalidFeaturesError: it would be too large.
    """
    import numpy as np

    if data.shape[0] * data.shape[1] > _MOST_DENSE:
        raise InvalidFeaturesError(
            f"{data.shape[0]} x {data.shape[1]} cells are more than can be checked one by one"
        )
    cells = data.tocoo()
    dense = np.full(data.shape, np.nan)
    dense[cells.row, cells.col] = cells.data
    return dense


def refuse_names(data: Any) -> None:
    """Refuse named columns on behalf of a model that cannot put them in order.

    Raises:
        InvalidFeaturesError: the columns have names.
    """
    names = data.names if isinstance(data, Table) else getattr(data, "columns", ())
    if any(isinstance(name, str) for name in names):
        raise InvalidFeaturesError(
            "the columns are named, but the model has no names to put them in order by;"
            " send rows without names, or declare features=[...]"
        )


def refuse_bad_cell(data: Any, *, may_be_missing: bool) -> None:
    """Find the cell that a model cannot take.

    Args:
        data: a table of numbers.
        may_be_missing: whether the model takes missing cells.

    Raises:
        InvalidFeaturesError: the first cell that is missing, or not finite in float32; or that
            is no number.
    """
    import numpy as np

    matrix = as_matrix(data)
    with np.errstate(over="ignore"):
        narrow = matrix.astype(np.float32)
    bad = np.isinf(narrow) if may_be_missing else ~np.isfinite(narrow)
    for row, column in np.argwhere(bad)[:1]:
        cell = matrix[row, column]
        problem = "is missing" if np.isnan(cell) else f"is {cell}, beyond float32"
        raise InvalidFeaturesError(
            f"row {row + 1}, column {column + 1} {problem}: the model cannot take it",
            row=int(row) + 1,
            column=int(column) + 1,
        )


def refuse_text(frame: pd.DataFrame, text: str) -> None:
    """Find the cell of text that a model takes for a number.

    Raises:
        InvalidFeaturesError: the first cell that holds this text.
    """
    for index, name in enumerate(frame.columns):
        for row, cell in enumerate(frame[name], 1):
            if isinstance(cell, str) and cell == text:
                raise InvalidFeaturesError(
                    f"row {row}, field {name!r}: {text[:40]!r} is not a number",
                    row=row,
                    column=index + 1,
                    field=str(name),
                )


def as_frame(data: Any, names: Sequence[str]) -> pd.DataFrame:
    """Columns with the model's names, in its order.

    Args:
        data: a data frame with those columns, or a table of numbers of that width.
        names: the columns' names.

    Raises:
        InvalidFeaturesError: not a table.
    """
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return data if list(data.columns) == list(names) else data.set_axis(list(names), axis=1)
    return pd.DataFrame(as_matrix(data), columns=list(names))


def _frame_to_matrix(frame: pd.DataFrame) -> NDArray[Any]:
    import numpy as np

    matrix = np.empty(frame.shape)
    for index in range(frame.shape[1]):
        column = frame.iloc[:, index]
        try:
            matrix[:, index] = _numbers(column)
        except (TypeError, ValueError):
            raise _not_a_number(column, index) from None
    return matrix


def _numbers(column: pd.Series[Any]) -> NDArray[Any]:
    """The column as float64, but never by parsing text or counting the seconds of a date."""
    import pandas as pd

    cells = column[column.notna()] if column.dtype == object else ()
    if not all(isinstance(cell, (int, float)) for cell in cells) or (
        column.dtype != object and not pd.api.types.is_numeric_dtype(column)
    ):
        raise TypeError
    return column.to_numpy(dtype="float64", na_value=float("nan"))


def _not_a_number(column: pd.Series[Any], index: int) -> InvalidFeaturesError:
    for row, cell in enumerate(column, 1):
        if cell is not None and not isinstance(cell, (int, float)):
            name = column.name if isinstance(column.name, str) else None
            place = f"field {name!r}" if name else f"column {index + 1}"
            return InvalidFeaturesError(
                f"row {row}, {place}: {str(cell)[:40]!r} is not a number",
                row=row,
                column=index + 1,
                field=name,
            )
    return InvalidFeaturesError(f"column {index + 1} is not numeric", column=index + 1)
