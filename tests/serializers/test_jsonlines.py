from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scriptmode.errors import NotAcceptableError, RequestError, UnsupportedMediaTypeError
from scriptmode.serializers.json import JSON
from scriptmode.serializers.jsonlines import JSONLines
from scriptmode.values import Table
from tests.serializers.checks import (
    BINARY,
    assert_same,
    assert_same_bits,
    outcome,
    refusal,
    strict_json,
)
from tests.serializers.strategies import Matrix, matrices, mutated

NAN = math.nan


def decode(body: bytes | str, **params: str) -> Any:
    return JSONLines().decode(body, params)


def encode(value: Any) -> bytes:
    return JSONLines().encode(value, {})


# Reading


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("[1,2]\n[3,null]\n", [[1, 2], [3, NAN]]),
        ("[1,2]\n[3,null]", [[1, 2], [3, NAN]]),
        ("[1,2]\r\n[3,4]\r\n", [[1, 2], [3, 4]]),
        ("[1]\n", [[1]]),
        ("[1]\n[2]\n", [[1], [2]]),
        (" [1, 2]\t\n[3,4] ", [[1, 2], [3, 4]]),
        ("\ufeff[1]\n[2]\n", [[1], [2]]),
        ("[[1,2],[3,4]]\n[[5,6],[7,8]]\n", [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]),
    ],
)
def test_a_list_a_line_is_a_row(body: str, expected: list[Any]) -> None:
    assert_same(decode(body), np.array(expected, dtype=np.float64))


def test_an_object_a_line_is_a_named_row() -> None:
    found = decode('{"a": 1, "b": 2}\n{"b": null, "a": 3}\n')
    assert_same(found, Table(["a", "b"], np.array([[1, 2], [3, NAN]])))


def test_text_stays_text() -> None:
    frame = decode('["01", 1]\n["a\\nb\u2028c", 2]\n')
    assert frame[0].tolist() == ["01", "a\nb\u2028c"]
    named = decode('{"a": "1"}\n{"a": null}\n')
    assert named["a"].isna().tolist() == [False, True]


@pytest.mark.parametrize("kind", BINARY)
@pytest.mark.parametrize("body", ["[1]\n[null]\n", '{"é": 1}\n', '["é"]'])
def test_every_kind_of_body_is_read_alike(kind: Any, body: str) -> None:
    assert_same(JSONLines().decode(kind(body.encode()), {}), decode(body))


def test_other_charsets_are_read() -> None:
    for charset in ("utf-16", "latin-1"):
        table = decode('{"é": 1}\n{"é": 2}\n'.encode(charset), charset=charset)
        assert_same(table, Table(["é"], np.array([[1.0], [2.0]])))


def test_an_unknown_charset_is_unsupported() -> None:
    with pytest.raises(UnsupportedMediaTypeError):
        decode(b"[1]", charset="klingon")


@pytest.mark.parametrize("lines", [1, 2, 57])
def test_line_n_is_row_n(lines: int) -> None:
    body = "".join(f"[{number}, null]\n" for number in range(lines))
    assert decode(body)[:, 0].tolist() == list(range(lines))


# Refusals


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("", 1),
        ("\n", 1),
        ("\n[1]\n", 1),
        ("[1]\n\n[2]\n", 2),
        ("[1]\n \t\n[2]\n", 2),
        ("[1]\r\n\r\n[2]\r\n", 2),
        ("[1]\n\n", 2),
        ("[1]\n[2]\n\n\n", 3),
    ],
)
def test_a_blank_line_is_refused_by_its_number(body: str, line: int) -> None:
    error = refusal(JSONLines(), body)
    assert error.where == {"line": line}
    assert f"line {line}" in str(error)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("[1,2\n3]", 1),
        ("[1\n2],[3]", 1),
        ("[[1\n],[2]]", 1),
        ('{"a": 1,\n"b": 2}', 1),
        ("[1]\n[2],[3]", 2),
        ("[1] [2]\n", 1),
        ("[1]\n[2]\n[3", 3),
        ("[1]\n[NaN]", 2),
        ("[1]\n[2]\nx\n[4", 3),
    ],
)
def test_every_line_is_json_of_its_own(body: str, line: int) -> None:
    assert refusal(JSONLines(), body).where["line"] == line


@pytest.mark.parametrize("scalar", ["1", '"a"', "null", "true", "-2.5"])
def test_a_line_with_a_scalar_is_refused(scalar: str) -> None:
    assert refusal(JSONLines(), f"[1]\n{scalar}\n").where == {"line": 2}
    assert refusal(JSONLines(), scalar).where == {"line": 1}


@pytest.mark.parametrize(
    ("body", "row"),
    [
        ('[1]\n{"a": 1}\n', 2),
        ('{"a": 1}\n{"a": 2}\n[3]\n', 3),
        ("[1, 2]\n[3]\n", 2),
        ("[1]\n[2]\n[3, 4]\n", 3),
        ('{"a": 1}\n{}\n', 2),
        ('["a", 1]\n["b"]\n', 2),
        ("{}\n", 1),
    ],
)
def test_a_line_unlike_the_first_is_refused_by_its_row(body: str, row: int) -> None:
    assert refusal(JSONLines(), body).where["row"] == row


def test_a_missing_field_is_refused_by_name() -> None:
    error = refusal(JSONLines(), '{"a": 1, "b": 2}\n{"a": 3}\n')
    assert error.where == {"row": 2, "field": "b"}


@pytest.mark.parametrize("text", ['"x"', "1"])
def test_a_name_that_stands_twice_is_refused_by_its_line(text: str) -> None:
    error = refusal(JSONLines(), f'{{"a": {text}}}\n{{"a": 1, "\\u0061": {text}}}\n')
    assert error.where == {"line": 2, "field": "a"}


@pytest.mark.parametrize(
    ("body", "line"), [(b'["\xff"]\n[1]', 1), (b'["a"]\n["b"]\n["\xff"]\n', 3), (b"[1]\n\xe9", 2)]
)
def test_invalid_utf8_is_refused_by_its_line(body: bytes, line: int) -> None:
    assert refusal(JSONLines(), body).where["line"] == line


@pytest.mark.parametrize("line", ["[" * 900 + "]" * 900, "[" * 100_000, '{"a":' * 900 + '"x"'])
def test_deep_nesting_is_refused(line: str) -> None:
    refusal(JSONLines(), line)
    refusal(JSONLines(), f"[1]\n{line}\n")


# Writing


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        (np.array([0.5, NAN, math.inf]), [0.5, None, None]),
        (np.array([1, 2], dtype=">i2"), [1, 2]),
        (np.array([True, False]), [True, False]),
        (np.array([0.1], dtype=np.float32), [0.1]),
        (np.array([[1.5, NAN], [3.0, 4.0]]), [[1.5, None], [3, 4]]),
        (np.array([[1.0, 2.0], [3.0, 4.0]]).T, [[1, 3], [2, 4]]),
        (np.array([[1], [2]]), [[1], [2]]),
        (np.arange(8).reshape(2, 2, 2), [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]),
        (np.array(["a", "b\nc"]), ["a", "b\nc"]),
        (np.empty((0, 3)), []),
        (np.empty(0), []),
        (np.empty((2, 0)), [[], []]),
        ([], []),
        ([{"a": 1}, {"b": [2]}], [{"a": 1}, {"b": [2]}]),
        ([np.array([1.0, 2.0]), np.array([3.0])], [[1, 2], [3]]),
        ((1, "a", None), [1, "a", None]),
        (Table(["a", "b"], np.array([[1, NAN], [3, 4]])), [{"a": 1, "b": None}, {"a": 3, "b": 4}]),
        (Table(["a"], np.empty((0, 1))), []),
        (
            pd.DataFrame({"a": [1, 2], "b": ["x\ny", None]}),
            [{"a": 1, "b": "x\ny"}, {"a": 2, "b": None}],
        ),
        (pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}), [{"a": 1}, {"a": None}]),
        (pd.Series([1.5, NAN]), [1.5, None]),
        (pd.Series([1, None], dtype="Int64"), [1, None]),
    ],
)
def test_a_row_is_a_line(value: Any, lines: list[Any]) -> None:
    body = encode(value)
    assert body == b"" or body.endswith(b"\n")
    assert [strict_json(line) for line in body.split(b"\n")[:-1]] == lines


@pytest.mark.parametrize(
    "value",
    [
        "text",
        b"bytes",
        1.5,
        np.array(1.5),
        None,
        {"a": 1},
        [object()],
        [{1}],
        np.array([1j]),
        ["\ud800"],
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
    ],
)
def test_what_has_no_rows_is_not_acceptable(value: Any) -> None:
    with pytest.raises(NotAcceptableError):
        encode(value)


# Properties


@given(matrices(allow_infinity=False))
@settings(deadline=None, max_examples=150)
def test_what_is_encoded_decodes_to_the_same_doubles(matrix: Matrix) -> None:
    body = encode(matrix)
    assert body.count(b"\n") == len(matrix)
    assert_same_bits(decode(body), matrix)
    named = Table([f"f{number}" for number in range(matrix.shape[1])], matrix)
    assert_same(decode(encode(named)), named)


CELLS: st.SearchStrategy[Any] = st.sampled_from([1, 2.5, None, "a", "\n", [1], {}])
LINES = st.lists(
    (st.lists(CELLS, max_size=2) | st.dictionaries(st.sampled_from("ab"), CELLS)).map(json.dumps),
    min_size=1,
    max_size=4,
)


@given(LINES)
@settings(deadline=None, max_examples=150)
def test_lines_are_read_as_the_list_of_them_is(lines: list[str]) -> None:
    found = outcome(lambda: decode("\n".join(lines)))
    assert_same(found, outcome(lambda: JSON().decode(f"[{','.join(lines)}]", {})))


@given(st.binary() | mutated(LINES.map(lambda lines: "\n".join(lines).encode())))
@settings(deadline=None, max_examples=150)
def test_nothing_but_request_errors_leave_a_decoder(body: bytes) -> None:
    found = outcome(lambda: decode(body))
    assert found is RequestError or len(found) == body.removesuffix(b"\n").count(b"\n") + 1
