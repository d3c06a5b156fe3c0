from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scriptmode.errors import RequestError
from scriptmode.serializers import flat, numbers
from scriptmode.serializers.csv import CSV
from scriptmode.serializers.numbers import read_numbers
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


@pytest.fixture(params=[0, 4096])
def gaps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "_MANY", request.param)


def careful(raw: bytes, delimiter: bytes) -> Any:
    try:
        return CSV(delimiter=delimiter.decode())._read_carefully(raw, header=False)
    except RequestError:
        return RequestError


def repeated(raw: bytes, times: int) -> bytes:
    end = b"" if raw.endswith(b"\n") else b"\n"
    return (raw + end) * times if times > 1 else raw


@pytest.mark.usefixtures("parser", "gaps")
@settings(deadline=None, max_examples=120)
@given(csv_bodies() | mutated(csv_bodies()), REPEATS, DELIMITERS)
def test_the_fast_road_leads_where_the_careful_one_does(
    raw: bytes, times: int, delimiter: bytes
) -> None:
    body = repeated(raw.replace(b",", delimiter), times)
    fast = read_numbers(body, delimiter)
    if fast is not None:
        assert_same_bits(fast, careful(body, delimiter))


@pytest.mark.usefixtures("parser", "gaps")
@settings(deadline=None, max_examples=60)
@given(matrices(4, allow_nan=True, allow_infinity=False), st.booleans(), DELIMITERS)
def test_doubles_in_their_shortest_form_are_read_bit_by_bit(
    matrix: Matrix,
    final: bool,  # noqa: FBT001
    delimiter: bytes,
) -> None:
    cells = [["" if cell != cell else repr(cell) for cell in row] for row in matrix.tolist()]  # noqa: PLR0124
    text = "\n".join(delimiter.decode().join(row) for row in cells) + "\n" * final
    assume(final or not text.endswith("\n"))
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
@pytest.mark.parametrize("zero", [b"-0", b" -0", b"-0 ", b"-0.0", b"-0e5", b"-1e-400"])
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


def test_a_wide_first_line_and_many_lines_take_no_memory_of_both() -> None:
    with memory_within(16 * MIB):
        assert read_numbers(b"," * 10_000 + b"\n" * 10_000) is None
