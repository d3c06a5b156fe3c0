"""The quick roads through columns, held against reading one cell after the other."""

import datetime as dt
import math
import re
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scriptmode.errors import InvalidFeaturesError
from scriptmode.handlers.checks import MatrixCheck
from scriptmode.handlers.conversion import convert
from scriptmode.handlers.feature import Feature

many = settings(deadline=None, max_examples=200)
BOUNDS = (-2.0, -0.5, 0.0, 0.1, 1.0, 3.0)
LIMITS = {
    "ge": lambda cell, bound: cell >= bound,
    "gt": lambda cell, bound: cell > bound,
    "le": lambda cell, bound: cell <= bound,
    "lt": lambda cell, bound: cell < bound,
}
KINDS: tuple[Any, ...] = ("any", "number", "integer", "boolean")


@st.composite
def numeric(draw: st.DrawFn) -> Feature:
    kind = draw(st.sampled_from(KINDS))
    bounds: list[tuple[str, float]] = []
    if kind in ("number", "integer"):
        bounds = draw(
            st.lists(
                st.tuples(st.sampled_from(sorted(LIMITS)), st.sampled_from(BOUNDS)), max_size=2
            )
        )
    choices = None
    if kind == "number" and not bounds:
        choices = draw(st.sampled_from([None, (1, 2, 3), (0.1, 2.5), (-2, 0.5)]))
    required = draw(st.booleans())
    filler = draw(st.sampled_from([None, 0, 1, 2.5, -7]))
    return Feature(
        "?",
        kind,
        required=required and filler is None,
        default=None if kind == "any" else filler,
        fill=filler if kind == "any" else None,
        bounds=tuple(bounds),
        choices=choices,
    )


NEAR = [step for bound in BOUNDS for step in (bound, np.nextafter(bound, 9), bound - 1, bound + 1)]
FLOATS = st.sampled_from([*NEAR, 2.5, 0.5, math.nan, math.inf, -math.inf, 2.0**53, 1e300, -0.0])


@st.composite
def checked(draw: st.DrawFn, dtypes: tuple[str, ...]) -> tuple[list[Feature], NDArray[Any]]:
    """Features that are numbers, and a matrix of at most 64 cells for them."""
    drawn = draw(st.lists(numeric(), min_size=1, max_size=4))
    features = [
        Feature(**{**vars(each), "name": name}) for name, each in zip("abcd", drawn, strict=False)
    ]
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    cells: st.SearchStrategy[Any] = FLOATS
    if dtype.kind in "iu":
        cells = st.integers(0 if dtype.kind == "u" else -3, 4)
    if dtype.kind == "b":
        cells = st.booleans()
    height = draw(st.integers(1, 5))
    with np.errstate(over="ignore"):
        rows = [[draw(cells) for _ in features] for _ in range(height)]
        return features, np.array(rows).astype(dtype)


class Outcome(NamedTuple):
    cells: list[Any] | None
    message: str = ""
    where: Any = None


def outcome(features: list[Feature], matrix: NDArray[Any], height: int) -> Outcome:
    try:
        found = MatrixCheck(features, range(len(features)))(matrix)
    except InvalidFeaturesError as error:
        return Outcome(None, str(error), error.where)
    assert found.dtype in (matrix.dtype, np.float64)  # a narrow matrix is widened to be filled
    return Outcome([[repr(cell) for cell in row] for row in found[:height].tolist()])


def is_allowed(feature: Feature, cell: float) -> bool:
    """One cell that is not missing."""
    if not all(LIMITS[limit](cell, bound) for limit, bound in feature.bounds):
        return False
    if feature.kind == "integer" and not float(cell).is_integer():
        return False
    choices = (0, 1) if feature.kind == "boolean" else feature.choices
    return choices is None or cell in choices


def naive(features: list[Feature], matrix: NDArray[Any]) -> Outcome:
    is_filled = any(each.filler is not None for each in features) and np.isnan(matrix).any()
    filled = matrix.astype(np.float64) if is_filled else matrix.copy()
    wrong: set[tuple[int, int]] = set()
    for row, column in np.ndindex(matrix.shape):
        feature, cell = features[column], float(matrix[row, column])
        if math.isnan(cell) and feature.filler is not None:
            filled[row, column] = feature.filler
            cell = float(filled[row, column])
        refused = feature.required if math.isnan(cell) else not is_allowed(feature, cell)
        if refused:
            wrong.add((row + 1, column + 1))
    if wrong:
        return Outcome(None, where=wrong)
    return Outcome([[repr(cell) for cell in row] for row in filled.tolist()])


def assert_roads_agree(features: list[Feature], matrix: NDArray[Any]) -> None:
    height = len(matrix)
    small = outcome(features, matrix, height)
    tall = np.concatenate([matrix] * 65)
    assert matrix.size <= 64 < tall.size
    assert outcome(features, tall, height) == small
    expected = naive(features, matrix)
    assert small.cells == expected.cells
    if small.cells is None:
        assert (small.where["row"], small.where["column"]) in expected.where
        assert small.where["field"] == features[small.where["column"] - 1].name


@given(drawn=checked(("f8",)))
@many
def test_few_cells_and_many_are_held_to_the_same(drawn: Any) -> None:
    features, matrix = drawn
    finite = np.where(np.isinf(matrix), 1e300, matrix)
    assert_roads_agree(features, finite)


@given(drawn=checked(("i1", "i8", "u1", "u8", "b1")))
@many
def test_few_whole_numbers_and_many_are_held_to_the_same(drawn: Any) -> None:
    assert_roads_agree(*drawn)


@given(drawn=checked(("f8", "f4", "f2")))
@settings(deadline=None, max_examples=300)
def test_infinite_and_narrow_cells_are_held_to_the_same(drawn: Any) -> None:
    assert_roads_agree(*drawn)


@pytest.mark.parametrize("cell", [math.inf, -math.inf])
@pytest.mark.parametrize(
    ("feature", "problem"),
    [
        (Feature("a", "number", bounds=(("ge", 0.0), ("le", 0.0))), "(less|greater) than 0"),
        (Feature("a", "boolean"), "not one of 0, 1"),
        (Feature("a", "number", choices=(1, 2)), "not one of 1, 2"),
    ],
)
def test_an_infinite_cell_is_refused_with_a_reason(
    feature: Feature, problem: str, cell: float
) -> None:
    with pytest.raises(InvalidFeaturesError, match=problem):
        MatrixCheck([feature], [0])(np.array([[cell]]))


def test_an_infinite_cell_is_no_whole_number() -> None:
    with pytest.raises(InvalidFeaturesError, match="not a whole number"):
        MatrixCheck([Feature("a", "integer")], [0])(np.array([[math.inf]]))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize(
    ("limit", "bound", "problem"),
    [("le", 0.1, "is greater than 0.1"), ("ge", 0.3, "is less than 0.3")],
)
def test_a_narrow_cell_beside_its_bound_is_refused_or_taken(
    dtype: Any, limit: str, bound: float, problem: str
) -> None:
    check = MatrixCheck([Feature("a", "number", bounds=((limit, bound),))], [0])
    cell = np.array([[bound]], dtype)
    if LIMITS[limit](float(cell[0, 0]), bound):
        assert check(cell) is cell
    else:
        with pytest.raises(InvalidFeaturesError, match=problem):
            check(cell)


def test_the_place_in_the_request_is_named() -> None:
    check = MatrixCheck([Feature("b", "number", required=True), Feature("c", "integer")], [1, 4])
    for cells, where in (
        ([[1, 2], [math.nan, 2]], {"row": 2, "column": 2, "field": "b"}),
        ([[1, 2], [1, 0.5]], {"row": 2, "column": 5, "field": "c"}),
    ):
        with pytest.raises(InvalidFeaturesError) as error:
            check(np.array(cells))
        assert error.value.where == where


TEXTS = ("", "NA", "x", "xy", "x9", "é", " x", "1", "0", "1.5", "true", "False", " TRUE ", "nan")
DATES = ("2026-01-31", "2026-01-31T12:00:00", " 1999-12-31 23:59 ", "April", "2026-13-01")
SPELLINGS = (("",), ("", "NA"), ("1", "true"), ())


@st.composite
def described(draw: st.DrawFn) -> Feature:
    kind: Any = draw(st.sampled_from(["number", "integer", "boolean", "text", "datetime"]))
    defaults: dict[str, list[Any]] = {
        "number": [None, 0.5],
        "integer": [None, 3],
        "boolean": [None, True, 0],
        "text": [None, "xy", ""],
        "datetime": [None, dt.datetime(2020, 1, 1), dt.date(2020, 1, 1)],  # noqa: DTZ001
    }
    default = draw(st.sampled_from(defaults[kind]))
    limits: dict[str, Any] = {}
    if kind == "text" and default is None:
        limits = draw(
            st.sampled_from(
                [
                    {},
                    {"min_length": 2},
                    {"max_length": 1},
                    {"pattern": "^x"},
                    {"choices": ("x", "xy")},
                ]
            )
        )
    required = default is None and draw(st.booleans())
    return Feature("a", kind, required=required, default=default, **limits)


WRONG = object()


def read(cell: Any, feature: Feature, missing: tuple[str, ...]) -> Any:
    """What one cell becomes."""
    is_spelled = cell in missing and feature.kind != "text"
    if cell is None or (isinstance(cell, float) and math.isnan(cell)) or is_spelled:
        if feature.required:
            return WRONG
        cell = feature.default
        if cell is None:
            return None
    return READERS[feature.kind](cell, feature)


def read_number(cell: Any, feature: Feature) -> Any:
    is_number = isinstance(cell, (int, float))
    return float(cell) if is_number else WRONG


def read_boolean(cell: Any, feature: Feature) -> Any:
    words = {"true": 1.0, "1": 1.0, "false": 0.0, "0": 0.0}
    if isinstance(cell, str):
        return words.get(cell.strip().lower(), WRONG)
    return float(cell) if cell in (0, 1) else WRONG


def read_text(cell: Any, feature: Feature) -> Any:
    return cell if isinstance(cell, str) and is_like(cell, feature) else WRONG


def is_like(cell: str, feature: Feature) -> bool:
    return (
        (feature.choices is None or cell in feature.choices)
        and len(cell) >= (feature.min_length or 0)
        and (feature.max_length is None or len(cell) <= feature.max_length)
        and (feature.pattern is None or re.search(feature.pattern, cell) is not None)
    )


def read_date(cell: Any, feature: Feature) -> Any:
    if isinstance(cell, dt.datetime):
        return cell
    if isinstance(cell, dt.date):
        return dt.datetime.combine(cell, dt.time())
    if not isinstance(cell, str):
        return WRONG
    try:
        return dt.datetime.fromisoformat(cell.strip())
    except ValueError:
        return WRONG


READERS = {
    "number": read_number,
    "integer": read_number,
    "boolean": read_boolean,
    "text": read_text,
    "datetime": read_date,
}


def plain(column: Any, feature: Feature) -> list[Any]:
    """The cells that the model gets, a missing one as None."""
    if feature.kind == "datetime":
        assert column.dtype.kind == "M"
        return [None if cell is pd.NaT else cell.to_pydatetime() for cell in column]
    assert column.dtype == ("object" if feature.kind == "text" else "float64")
    return [None if cell is None or cell != cell else cell for cell in column]  # noqa: PLR0124


numbers = st.sampled_from([0, 1, 2, -1, 0.5, 1.0, 0.0, 2**53, 1e300, math.nan])
texts = st.sampled_from(TEXTS + DATES)
columns = st.one_of(
    st.lists(st.none() | numbers, min_size=1, max_size=8),
    st.lists(st.none() | texts, min_size=1, max_size=8),
    st.lists(st.none() | st.booleans(), min_size=1, max_size=8),
    st.lists(st.none() | texts | numbers | st.booleans(), min_size=1, max_size=8),
    st.lists(st.sampled_from(["x", "xy"]), min_size=1, max_size=80),
    st.lists(st.integers(0, 1), min_size=1, max_size=80),
)


MAKERS = st.sampled_from(
    [
        lambda cells: pd.DataFrame([[cell] for cell in cells])[0],
        lambda cells: pd.Series(cells, dtype=object),
    ]
)
"""Serializers let a frame find each column's type; a list of objects has none."""


@given(cells=columns, feature=described(), missing=st.sampled_from(SPELLINGS), make=MAKERS)
@settings(deadline=None, max_examples=400)
def test_a_column_is_converted_as_its_cells_are_read(
    cells: list[Any], feature: Feature, missing: tuple[str, ...], make: Any
) -> None:
    if feature.kind == "datetime":  # numbers as dates have a test of their own
        cells = [None if isinstance(cell, (int, float)) else cell for cell in cells]
    column = make(cells)
    expected = [read(cell, feature, missing) for cell in cells]
    wrong = [row for row, cell in enumerate(expected, 1) if cell is WRONG]
    if wrong:
        with pytest.raises(InvalidFeaturesError) as error:
            convert(column, 4, feature, missing)
        assert error.value.where == {"row": wrong[0], "column": 5, "field": "a"}
    else:
        found = convert(column, 4, feature, missing)
        assert plain(found, feature) == expected
        assert list(found.index) == list(column.index)


@pytest.mark.parametrize("dtype", [object, "int64", "float64"])
def test_a_number_is_no_date(dtype: Any) -> None:
    with pytest.raises(InvalidFeaturesError, match="not a date"):
        convert(pd.Series([20260131], dtype=dtype), 0, Feature("a", "datetime"), ())


@pytest.mark.parametrize(
    "cells",
    [
        ["2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00"],
        ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00"],
        ["2026-01-31T12:00:00", "2026-01-31T12:00:00+01:00"],
        ["2026-01-31T12:00:00Z", None],
    ],
)
@pytest.mark.parametrize("default", [None, dt.datetime(2020, 1, 1)])  # noqa: DTZ001
def test_dates_of_several_time_zones_are_converted_or_refused(
    cells: list[Any], default: Any
) -> None:
    feature = Feature("a", "datetime", default=default)
    try:
        found = convert(pd.Series(cells), 0, feature, ())
    except InvalidFeaturesError:
        return
    assert found.dtype.kind == "M"


@pytest.mark.parametrize("kind", ["number", "integer"])
def test_truth_values_are_numbers_everywhere_or_nowhere(kind: Any) -> None:
    feature = Feature("a", kind)
    matrix = np.array([[True]])
    try:
        taken = bool(MatrixCheck([feature], [0])(matrix)[0, 0])
    except InvalidFeaturesError:
        taken = False
    try:
        converted = convert(pd.Series([True]), 0, feature, ()).tolist() == [1.0]
    except InvalidFeaturesError:
        converted = False
    assert taken == converted
