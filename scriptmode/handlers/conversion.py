"""One column of a data frame in the type of its feature."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from scriptmode.handlers.checks import refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    import pandas as pd

    from scriptmode.errors import InvalidFeaturesError
    from scriptmode.handlers.feature import Feature

_WORDS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
_SHOWN = 40


def convert(
    column: pd.Series[Any], index: int, feature: Feature, missing: Collection[str]
) -> pd.Series[Any]:
    """One column of a data frame in the type of its feature.

    Args:
        column: the cells as the serializer left them.
        index: where the column stands, from 0.
        feature: what the cells must be.
        missing: the spellings of a missing cell where text is none; a format without types has
            told those of text apart already.

    Returns:
        float64 for numbers and booleans, datetime64 for dates, objects for text; a missing
        cell is NaN, NaT or None, or the feature's default.

    Raises:
        InvalidFeaturesError: the first cell that its feature does not allow; numbers are held
            to their bounds by :class:`MatrixCheck`.
    """
    import pandas as pd

    if feature.kind == "any":
        return _fill_any(column, index, feature)
    if feature.kind != "text" and column.dtype.kind in "fiu":
        numbers = column.astype("float64")
        if feature.kind != "datetime" and not (feature.is_worded or numbers.isna().any()):
            return numbers
    missing = () if feature.kind == "text" else missing
    read = _Reader(feature, missing)
    try:  # each spelling is read once: columns repeat themselves
        cells = [read[cell] for cell in column]
    except (_RefusedError, TypeError):  # TypeError: of a cell that is not hashable
        raise _first_refused(column, index, feature, missing) from None
    if feature.kind == "datetime":
        return _dates(cells, column, index, feature)
    dtype = "object" if feature.kind == "text" else "float64"
    return pd.Series(cells, index=column.index, dtype=dtype)


class _RefusedError(Exception):
    """A cell that its feature does not allow."""


class _Reader(dict[Any, Any]):
    """From a cell as it was sent to the cell as the model gets it."""

    def __init__(self, feature: Feature, missing: Collection[str]) -> None:
        super().__init__()
        self._feature, self._missing = feature, missing

    def __missing__(self, cell: Any) -> Any:
        problem, value = _read(cell, self._feature, self._missing)
        if problem:
            raise _RefusedError(problem)
        # 1, 1.0 and True are one key, but not one cell.
        if isinstance(cell, str):
            self[cell] = value
        return value


def _read(cell: Any, feature: Feature, missing: Collection[str]) -> tuple[str | None, Any]:
    """What is wrong with a cell, and what it becomes."""
    import pandas as pd

    absent = pd.isna(cell) or (isinstance(cell, str) and cell in missing)
    if absent and feature.required:
        return "is missing", None
    value = feature.default if absent else cell
    if value is None:
        return None, None
    problem, value = _READERS.get(feature.kind, _read_number)(value, feature)
    return problem and f"{str(cell)[:_SHOWN]!r} is {problem}", value


def _first_refused(
    column: pd.Series[Any], index: int, feature: Feature, missing: Collection[str]
) -> InvalidFeaturesError:
    for row, cell in enumerate(column):
        problem, _ = _read(cell, feature, missing)
        if problem:
            return refuse(row, index, feature, problem)
    raise AssertionError("every cell is allowed")


def _dates(
    cells: list[datetime | None], column: pd.Series[Any], index: int, feature: Feature
) -> pd.Series[Any]:
    """Dates in one time zone, UTC, or all in none."""
    import pandas as pd

    zoned = [cell is not None and cell.tzinfo is not None for cell in cells]
    if any(zoned):
        for row, cell in enumerate(cells):
            if cell is not None and not zoned[row]:
                other = zoned.index(True) + 1
                problem = f"{str(cell)!r} has no time zone, and row {other} has one"
                raise refuse(row, index, feature, problem)
    return pd.to_datetime(pd.Series(cells, index=column.index, dtype=object), utc=any(zoned))


def _fill_any(column: pd.Series[Any], index: int, feature: Feature) -> pd.Series[Any]:
    """A column of which nothing is known but what becomes of missing cells."""
    gaps = column.isna().to_numpy()
    if not feature.is_checked or not gaps.any():
        return column
    holds_text = any(isinstance(cell, str) for cell in column)
    if feature.fill is not None and not holds_text:
        return column.astype(object).where(~gaps, feature.fill).astype("float64")
    raise refuse(int(gaps.argmax()), index, feature, "is missing")


def _read_number(cell: Any, _: Feature) -> tuple[str | None, Any]:
    import numpy as np

    is_number = isinstance(cell, (int, float, np.number, np.bool_))  # true is 1, as in an array
    return (None, float(cell)) if is_number else ("not a number", None)


def _read_boolean(cell: Any, _: Feature) -> tuple[str | None, Any]:
    if isinstance(cell, (bool, int, float)):
        return (None, float(cell)) if cell in (0, 1) else ("neither true nor false", None)
    word = _WORDS.get(cell.strip().lower()) if isinstance(cell, str) else None
    return ("neither true nor false", None) if word is None else (None, word)


def _read_text(cell: Any, feature: Feature) -> tuple[str | None, Any]:
    if not isinstance(cell, str):
        return "not text", None
    if feature.choices is not None and cell not in feature.allowed:
        return f"not one of {', '.join(feature.choices)}", None
    if feature.min_length is not None and len(cell) < feature.min_length:
        return f"shorter than {feature.min_length}", None
    if feature.max_length is not None and len(cell) > feature.max_length:
        return f"longer than {feature.max_length}", None
    if feature.pattern is not None and not re.search(_to_the_end(feature.pattern), cell):
        return f"not like {feature.pattern}", None
    return None, cell


def _to_the_end(pattern: str) -> str:
    """A pattern whose dollar sign means the end, as to pydantic, and no line break before it."""
    is_anchored = pattern.endswith("$") and not pattern.endswith("\\$")
    return f"{pattern[:-1]}\\Z" if is_anchored else pattern


def _read_datetime(cell: Any, _: Feature) -> tuple[str | None, Any]:
    if isinstance(cell, datetime):
        return None, cell
    if not isinstance(cell, (str, date)):
        return "not a date in ISO 8601", None
    try:
        return None, datetime.fromisoformat(str(cell).strip().replace("Z", "+00:00"))
    except ValueError:
        return "not a date in ISO 8601", None


_READERS: dict[str, Callable[[Any, Feature], tuple[str | None, Any]]] = {
    "boolean": _read_boolean,
    "text": _read_text,
    "datetime": _read_datetime,
}
