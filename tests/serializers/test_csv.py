from __future__ import annotations

import io
import math
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from scriptmode.errors import (
    DeclarationError,
    InvalidFeaturesError,
    NotAcceptableError,
    RequestError,
    UnsupportedMediaTypeError,
)
from scriptmode.serializers.csv import CSV
from scriptmode.serializers.numbers import read_numbers
from scriptmode.values import Table
from tests.serializers.checks import (
    BINARY,
    assert_same,
    assert_same_bits,
    outcome,
    refusal,
    within,
)
from tests.serializers.strategies import Matrix, csv_bodies, matrices, mutated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scriptmode.serializers.base import Body

NAN = math.nan
modest = settings(deadline=None, max_examples=100)


def decode(body: bytes | str, csv: CSV | None = None, **params: str) -> Any:
    return (csv or CSV()).decode(body, params)


# Shape


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"1,2,3", [[1, 2, 3]]),
        (b"1,2,3\n", [[1, 2, 3]]),
        (b"1\n2\n3\n", [[1], [2], [3]]),
        (b"7", [[7]]),
        (b"1,2\n3,4", [[1, 2], [3, 4]]),
        (b"1,,3", [[1, NAN, 3]]),
        (b",,", [[NAN, NAN, NAN]]),
        (b"1,\n,4\n", [[1, NAN], [NAN, 4]]),
        (b"\n", [[NAN]]),
        (b"1\n\n", [[1], [NAN]]),
        (b"1, ,3", [[1, NAN, 3]]),
        (b"1,2\r\n3,4\r\n", [[1, 2], [3, 4]]),
        (b"1,\r\n,4\r\n", [[1, NAN], [NAN, 4]]),
        (b'"1","2"\n3,"4"\n', [[1, 2], [3, 4]]),
    ],
)
def test_numbers_are_a_float64_matrix(body: bytes, expected: list[list[float]]) -> None:
    assert_same(decode(body), np.array(expected, dtype=np.float64))


@pytest.mark.parametrize("kind", BINARY)
@pytest.mark.parametrize(
    ("csv", "body"),
    [
        (CSV(), "1,2\n3,\n"),
        (CSV(), "1,+2\n3,\n"),
        (CSV(header=True), "a,é\n1,2\n"),
        (CSV(header=True, text=["é"]), "a,é\n1,ü\n"),
    ],
)
def test_every_kind_of_body_is_read_alike(kind: Any, csv: CSV, body: str) -> None:
    assert_same(csv.decode(kind(body.encode()), {}), csv.decode(body, {}))


def test_the_result_may_be_written_to() -> None:
    matrix = decode(b"1,2\n")
    matrix[0, 0] = 5
    assert matrix.tolist() == [[5, 2]]


# Numbers


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("+1", 1.0),
        (".5", 0.5),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("007", 7.0),
        ("1e5", 1e5),
        ("1E+5", 1e5),
        ("1.5e-3", 1.5e-3),
        ("inf", math.inf),
        ("-Infinity", -math.inf),
        ("nan", NAN),
        ("NaN", NAN),
        (" 1 ", 1.0),
        ("\t1", 1.0),
        ("0.1", 0.1),
        ("9007199254740993", 9007199254740992.0),
        ("18446744073709551616", 2.0**64),
        ("5e-324", 5e-324),
        ("1e-400", 0.0),
        ("1.7976931348623157e308", 1.7976931348623157e308),
    ],
)
def test_a_decimal_number_becomes_the_nearest_double(cell: str, expected: float) -> None:
    row = np.array([[expected, 2.0]])
    assert_same(decode(f"{cell},2\n"), row)
    assert_same(decode(f'"{cell}",2\n'), row)


@pytest.mark.parametrize("beside", ["2", "+2"])
def test_the_sign_of_zero_does_not_depend_on_the_cells_beside_it(beside: str) -> None:
    assert_same_bits(decode(f"-0,{beside}"), np.array([[-0.0, 2.0]]))


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "1_000",
            "0x10",
            "1e999",
            "-1e999",
            "\uff11\uff12",
            "\u0663",
            "1 2",
            "true",
            "null",
            "[1",
            "1]",
        ),
        *("{}", "--1", "+-1", "1e", "e5", ".", "-", "+", "1.2.3", "1e5.0", "infinite", "na", "1;2"),
        *("1\x0b", "\xa01", "1f", "1j", "0b1", "None", "$1"),
    ],
)
def test_what_is_no_number_is_refused_with_its_place(cell: str) -> None:
    assert refusal(CSV(), f"1,2\n3,{cell}\n").where == {"line": 2, "column": 2}


def test_the_message_shows_the_cell() -> None:
    message = str(refusal(CSV(), b"1,2\n3,four\n"))
    assert "line 2, column 2" in message
    assert "'four'" in message


def test_a_long_cell_is_not_repeated_in_full() -> None:
    assert len(str(refusal(CSV(), b"1," + b"x" * 10_000))) < 300


# Missing cells


@pytest.mark.parametrize("header", [False, True, "auto"])
@pytest.mark.parametrize("spelling", ["NA", "-999", "0", "?"])
def test_every_declared_spelling_of_a_missing_cell_is_nan(header: Any, spelling: str) -> None:
    csv = CSV(header=header, missing=("", spelling))
    head = "" if header is False else "a,b,c\n"
    found = np.asarray(decode(f"{head}1,{spelling},\n", csv))
    assert_same(found, np.array([[1, NAN, NAN]]))


def test_an_empty_cell_is_refused_where_it_is_not_a_missing_one() -> None:
    csv = CSV(missing=("NA",))
    assert_same(decode(b"1,NA\n", csv), np.array([[1, NAN]]))
    assert refusal(csv, b"1,2\n1,\n").where == {"line": 2, "column": 2}


def test_another_spelling_than_the_declared_ones_is_refused() -> None:
    assert refusal(CSV(), b"1,2\n1,NA\n").where == {"line": 2, "column": 2}


# Headers


@pytest.mark.parametrize(
    ("csv", "params"),
    [
        (CSV(header=True), {}),
        (CSV(header="auto"), {}),
        (CSV(), {"header": "present"}),
        (CSV(), {"header": "Present"}),
        (CSV(header="auto"), {"header": "present"}),
    ],
)
@pytest.mark.parametrize("body", [b"a,b\n1,2\n3,4\n", b'"a",b\r\n1,+2\r\n3,4', b" a ,b\n1,2\n3,4"])
def test_a_header_names_the_columns(csv: CSV, params: dict[str, str], body: bytes) -> None:
    expected = Table(["a", "b"], np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert_same(csv.decode(body, params), expected)


@pytest.mark.parametrize(
    ("csv", "params"),
    [
        (CSV(), {}),
        (CSV(header="auto"), {}),
        (CSV(header=True), {"header": "absent"}),
        (CSV(header="auto"), {"header": "absent"}),
    ],
)
def test_without_a_header_line_1_is_a_row(csv: CSV, params: dict[str, str]) -> None:
    assert_same(csv.decode(b"1,2\n3,4\n", params), np.array([[1.0, 2.0], [3.0, 4.0]]))


@pytest.mark.parametrize(("csv", "params"), [(CSV(), {}), (CSV(header=True), {"header": "absent"})])
@pytest.mark.parametrize("body", [b"a,b\n1,2\n", b'"a","b"\n1,2\n', b"a,b"])
def test_an_undeclared_header_is_never_scored(
    csv: CSV, params: dict[str, str], body: bytes
) -> None:
    error = refusal(csv, body, **params)
    assert error.where == {"line": 1, "column": 1}
    assert "header=present" in str(error)
    assert "CSV(header=True)" in str(error)


@pytest.mark.parametrize("body", [b"1\nx\n", b"1,x\n", b"1e999\n"])
def test_a_mistake_that_is_no_header_does_not_hint_at_one(body: bytes) -> None:
    assert "header" not in str(refusal(CSV(), body))


def test_auto_takes_a_line_with_one_number_for_a_row() -> None:
    assert refusal(CSV(header="auto"), b"a,1\n1,2\n").where == {"line": 1, "column": 1}


def test_auto_does_not_take_missing_cells_for_names() -> None:
    csv = CSV(header="auto", missing=("", "NA"))
    assert_same(decode(b"NA,\n1,2\n", csv), np.array([[NAN, NAN], [1, 2]]))


@pytest.mark.parametrize("header", [True, "auto"])
def test_a_header_alone_is_a_table_without_rows(header: Any) -> None:
    assert_same(decode(b"a,b\n", CSV(header=header)), Table(["a", "b"], np.empty((0, 2))))


@pytest.mark.parametrize(
    ("body", "column"),
    [
        (b"a,b,a\n1,2,3\n", 3),
        (b"a, a \n1,2\n", 2),
        (b'a,"a"\n1,2\n', 2),
        (b"a,,c\n1,2,3\n", 2),
        (b"a, \n1,2\n", 2),
        (b",\n1,2\n", 1),
    ],
)
def test_names_are_unique_and_not_empty(body: bytes, column: int) -> None:
    assert refusal(CSV(header=True), body).where == {"line": 1, "column": column}


def test_a_header_of_many_names_is_read_in_linear_time() -> None:
    names = ",".join(f"f{number}" for number in range(15_000))
    cells = ",".join("1" * 15_000)
    with within(1):
        assert decode(f"{names}\n{cells}\n", CSV(header=True)).shape == (1, 15_000)


def test_a_header_with_quoted_names() -> None:
    table = decode(b'"a,b","say ""x""","two\nlines"\n1,2,3\n', CSV(header=True))
    assert table.names == ("a,b", 'say "x"', "two\nlines")
    assert table.values.tolist() == [[1, 2, 3]]


def test_a_line_below_a_quoted_line_break_keeps_its_number() -> None:
    assert refusal(CSV(header=True), b'"two\nlines",b\n1,x\n').where == {"line": 3, "column": 2}


@pytest.mark.parametrize("body", [b"a,b\n1\n", b"a,b\n1,2,3\n"])
def test_rows_are_as_wide_as_the_header(body: bytes) -> None:
    assert refusal(CSV(header=True), body).where == {"line": 2}


@pytest.mark.parametrize("value", ["", "yes", "true", "presents"])
def test_header_is_either_present_or_absent(value: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError) as caught:
        decode(b"1\n", header=value)
    assert caught.value.status == 415
    assert any("header=present" in supported for supported in caught.value.supported)


# Text


def test_text_columns_by_name_stay_as_they_were_sent() -> None:
    frame = decode(b"zip,x\n01234,1\n 1e5,\n", CSV(header=True, text=["zip"]))
    assert list(frame.columns) == ["zip", "x"]
    assert frame["zip"].tolist() == ["01234", " 1e5"]
    assert_same(frame["x"].to_numpy(), np.array([1, NAN]))


def test_text_columns_by_position_stay_as_they_were_sent() -> None:
    frame = decode(b"1,01234\n2,nan\n", CSV(text=[1]))
    assert frame[1].tolist() == ["01234", "nan"]
    assert_same(frame[0].to_numpy(), np.array([1.0, 2.0]))


def test_missing_cells_of_text_are_missing() -> None:
    frame = decode(b"a,1\n,2\nNA,3\n", CSV(text=[0], missing=("", "NA")))
    assert frame[0].isna().tolist() == [False, True, True]


def test_quoted_text_keeps_commas_quotes_and_line_breaks() -> None:
    frame = decode(b'"a,b",1\r\n"say ""x""",2\r\n"two\r\nlines",3\r\n', CSV(text=[0]))
    assert frame[0].tolist() == ["a,b", 'say "x"', "two\r\nlines"]
    assert frame[1].tolist() == [1, 2, 3]


def test_cells_beside_text_must_be_numbers() -> None:
    assert refusal(CSV(text=[0]), b"a,1\nb,c\n").where == {"line": 2, "column": 2}


def test_text_by_name_needs_a_header() -> None:
    assert "'zip'" in str(refusal(CSV(text=["zip"]), b"1,2\n"))


@pytest.mark.parametrize("column", ["Zip", 7])
def test_text_that_the_body_does_not_hold_is_an_error(column: Any) -> None:
    with pytest.raises(InvalidFeaturesError, match=str(column)):
        decode(b"zip\n01234\n", CSV(header=True, text=[column]))


def test_positions_of_text_count_from_the_left() -> None:
    with pytest.raises(DeclarationError, match="count from 0"):
        CSV(text=[-1])


def test_a_header_of_nameless_predictions_is_not_acceptable() -> None:
    for value in (np.array([1.0]), [1.0]):
        with pytest.raises(NotAcceptableError, match="no names"):
            CSV().encode(value, {"header": "present"})
        assert CSV(header=True).encode(value, {}) == b"1.0\n"
    with pytest.raises(NotAcceptableError, match="no header='maybe'"):
        CSV().encode(np.array([1.0]), {"header": "maybe"})


@pytest.mark.parametrize("body", [b"a,b\n1,2\n", b"1,2\n3,4\n"])
def test_a_header_is_recognised_on_the_fast_road_too(body: bytes) -> None:
    fast, slow = decode(body, CSV(header="auto")), CSV()._read_carefully(body, "auto")
    assert_same(fast, slow)


# Malformed bodies


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"1,2\n3\n", 2),
        (b"1\n2\n3,4\n", 3),
        (b"1,2\n3,4,\n", 2),
        (b"+1,2\n3\n", 2),
        (b"1,2\r\n3\r\n", 2),
        (b"1,2\n\n3,4\n", 2),
        (b"\n1,2\n", 2),
        (b"1,2\n\n", 2),
        (b"1,2\n3,4\n\n\n", 3),
        (b'1,2\n"3,4\n', 2),
        (b'1,"2\n3,4\n5,6\n', 1),
        (b'1,2\n3,"4"x\n', 2),
        (b'1,2\n3,"4" \n', 2),
        (b'"1\n2",3\n4\n', 3),
        (b'"1\n2",3\n', 1),
        (b'1,2\n"3\n",4\n', 2),
        (b'"1",2\n"3\n4"\n', 2),
        (b"1,2\n3,4\x00\n", 2),
        (b"1,2\n\x00\n", 2),
        (b"1,2\nsee you\n", 2),
        (b"1,2\n3,4\xff\n", 2),
    ],
)
def test_a_damaged_line_is_refused_by_its_number(body: bytes, line: int) -> None:
    error = refusal(CSV(), body)
    assert error.where["line"] == line


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_stray_carriage_return_ends_a_line(line_end: str) -> None:
    for body in ("1,\r2", "\r1,2", "1\r,2", "1,2\r\r\n3,4"):
        assert "line" in refusal(CSV(), body + line_end).where


def test_a_stray_carriage_return_in_a_header_ends_a_line() -> None:
    for body in (b"\ra,b\n1,2\n", b"a\r,b\n1,2\n"):
        assert "line" in refusal(CSV(header=True), body).where


@pytest.mark.parametrize("csv", [CSV(), CSV(header=True), CSV(header="auto"), CSV(text=[0])])
@pytest.mark.parametrize("body", ["", b"", b"\xef\xbb\xbf"])
def test_an_empty_body_is_refused(csv: CSV, body: bytes | str) -> None:
    assert "empty" in str(refusal(csv, body))


def test_a_cell_without_an_end_is_refused() -> None:
    assert refusal(CSV(text=[0]), b"x" * 1_000_000).where == {"line": 1}


# Charsets


@pytest.mark.parametrize("csv", [CSV(), CSV(header=True), CSV(header="auto"), CSV(text=[0])])
@pytest.mark.parametrize("body", [b"\xff,b\n1,2\n", b"a,b\n1,\xff\n", b"a,\xc3\n1,2\n"])
def test_invalid_utf8_is_refused(csv: CSV, body: bytes) -> None:
    refusal(csv, body)


@pytest.mark.parametrize("header", [True, "auto"])
def test_a_byte_order_mark_is_no_part_of_the_first_name(header: Any) -> None:
    table = decode(b"\xef\xbb\xbfa,b\n1,2\n", CSV(header=header))
    assert table.names == ("a", "b")


def test_a_byte_order_mark_is_no_part_of_the_first_number() -> None:
    assert_same(decode(b"\xef\xbb\xbf1,2\n"), np.array([[1.0, 2.0]]))
    assert_same(decode("\ufeff1,2\n"), np.array([[1.0, 2.0]]))


@pytest.mark.parametrize("charset", ["latin-1", "ISO-8859-1", "utf-16", "utf-16-le", "cp1252"])
def test_other_charsets_are_read(charset: str) -> None:
    body = "größe,b\n1,2\n".encode(charset)
    assert decode(body, CSV(header=True), charset=charset).names == ("größe", "b")


@pytest.mark.parametrize("charset", ["klingon", "zip", "rot13", "", "a\x00b"])
def test_an_unknown_charset_is_unsupported(charset: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError) as caught:
        decode(b"1\n", charset=charset)
    assert caught.value.supported == ("utf-8",)


def test_bytes_outside_the_charset_are_refused() -> None:
    assert "utf-16" in str(refusal(CSV(), b"1,2", charset="utf-16"))


# Declarations


@pytest.mark.parametrize("header", ["yes", "present", None, 2])
def test_header_is_checked_when_declared(header: Any) -> None:
    with pytest.raises(DeclarationError, match="expected True, False or 'auto'"):
        CSV(header=header)


@pytest.mark.parametrize("option", ["text", "missing"])
def test_one_string_is_no_list(option: str) -> None:
    options: dict[str, Any] = {option: "NA"}
    with pytest.raises(DeclarationError, match=f"CSV.{option}="):
        CSV(**options)


def test_declarations_with_equal_options_are_equal() -> None:
    assert CSV(text=["a"], missing=[""]) == CSV(text=("a",))
    assert hash(CSV(text=["a"])) == hash(CSV(text=("a",)))


# Writing


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.array([[1.0, 2.5], [3.0, -0.25]]), b"1.0,2.5\n3.0,-0.25\n"),
        (np.array([1.5, 2.5]), b"1.5\n2.5\n"),
        (np.array([[1, 2], [3, 4]]), b"1,2\n3,4\n"),
        (np.array([[1], [2]], dtype=np.uint8), b"1\n2\n"),
        (np.array([0.1], dtype=np.float32), b"0.1\n"),
        (np.array([0.5], dtype=np.float16), b"0.5\n"),
        (np.array([[1.0, NAN]]), b"1.0,\n"),
        (np.array([[NAN], [NAN]]), b"\n\n"),
        (np.array([[1, 2], [3, 4]], dtype=">i4"), b"1,2\n3,4\n"),
        (np.array([[1, 2], [3, 4]]).T, b"1,3\n2,4\n"),
        (np.arange(6.0)[::2], b"0.0\n2.0\n4.0\n"),
        (np.empty((0, 3)), b""),
        ([[1, "a"], [None, "b"]], b"1,a\n,b\n"),
        ([1, 2], b"1\n2\n"),
        (np.array(["a", 'say "x"', "b,c", "d\ne"]), b'a\n"say ""x"""\n"b,c"\n"d\ne"\n'),
        (np.array([["01", None]], dtype=object), b"01,\n"),
        (pd.DataFrame({"a": [1, 2], "b": ["x", None]}), b"1,x\n2,\n"),
        (pd.Series([1.5, 2.5]), b"1.5\n2.5\n"),
        (Table(["a", "b"], np.array([[1.0, NAN]])), b"1.0,\n"),
    ],
)
def test_a_row_is_a_line(value: Any, expected: bytes) -> None:
    assert CSV().encode(value, {}) == expected


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        ((1.5, NAN), [[1.5], [NAN]]),
        ([1, None], [[1], [NAN]]),
        (pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}), [[1], [NAN]]),
        (pd.Series([1, None], dtype="Int64"), [[1], [NAN]]),
        (np.array([[1, pd.NA]], dtype=object), [[1, NAN]]),
        (np.array([[1.0, math.inf], [-math.inf, NAN]]), [[1, math.inf], [-math.inf, NAN]]),
        (np.array([1.0, math.inf]), [[1], [math.inf]]),
        ([np.array([1.0, 2.0]), np.array([3.0, NAN])], [[1, 2], [3, NAN]]),
    ],
)
def test_what_is_written_reads_back(value: Any, rows: list[list[float]]) -> None:
    assert_same(decode(CSV().encode(value, {})), np.array(rows, dtype=np.float64))


@pytest.mark.parametrize(
    "value",
    [
        Table(["a", "b c"], np.array([[1.0, NAN]])),
        pd.DataFrame({"a": [1.0], "b c": [NAN]}),
    ],
)
def test_names_are_written_where_a_header_is_declared_or_asked_for(value: Any) -> None:
    assert CSV(header=True).encode(value, {}) == b"a,b c\n1.0,\n"
    assert CSV().encode(value, {"header": "present"}) == b"a,b c\n1.0,\n"
    assert CSV(header=True).encode(value, {"header": "absent"}) == b"1.0,\n"
    assert CSV().encode(value, {}) == b"1.0,\n"


def test_predictions_without_names_are_written_without_a_header() -> None:
    assert CSV(header=True).encode(np.array([1.5]), {}) == b"1.5\n"


def test_a_table_without_rows_is_written_as_its_header() -> None:
    assert CSV(header=True).encode(Table(["a", "b"], np.empty((0, 2))), {}) == b"a,b\n"


@pytest.mark.parametrize(
    "value",
    [
        np.zeros((2, 2, 2)),
        {"a": 1},
        [{"a": 1}],
        [[[1]]],
        [[(1,)]],
        [b"x"],
        [[b"x"]],
        [[bytearray(b"x")]],
        [[{1}]],
        [[object()]],
        "text",
        b"bytes",
        1.5,
        np.array(1.5),
        None,
        ["\ud800"],
    ],
)
def test_what_is_no_table_of_scalars_is_not_acceptable(value: Any) -> None:
    with pytest.raises(NotAcceptableError):
        CSV().encode(value, {})


# Properties


@given(matrices())
@modest
def test_what_is_encoded_decodes_to_the_same_doubles(matrix: Matrix) -> None:
    body = CSV().encode(matrix, {})
    assert body.endswith(b"\n")
    assert_same_bits(decode(body), matrix)


@given(matrices())
@modest
def test_the_final_line_break_may_be_left_out(matrix: Matrix) -> None:
    body = CSV().encode(matrix, {}).removesuffix(b"\n")
    assume(body and not body.endswith(b"\n"))  # a last row of one missing cell is its line break
    assert_same_bits(decode(body), matrix)


@given(matrices())
@modest
def test_names_and_numbers_make_the_round_trip(matrix: Matrix) -> None:
    csv = CSV(header=True)
    table = Table([f"f{number}" for number in range(matrix.shape[1])], matrix)
    assert_same(decode(csv.encode(table, {}), csv), table)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1)))
@example(["\r"])
@example(["a\rb", "\n", '"', ","])
@modest
def test_text_makes_the_round_trip(cells: list[str]) -> None:
    assume(cells)
    rows = [[cell, float(number)] for number, cell in enumerate(cells)]
    frame = decode(CSV().encode(rows, {}), CSV(text=[0]))
    assert frame[0].tolist() == cells
    assert frame[1].tolist() == list(range(len(cells)))


@pytest.mark.parametrize("body", [b"1,2\n3,4\n", b"1,,3\r\n4,5,\r\n", b" 1,-2.5e-3"])
def test_plain_numbers_take_the_fast_road(body: bytes) -> None:
    assert read_numbers(body) is not None


@given(csv_bodies() | mutated(csv_bodies()))
@example(b"1,\r2")
@example(b"\r1,2")
@example(b"1\r\r\n2")
@example(b"1,2\r\r\n")
@settings(deadline=None, max_examples=300)
def test_the_fast_road_leads_where_the_careful_one_does(raw: bytes) -> None:
    fast = read_numbers(raw)
    if fast is not None:
        assert_same(fast, outcome(lambda: CSV()._read_carefully(raw, header=False)))


@given(csv_bodies() | mutated(csv_bodies()))
@settings(deadline=None, max_examples=150)
def test_decoding_leads_where_the_careful_road_does(raw: bytes) -> None:
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    assume(raw)
    found = outcome(lambda: decode(raw))
    assert_same(found, outcome(lambda: CSV()._read_carefully(raw, header=False)))


NAMES = st.lists(st.sampled_from(["a", "b", " a ", '"a"', "1", "", "é"]), min_size=1, max_size=3)


@given(NAMES, st.data())
@settings(deadline=None, max_examples=150)
def test_decoding_under_a_header_leads_where_the_careful_road_does(
    names: list[str], data: st.DataObject
) -> None:
    bodies = csv_bodies().map(lambda body: ",".join(names).encode() + b"\n" + body)
    raw = data.draw(bodies | mutated(bodies))
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    assume(raw)
    csv = CSV(header=True)
    assert_same(
        outcome(lambda: decode(raw, csv)), outcome(lambda: csv._read_carefully(raw, header=True))
    )


@given(st.binary() | mutated(csv_bodies()), st.sampled_from(["utf-8", "utf-16", "latin-1"]))
@settings(deadline=None, max_examples=150)
def test_nothing_but_request_errors_leave_a_decoder(body: bytes, charset: str) -> None:
    for csv in (CSV(), CSV(header=True), CSV(header="auto", text=[0, "a"], missing=["NA"])):
        found = outcome(partial(decode, body, csv, charset=charset))
        assert found is RequestError or len(found.shape) == 2


def test_infinity_keeps_the_shortest_form_of_its_neighbours() -> None:
    array = np.array([0.1, math.inf, NAN], dtype=np.float32)
    assert CSV().encode(array, {}) == b'0.1\ninf\n""\n'


@pytest.mark.parametrize("end", [b"\n\r", b"\r\r", b"\r\n\r", b"\n\n", b"\r\n\r\n"])
def test_one_line_break_ends_a_body_and_no_more(end: bytes) -> None:
    assert read_numbers(b"1,2" + end) is None
    assert refusal(CSV(), b"1,2" + end).where == {"line": 2}
    for one in (b"\n", b"\r\n", b"\r"):
        assert decode(b"1,2" + one, CSV()).tolist() == [[1, 2]]


@pytest.mark.parametrize("body", [b"1" * 20_000 + b"x", b"1" * 20_000 + b",x\n"])
def test_a_long_cell_that_is_no_number_is_refused_promptly(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises(RequestError):
        CSV().decode(body, {})
    assert time.process_time() - started < 1


def test_two_byte_order_marks_and_nothing_else_are_an_empty_body() -> None:
    for header in (False, True, "auto"):
        with pytest.raises(RequestError, match="the body is empty"):
            CSV(header=header).decode(b"\xef\xbb\xbf" * 2, {})


@pytest.mark.parametrize("blank", ["\x0c", "\x0b", "\u00a0", " "])
def test_a_number_behind_any_blank_is_no_name(blank: str) -> None:
    codec = CSV(header="auto")
    found = outcome(lambda: codec.decode(f"{blank}0,{blank}1\n2,3\n", {}))
    assert found is RequestError or found.tolist() == [[0, 1], [2, 3]]


NAMED_BODIES = st.one_of(
    csv_bodies(),
    mutated(csv_bodies()),
    st.tuples(
        st.sampled_from(
            [b"a,b\n", b"a\n", b'"a",b\n', b"\xef\xbb\xbfa,b\n", b"a,a\n", b"a,b\r\n", b"\n"]
        ),
        csv_bodies(),
    ).map(lambda parts: parts[0] + parts[1]),
)


def told(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except RequestError as error:
        return type(error), str(error), error.where


@pytest.mark.parametrize("size", [7, 2**16])
@pytest.mark.parametrize("header", [True, False, "auto"])
@given(body=NAMED_BODIES)
@example(body=b"\n")
@example(body=b"a,b\n")
@example(body=b"1,2\n")
@example(body=b"\n1\n")
@example(body=b"")
@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
def test_a_file_is_read_as_the_same_body_is(
    monkeypatch: pytest.MonkeyPatch, size: int, header: Any, body: bytes
) -> None:
    monkeypatch.setattr("scriptmode.serializers.numbers.BLOCK", size)
    csv = CSV(header=header)
    found = told(lambda: csv.decode_file(io.BytesIO(body), {}))
    expected = told(lambda: csv.decode(body, {}))
    if isinstance(expected, tuple):
        assert found == expected
    else:
        assert_same(found, expected)


def test_a_file_is_read_to_its_last_row_whatever_its_first_rows_are() -> None:
    """Room is made by the length of the first rows."""
    lines = ["1" * 300 + ".5,2"] * 400 + ["1,2"] * 50_000
    body = ("\n".join(lines) + "\n").encode()
    found = CSV().decode_file(io.BytesIO(body), {})
    assert_same(found, CSV().decode(body, {}))
    assert len(found) == 50_400


@pytest.mark.parametrize("header", [False, "auto"])
def test_many_bodies_are_what_each_is(header: Any) -> None:
    bodies = [b"1,2\n3,4\n", b"5,"]
    plain = CSV(header=header).decode_many(bodies, {})
    assert plain is not None
    for found, body in zip(plain, bodies, strict=True):
        assert_same_bits(found, CSV(header=header).decode(body, {}))
    named = CSV(header=header, names=("a", "b")).decode_many(bodies, {})
    assert named is not None
    assert [getattr(table, "names", None) for table in named] == [("a", "b")] * 2


def test_bodies_with_headers_text_or_parameters_are_read_one_by_one() -> None:
    bodies = [b"1,2", b"3,4"]
    for decoder in (CSV(header=True), CSV(text=[0]), CSV(missing=["-1"])):
        assert decoder.decode_many(bodies, {}) is None
    assert CSV().decode_many(bodies, {"header": "absent"}) is None


def test_a_subclass_that_reads_otherwise_reads_one_by_one() -> None:
    class Doubled(CSV):
        def decode(self, body: Body, params: Mapping[str, str]) -> Any:
            return super().decode(body, params) * 2

    assert Doubled().decode_many([b"1", b"2"], {}) is None
