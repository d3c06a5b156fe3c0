from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scriptmode.errors import RequestError
from scriptmode.serializers import flat, numbers
from scriptmode.serializers.csv import CSV
from scriptmode.serializers.numbers import read_numbers, read_several
from tests.serializers.checks import assert_same_bits, within
from tests.serializers.memory import MIB, memory_within
from tests.serializers.strategies import Matrix, csv_bodies, matrices, mutated

REPEATS = st.sampled_from([1, 1, 30])
DELIMITERS = st.sampled_from([b",", b"\t", b";", b"|"])


@pytest.fixture(params=["simdjson", "without simdjson"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test with either parser, and with gaps found as in large bodies."""
    monkeypatch.setattr(flat, "_FEW", 0)
    if request.param != "simdjson":
        monkeypatch.setattr(flat, "_simdjson", lambda: None)


@pytest.fixture(params=["short", "long", "blocks"])
def gaps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test as short bodies are read, as long ones, and a few lines at a time."""
    if request.param != "short":
        monkeypatch.setattr(numbers, "_MANY", 0)
        monkeypatch.setattr(flat, "_MANY", 0)
    if request.param == "blocks":
        monkeypatch.setattr(numbers, "BLOCK", 8)
        monkeypatch.setattr(flat, "BLOCK", 8)


def careful(raw: bytes, delimiter: bytes) -> Any:
    try:
        return CSV(delimiter=delimiter.decode())._read_carefully(raw, header=False)
    except RequestError:
        return RequestError


def repeated(raw: bytes, times: int) -> bytes:
    end = b"" if raw.endswith(b"\n") else b"\n"
    return (raw + end) * times if times > 1 else raw


@pytest.mark.usefixtures("parser", "gaps")
@settings(deadline=None, max_examples=80)
@given(csv_bodies() | mutated(csv_bodies()), REPEATS, DELIMITERS)
def test_the_fast_road_leads_where_the_careful_one_does(
    raw: bytes, times: int, delimiter: bytes
) -> None:
    body = repeated(raw.replace(b",", delimiter), times)
    fast = read_numbers(body, delimiter)
    if fast is not None:
        assert_same_bits(fast, careful(body, delimiter))


@pytest.mark.usefixtures("parser", "gaps")
@settings(deadline=None, max_examples=80)
@given(
    st.lists(
        csv_bodies() | mutated(csv_bodies()) | st.text("01-.e,\n\r ").map(str.encode), max_size=5
    )
)
def test_several_bodies_are_read_as_each_alone(bodies: list[bytes]) -> None:
    found = read_several(bodies)
    if found is not None:
        for several, body in zip(found, bodies, strict=True):
            assert_same_bits(several, careful(body, b","))


@pytest.mark.usefixtures("parser", "gaps")
@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.integers(1, 9), min_size=3, max_size=3), min_size=1), st.data())
def test_bodies_of_one_width_are_read_at_once(rows: list[list[int]], data: st.DataObject) -> None:
    ends = st.sampled_from([b"", b"\n"])
    lines = [",".join(map(str, row)).encode() + data.draw(ends) for row in rows]
    found = read_several(lines)
    assert found is not None
    assert [table.tolist() for table in found] == [[row] for row in rows]


@pytest.mark.parametrize("other", [b"", b"\n", b"1,2,3", b"a,b", b"1,2\r", b"1,-0", b"1,2\n\n"])
def test_a_body_that_needs_a_look_of_its_own_is_not_read_with_others(other: bytes) -> None:
    assert read_several([b"1,2", other, b"3,4"]) is None


@pytest.mark.usefixtures("parser", "gaps")
@settings(deadline=None, max_examples=40)
@given(matrices(4, allow_nan=True, allow_infinity=False), st.booleans(), DELIMITERS)
def test_doubles_in_their_shortest_form_are_read_bit_by_bit(
    matrix: Matrix,
    final: bool,  # noqa: FBT001
    delimiter: bytes,
) -> None:
    cells = [["" if cell != cell else repr(cell) for cell in row] for row in matrix.tolist()]  # noqa: PLR0124
    text = "\n".join(delimiter.decode().join(row) for row in cells) + "\n" * final
    assume(final or not text.endswith("\n"))
    assume(not (matrix == flat.MARK).any())
    found = read_numbers(text.encode(), delimiter)
    if matrix.size == 1 and np.isnan(matrix[0, 0]):
        assert found is None or np.isnan(found).all()
    else:
        assert found is not None
        assert_same_bits(found, matrix)


@pytest.mark.usefixtures("parser", "gaps")
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"1,,3\n,,\n", [[1, np.nan, 3], [np.nan] * 3]),
        (b",1", [[np.nan, 1]]),
        (b"1,", [[1, np.nan]]),
        (b"1\n\n3\n", [[1], [np.nan], [3]]),
        (b"1,2\r\n3,\r\n", [[1, 2], [3, np.nan]]),
        (b" 1 , 2\n", [[1, 2]]),
    ],
)
def test_gaps_are_missing_cells(body: bytes, expected: list[list[float]]) -> None:
    found = read_numbers(body)
    assert found is not None
    assert_same_bits(found, np.array(expected, dtype=np.float64))


@pytest.mark.usefixtures("parser", "gaps")
@pytest.mark.parametrize(
    "zero", [b"-0", b" -0", b"-0 ", b"-0\t", b"\t-0", b"-0.0", b"-0e5", b"-1e-400"]
)
@pytest.mark.parametrize("form", [b"%b", b"%b,1", b"1,%b", b"1,2\n%b,3", b"1\n%b\n2", b"%b,\n"])
def test_the_sign_of_zero_is_kept_or_left_to_the_careful_road(zero: bytes, form: bytes) -> None:
    body = form % zero
    found = read_numbers(body)
    if found is not None:
        assert_same_bits(found, careful(body, b","))


@pytest.mark.usefixtures("parser", "gaps")
@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"+1", b".5", b"5.", b"007", b"1_0", b"nan", b"inf", b"null", b"1e999", b"1 2"),
        *(b"1,2\n3", b"1\n2,3", b"1,2\n\n3,4", b"1,2\n\n", b"1,2\r\r\n3,4", b"-", b"1e", b"--1"),
        *(b"[1", b"1]", b"{}", b'"1"', b"\xff", b"1\x00", b"\xef\xbb\xbf1"),
        *(b"1,2\n" * 50 + b"3,4,5", b"1,2\n" * 50 + b"true,4", b"1,2\n" * 50 + b"1e999,4"),
    ],
)
def test_what_json_does_not_call_a_number_is_left_to_the_careful_road(body: bytes) -> None:
    assert read_numbers(body) is None


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("rows", [1, 40, 4000])
def test_what_was_read_may_be_written_to_and_is_nobody_elses(rows: int) -> None:
    first = read_numbers(b"1,2,\n" * rows)
    second = read_numbers(b"3,4,\n" * rows)
    assert first is not None
    assert second is not None
    first[:] = 9
    assert second[0, 0] == 3


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    "cell", ["9007199254740993", "18446744073709551615", "-9223372036854775808", "9" * 300, "1e308"]
)
def test_huge_whole_numbers_become_the_nearest_double(cell: str) -> None:
    found = read_numbers(f"{cell},1\n".encode() * 30)
    assert found is None or (found[:, 0] == float(cell)).all()


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("body", [b"," * 3_000_000, b"\n" * 2_000_000, b"1" * 1_000_000])
def test_strange_bodies_are_answered_promptly(body: bytes) -> None:
    with within(1):
        read_numbers(body)


@pytest.mark.usefixtures("parser", "gaps")
@pytest.mark.parametrize(
    "body",
    [
        *(b"1,2\n3,4,5\n6\n", b"1\n2,3\n", b"1,2,3\n4\n5,6", b"1,2\n3\n,4,5\n6,7"),
        *(b"1,2\n3,-1e-300,4\n5", b"1,2\n3,-1e-300\n", b"-1e-300,-1e-300\n1", b"1,-1e-300,2"),
        *(b"1],[2", b"1],[2\n3,4", b'"1",2\n3,4', b"1,true\n2,3", b"1,null\n2,3"),
    ],
)
def test_rows_of_unequal_length_are_told_from_a_table(body: bytes) -> None:
    for raw in (body, body * 2000):
        found = read_numbers(raw)
        if found is not None:
            assert_same_bits(found, careful(raw, b","))


@pytest.mark.parametrize("rows", [400, 4000])
@pytest.mark.parametrize("mark", ["-1e-300", "-1E-300", "-0.1e-299"])
def test_the_number_that_marks_the_ends_of_lines_is_a_number_too(rows: int, mark: str) -> None:
    found = CSV().decode(f"1,{mark},3\n".encode() * rows, {})
    assert_same_bits(found, np.array([[1, -1e-300, 3]] * rows))


def test_a_ragged_row_in_a_large_body_is_named() -> None:
    with pytest.raises(RequestError, match="line 20001 has 2 cells where line 1 has 3"):
        CSV().decode(b"1,2,3\n" * 20_000 + b"4,5\n" + b"1,2,3\n" * 20_000, {})


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 1.0])
def test_large_bodies_are_read_block_after_block(end: str, share: float) -> None:
    random = np.random.default_rng(7)
    table = random.normal(size=(9000, 5)).round(3)
    table[random.random(table.shape) < share] = np.nan
    lines = [",".join("" if cell != cell else repr(cell) for cell in row) for row in table.tolist()]  # noqa: PLR0124
    assert_same_bits(CSV().decode(end.join(lines).encode(), {}), table)


def test_a_wide_first_line_and_many_lines_take_no_memory_of_both() -> None:
    with memory_within(16 * MIB):
        assert read_numbers(b"," * 10_000 + b"\n" * 10_000) is None
