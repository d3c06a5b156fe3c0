"""What a model answers under several names, through every format."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scriptmode import compose
from scriptmode.errors import NotAcceptableError, PredictionError
from scriptmode.serializers.csv import CSV
from scriptmode.serializers.json import JSON
from scriptmode.serializers.jsonlines import JSONLines
from scriptmode.serializers.npy import NPY
from scriptmode.serializers.npz import NPZ
from scriptmode.testing import invoke
from tests.serializers.checks import strict_json

OUTPUTS: dict[str, NDArray[Any]] = {
    "label": np.array(["cat", 'a "dog", wet']),
    "score": np.array([0.1, np.nan], np.float32),
    "proba": np.array([[0.1, 0.9], [np.nan, 1.0]], np.float32),
    "count": np.array([2**53 + 1, -1]),
}
RECORDS: list[dict[str, Any]] = [
    {"label": "cat", "score": 0.1, "proba": [0.1, 0.9], "count": 2**53 + 1},
    {"label": 'a "dog", wet', "score": None, "proba": [None, 1.0], "count": -1},
]


def lines_of(body: bytes) -> list[Any]:
    return [strict_json(line) for line in body.splitlines()]


def cells_of(body: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body.decode(), newline=""), strict=True))


def test_json_carries_each_output_under_its_name() -> None:
    assert strict_json(JSON().encode(OUTPUTS, {})) == {
        name: [record[name] for record in RECORDS] for name in OUTPUTS
    }


def test_json_lines_carry_all_outputs_of_a_row_in_one_object() -> None:
    found = lines_of(JSONLines().encode(OUTPUTS, {}))
    assert found == RECORDS
    assert [list(record) for record in found] == [list(OUTPUTS)] * 2


def test_csv_carries_all_outputs_of_a_row_in_one_line() -> None:
    expected = [
        ["cat", "0.1", "[0.1, 0.9]", str(2**53 + 1)],
        ['a "dog", wet', "", "[null, 1.0]", "-1"],
    ]
    assert cells_of(CSV().encode(OUTPUTS, {})) == expected
    assert cells_of(CSV().encode(OUTPUTS, {"header": "absent"})) == expected
    with_names = [list(OUTPUTS), *expected]
    assert cells_of(CSV().encode(OUTPUTS, {"header": "present"})) == with_names
    assert cells_of(CSV(header=True).encode(OUTPUTS, {})) == with_names
    assert cells_of(CSV(header=True).encode(OUTPUTS, {"header": "absent"})) == expected


def test_npz_carries_each_output_as_it_is() -> None:
    numbers = {name: array for name, array in OUTPUTS.items() if name != "label"}
    with np.load(io.BytesIO(NPZ().encode(numbers, {}))) as archive:
        assert archive.files == list(numbers)
        for name, array in numbers.items():
            np.testing.assert_array_equal(archive[name], array, strict=True)


def test_npz_refuses_outputs_that_are_words() -> None:
    with pytest.raises(NotAcceptableError, match="numbers"):
        NPZ().encode(OUTPUTS, {})


def test_npy_refuses_several_outputs_with_a_reason() -> None:
    for outputs in (OUTPUTS, {"score": np.zeros(2)}):
        with pytest.raises(NotAcceptableError, match="npy carries"):
            NPY().encode(outputs, {})


UNEQUAL: list[dict[str, Any]] = [
    {"a": np.zeros(2), "b": np.zeros(3)},
    {"a": np.zeros((2, 3)), "b": np.zeros((3, 2))},
    {"a": np.zeros(2), "b": []},
    {"a": np.zeros(1), "b": np.zeros(2), "c": np.zeros(1)},
]


@pytest.mark.parametrize("outputs", UNEQUAL)
@pytest.mark.parametrize("encoder", [CSV(), CSV(header=True), JSONLines()])
def test_outputs_of_unequal_lengths_are_no_rows(encoder: Any, outputs: dict[str, Any]) -> None:
    with pytest.raises(NotAcceptableError, match=r"the outputs a, b.* differ in their rows"):
        encoder.encode(outputs, {})


@pytest.mark.parametrize("outputs", [{"a": np.float64(1)}, {"a": 1.5}, {"a": np.array(1)}, {}])
@pytest.mark.parametrize("encoder", [CSV(), JSONLines()])
def test_outputs_without_rows_are_refused(encoder: Any, outputs: dict[str, Any]) -> None:
    with pytest.raises(NotAcceptableError, match="has no rows"):
        encoder.encode(outputs, {})


NONE: dict[str, Any] = {"a": np.zeros(0), "b": np.zeros((0, 3), np.float32)}


@pytest.mark.parametrize(
    ("encoder", "params", "expected"),
    [
        (JSON(), {}, b'{"a":[],"b":[]}'),
        (JSONLines(), {}, b""),
        (CSV(), {}, b""),
        (CSV(), {"header": "present"}, b"a,b\n"),
    ],
)
def test_outputs_for_no_rows_are_empty(encoder: Any, params: Any, expected: bytes) -> None:
    assert encoder.encode(NONE, params) == expected


def test_infinity_is_null_in_json_and_itself_in_csv() -> None:
    outputs = {"a": np.array([np.inf]), "b": np.array([[-np.inf, 1]])}
    assert strict_json(JSON().encode(outputs, {})) == {"a": [None], "b": [[None, 1.0]]}
    assert lines_of(JSONLines().encode(outputs, {})) == [{"a": None, "b": [None, 1.0]}]
    assert cells_of(CSV().encode(outputs, {})) == [["inf", "[null, 1.0]"]]


@pytest.mark.parametrize("dtype", [np.float32])
def test_a_narrow_float_has_its_fewest_digits_beside_infinity_too(dtype: Any) -> None:
    outputs = {"a": np.array([0.1, np.inf], dtype), "b": np.array([[0.1], [np.inf]], dtype)}
    assert lines_of(JSONLines().encode(outputs, {}))[0] == {"a": 0.1, "b": [0.1]}
    assert cells_of(CSV().encode(outputs, {}))[0] == ["0.1", "[0.1]"]


def test_truth_values_are_spelled_alike_with_and_without_a_name() -> None:
    array = np.array([True, False])
    assert CSV().encode({"a": array}, {}) == CSV().encode(array, {})
    assert lines_of(JSONLines().encode({"a": array}, {})) == [{"a": True}, {"a": False}]


def test_missing_words_are_missing_cells() -> None:
    outputs = {"a": np.array(["x", None, np.nan], dtype=object)}
    assert strict_json(JSON().encode(outputs, {})) == {"a": ["x", None, None]}
    assert lines_of(JSONLines().encode(outputs, {})) == [{"a": "x"}, {"a": None}, {"a": None}]
    assert cells_of(CSV().encode({**outputs, "b": np.zeros(3)}, {}))[1:] == [["", "0.0"]] * 2


def test_names_that_are_numbers_are_written_as_words() -> None:
    outputs: Any = {0: np.array([0.1]), 1: np.array([0.9])}
    assert CSV().encode(outputs, {"header": "present"}) == b"0,1\n0.1,0.9\n"
    assert lines_of(JSONLines().encode(outputs, {})) == [{"0": 0.1, "1": 0.9}]
    with np.load(io.BytesIO(NPZ().encode(outputs, {}))) as archive:
        assert archive.files == ["0", "1"]
    assert strict_json(JSON().encode(outputs, {})) == {"0": [0.1], "1": [0.9]}


def test_two_names_that_are_written_alike_never_hide_one_another() -> None:
    outputs: Any = {1: np.array([0.1]), "1": np.array([0.9])}
    for encoder in (CSV(header=True), JSONLines(), NPZ()):
        with pytest.raises(NotAcceptableError, match="one name"):
            encoder.encode(outputs, {})


WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
"""numpy drops a final NUL, and names in zip files end at one."""


@st.composite
def outputs_of(draw: st.DrawFn) -> dict[str, NDArray[Any]]:
    """One to four arrays of as many rows each, one- or two-dimensional."""
    rows = draw(st.integers(1, 4))
    names = draw(st.lists(WORDS, min_size=1, max_size=4, unique=True))
    cells: dict[str, st.SearchStrategy[Any]] = {
        "f8": st.floats(allow_infinity=False) | st.just(np.nan),
        "f4": st.floats(width=32, allow_infinity=False) | st.just(np.nan),
        "i8": st.integers(-(2**63), 2**63 - 1),
        "b1": st.booleans(),
        "U6": WORDS,
    }
    made: dict[str, NDArray[Any]] = {}
    for name in names:
        dtype = draw(st.sampled_from(sorted(cells)))
        width = draw(st.sampled_from([None, 1, 3]))
        flat = [draw(cells[dtype]) for _ in range(rows * (width or 1))]
        array = np.array(flat, dtype)
        made[name] = array if width is None else array.reshape(rows, width)
    return made


def plain(cell: Any) -> Any:
    """A cell as JSON reads it back: float32 in the double of its fewest digits."""
    if isinstance(cell, np.ndarray):
        return [plain(part) for part in cell]
    if cell.dtype.kind == "f":
        return None if np.isnan(cell) else float(str(cell))
    return cell.item()


def as_records(outputs: dict[str, NDArray[Any]]) -> list[dict[str, Any]]:
    rows = len(next(iter(outputs.values())))
    return [{name: plain(array[row]) for name, array in outputs.items()} for row in range(rows)]


def read_back(text: str, expected: Any) -> Any:
    """A cell of CSV in the type that is expected of it."""
    if isinstance(expected, list):
        return json.loads(text)
    if expected is None:
        return text or None
    if isinstance(expected, bool):
        return {"true": True, "false": False}[text.lower()]
    return type(expected)(text)


@given(outputs=outputs_of())
@settings(deadline=None, max_examples=150)
def test_outputs_survive_every_format(outputs: dict[str, NDArray[Any]]) -> None:
    records = as_records(outputs)
    assert lines_of(JSONLines().encode(outputs, {})) == records
    assert strict_json(JSON().encode(outputs, {})) == {
        name: [record[name] for record in records] for name in outputs
    }
    names, *lines = cells_of(CSV().encode(outputs, {"header": "present"}))
    assert names == list(outputs)
    assert len(lines) == len(records)
    for line, record in zip(lines, records, strict=True):
        expected = list(record.values())
        assert [read_back(*pair) for pair in zip(line, expected, strict=True)] == expected


@given(outputs=outputs_of())
@settings(deadline=None, max_examples=100)
def test_numbers_survive_npz_to_the_bit(outputs: dict[str, NDArray[Any]]) -> None:
    numbers = {name: array for name, array in outputs.items() if array.dtype.kind != "U"}
    if not numbers:
        return
    found = NPZ().decode(NPZ().encode(numbers, {}), {})
    assert list(found) == list(numbers)
    for name, array in numbers.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()


class Answers:
    """Answers what it was made with."""

    name = "answers"

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def load(self, model_dir: Path) -> str:
        return "model"

    def predict(self, model: str, data: Any) -> Any:
        return self.answer


def ask(answer: Any, accept: str | None, **declared: Any) -> Any:
    handler = compose(Answers(answer), **declared)
    return invoke(handler, "[[1], [2]]", accept=accept, model_dir=Path(__file__).parent)


@pytest.mark.parametrize(
    ("accept", "content_type", "begins"),
    [
        (None, "application/json", b'{"label":["cat"'),
        ("application/jsonlines", "application/jsonlines", b'{"label":"cat"'),
        ("text/csv", "text/csv", b"cat,0.1,"),
        ("text/csv; header=present", "text/csv", b"label,score,proba,count\ncat"),
        ("application/x-npy, text/csv;q=0.1", None, None),
    ],
)
def test_several_outputs_are_negotiated_like_one(
    accept: str | None, content_type: str | None, begins: bytes | None
) -> None:
    reply = ask(OUTPUTS, accept)
    if content_type is None or begins is None:
        assert reply.status == 406
        assert "npy" in reply.json()["message"]
    else:
        assert (reply.status, reply.content_type) == (200, content_type)
        assert reply.body.startswith(begins)


@pytest.mark.parametrize("outputs", UNEQUAL)
@pytest.mark.parametrize("accept", [None, "text/csv", "application/jsonlines"])
def test_outputs_of_unequal_lengths_are_no_mistake_of_the_caller(
    outputs: Any, accept: str | None
) -> None:
    reply = ask(outputs, accept)
    assert isinstance(reply.error, PredictionError)
    assert "2 rows came in" in reply.json()["message"]
