from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from scriptmode.errors import DeclarationError, NotAcceptableError, RequestError
from scriptmode.serializers import flat
from scriptmode.serializers.libsvm import LibSVM
from scriptmode.testing.conformance import SerializerSuite
from scriptmode.values import Table
from tests.serializers.checks import BINARY, outcome, refusal, within
from tests.serializers.memory import MIB, memory_within
from tests.serializers.strategies import mutated

NAN = math.nan
modest = settings(deadline=None, max_examples=80)
PLAIN_NUMBERS = st.integers(-9, 9).map(str) | st.floats(allow_nan=False, allow_infinity=False).map(
    repr
)
NUMBERS = PLAIN_NUMBERS | st.sampled_from(
    ["nan", "+1", ".5", "5.", "007", "1e5", "-0", "1e999", "x"]
)
LABELS = st.sampled_from(
    ["1", "-1", "0.5", "1", "1", "1:0.5", "nan", "+1", "null", "true", '"5"', "[1]"]
)


def decode(body: bytes | str, base: int = 0, labelled: bool | None = None) -> Any:  # noqa: FBT001
    return LibSVM(base, labelled).decode(body, {})


def dense(matrix: Any, absent: float = NAN) -> list[list[float]]:
    """The cells as lists, with something in place of those that are absent."""
    found = np.full(matrix.shape, absent)
    coo = matrix.tocoo()
    found[coo.row, coo.col] = coo.data
    rows: list[list[float]] = found.tolist()
    return rows


def assert_same_cells(found: Any, expected: Any) -> None:
    assert found.shape == expected.shape
    assert found.indptr.tolist() == expected.indptr.tolist()
    assert found.indices.tolist() == expected.indices.tolist()
    assert found.data.dtype == expected.data.dtype == np.float64
    np.testing.assert_array_equal(found.data, expected.data)
    assert np.signbit(found.data).tolist() == np.signbit(expected.data).tolist()


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Mostly labelled rows of cells whose columns rise."""
    numbers = draw(st.sampled_from([PLAIN_NUMBERS, PLAIN_NUMBERS, NUMBERS]))
    labels = draw(st.sampled_from([st.just("1"), PLAIN_NUMBERS, LABELS]))
    columns = st.lists(st.integers(0, 12), max_size=4, unique=True).map(sorted)
    lines = []
    for _ in range(draw(st.integers(1, 4))):
        cells = [f"{column}:{draw(numbers)}" for column in draw(columns)]
        lines.append(" ".join([draw(labels), *cells]))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return (end.join(lines) + draw(st.sampled_from(["", end]))).encode()


class TestLibSVM(SerializerSuite):
    malformed = (
        b"",
        b"1 x",
        b"0:1 0:2",
        b"2:1 1:2",
        b"a:1",
        b"1:",
        b":1",
        b"\xff",
        b"0:1,1:2",
    )

    def serializer(self) -> LibSVM:
        return LibSVM()

    def test_what_is_sparse_is_written_and_read_back(self) -> None:
        matrix = sparse.csr_matrix(np.array([[1.0, 0.0], [0.0, -2.5]]))
        assert_same_cells(decode(self.serializer().encode(matrix, {})), matrix)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"0:1 2:3\n", [[1, NAN, 3]]),
        (b"1 0:1\n-1 1:2\n", [[1, NAN], [NAN, 2]]),
        (b"0:1\n\n1:2", [[1, NAN], [NAN, NAN], [NAN, 2]]),
        (b"5\n0:1\n", [[NAN], [1]]),
        (b"1 qid:7 0:1 # why\n", [[1]]),
        (b"0:1\r\n1:2\r\n", [[1, NAN], [NAN, 2]]),
        (b"0:+1 1:.5 2:5. 3:1e5 4:nan", [[1, 0.5, 5, 1e5, NAN]]),
    ],
)
def test_cells_stand_in_their_columns(body: bytes, expected: list[list[float]]) -> None:
    found = decode(body)
    assert found.is_open is True
    np.testing.assert_array_equal(dense(found), expected)


def test_what_is_not_written_is_absent_and_not_zero() -> None:
    found = decode(b"1:0 3:2\n")
    assert found.nnz == 2
    assert found.indices.tolist() == [1, 3]


@pytest.mark.parametrize("kind", BINARY)
def test_every_kind_of_body_is_read_alike(kind: Any) -> None:
    assert_same_cells(LibSVM().decode(kind(b"1 0:1 # \xc3\xa9"), {}), decode("1 0:1 # é"))


@pytest.mark.parametrize(("base", "body"), [(0, b"0:1 2:3"), (1, b"1:1 3:3")])
def test_columns_count_from_the_base(base: int, body: bytes) -> None:
    assert decode(body, base).indices.tolist() == [0, 2]


def test_a_column_below_the_base_is_refused() -> None:
    assert refusal(LibSVM(1), b"1:1\n0:1").where == {"line": 2}


@pytest.mark.parametrize("base", [2, -1, None, "0"])
def test_the_base_is_checked_when_declared(base: Any) -> None:
    with pytest.raises(DeclarationError):
        LibSVM(base)


@pytest.mark.parametrize(
    ("labelled", "body", "columns"),
    [
        (True, b"1:0.5 2:3", [2]),
        (None, b"1:0.5 2:3", [1, 2]),
        (False, b"1:0.5 2:3", [1, 2]),
        (None, b"1 2:3", [2]),
    ],
)
def test_a_weighted_label_is_one_where_labels_are_declared(
    labelled: bool | None,  # noqa: FBT001
    body: bytes,
    columns: list[int],
) -> None:
    assert decode(body, labelled=labelled).indices.tolist() == columns


@pytest.mark.parametrize(("labelled", "body"), [(True, b"1 0:1\nx 0:1"), (False, b"0:1\n1 0:1")])
def test_labels_are_where_they_are_declared_to_be(labelled: bool, body: bytes) -> None:  # noqa: FBT001
    assert refusal(LibSVM(labelled=labelled), body).where == {"line": 2}


@pytest.mark.parametrize("label", ["null", "true", '"5"', "[1]", "[1,2]", "{}", "inf", "x"])
def test_what_is_no_label_is_refused_on_either_road(label: str) -> None:
    body = f"{label} 0:1\n{label} 0:1\n"
    assert refusal(LibSVM(labelled=True), body).where == {"line": 1}
    assert refusal(LibSVM(labelled=True), f"{body}# careful").where == {"line": 1}


@pytest.mark.parametrize("index", ["1.0", "1e0", "0.5", "-1", "+1", "1_0", "0x1", "", "\u0661"])
def test_columns_are_plain_whole_numbers_on_either_road(index: str) -> None:
    for end in ("", " # careful"):
        assert refusal(LibSVM(labelled=True), f"1 0:1\n1 {index}:5{end}\n").where == {"line": 2}


@pytest.mark.parametrize(
    "index",
    ["2147483647", "4294967296", "9999999999", "99999999999", "9" * 400, "18446744073709551616"],
)
def test_columns_beyond_what_a_sparse_matrix_holds_are_refused(index: str) -> None:
    for labelled in (None, True):
        with memory_within(MIB):
            refusal(LibSVM(labelled=labelled), f"1 0:1 {index}:5\n")


def test_the_last_possible_column_takes_no_memory() -> None:
    with memory_within(MIB):
        assert decode(b"0:1 2147483646:5\n").shape == (1, 2**31 - 1)


@pytest.mark.parametrize(
    "value", ["1e999", "-1e999", "inf", "1_0", "0x1", "\u0661", "1:2", "", "--1"]
)
def test_what_float64_cannot_hold_is_refused(value: str) -> None:
    for labelled in (None, True):
        refusal(LibSVM(labelled=labelled), f"1 0:1 1:{value}\n")


@given(
    bodies() | mutated(bodies()),
    st.sampled_from([0, 1]),
    st.sampled_from([None, True, False]),
    st.sampled_from([8, 2**16]),
)
@settings(deadline=None, max_examples=400)
@pytest.mark.parametrize("simdjson", [True, False])
def test_the_fast_road_leads_where_the_careful_one_does(
    simdjson: bool,  # noqa: FBT001
    raw: bytes,
    base: int,
    labelled: bool | None,  # noqa: FBT001
    block: int,
) -> None:
    svm = LibSVM(base, labelled)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flat, "_FEW", 0)
        patch.setattr(flat, "BLOCK", block)
        if not simdjson:
            patch.setattr(flat, "_simdjson", lambda: None)
        fast = outcome(lambda: svm._read_plain(raw)) if raw else None
    slow = outcome(lambda: svm._read_carefully(raw))
    if fast is RequestError or slow is RequestError:
        assert fast in (slow, None)
    elif fast is not None:
        assert_same_cells(fast, slow)


@given(
    st.lists(
        st.lists(
            st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=3, max_size=3
        ),
        min_size=1,
    ),
    st.sampled_from([0, 1]),
)
@modest
def test_what_is_encoded_decodes_to_the_same_cells(
    rows: list[list[float | None]], base: int
) -> None:
    svm = LibSVM(base)
    body = svm.encode(rows, {})
    if not body.strip():
        return
    found = dense(svm.decode(body, {}))
    padded = [[*row, *[NAN] * (3 - len(row))] for row in found]
    expected = np.array(rows, dtype=np.float64)
    np.testing.assert_array_equal(padded, expected)
    assert (np.signbit(padded) == np.signbit(expected))[~np.isnan(expected)].all()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
@modest
def test_a_row_of_one_cell_each_makes_the_round_trip(cells: list[float]) -> None:
    found = decode(LibSVM().encode(np.array(cells), {}))
    assert found.data.tolist() == cells


@pytest.mark.parametrize("value", [np.array([[NAN, NAN]]), sparse.csr_matrix((1, 3)), [[None]]])
def test_a_row_of_missing_cells_makes_the_round_trip(value: Any) -> None:
    found = decode(LibSVM().encode(value, {}))
    assert found.shape[0] == 1
    assert found.nnz == 0


def test_cells_that_stand_twice_in_a_sparse_matrix_are_written_once() -> None:
    twice = sparse.csr_matrix(
        (np.array([1.0, 2.0]), np.array([0, 0]), np.array([0, 2])), shape=(1, 2)
    )
    assert decode(LibSVM().encode(twice, {})).toarray().tolist() == [[3.0]]


@pytest.mark.parametrize("value", [np.array([[math.inf]]), np.array([-math.inf]), [[math.inf]]])
def test_infinity_makes_the_round_trip_or_is_not_acceptable(value: Any) -> None:
    try:
        body = LibSVM().encode(value, {})
    except NotAcceptableError:
        return
    assert np.isinf(decode(body).data).all()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.array([[1.0, NAN, 0.1]]), b"0:1 2:0.1\n"),
        (np.array([[1, 2]], dtype=np.int8), b"0:1 1:2\n"),
        (np.array([[True, False]]), b"0:1 1:0\n"),
        (Table(("a", "b"), np.array([[1.0, NAN]])), b"0:1\n"),
        (pd.DataFrame({"a": [1, 2], "b": [None, 0.5]}), b"0:1\n0:2 1:0.5\n"),
        (sparse.csc_matrix(np.array([[0.0, 1.0], [2.0, 0.0]])), b"1:1\n0:2\n"),
        (np.empty((0, 3)), b""),
        (np.array([[1, pd.NA]], dtype=object), b"0:1\n"),
        ([[pd.NA, 1.0]], b"1:1\n"),
    ],
)
def test_cells_that_are_there_are_written(value: Any, expected: bytes) -> None:
    assert LibSVM().encode(value, {}) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        1.5,
        "text",
        ["x"],
        [["x"]],
        [[b"x"]],
        np.array([1j]),
        np.ones((2, 2, 2)),
        [[np.array([1, 2]), 3]],
        [[10**400]],
        sparse.csr_matrix(np.array([[1j]])),
        {"a": [1.0], "b": [[1.0, 2.0]]},
        {"a": [1.0], "b": [1.0, 2.0]},
    ],
    ids=repr,
)
def test_what_is_no_table_of_numbers_is_not_acceptable(value: Any) -> None:
    with pytest.raises(NotAcceptableError) as caught:
        LibSVM().encode(value, {})
    assert str(caught.value)


def test_every_truncation_is_read_or_refused() -> None:
    body = b"1 qid:3 0:1.5 3:-2e5 # x\n-1:0.5 2:3\r\n"
    for labelled in (None, True, False):
        for end in range(len(body)):
            outcome(partial(decode, body[:end], 0, labelled))


@given(st.binary() | mutated(bodies()))
@modest
def test_nothing_but_request_errors_leave_the_decoder(body: bytes) -> None:
    for labelled in (None, True, False):
        found = outcome(partial(decode, body, 0, labelled))
        assert found is RequestError or len(found.shape) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"0:1 " * 200_000,
        b":" * 1_000_000,
        b"\n" * 500_000 + b"x",
        b"1" * 1_000_000,
        b"0:" + b"1" * 500_000,
        b" " * 2_000_000 + b"x",
    ],
)
def test_strange_bodies_are_refused_promptly(body: bytes) -> None:
    for labelled in (None, True):
        with within(2):
            assert (
                outcome(partial(decode, body, 0, labelled)) is RequestError or b"1" * 1000 in body
            )
