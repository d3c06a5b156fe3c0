from __future__ import annotations

import contextlib
import csv
import datetime as dt
import io
import json
import math
import tracemalloc
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scriptmode.errors import (
    DeclarationError,
    MalformedBodyError,
    NotAcceptableError,
    RequestError,
    UnsupportedMediaTypeError,
)
from scriptmode.serializers.csv import CSV
from scriptmode.serializers.json import JSON
from scriptmode.serializers.jsonlines import JSONLines
from scriptmode.serializers.npy import NPY
from scriptmode.values import Table
from tests.serializers.checks import (
    BINARY,
    assert_same,
    assert_same_bits,
    outcome,
    refusal,
    strict_json,
    within,
)
from tests.serializers.strategies import Matrix, matrices, mutated, npy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scriptmode.serializers.base import Body

NAN = math.nan
LAYOUTS = ("auto", "rows", "records", "columns", "split", "raw")
modest = settings(deadline=None, max_examples=100)


def decode(body: bytes | str, layout: Any = "auto", **params: str) -> Any:
    return JSON(layout).decode(body, params)


def table(**columns: list[float]) -> Table:
    return Table(tuple(columns), np.array(list(columns.values()), dtype=np.float64).T)


# Layouts


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("[[1, 2], [3, 4]]", [[1, 2], [3, 4]]),
        ("[[1], [2]]", [[1], [2]]),
        ("[1, 2.5, -3e2]", [[1, 2.5, -300]]),
        ("[5]", [[5]]),
        ("[null, 1]", [[NAN, 1]]),
        ("[[null, 1], [2, null]]", [[NAN, 1], [2, NAN]]),
        ("[[null]]", [[NAN]]),
        ("[true, false]", [[1, 0]]),
        ("[[true, null]]", [[1, NAN]]),
        ("[[9007199254740993, 18446744073709551616]]", [[9007199254740992, 2.0**64]]),
        (" [[1]]\n", [[1]]),
        ('{"instances": [[1, 2]]}', [[1, 2]]),
        ('{"inputs": [[1, 2]]}', [[1, 2]]),
        ('{"instances": [1, 2]}', [[1, 2]]),
        ('{"\\u0069nputs": [[1, null]]}', [[1, NAN]]),
        ("[[[1, 2], [3, 4]]]", [[[1, 2], [3, 4]]]),
        ("[[[1, null]], [[3, 4]]]", [[[1, NAN]], [[3, 4]]]),
        ('{"instances": [[[1], [2]], [[3], [4]]]}', [[[1], [2]], [[3], [4]]]),
    ],
)
def test_lists_of_numbers_are_an_array(body: str, expected: list[Any]) -> None:
    assert_same(decode(body), np.array(expected, dtype=np.float64))


@pytest.mark.parametrize(
    "body",
    [
        '[{"a": 1, "b": 2}, {"a": 3, "b": null}]',
        '[{"a": 1, "b": 2}, {"b": null, "a": 3}]',
        '{"a": [1, 3], "b": [2, null]}',
        '{"columns": ["a", "b"], "data": [[1, 2], [3, null]]}',
        '{"columns": ["a", "b"], "index": [7, 8], "data": [[1, 2], [3, null]]}',
        '{"data": [[1, 2], [3, null]], "columns": ["a", "b"]}',
        '{"instances": [{"a": 1, "b": 2}, {"a": 3, "b": null}]}',
        '{"inputs": {"a": [1, 3], "b": [2, null]}}',
        '{"instances": {"columns": ["a", "b"], "data": [[1, 2], [3, null]]}}',
    ],
)
def test_named_numbers_are_a_table(body: str) -> None:
    assert_same(decode(body), table(a=[1, 3], b=[2, NAN]))


@pytest.mark.parametrize("body", ['{"a": 1, "b": true}', '{"instances": {"a": 1, "b": 1}}'])
def test_one_record_is_a_table_of_one_row(body: str) -> None:
    assert_same(decode(body), table(a=[1], b=[1]))


def test_the_first_record_sets_the_order_of_the_columns() -> None:
    assert_same(decode('[{"b": 1, "a": 2}, {"a": 3, "b": 4}]'), table(b=[1, 4], a=[2, 3]))


@pytest.mark.parametrize(
    ("body", "columns"),
    [
        ('[["1", 2], ["x", 4]]', {0: ["1", "x"], 1: [2, 4]}),
        ('["1", 2]', {0: ["1"], 1: [2]}),
        ('[{"a": "1", "b": 2}, {"a": "x", "b": 4}]', {"a": ["1", "x"], "b": [2, 4]}),
        ('{"a": "01", "b": 2}', {"a": ["01"], "b": [2]}),
        ('{"a": ["1", "x"], "b": [2, 4]}', {"a": ["1", "x"], "b": [2, 4]}),
        ('{"columns": ["a"], "data": [["1e5"], ["nan"]]}', {"a": ["1e5", "nan"]}),
        ('{"inputs": [["true"]]}', {0: ["true"]}),
    ],
)
def test_text_makes_a_frame_and_is_never_turned_into_numbers(
    body: str, columns: dict[Any, list[Any]]
) -> None:
    frame = decode(body)
    assert isinstance(frame, pd.DataFrame)
    assert {name: frame[name].tolist() for name in frame.columns} == columns


def test_null_beside_text_is_missing() -> None:
    frame = decode('[{"a": "x", "b": null}, {"a": null, "b": 2}]')
    assert frame["a"].isna().tolist() == [False, True]
    assert frame["b"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        ("[]", (0, 0)),
        ("[[]]", (1, 0)),
        ('{"instances": []}', (0, 0)),
        ('{"a": [], "b": []}', (0, 2)),
        ('{"columns": ["a"], "data": []}', (0, 1)),
    ],
)
def test_a_table_without_rows_is_still_two_dimensional(body: str, shape: tuple[int, int]) -> None:
    assert decode(body).shape == shape


@pytest.mark.parametrize("kind", BINARY)
@pytest.mark.parametrize(
    "body", ["[[1, null]]", '[{"é": 1}]', '{"a": ["ü", "x"]}', "\ufeff[[1]]", "[[[1]]]"]
)
def test_every_kind_of_body_is_read_alike(kind: Any, body: str) -> None:
    assert_same(JSON().decode(kind(body.encode()), {}), decode(body))


@pytest.mark.parametrize("charset", ["utf-16", "utf-32", "latin-1", "UTF-8"])
def test_other_charsets_are_read(charset: str) -> None:
    body = '[{"größe": 1}]'.encode(charset)
    assert_same(decode(body, charset=charset), table(größe=[1]))


def test_an_unknown_charset_is_unsupported() -> None:
    with pytest.raises(UnsupportedMediaTypeError):
        decode(b"[1]", charset="klingon")


# Refusals


@pytest.mark.parametrize(
    ("body", "row"),
    [
        ("[[1, 2], [3]]", 2),
        ("[[1, 2], [3, 4], [5, 6, 7]]", 3),
        ('[["a", 2], [3]]', 2),
        ("[[1, null], [3]]", 2),
        ("[[1, 2], 3]", 2),
        ("[[1, 2], null]", 2),
        ('[[1, 2], "a"]', 2),
        ('[[1, 2], {"a": 1}]', 2),
        ("[[1], [2, 3]]", 2),
        ('{"instances": [[1, 2], [3]]}', 2),
        ('{"columns": ["a", "b"], "data": [[1, 2], [3]]}', 2),
        ('{"columns": ["a", "b"], "data": [[1]]}', 1),
        ('{"columns": ["a"], "data": [1]}', 1),
        ('{"columns": ["a"], "data": [[1], {"a": 1}]}', 2),
        ('[{"a": 1}, 5]', 2),
        ('[{"a": 1}, null]', 2),
        ('[{"a": 1}, [1]]', 2),
        ('[{"a": 1}, "a"]', 2),
        ('[{"a": 1, "b": 2}, "ab"]', 2),
        ("[{}]", 1),
        ("[{}, {}]", 1),
    ],
)
def test_a_row_unlike_the_others_is_refused_by_its_number(body: str, row: int) -> None:
    assert refusal(JSON(), body).where["row"] == row


@pytest.mark.parametrize(
    ("body", "row", "field"),
    [
        ('[{"a": 1, "b": 2}, {"a": 1}]', 2, "b"),
        ('[{"a": 1}, {"a": 1}, {"a": 1, "c": 2}]', 3, "c"),
        ('[{"a": 1}, {"b": 1}]', 2, "a"),
        ('[{"a": "x"}, {"a": "x", "c": 2}]', 2, "c"),
        ('{"inputs": [{"a": 1}, {}]}', 2, "a"),
    ],
)
def test_a_missing_or_extra_field_is_refused_by_row_and_name(
    body: str, row: int, field: str
) -> None:
    error = refusal(JSON(), body)
    assert error.where == {"row": row, "field": field}
    assert repr(field) in str(error)


def test_columns_of_unequal_length_are_refused_by_name() -> None:
    assert refusal(JSON(), '{"a": [1, 2], "b": [1]}').where == {"field": "b"}


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ("[1, [2]]", {"row": 1, "column": 2}),
        ("[1, {}]", {"row": 1, "column": 2}),
        ("[[1, 2], [3, {}]]", {"row": 2, "column": 2}),
        ('[["a", 2], [[3], 4]]', {"row": 2, "column": 1}),
        ('[{"a": 1}, {"a": {"b": 1}}]', {"row": 2, "column": 1, "field": "a"}),
        ('[{"a": [1]}, {"a": [1]}]', {"row": 1, "column": 1, "field": "a"}),
        ('{"a": [[1]], "b": [[2]]}', {"row": 1, "column": 1, "field": "a"}),
    ],
)
def test_a_cell_that_is_no_scalar_is_refused_by_its_place(body: str, where: dict[str, Any]) -> None:
    assert refusal(JSON(), body).where == where


@pytest.mark.parametrize(
    "body", ["[[[1, 2], [3]]]", "[[[1], [2]], [[3]]]", '[[["a"]]]', "[[[1], 2]]", "[[[{}]]]"]
)
def test_nested_lists_that_are_no_tensor_are_refused(body: str) -> None:
    refusal(JSON(), body)


@pytest.mark.parametrize(
    "body",
    [
        "5",
        '"a"',
        "null",
        "true",
        "{}",
        '{"instances": [[1]], "x": 1}',
        '{"instances": [[1]], "inputs": [[1]]}',
        '{"instances": [[1]], "columns": ["a"], "data": [[1]]}',
        '{"instances": 5}',
        '{"instances": null}',
        '{"instances": {}}',
        '{"inputs": {"instances": [[1]]}}',
        '{"a": [1], "b": 2}',
        '{"a": {"b": 1}}',
        '{"a": 1, "b": {"c": 2}}',
    ],
)
def test_an_ambiguous_body_is_answered_with_an_example(body: str) -> None:
    message = str(refusal(JSON(), body))
    assert "[[1, 2.5, null]]" in message
    assert '{"instances": [[1, 2.5]]}' in message


def test_the_examples_are_read() -> None:
    _, _, examples = str(refusal(JSON(), "5")).partition("expected one of ")
    shapes = [decode(example).shape for example in examples.split(" or ")]
    assert len(shapes) >= 6
    assert all(len(shape) == 2 for shape in shapes)


@pytest.mark.parametrize(
    "body",
    [
        '{"columns": "a", "data": [[1]]}',
        '{"columns": [1], "data": [[1]]}',
        '{"columns": ["a", "a"], "data": [[1, 2]]}',
        '{"columns": ["a"], "data": {"a": 1}}',
        '{"columns": null, "data": null}',
    ],
)
def test_split_needs_unique_names_and_a_list_of_rows(body: str) -> None:
    refusal(JSON(), body)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ('{"a": 1, "a": 2}', "a"),
        ('{"a": [1], "a": [2]}', "a"),
        ('{"a": 1, "\\u0061": 2}', "a"),
        ('[{"a": 1, "b": 2}, {"a": 1, "b": 3, "b": 4}]', "b"),
        ('[{"a": 1, "a": 1}]', "a"),
        ('{"instances": [{"a": 1, "a": 2}]}', "a"),
        ('{"instances": [[1]], "instances": [[2]]}', "instances"),
        ('{"columns": ["a"], "data": [[1]], "data": [[2]]}', "data"),
        ('[{"a": "x", "a": "y"}]', "a"),
        ('[{"a": "x", "b": 1, "b": 2}]', "b"),
        ('{"a": ["x", "y"], "b": [1, 2], "b": [3, 4]}', "b"),
        ('{"a": ["x", null], "b": [1, 2], "b": [3, 4]}', "b"),
        ('{"a": ["x", 1, 2, 3], "b": [1, 2, 3, 4], "b": [5, 6, 7, 8]}', "b"),
        ('{"a": ["\\"", "y"], "b": [1, 2], "\\u0062": [3, 4]}', "b"),
    ],
)
def test_a_name_that_stands_twice_is_refused(body: str, name: str) -> None:
    assert refusal(JSON(), body).where["field"] == name


@pytest.mark.parametrize(
    "body", ['["x", 1, {"b": 1, "b": 2}]', '{"a": {"b": {"c": 1, "c": 2}}}', '[[{"a": 1, "a": 1}]]']
)
def test_a_name_that_stands_twice_is_refused_in_any_value(body: str) -> None:
    refusal(JSON("raw"), body)


@pytest.mark.parametrize("body", ['{"a": "a", "b": "a"}', '[{"a": "b", "b": "\\"a\\":"}]'])
def test_text_that_repeats_is_no_repeated_name(body: str) -> None:
    assert list(decode(body).columns) == ["a", "b"]


def test_a_repeated_name_among_many_is_found_in_linear_time() -> None:
    names = ", ".join(f'"f{number}": "x"' for number in range(15_000))
    with within(1):
        assert refusal(JSON(), f'{{{names}, "z": 1, "z": 2}}').where["field"] == "z"


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity", "nan"])
@pytest.mark.parametrize(
    ("before", "after"), [("[1, ", "]"), ('[{"a": ', "}]"), ('[{"größe": ', "}]"), ('["ü", ', "]")]
)
def test_nan_tokens_are_refused_with_a_hint(before: str, token: str, after: str) -> None:
    assert "null" in str(refusal(JSON(), before + token + after))


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("[1, 2", 1),
        ("[1,\n2,\n x]", 3),
        ("[[1]] [[2]]", 1),
        ("[[1]]\n[[2]]", 2),
        ("[01]", 1),
        ("[+1]", 1),
        ("[.5]", 1),
        ("[1.]", 1),
        ("[1e999]", 1),
        ("['a']", 1),
        ("[1,]", 1),
        ("// none\n[1]", 1),
        ('["\\ud800"]', 1),
        ("[\x00]", 1),
        ("a,b\n1,2", 1),
    ],
)
def test_what_is_not_json_is_refused_by_its_line(body: str, line: int) -> None:
    assert refusal(JSON(), body).where["line"] == line


@pytest.mark.parametrize("body", [b"", "", b" \n", b"\xef\xbb\xbf"])
def test_an_empty_body_is_refused(body: bytes | str) -> None:
    assert "empty" in str(refusal(JSON(), body))


@pytest.mark.parametrize(
    ("body", "line"), [(b'["\xff"]', 1), (b'[\n"\xe9", 1]', 2), (b"[1]\n\xff", 2)]
)
def test_invalid_utf8_is_refused_by_its_line(body: bytes, line: int) -> None:
    error = refusal(JSON(), body)
    assert error.where["line"] == line
    assert "UTF-8" in str(error)


# Depth


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":', b'{"instances":'])
@pytest.mark.parametrize("layout", ["auto", "raw"])
def test_endless_nesting_is_refused_quickly(opening: bytes, layout: str) -> None:
    with within(1):
        refusal(JSON(layout), opening * 100_000)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("opening", "closing"),
    [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]"), ('{"instances":', "}"), ('["x",', "]")],
)
@pytest.mark.parametrize("core", ["1", '"x"', "[]", "null", '{"b": 1}'])
@pytest.mark.parametrize(
    ("before", "after"), [("", ""), ("[[1],", "]"), ('{"b": 1, "a":', "}"), ('[["x"],', "]")]
)
def test_deep_nesting_is_refused(
    before: str, opening: str, core: str, closing: str, after: str
) -> None:
    depth = 900 // opening.count("[") if "{" in opening and "[" in opening else 900
    refusal(JSON(), before + opening * depth + core + closing * depth + after)


@pytest.mark.parametrize("core", ["1", '"x"'])
@pytest.mark.parametrize("depth", [33, 64, 65, 500, 1000, 1020])
def test_nested_lists_of_any_depth_are_read_or_refused(depth: int, core: str) -> None:
    body = "[" * depth + core + "]" * depth
    found = outcome(lambda: decode(body))
    assert found is RequestError or found.ndim == depth
    assert outcome(lambda: decode(body, "raw")) is not None


# Options


BODIES = {
    "rows": "[[1, 2]]",
    "records": '[{"a": 1}]',
    "columns": '{"a": [1]}',
    "split": '{"columns": ["a"], "data": [[1]]}',
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("layout", BODIES)
def test_a_fixed_layout_refuses_the_others(layout: str, body: str) -> None:
    for text in (BODIES[body], f'{{"instances": {BODIES[body]}}}'):
        if layout == body:
            assert_same(decode(text, layout), decode(text))
        else:
            assert repr(layout) in str(refusal(JSON(layout), text))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value", [5, "a", None, True, {}, [], {"instances": [[1]], "x": {"y": "z"}}, [[1], [2, "3"]]]
)
def test_raw_reads_any_value_as_it_is(value: Any) -> None:
    assert_same(decode(json.dumps(value), "raw"), value)


@pytest.mark.parametrize(
    ("layout", "meant"), [("record", "records"), ("colums", "columns"), ("Rows", "rows")]
)
def test_a_misspelt_layout_is_answered_with_the_one_that_was_meant(layout: Any, meant: str) -> None:
    with pytest.raises(DeclarationError, match=f"did you mean '{meant}'"):
        JSON(layout)


def test_a_layout_unlike_any_is_answered_with_all() -> None:
    with pytest.raises(DeclarationError) as caught:
        JSON("xyz")  # type: ignore[arg-type]
    assert all(layout in str(caught.value) for layout in LAYOUTS)


# Writing


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.array([0.1, 0.2], dtype=np.float32), b"[0.1,0.2]"),
        (np.array([0.1]), b"[0.1]"),
        (np.array([[1, 2], [3, 4]]), b"[[1,2],[3,4]]"),
        (np.float32(0.1), b"0.1"),
    ],
)
def test_numbers_are_written_in_their_shortest_form(value: Any, expected: bytes) -> None:
    assert JSON().encode(value, {}) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.array([1.5, NAN, math.inf, -math.inf]), [1.5, None, None, None]),
        (np.array([1.5, NAN], dtype=np.float32), [1.5, None]),
        ([1.5, NAN, math.inf], [1.5, None, None]),
        ({"a": NAN}, {"a": None}),
        (np.array([1, -2], dtype=np.int8), [1, -2]),
        (np.array([2**64 - 1], dtype=np.uint64), [2**64 - 1]),
        (np.array([True, False]), [True, False]),
        (np.array(["a", "é"]), ["a", "é"]),
        (np.array([["a", None], [1, 2.5]], dtype=object), [["a", None], [1, 2.5]]),
        (np.array([[1, 2]], dtype=">i4"), [[1, 2]]),
        (np.array([1.5, NAN], dtype=">f8"), [1.5, None]),
        (np.array([[1.0, 2.0], [3.0, 4.0]]).T, [[1, 3], [2, 4]]),
        (np.arange(6)[::2], [0, 2, 4]),
        (np.array([[True, False]]).T, [[True], [False]]),
        (np.array([0.5, NAN], dtype=np.float16), [0.5, None]),
        (np.zeros((1, 2, 2)), [[[0, 0], [0, 0]]]),
        (np.empty((0, 3)), []),
        (np.array(1.5), 1.5),
        (np.float64(1.5), 1.5),
        (np.float32(NAN), None),
        (np.float16(0.5), 0.5),
        (np.int64(3), 3),
        (np.uint8(3), 3),
        (np.bool_(True), True),  # noqa: FBT003 - numpy's signature
        (np.str_("a"), "a"),
        ({"scores": np.array([0.5]), "n": np.int32(1)}, {"scores": [0.5], "n": 1}),
        ({"a": np.array([[1, 2]]).T, "b": [np.float32(0.5)]}, {"a": [[1], [2]], "b": [0.5]}),
        ((1, "a", None), [1, "a", None]),
        ("text", "text"),
        (None, None),
        (dt.date(2020, 1, 2), "2020-01-02"),
        (Table(["a", "b"], np.array([[1.0, NAN]])), [{"a": 1, "b": None}]),
        (Table(["a"], np.empty((0, 1))), []),
        ({"rows": Table(["a"], np.array([[1.0]]))}, {"rows": [{"a": 1}]}),
        (pd.DataFrame({"a": [1, 2], "b": ["x", None]}), [{"a": 1, "b": "x"}, {"a": 2, "b": None}]),
        (pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}), [{"a": 1}, {"a": None}]),
        (pd.DataFrame({"a": [1.5, NAN, math.inf]}), [{"a": 1.5}, {"a": None}, {"a": None}]),
        (pd.DataFrame({"a": [pd.NA, 1]}, dtype=object), [{"a": None}, {"a": 1}]),
        (pd.DataFrame({0: [1]}, index=["x"]), [{"0": 1}]),
        (
            pd.DataFrame({"a": [pd.Timestamp("2020-01-02"), pd.NaT]}),
            [{"a": "2020-01-02T00:00:00"}, {"a": None}],
        ),
        (pd.DataFrame({"a": pd.Categorical(["x", None])}), [{"a": "x"}, {"a": None}]),
        (pd.Series([1.5, NAN]), [1.5, None]),
        (pd.Series(["a", "b"]), ["a", "b"]),
        (pd.Series([1, None], dtype="Int64"), [1, None]),
        (pd.Series([True, None], dtype="boolean"), [True, None]),
        (
            pd.Series([pd.Timestamp("2020-01-02"), pd.NaT]),
            ["2020-01-02T00:00:00", None],
        ),
        ({"a": pd.NA}, {"a": None}),
        ([pd.NaT], [None]),
        (np.array([[1, pd.NA]], dtype=object), [[1, None]]),
    ],
)
def test_predictions_are_written_as_strict_json(value: Any, expected: Any) -> None:
    assert_same(strict_json(JSON().encode(value, {})), expected)


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2},
        1j,
        np.array([1j]),
        b"bytes",
        {"a": b"bytes"},
        {1: 2, "1": 3},
        [2**70],
        ["\ud800"],
        [object()],
        np.array([object()]),
        pd.DataFrame({"a": [object()]}),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
    ],
)
def test_what_has_no_form_in_json_is_not_acceptable(value: Any) -> None:
    with pytest.raises(NotAcceptableError) as caught:
        JSON().encode(value, {})
    assert caught.value.status == 406


def test_a_list_within_itself_is_not_acceptable() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(NotAcceptableError):
        JSON().encode(endless, {})


# Properties


def bodies_of(matrix: Matrix) -> dict[str, tuple[Any, bytes]]:
    """The same table in every layout of every format."""
    names = [f"f{number}" for number in range(matrix.shape[1])]
    rows = [[None if math.isnan(cell) else cell for cell in row] for row in matrix.tolist()]
    records = [dict(zip(names, row, strict=True)) for row in rows]
    columns = {name: [row[index] for row in rows] for index, name in enumerate(names)}
    split = {"columns": names, "data": rows}
    values: dict[str, Any] = {
        "rows": rows,
        "records": records,
        "columns": columns,
        "split": split,
        "split with index": {**split, "index": list(range(len(rows)))},
        "instances": {"instances": rows},
        "inputs": {"inputs": rows},
        "instances of records": {"instances": records},
        "inputs of columns": {"inputs": columns},
        "instances of split": {"instances": split},
    }
    if len(rows) == 1:
        values |= {"one row": rows[0], "one record": records[0]}
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    lines = text.getvalue()
    return {
        **{name: (JSON(), json.dumps(value).encode()) for name, value in values.items()},
        "lines of lists": (JSONLines(), "\n".join(map(json.dumps, rows)).encode()),
        "lines of records": (JSONLines(), "\n".join(map(json.dumps, records)).encode()),
        "csv": (CSV(), lines.encode()),
        "csv with header": (CSV(header=True), (",".join(names) + "\n" + lines).encode()),
        "npy": (NPY(), npy(matrix)),
        "npy in columns": (NPY(), npy(np.asfortranarray(matrix))),
    }


@given(matrices(allow_infinity=False))
@modest
def test_every_layout_and_format_reads_the_same_matrix(matrix: Matrix) -> None:
    for name, (serializer, body) in bodies_of(matrix).items():
        found = serializer.decode(body, {})
        assert_same_bits(np.asarray(found), matrix)
        if isinstance(found, Table):
            assert found.names == tuple(f"f{number}" for number in range(matrix.shape[1])), name


@given(matrices(allow_infinity=False))
@modest
def test_what_is_encoded_decodes_to_the_same_doubles(matrix: Matrix) -> None:
    assert_same_bits(decode(JSON().encode(matrix, {})), matrix)
    named = Table([f"f{number}" for number in range(matrix.shape[1])], matrix)
    assert_same(decode(JSON().encode(named, {})), named)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
@modest
def test_float32_reads_back_exactly(cells: list[float]) -> None:
    array = np.array([cells], dtype=np.float32)
    assert_same_bits(decode(JSON().encode(array, {})).astype(np.float32), array)


SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
PLAIN = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NESTED = st.recursive(
    st.sampled_from([1, 2.5, None, "a", True]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "b", "columns", "data", "index", "instances", "inputs"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(PLAIN)
@modest
def test_raw_makes_the_round_trip(value: Any) -> None:
    assert_same(decode(JSON().encode(value, {}), "raw"), value)


@given(NESTED)
@settings(deadline=None, max_examples=200)
def test_any_json_value_is_a_neutral_value_or_refused(value: Any) -> None:
    found = outcome(lambda: decode(json.dumps(value)))
    assert found is RequestError or len(found.shape) >= 2


TEXTS = (NESTED | PLAIN).map(lambda value: json.dumps(value, ensure_ascii=False).encode())


@given(st.binary() | mutated(TEXTS), st.sampled_from(["utf-8", "utf-16", "latin-1", "utf-7"]))
@settings(deadline=None, max_examples=150)
def test_nothing_but_request_errors_leave_a_decoder(body: bytes, charset: str) -> None:
    found = outcome(lambda: decode(body, charset=charset))
    assert found is RequestError or len(found.shape) >= 2
    outcome(lambda: decode(body, "raw", charset=charset))


# Bodies that would cost far more than they weigh


@pytest.mark.parametrize(
    "body",
    [
        b'[["' + b"x" * 100_000 + b'"]' + b",[1]" * 10_000 + b"]",
        b'[{"a":"' + b"x" * 100_000 + b'"}' + b',{"a":1}' * 10_000 + b"]",
    ],
)
def test_one_long_text_does_not_widen_every_cell(body: bytes) -> None:
    tracemalloc.start()
    try:
        JSON().decode(body, {})
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()


def test_a_very_wide_row_with_text_is_refused_at_once() -> None:
    with pytest.raises(MalformedBodyError, match="at most 10000 cells"):
        JSON().decode(b'["a"' + b",1" * 500_000 + b"]", {})


def test_a_long_name_is_not_repeated_to_the_caller() -> None:
    name = b"n" * 1_000_000
    with pytest.raises(MalformedBodyError) as error:
        JSON().decode(b'{"' + name + b'":1,"' + name + b'":2}', {})
    assert len(str(error.value.to_dict())) < 3000


@given(st.lists(st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()))
@example([2**64, -(2**63) - 1, 0.1, 1e300])
def test_free_form_numbers_are_what_was_sent(value: list[Any]) -> None:
    assert JSON(layout="raw").decode(json.dumps(value).encode(), {}) == value


@pytest.mark.parametrize("body", [b"9" * 5000, b"[" * 900 + b"9" * 20 + b"]" * 900])
def test_numbers_that_python_cannot_hold_are_refused_or_read(body: bytes) -> None:
    with contextlib.suppress(MalformedBodyError):
        JSON(layout="raw").decode(body, {})


# Several bodies at once


@pytest.mark.parametrize("layout", LAYOUTS)
def test_many_bodies_are_what_each_is(layout: Any) -> None:
    bodies = [f"[[{row}, {row}.5]]".encode() for row in range(5)]
    found = JSON(layout).decode_many(bodies, {})
    assert (found is None) == (layout not in ("auto", "rows"))
    for several, body in zip(found or (), bodies, strict=False):
        assert_same_bits(several, decode(body, layout))


def test_bodies_with_a_charset_or_pictures_are_read_one_by_one() -> None:
    assert JSON().decode_many([b"[[1]]"] * 5, {"charset": "utf-8"}) is None
    assert JSON(image="image").decode_many([b"[[1]]"] * 5, {}) is None


def test_a_subclass_that_reads_otherwise_reads_one_by_one() -> None:
    class Doubled(JSON):
        def decode(self, body: Body, params: Mapping[str, str]) -> Any:
            return super().decode(body, params) * 2

    assert Doubled().decode_many([b"[[1]]"] * 5, {}) is None


@given(
    st.sampled_from(["f4", "f8", "f2", ">f8", "i8", "u1", "bool"]),
    st.sampled_from([(), (0,), (1,), (3,), (1, 2)]),
    st.lists(st.lists(st.integers(0, 200) | st.floats(), min_size=3, max_size=3), min_size=1),
)
@modest
def test_many_predictions_are_written_as_each_is(
    dtype: str, shape: tuple[int, ...], cells: list[list[float]]
) -> None:
    size = math.prod(shape)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        tables = [np.array(row[:size]).astype(dtype).reshape(1, *shape) for row in cells]
    found = JSON().encode_many(tables, {})
    assert (found is None) == (dtype == "bool" or len(shape) == 2)
    if found is not None:
        assert found == [JSON().encode(table, {}) for table in tables]


@pytest.mark.parametrize(
    "other",
    [
        np.array([1.0, 2.0]),
        np.array([[1.0]]),
        np.array([1.0], "f4"),
        np.array([]),
        np.array(1.0),
        np.array(["a"]),
        [1.0],
        {"a": np.array([1.0])},
        np.ma.array([1.0]),
    ],
)
def test_predictions_that_differ_in_kind_are_written_one_by_one(other: Any) -> None:
    plain = np.array([1.0])
    assert JSON().encode_many([plain, other, plain], {}) is None
    assert JSON().encode_many([other, plain], {}) is None


def test_no_predictions_are_not_written_at_once() -> None:
    assert JSON().encode_many([], {}) is None


def test_a_subclass_that_writes_otherwise_writes_one_by_one() -> None:
    class Doubled(JSON):
        def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
            return super().encode(value * 2, params)

    assert Doubled().encode_many([np.array([1.0])] * 3, {}) is None
