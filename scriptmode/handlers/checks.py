"""Holding columns to what their features say, a whole column at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptmode.errors import InvalidFeaturesError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from scriptmode.handlers.feature import Feature

_SAYS = {
    "ge": "less than",
    "gt": "not greater than",
    "le": "greater than",
    "lt": "not less than",
}
_FEW = 64  # cells, below which Python's own loop is quicker than numpy's calls


class MatrixCheck:
    """Checks a matrix of numbers against features that are all numbers.

    Args:
        features: one for each column, in order.
        places: where each of them stands in a request, from 0, for errors.
    """

    def __init__(self, features: Sequence[Feature], places: Sequence[int]) -> None:
        import numpy as np

        self._features, self._places = tuple(features), tuple(places)
        limits = [_limits(each) for each in features]
        self._bounds = limits
        self._lower, self._upper = (np.array(side) for side in zip(*limits, strict=True))
        self._is_bounded = bool(np.isfinite([self._lower, self._upper]).any())
        self._whole = [i for i, each in enumerate(features) if each.kind == "integer"]
        self._chosen = [
            (i, each.choices or (0, 1))
            for i, each in enumerate(features)
            if each.choices or each.kind == "boolean"
        ]
        self._never_missing = [
            i for i, each in enumerate(features) if each.required or each.filler is not None
        ]

    def __call__(self, values: NDArray[Any]) -> NDArray[Any]:
        """The same cells, missing ones filled where there is a default.

        Args:
            values: ``(rows, features)``; NaN is a missing cell.

        Raises:
            InvalidFeaturesError: the first cell that its feature does not allow.
        """
        if values.size <= _FEW and all(map(self._is_plain, values.tolist())):
            return values
        # A narrow cell beside its bound is compared as it is, not as numpy would round the bound.
        doubles = values.astype("float64", copy=False)
        checked = self._check(doubles)
        return values if checked is doubles else checked

    def _is_plain(self, row: list[float]) -> bool:
        """Whether a row is complete and as it should be: for few cells quicker than numpy."""
        for cell, (lower, upper) in zip(row, self._bounds, strict=True):
            if not lower <= cell <= upper:  # so is NaN, which is a missing cell
                return False
        for index in self._whole:
            if row[index] % 1:
                return False
        return all(row[index] in choices for index, choices in self._chosen)

    def _check(self, values: NDArray[Any]) -> NDArray[Any]:
        import numpy as np

        missing = np.isnan(values)
        if self._never_missing and missing.any():
            values = self._fill(values, missing)
        if self._is_bounded:
            outside = (values < self._lower) | (values > self._upper)  # never true of NaN
            if outside.any():
                row, column = np.argwhere(outside)[0]
                raise self._refuse(values, row, column, self._bound_broken(values, row, column))
        for column in self._whole:
            cells = values[:, column]
            wrong = (cells != np.rint(cells)) | np.isinf(cells)
            self._refuse_first(values, column, wrong, "not a whole number")
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
            filler = self._features[column].filler
            if filler is not None:
                values[gaps, column] = float(filler)
            elif gaps.any():
                row = int(np.flatnonzero(gaps)[0])
                raise self._refuse_cell(row, column, "is missing")
        return values

    def _bound_broken(self, values: NDArray[Any], row: int, column: int) -> str:
        for limit, bound in self._features[column].bounds:
            if breaks(limit, values[row, column], bound):
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


def breaks(limit: str, cell: float, bound: float) -> bool:
    """Whether a cell is outside a bound; ``limit`` is one of ``ge``, ``gt``, ``le``, ``lt``."""
    wrong: dict[str, Callable[[], bool]] = {
        "ge": lambda: cell < bound,
        "gt": lambda: cell <= bound,
        "le": lambda: cell > bound,
        "lt": lambda: cell >= bound,
    }
    return bool(wrong[limit]())


def _show(number: Any) -> str:
    value = float(number)
    return str(int(value)) if value.is_integer() else f"{value:.17g}"
