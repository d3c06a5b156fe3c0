"""Predictions of any kind as JSON text and as rows of cells."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from scriptmode.errors import NotAcceptableError
from scriptmode.values import Table

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

_TABLE = 2  # dimensions
_MOST_DENSE = 50_000_000  # cells


def dump_json(value: Any) -> bytes:
    """Any prediction as JSON: arrays as (nested) lists, named columns as records.

    NaN, infinity and pandas' missing values become ``null``.

    Raises:
        NotAcceptableError: part of the value has no form in JSON.
    """
    import orjson

    if holds_dates(value) and hasattr(value, "shape"):
        value = to_python_dates(value)  # orjson cuts dates to microseconds
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:
        return _dump_carefully(value)


def dump_rows(values: Sequence[Any] | NDArray[Any]) -> list[bytes] | None:
    """Arrays of numbers as JSON, each of one row, in one piece that is parted again.

    Args:
        values: these, or one array of them.

    Returns:
        What :func:`dump_json` makes of each; None where they are no such arrays, or not alike.
    """
    import numpy as np

    first = values[0] if len(values) else None
    if type(first) is not np.ndarray or first.dtype.kind not in "fiu":
        return None
    shape = first.shape
    if (
        shape[:1] != (1,)
        or len(shape) > _TABLE
        or not (isinstance(values, np.ndarray) or _are_like(first, values))
    ):
        return None
    opened, closed = b"[" * len(shape), b"]" * len(shape)
    whole = dump_json(np.concatenate(values))[len(shape) : -len(shape)]
    return [opened + row + closed for row in whole.split(closed[1:] + b"," + opened[1:])]


def _are_like(array: NDArray[Any], values: Sequence[Any]) -> bool:
    kind, shape, dtype = type(array), array.shape, array.dtype
    return all(
        type(each) is kind and each.shape == shape and each.dtype == dtype for each in values
    )


def _dump_carefully(value: Any) -> bytes:
    """Without orjson's own support of numpy, which gives up at foreign byte orders."""
    import orjson

    if isinstance(value, dict):
        check_unique([str(name) for name in value])
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS)
    except TypeError as error:
        cause = error.__cause__ or error
        raise NotAcceptableError(f"JSON cannot carry the prediction: {cause}") from error


def numeric_array(value: Any) -> NDArray[Any] | None:
    """The value if it is an array of numbers or booleans, else None.

    Returns:
        The same cells, contiguous and in native byte order, at least 1-D.
    """
    import numpy as np

    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiub" or not value.ndim:
        return None
    if value.flags.c_contiguous and value.dtype.isnative:
        return value
    return np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("="))


def as_rows(value: Any) -> tuple[tuple[str, ...] | None, list[Any]]:
    """Names of the columns, if they have any, and one item a row.

    Returns:
        Each row as a list of cells, or as a scalar where the value is one-dimensional; a missing
        cell of pandas as ``None``.

    Raises:
        NotAcceptableError: the value is not a sequence of rows.
    """
    if isinstance(value, Table):
        return value.names, value.values.tolist()
    if is_frame(value):
        cells = value.astype(object).where(value.notna(), None)
        return tuple(map(str, value.columns)), cells.to_numpy().tolist()
    if isinstance(value, dict) and value:
        return _named_outputs(value)
    value = densify(value)
    if hasattr(value, "tolist"):
        value = _to_lists(value)
    if isinstance(value, (list, tuple)):
        return None, [row.tolist() if hasattr(row, "tolist") else row for row in value]
    raise NotAcceptableError(f"a prediction of type {type(value).__name__} has no rows")


def densify(value: Any) -> Any:
    """A sparse prediction as an array, in which absent cells are zero; anything else as it is.

    Raises:
        NotAcceptableError: it would be too large.
    """
    if not hasattr(value, "tocsr"):
        return value
    rows, columns = value.shape
    if rows * columns > _MOST_DENSE:
        raise NotAcceptableError(
            f"only libsvm and RecordIO carry a sparse prediction of {rows} x {columns} cells"
        )
    return value.toarray()


def _to_lists(array: Any) -> Any:
    """Nested lists of Python's own numbers; those of narrow floats in their fewest digits."""
    import numpy as np
    import orjson

    if holds_dates(array):
        return to_python_dates(array)
    cells = numeric_array(array)
    if cells is None or cells.dtype.kind != "f" or cells.dtype.itemsize >= 8:  # noqa: PLR2004
        return array.tolist()
    is_finite = np.isfinite(cells)
    text = orjson.dumps(
        np.where(is_finite, cells, 0).astype(cells.dtype), option=orjson.OPT_SERIALIZE_NUMPY
    )
    doubles = np.array(orjson.loads(text), dtype=np.float64).reshape(cells.shape)
    doubles[~is_finite] = cells[~is_finite]
    return doubles.tolist()


def holds_dates(value: Any) -> bool:
    """Whether it is an array or a scalar of numpy's dates, or of its spans of time."""
    return getattr(getattr(value, "dtype", None), "kind", "") in ("M", "m")


def to_python_dates(dates: Any) -> Any:
    """Dates of numpy as Python's own, to the microsecond; finer ones as text. NaT becomes None.

    Raises:
        NotAcceptableError: spans of time, which no format has.
    """
    import numpy as np

    array = np.asarray(dates)
    if array.dtype.kind == "m":
        raise NotAcceptableError("a span of time has no form here; send it as a number")
    if np.datetime_data(array.dtype)[0] not in ("ns", "ps", "fs", "as"):
        return array.tolist()
    coarse = array.astype("M8[us]")
    same = np.isnat(array) | (coarse.astype(array.dtype) == array)
    return coarse.tolist() if same.all() else np.datetime_as_string(array).tolist()


def _named_outputs(outputs: dict[Any, Any]) -> tuple[tuple[str, ...], list[Any]]:
    """Outputs of a model by name, as many rows each: one row of all of them after the other."""
    check_unique([str(name) for name in outputs])
    columns = {str(name): as_records(part) for name, part in outputs.items()}
    if len({len(column) for column in columns.values()}) != 1:
        raise NotAcceptableError(f"the outputs {', '.join(columns)} differ in their rows")
    return tuple(columns), [list(row) for row in zip(*columns.values(), strict=True)]


def as_records(value: Any) -> list[Any]:
    """One item a row: an object where columns have names, else as :func:`as_rows`.

    Raises:
        NotAcceptableError: the value is not a sequence of rows.
    """
    names, rows = as_rows(value)
    if names is None:
        return rows
    check_unique(names)
    return [dict(zip(names, row, strict=True)) for row in rows]


def check_unique(names: Collection[str]) -> None:
    """Refuse columns of which one would hide the other.

    Raises:
        NotAcceptableError: a name stands twice.
    """
    if len(set(names)) != len(names):
        raise NotAcceptableError(f"two columns of the prediction have one name: {list(names)}")


def encode_text(text: str) -> bytes:
    """Text as UTF-8.

    Raises:
        NotAcceptableError: it holds lone surrogates, which are no Unicode text.
    """
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise NotAcceptableError(f"the prediction is not Unicode text: {error.reason}") from None


def _plain(value: Any) -> Any:  # noqa: PLR0911 - one for each kind
    """What orjson asks for when it meets a type that it does not know."""
    import numpy as np
    import orjson

    is_scalar = isinstance(value, np.generic)
    array = numeric_array(np.atleast_1d(value) if is_scalar else value)
    if array is not None:
        text = orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY)
        return orjson.Fragment(text[1:-1] if is_scalar else text)
    if isinstance(value, Table) or is_frame(value):
        return as_records(value)
    if hasattr(value, "tocsr"):
        return densify(value).tolist()
    if is_missing(value):
        return None
    if holds_dates(value):
        return to_python_dates(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def is_missing(value: Any) -> bool:
    """Whether it is one of the values that pandas writes for a missing cell."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and (value is pandas.NA or value is pandas.NaT)


def is_frame(value: Any) -> bool:
    """Whether it is a data frame of pandas."""
    pandas = sys.modules.get("pandas")  # a frame cannot exist before pandas is imported
    return pandas is not None and isinstance(value, pandas.DataFrame)
