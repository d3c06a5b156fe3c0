from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from scriptmode.errors import (
    DeclarationError,
    NotAcceptableError,
    RequestError,
    UnsupportedMediaTypeError,
)
from scriptmode.serializers.csv import CSV
from scriptmode.serializers.numbers import read_numbers
from scriptmode.serializers.tsv import TSV
from scriptmode.testing.conformance import SerializerSuite
from scriptmode.values import Table
from tests.serializers.checks import BINARY, assert_same, assert_same_bits, outcome, refusal, within
from tests.serializers.strategies import Matrix, csv_bodies, matrices, mutated

NAN = math.nan
modest = settings(deadline=None, max_examples=60)


def tabbed(body: bytes) -> bytes:
    return body.replace(b",", b"\t")


def decode(body: bytes | str, tsv: TSV | None = None, **params: str) -> Any:
    return (tsv or TSV()).decode(body, params)


class TestTSV(SerializerSuite):
    values = (
        np.array([[1.0, np.nan], [-2.5, 1e300]]),
        np.array([[7.0]]),
        np.array([[1.0], [2.0]]),
    )
    malformed = (b"", b"a\tb", b"1\t2\n3", b'"1', b"1\t2\n\n", b"\xff", b"1,2\t3")

    def serializer(self) -> TSV:
        return TSV()


class TestTSVWithHeader(SerializerSuite):
    values = (Table(("a", "b,c"), np.array([[1.0, np.nan], [3.0, 4.0]])),)
    malformed = (b"", b"a\ta\n1\t2", b"a\t\n1\t2", b"a\tb\n1\tx")

    def serializer(self) -> TSV:
        return TSV(header=True)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"1\t2\t3", [[1, 2, 3]]),
        (b"1\t2\n3\t4\n", [[1, 2], [3, 4]]),
        (b"1\t\t3", [[1, NAN, 3]]),
        (b"\t\t", [[NAN, NAN, NAN]]),
        (b"1\t\n\t4\n", [[1, NAN], [NAN, 4]]),
        (b"1\t2\r\n3\t4\r\n", [[1, 2], [3, 4]]),
        (b'"1"\t+2\n', [[1, 2]]),
    ],
)
def test_numbers_are_a_float64_matrix(body: bytes, expected: list[list[float]]) -> None:
    assert_same(decode(body), np.array(expected, dtype=np.float64))


@pytest.mark.parametrize("kind", BINARY)
@pytest.mark.parametrize("tsv", [TSV(), TSV(header=True)])
def test_every_kind_of_body_is_read_alike(kind: Any, tsv: TSV) -> None:
    body = "a\té\n1\t2\n" if tsv.header else "1\t2\n3\t\n"
    assert_same(tsv.decode(kind(body.encode()), {}), tsv.decode(body, {}))


@pytest.mark.parametrize("cell", ["1,2", "1;2", "1|2", "a", "1_000", "1e999", "1 2", "true"])
def test_what_is_no_number_is_refused_with_its_place(cell: str) -> None:
    assert refusal(TSV(), f"1\t2\n3\t{cell}\n").where == {"line": 2, "column": 2}


def test_a_comma_delimits_nothing() -> None:
    assert refusal(TSV(), b"1,2\n3,4\n").where == {"line": 1, "column": 1}
    assert decode(b"a,b\tc\n1\t2\n", TSV(header=True)).names == ("a,b", "c")


def test_text_keeps_tabs_that_are_quoted() -> None:
    frame = decode(b'a\tb\n"x\ty"\t1\n', TSV(header=True, text=["a"]))
    assert frame["a"].tolist() == ["x\ty"]


def test_a_header_names_the_columns_where_it_is_declared_or_sent() -> None:
    expected = Table(("a", "b"), np.array([[1.0, 2.0]]))
    for tsv, params in (
        (TSV(header=True), {}),
        (TSV(header="auto"), {}),
        (TSV(), {"header": "present"}),
    ):
        assert_same(tsv.decode(b"a\tb\n1\t2\n", params), expected)


def test_the_hint_at_a_header_is_about_this_format() -> None:
    message = str(refusal(TSV(), b"a\tb\n1\t2\n"))
    assert "text/csv" not in message
    assert "text/tab-separated-values; header=present" in message


def test_what_is_supported_of_a_header_is_of_this_format() -> None:
    with pytest.raises(UnsupportedMediaTypeError) as caught:
        decode(b"1\n", header="maybe")
    assert all("text/tab-separated-values" in each for each in caught.value.supported)


@pytest.mark.parametrize("delimiter", ["", " ", ".", "e", "1", "-", "\n", "\t\t", '"'])
def test_a_delimiter_that_occurs_in_numbers_is_refused(delimiter: str) -> None:
    with pytest.raises(DeclarationError, match="delimiter"):
        CSV(delimiter=delimiter)


@pytest.mark.parametrize("delimiter", ["\t", ";", "|"])
def test_other_delimiters_are_read_and_written(delimiter: str) -> None:
    csv, array = CSV(delimiter=delimiter), np.array([[1.0, NAN], [math.inf, -0.0]])
    assert_same_bits(csv.decode(csv.encode(array, {}), {}), array)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.array([[1.0, 2.5], [NAN, -0.25]]), b"1.0\t2.5\n\t-0.25\n"),
        (np.array([[math.inf, 0.5]]), b"inf\t0.5\n"),
        (np.array([1, 2]), b"1\n2\n"),
        ([["a\tb", 1], ["c,d", None]], b'"a\tb"\t1\nc,d\t\n'),
        (Table(("a", "b"), np.array([[1.0, NAN]])), b"1.0\t\n"),
        (pd.DataFrame({"a": [1, 2], "b": ["x", None]}), b"1\tx\n2\t\n"),
        (np.empty((0, 3)), b""),
        ({"a": [1, 2], "b": [[1, 2], [3, 4]]}, b"1\t[1, 2]\n2\t[3, 4]\n"),
    ],
)
def test_a_row_is_a_line(value: Any, expected: bytes) -> None:
    assert TSV().encode(value, {}) == expected


@pytest.mark.parametrize("value", [None, 1.5, "text", np.zeros((2, 2, 2)), [[b"x"]], ["\ud800"]])
def test_what_is_no_table_of_scalars_is_not_acceptable(value: Any) -> None:
    with pytest.raises(NotAcceptableError):
        TSV().encode(value, {})


@given(matrices(), st.booleans())
@modest
def test_what_is_encoded_decodes_to_the_same_doubles(matrix: Matrix, final: bool) -> None:  # noqa: FBT001
    body = TSV(final_newline=final).encode(matrix, {})
    assume(body and (final or not body.endswith(b"\n")))
    assert_same_bits(decode(body), matrix)


@given(matrices())
@modest
def test_names_and_numbers_make_the_round_trip(matrix: Matrix) -> None:
    tsv = TSV(header=True)
    table = Table([f"f,{number}" for number in range(matrix.shape[1])], matrix)
    assert_same(decode(tsv.encode(table, {}), tsv), table)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1)))
@modest
@example(["\ufeff"])
def test_text_makes_the_round_trip(cells: list[str]) -> None:
    assume(cells)
    rows = [[cell, float(number)] for number, cell in enumerate(cells)]
    frame = decode(TSV().encode(rows, {}), TSV(text=[0]))
    assert frame[0].tolist() == cells
    assert frame[1].tolist() == list(range(len(cells)))


@given(csv_bodies().map(tabbed) | mutated(csv_bodies().map(tabbed)))
@settings(deadline=None, max_examples=150)
def test_the_fast_road_leads_where_the_careful_one_does(raw: bytes) -> None:
    fast = read_numbers(raw, b"\t")
    if fast is not None:
        assert_same_bits(fast, TSV()._read_carefully(raw, header=False))


@given(csv_bodies().map(tabbed) | mutated(csv_bodies().map(tabbed)))
@settings(deadline=None, max_examples=100)
def test_decoding_leads_where_the_careful_road_does(raw: bytes) -> None:
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    assume(raw)
    assert_same(
        outcome(lambda: decode(raw)), outcome(lambda: TSV()._read_carefully(raw, header=False))
    )


@given(csv_bodies())
@modest
def test_tabs_mean_what_commas_mean(raw: bytes) -> None:
    assume(b"\t" not in raw)
    assert_same(outcome(lambda: decode(tabbed(raw))), outcome(lambda: CSV().decode(raw, {})))


@given(st.binary() | mutated(csv_bodies().map(tabbed)))
@modest
def test_nothing_but_request_errors_leave_the_decoder(body: bytes) -> None:
    for tsv in (TSV(), TSV(header=True), TSV(header="auto", text=[0], missing=["NA"])):
        found = outcome(lambda tsv=tsv: decode(body, tsv))  # type: ignore[misc]
        assert found is RequestError or len(found.shape) == 2


def test_every_truncation_is_read_or_refused() -> None:
    body = b"1\t2.5e3\t\n-4\t\t6\n"
    for end in range(len(body)):
        found = outcome(lambda end=end: decode(body[:end]))  # type: ignore[misc]
        assert found is RequestError or found.ndim == 2


@pytest.mark.parametrize(
    "body",
    [
        b"\t" * 2_000_000,
        b"1\n" * 200_000 + b"x",
        b"9" * 1_000_000,
        b'"' * 1_000_000,
        b"\x00" * 1000,
    ],
)
def test_strange_bodies_are_answered_promptly(body: bytes) -> None:
    with within(4):
        assert outcome(lambda: decode(body)) is RequestError or body[:1] == b"\t"
