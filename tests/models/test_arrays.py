from typing import Any

import numpy as np
import pandas as pd
import pytest

from scriptmode.errors import InvalidFeaturesError
from scriptmode.models.arrays import as_frame, as_matrix
from scriptmode.values import Table


@pytest.mark.parametrize(
    "data",
    [
        np.array([[1.0, np.nan], [3.0, 4.0]]),
        [[1.0, np.nan], [3.0, 4.0]],
        Table(["a", "b"], np.array([[1.0, np.nan], [3.0, 4.0]])),
        pd.DataFrame({"a": [1, 3], "b": [None, 4.0]}),
        pd.DataFrame({"a": [1, 3], "b": pd.array([None, 4], dtype="Int64")}),
        pd.DataFrame({"a": [True, 3], "b": [None, 4]}, dtype=object),
    ],
)
def test_every_table_of_numbers_becomes_the_same_matrix(data: Any) -> None:
    np.testing.assert_array_equal(as_matrix(data), [[1.0, np.nan], [3.0, 4.0]])


def test_text_is_never_parsed_and_its_place_is_named() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [None, "7"]})
    with pytest.raises(
        InvalidFeaturesError, match="row 2, field 'b': '7' is not a number"
    ) as error:
        as_matrix(frame)
    assert error.value.where == {"row": 2, "column": 2, "field": "b"}


def test_dates_are_not_numbers() -> None:
    with pytest.raises(InvalidFeaturesError):
        as_matrix(pd.DataFrame({"a": pd.to_datetime(["2020-01-01"])}))


def test_a_frame_has_the_models_names() -> None:
    frame = as_frame(np.array([[1.0, 2.0]]), ["a", "b"])
    assert list(frame.columns) == ["a", "b"]
    assert as_frame(frame, ["a", "b"]) is frame
    numbered = pd.DataFrame([["x", 2.0]])
    assert list(as_frame(numbered, ["a", "b"]).columns) == ["a", "b"]
