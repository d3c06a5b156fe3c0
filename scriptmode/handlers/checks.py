"""Holding columns to what their features say, a whole column at a time."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from scriptmode.errors import InvalidFeaturesError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from scriptmode.handlers.feature import Feature

_SAYS = {
    "ge": "less than",
    "gt": "not greater than",
    "le": "greater than",
    "lt": "not less than",
}
_WORDS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}
_SHOWN = 40


class MatrixCheck:
    """Checks a matrix of numbers against features that are all numbers.

    Args:
        features: one for each column, in order.
        places: where each of them stands in a request, from 0, for errors.
    """

    def __init__(self, features: Sequence[Feature], places: Sequence[int]) -> None:
        import numpy as np

        self._features, self._places = tuple(features), tuple(places)
        self._lower, self._upper = (
            np.array(side) for side in zip(*map(_limits, features), strict=True)
        )
        self._is_bounded = bool(np.isfinite([self._lower, self._upper]).any())
        self._whole = [i for i, each in enumerate(features) if each.kind == "integer"]
        self._chosen = [
            (i, _choices(each))
            for i, each in enumerate(features)
            if each.choices or each.kind == "boolean"
        ]
        self._never_missing = [
            i for i, each in enumerate(features) if each.required or each.default is not None
        ]

    def __call__(self, values: NDArray[Any]) -> NDArray[Any]:
        """The same cells, missing ones filled where there is a default.

        Args:
            values: ``(rows, features)``; NaN is a missing cell.

        Raises:
            InvalidFeaturesError: the first cell that its feature does not allow.
        """
        import numpy as np

        missing = np.isnan(values)
        if missing.any():
            values = self._fill(values, missing)
        if self._is_bounded:
            outside = (values < self._lower) | (values > self._upper)  # never true of NaN
            if outside.any():
                row, column = np.argwhere(outside)[0]
                raise self._refuse(values, row, column, self._bound_broken(values, row, column))
        for column in self._whole:
            cells = values[:, column]
            self._refuse_first(values, column, cells != np.rint(cells), "not a whole number")
        for column, choices in self._chosen:
            wrong = ~np.isin(values[:, column], choices)
            listed = ", ".join(_show(choice) for choice in choices)
            self._refuse_first(values, column, wrong, f"not one of {listed}")
        return values

    def _fill(self, values: NDArray[Any], missing: NDArray[Any]) -> NDArray[Any]:
        import numpy as np

        values = values.copy()
        for column in self._never_missing:
            gaps = missing[:, column]
            if self._features[column].default is not None:
                values[gaps, column] = float(self._features[column].default)
            elif gaps.any():
                row = int(np.flatnonzero(gaps)[0])
                raise self._refuse_cell(row, column, "is missing")
        return values

    def _bound_broken(self, values: NDArray[Any], row: int, column: int) -> str:
        for limit, bound in self._features[column].bounds:
            if _breaks(limit, values[row, column], bound):
                return f"{_SAYS[limit]} {_show(bound)}"
        raise AssertionError("the cell is within its bounds")

    def _refuse_first(
        self, values: NDArray[Any], column: int, wrong: NDArray[Any], problem: str
    ) -> None:
        import numpy as np

        wrong = wrong & ~np.isnan(values[:, column])
        if wrong.any():
            raise self._refuse(values, int(np.flatnonzero(wrong)[0]), column, problem)

    def _refuse(
        self, values: NDArray[Any], row: int, column: int, problem: str
    ) -> InvalidFeaturesError:
        return self._refuse_cell(row, column, f"{_show(values[row, column])} is {problem}")

    def _refuse_cell(self, row: int, column: int, problem: str) -> InvalidFeaturesError:
        return refuse(int(row), self._places[column], self._features[column], problem)


def convert(
    column: pd.Series[Any], index: int, feature: Feature, missing: Collection[str]
) -> pd.Series[Any]:
    """One column of a data frame in the type of its feature.

    Args:
        column: the cells as the serializer left them.
        index: where the column stands, from 0.
        feature: what the cells must be.
        missing: the spellings of a missing cell.

    Returns:
        float64 for numbers and booleans, datetime64 for dates, objects for text; a missing
        cell is NaN, NaT or None, or the feature's default.

    Raises:
        InvalidFeaturesError: the first cell that its feature does not allow; numbers are held
            to their bounds by :class:`MatrixCheck`.
    """
    import pandas as pd

    if feature.kind == "any":
        return column
    reader = _READERS.get(feature.kind, _read_number)
    cells: list[Any] = []
    for row, cell in enumerate(column):
        absent = pd.isna(cell) or (isinstance(cell, str) and cell in missing)
        if absent and feature.required:
            raise refuse(row, index, feature, "is missing")
        value = feature.default if absent else cell
        if value is not None:
            problem, value = reader(value, feature)
            if problem:
                raise refuse(row, index, feature, f"{str(cell)[:_SHOWN]!r} is {problem}")
        cells.append(value)
    if feature.kind == "datetime":
        return pd.to_datetime(pd.Series(cells, index=column.index))
    dtype = "object" if feature.kind == "text" else "float64"
    return pd.Series(cells, index=column.index, dtype=dtype)


def refuse(row: int, column: int, feature: Feature, problem: str) -> InvalidFeaturesError:
    """The error for one cell, counted from 0 here and from 1 in the message."""
    return InvalidFeaturesError(
        f'row {row + 1}, field "{feature.name}": {problem}',
        row=row + 1,
        column=column + 1,
        field=feature.name,
    )


def _limits(feature: Feature) -> tuple[float, float]:
    """The inclusive interval of doubles that the bounds leave."""
    import numpy as np

    lower, upper = -np.inf, np.inf
    for limit, bound in feature.bounds:
        if limit in ("ge", "gt"):
            lower = max(lower, bound if limit == "ge" else np.nextafter(bound, np.inf))
        else:
            upper = min(upper, bound if limit == "le" else np.nextafter(bound, -np.inf))
    return lower, upper


def _breaks(limit: str, cell: float, bound: float) -> bool:
    wrong: dict[str, Callable[[], bool]] = {
        "ge": lambda: cell < bound,
        "gt": lambda: cell <= bound,
        "le": lambda: cell > bound,
        "lt": lambda: cell >= bound,
    }
    return bool(wrong[limit]())


def _choices(feature: Feature) -> Sequence[Any]:
    return feature.choices or (0, 1)


def _show(number: Any) -> str:
    return f"{float(number):.17g}" if float(number) != int(number) else str(int(number))


def _read_number(cell: Any, _: Feature) -> tuple[str | None, Any]:
    import numpy as np

    is_number = isinstance(cell, (int, float, np.number)) and not isinstance(cell, bool)
    return (None, float(cell)) if is_number else ("not a number", None)


def _read_boolean(cell: Any, _: Feature) -> tuple[str | None, Any]:
    if isinstance(cell, (bool, int, float)):
        return (None, float(cell)) if cell in (0, 1) else ("neither true nor false", None)
    word = _WORDS.get(cell.strip().lower()) if isinstance(cell, str) else None
    return ("neither true nor false", None) if word is None else (None, word)


def _read_text(cell: Any, feature: Feature) -> tuple[str | None, Any]:
    if not isinstance(cell, str):
        return "not text", None
    if feature.choices is not None and cell not in feature.choices:
        return f"not one of {', '.join(feature.choices)}", None
    if feature.min_length is not None and len(cell) < feature.min_length:
        return f"shorter than {feature.min_length}", None
    if feature.max_length is not None and len(cell) > feature.max_length:
        return f"longer than {feature.max_length}", None
    if feature.pattern is not None and not re.search(feature.pattern, cell):
        return f"not like {feature.pattern}", None
    return None, cell


def _read_datetime(cell: Any, _: Feature) -> tuple[str | None, Any]:
    if isinstance(cell, datetime):
        return None, cell
    try:
        return None, datetime.fromisoformat(str(cell).strip().replace("Z", "+00:00"))
    except ValueError:
        return "not a date in ISO 8601", None


_READERS: dict[str, Callable[[Any, Feature], tuple[str | None, Any]]] = {
    "boolean": _read_boolean,
    "text": _read_text,
    "datetime": _read_datetime,
}
