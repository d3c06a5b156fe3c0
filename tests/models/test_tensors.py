"""Tables and tensors become what an input asks for, or are refused with the cell."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scriptmode.errors import InvalidFeaturesError
from scriptmode.models.arrays import fits_float32
from scriptmode.models.tensors import Input, as_tensor, named_inputs
from scriptmode.values import Table

FLOATS = st.floats(allow_nan=True, allow_infinity=True)


@given(hnp.arrays("f8", hnp.array_shapes(min_dims=2, max_dims=3, max_side=4), elements=FLOATS))
def test_numbers_are_cast_as_numpy_casts_or_refused_where_they_do_not_fit(cells: Any) -> None:
    with np.errstate(over="ignore"):
        expected = cells.astype("f4")
    described = Input("x", "float32", None)
    if np.isinf(expected).any():
        with pytest.raises(InvalidFeaturesError, match="is beyond float32"):
            as_tensor(cells, described)
    else:
        np.testing.assert_array_equal(as_tensor(cells, described), expected, strict=True)


@given(hnp.arrays("f8", (2, 3), elements=FLOATS), st.sampled_from(["int64", "int32", "bool"]))
def test_whole_numbers_stay_what_they_are_or_are_refused(cells: Any, dtype: str) -> None:
    described = Input("x", dtype, None)
    with np.errstate(invalid="ignore"):
        expected = cells.astype(dtype)
        is_exact = (expected.astype("f8") == cells).all()
    if is_exact:
        np.testing.assert_array_equal(as_tensor(cells, described), expected, strict=True)
    else:
        with pytest.raises(InvalidFeaturesError, match=f"is beyond {dtype}"):
            as_tensor(cells, described)


@given(hnp.arrays("f8", st.integers(1, 20_000).map(lambda n: (n, 1)), elements=st.just(1.0)),
       st.sampled_from([np.nan, np.inf, -np.inf, 1e39, 1e30, 0.0]), st.data())  # fmt: skip
def test_a_large_cell_is_seen_wherever_it_stands(
    cells: Any, value: float, data: st.DataObject
) -> None:
    cells[data.draw(st.integers(0, len(cells) - 1))] = value
    if fits_float32(cells):
        assert value in (1e30, 0.0)


def test_columns_go_to_the_inputs_of_their_names() -> None:
    inputs = [Input("a", "float32", (None, 1)), Input("n", "int64", (None,))]
    table = Table(("a", "n"), np.array([[0.5, 2.0], [1.5, 3.0]]))
    for data in (table, table.to_pandas()):
        found = named_inputs(data, inputs)
        assert found["a"].tolist() == [[0.5], [1.5]]
        assert found["n"].tolist() == [2, 3]
    assert named_inputs(table.values, inputs)["n"].tolist() == [2, 3]  # as alignment orders them
    for other in (np.ones((2, 3)), Table(("n", "a"), table.values)):
        with pytest.raises(InvalidFeaturesError, match=r"inputs 'a' of shape \(any, 1\), 'n' of"):
            named_inputs(other, inputs)


def test_names_are_not_dropped_where_nobody_put_them_in_order() -> None:
    table = Table(("b", "a"), np.ones((2, 2)))
    with pytest.raises(InvalidFeaturesError, match="no names to put them in order by"):
        named_inputs(table, [Input("x", "float32", None)])


@pytest.mark.parametrize("cell", [None, 3, np.nan, b"x"])
def test_what_is_no_text_is_refused(cell: Any) -> None:
    described = Input("t", "object", (None, 1))
    with pytest.raises(InvalidFeaturesError, match=r"row 2: .* is not text"):
        as_tensor(pd.DataFrame({"t": pd.Series(["a", cell], dtype=object)}), described)
    assert as_tensor(["a", "b"], described).tolist() == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("shape", "problem"),
    [((3, 4), r"\(3, 4\) is not 'x' of shape \(any, 5\)"), ((3, 5, 1), "is not 'x'")],
)
def test_other_shapes_are_refused(shape: Any, problem: str) -> None:
    with pytest.raises(InvalidFeaturesError, match=problem):
        as_tensor(np.ones(shape), Input("x", "float32", (None, 5)))


@pytest.mark.parametrize(
    ("value", "kind", "dtype"),
    [(-1, "i8", "uint64"), (-1, "i1", "uint8"), (2**63, "u8", "int64"), (2**31, "u4", "int32"),
     (200, "u1", "int8"), (65535, "u2", "float16")],
)  # fmt: skip
def test_a_whole_number_is_not_turned_into_another(value: int, kind: str, dtype: str) -> None:
    cells = np.array([[0], [value]], kind)
    with pytest.raises(InvalidFeaturesError, match=f"row 2, column 1: {value} is beyond {dtype}"):
        as_tensor(cells, Input("x", dtype, None))


def test_inputs_of_unequal_rows_are_refused() -> None:
    inputs = [Input("a", "float32", (None, 1)), Input("b", "float32", (None, 1))]
    with pytest.raises(InvalidFeaturesError, match=r"'a': 2, 'b': 3"):
        named_inputs({"a": np.ones((2, 1)), "b": np.ones((3, 1))}, inputs)
    with pytest.raises(InvalidFeaturesError, match="no rows"):
        named_inputs({"a": np.ones((0, 1)), "b": np.ones((0, 1))}, inputs)
    beside = [Input("a", "float32", (None, 1)), Input("b", "float32", (1, 1))]
    assert named_inputs({"a": np.ones((2, 1)), "b": np.ones((1, 1))}, beside)
