from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scriptmode.errors import RequestError
from scriptmode.serializers import flat, json_numbers
from scriptmode.serializers.json import JSON, parse_json
from scriptmode.serializers.json_numbers import read_lines, read_single_rows, read_table
from scriptmode.serializers.jsonlines import JSONLines
from scriptmode.serializers.layouts import read_layout
from scriptmode.values import Table
from tests.serializers.checks import assert_same_bits, outcome, within
from tests.serializers.memory import MIB, memory_within
from tests.serializers.strategies import mutated

NAMES = st.lists(
    st.sampled_from(["a", "b", "1", "é", "a b", "-0", "", "x,y", "{", "]", "e5", 'q"', "\\"]),
    min_size=1,
    max_size=3,
    unique=True,
)
NUMBERS = st.integers(-(2**65), 2**65).map(str) | st.floats(
    allow_nan=False, allow_infinity=False
).map(repr)
CELLS = NUMBERS | st.sampled_from(["null", "-0", "-0.0", "1e999", "true", '"5"', " 1", "1e5", "01"])
GAPS = st.sampled_from(["", "", "", " ", "\n", "\t", "\r\n "])


PIECES = st.text("[]1,\0 ", max_size=9).map(str.encode)


@pytest.fixture(params=["simdjson", "without simdjson"])
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small bodies take the fast road, with either parser."""
    monkeypatch.setattr(json_numbers, "_SMALL_RECORDS", 0)
    monkeypatch.setattr("scriptmode.serializers.json.SMALL", 0)
    monkeypatch.setattr("scriptmode.serializers.jsonlines.SMALL", 0)
    monkeypatch.setattr(flat, "_FEW", 0)
    if request.param != "simdjson":
        monkeypatch.setattr(flat, "_simdjson", lambda: None)


@st.composite
def row_bodies(draw: st.DrawFn) -> bytes:
    """Lists of lists, mostly of numbers and mostly as wide as each other."""
    width = draw(st.integers(1, 3))
    gap = draw(GAPS)
    cells = draw(st.sampled_from([NUMBERS, NUMBERS, CELLS]))
    rows = draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=4))
    inner = f"{gap},{gap}".join(f"[{gap}{f'{gap},'.join(row)}{gap}]" for row in rows)
    text = f"{gap}[{gap}{inner}{gap}]{gap}"
    return (
        draw(st.sampled_from(['{{"instances": {}}}', '{{"inputs":{} }}', "{}", "{}"]))
        .format(text)
        .encode()
    )


@st.composite
def single_rows(draw: st.DrawFn, cells: st.SearchStrategy[str]) -> list[bytes]:
    """Lists of one row each, all as wide as each other."""
    width = draw(st.integers(1, 3))
    rows = st.lists(cells, min_size=width, max_size=width).map(",".join)
    bodies = st.tuples(GAPS, rows, GAPS).map(lambda part: "[{0}[{1}{2}]{2}]".format(*part).encode())
    return draw(st.lists(bodies, min_size=4, max_size=6))


@st.composite
def record_bodies(draw: st.DrawFn) -> bytes:
    """Lists of objects, mostly with the names of the first in its order."""
    names = draw(NAMES)
    cells = draw(st.sampled_from([NUMBERS, NUMBERS, CELLS]))
    gap = draw(GAPS)
    records = []
    for _ in range(draw(st.integers(1, 4))):
        order = draw(st.permutations(names)) if draw(st.integers(0, 5)) == 0 else names
        pairs = [f"{json.dumps(name)}{gap}:{draw(cells)}" for name in order]
        records.append("{" + f",{gap}".join(pairs) + "}")
    text = f"[{f',{gap}'.join(records)}]"
    return draw(st.sampled_from(['{{"instances": {}}}', "{}", "{}"])).format(text).encode()


def as_lines(raw: bytes) -> bytes:
    """The same rows or records, one a line."""
    return raw.strip(b" \n\r\t")[1:-1].replace(b"],[", b"]\n[").replace(b"},{", b"}\n{")


def careful(raw: bytes, layout: Any = "auto") -> Any:
    def read() -> Any:
        value, has_text = parse_json(raw)
        return read_layout(value, layout, has_text=has_text)

    return outcome(read)


def careful_lines(raw: bytes) -> Any:
    return outcome(lambda: JSONLines()._read_carefully(raw))


def assert_equal_roads(fast: Any, slow: Any) -> None:
    if isinstance(fast, Table):
        assert isinstance(slow, Table)
        assert fast.names == slow.names
        fast, slow = fast.values, slow.values
    if fast is RequestError:
        assert slow is RequestError
    if isinstance(fast, np.ndarray):
        assert isinstance(slow, np.ndarray), f"the fast road alone reads {fast!r}"
        assert_same_bits(fast, slow)


@pytest.mark.usefixtures("small")
@settings(deadline=None, max_examples=200)
@given(row_bodies() | mutated(row_bodies()))
@example(b"[[1,2]3,[4,5]]")
def test_rows_are_read_as_on_the_careful_road(raw: bytes) -> None:
    fast = read_table(raw, rows=True, records=True)
    if fast is not None:
        assert_equal_roads(fast, careful(raw))


@settings(deadline=None, max_examples=300)
@given(row_bodies() | record_bodies() | mutated(row_bodies() | record_bodies()))
@example(b'["a"]')
@example(b'[{"a":1},{"b":2}]')
@example(b'[{"a":1,"b":2},{"a":3,"c":4}]')
@example(b'[{"a":1,"a":2},{"a":3}]')
@example(b'[{"a":true},{"a":false}]')
@example(b"[[[1,2]],[[3,4]]]")
def test_short_bodies_are_read_as_on_the_careful_road(raw: bytes) -> None:
    assert_equal_roads(outcome(lambda: JSON().decode(raw, {})), careful(raw))
    lines = as_lines(raw)
    if lines:
        assert_equal_roads(outcome(lambda: JSONLines().decode(lines, {})), careful_lines(lines))


@pytest.mark.usefixtures("small")
@settings(deadline=None, max_examples=200)
@given(record_bodies() | mutated(record_bodies()))
@example(b'[{"a":1}2,{"a":3}]')
@example(b'[{"a":1,"b":2},{"a":3,4"b":}]')
@example(b'[{"a":1,"b":2},{3"a":,"b":4}]')
@example(b'[{"a":1, "b":2}, {"a":3, 4 "b":}]')
def test_records_are_read_as_on_the_careful_road(raw: bytes) -> None:
    fast = read_table(raw, rows=True, records=True)
    if fast is not None:
        assert_equal_roads(fast, careful(raw))


@pytest.mark.usefixtures("small")
@settings(deadline=None, max_examples=200)
@given(
    (row_bodies() | record_bodies()).map(as_lines)
    | mutated((row_bodies() | record_bodies()).map(as_lines))
)
@example(b"[1,2]3\n[4,5]")
def test_lines_are_read_as_on_the_careful_road(raw: bytes) -> None:
    raw = raw.removesuffix(b"\n")
    fast = read_lines(raw)
    if fast is not None:
        assert_equal_roads(fast, careful_lines(raw))


@pytest.mark.usefixtures("small")
@settings(deadline=None, max_examples=100)
@given(row_bodies() | record_bodies(), st.sampled_from(["auto", "rows", "records", "split"]))
def test_the_declared_layout_holds_on_either_road(raw: bytes, layout: Any) -> None:
    found, expected = outcome(lambda: JSON(layout).decode(raw, {})), careful(raw, layout)
    if expected is RequestError:
        assert found is RequestError
    assert_equal_roads(found, expected)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "body",
    [
        *(b"[[1,2]3,[4,5]]", b"[[1,2]]5", b"[5[1,2]]", b"[[]1,[2]]", b"[[1],2[],[3]]", b"5[[1]]"),
        *(b"[[1,2]-,[4,5]]", b"[[1,2] 3,[4,5]]", b"[[1,2],[4,5]]e5", b'{"inputs":[[1]5]}'),
    ],
)
def test_digits_between_the_rows_are_not_part_of_a_cell(body: bytes) -> None:
    assert read_table(body, rows=True, records=True) is None
    assert outcome(lambda: JSON().decode(body, {})) is RequestError


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "body",
    [
        *(
            b'[{"a":1}2,{"a":3}]',
            b'[{"a":1},{"a"5:1}]',
            b'[{"a":1},{"a":1}5]',
            b'[{"a":1},5{"a":1}]',
        ),
        *(b'[{"a":1},{5"a":1}]', b'[{"a":1,"b":2},{"a":1,"b"4:5}]', b'[{"a":1}]7'),
    ],
)
def test_digits_between_the_records_are_not_part_of_a_cell(body: bytes) -> None:
    assert read_table(body, rows=True, records=True) is None
    assert outcome(lambda: JSON().decode(body, {})) is RequestError


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "body", [b"[1,2]3\n[4,5]", b"[1]\n5[2]", b'{"a":1}2\n{"a":3}', b'{"a":1}\n{"a"5:3}']
)
def test_digits_between_the_lines_are_not_part_of_a_cell(body: bytes) -> None:
    assert read_lines(body) is None
    assert outcome(lambda: JSONLines().decode(body, {})) is RequestError


def test_digits_between_the_rows_of_a_large_body_are_refused() -> None:
    assert (
        outcome(lambda: JSON().decode(b"[" + b"[1.5,2.5]," * 500 + b"[1,2]3]", {})) is RequestError
    )
    assert outcome(lambda: JSONLines().decode(b"[1.5,2.5]\n" * 500 + b"[1,2]3", {})) is RequestError


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("blank", [b"\x0b", b"\x0c"])
@pytest.mark.parametrize(
    "form", [b'{%b"inputs":[[1]]}', b'{"inputs"%b:[[1]]}', b'{"inputs":[[1]]%b}']
)
def test_only_the_blanks_of_json_stand_around_an_envelope(form: bytes, blank: bytes) -> None:
    assert careful(form % blank) is RequestError
    assert read_table(form % blank, rows=True, records=True) is None


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "body",
    [
        b'[{"a":1,"a":2}]',
        b'[{"a":1},{"a":2,"a":3}]',
        b'[{"a":1},{"b":2}]',
        b'[{"a":1,"b":2},{"b":2,"a":1}]',
        b'[{"a":1},{}]',
        b"[{},{}]",
        b'[{"a":1},[2]]',
        b'[[1],{"a":2}]',
        b'[{"a\\n":1}]',
        b'[{"a":"1"}]',
        b'[{"a":[1]}]',
        b'[{"a":1},]',
        b"[[1,2],[3]]",
        b"[[1],[2],]",
        b"[[],[]]",
        b"[[[1]]]",
        b"[[1,true]]",
        b"[[nan]]",
        b"[[\xff]]",
        b'[{"\xff":1}]',
    ],
)
def test_what_is_no_rectangle_of_numbers_is_left_to_the_careful_road(body: bytes) -> None:
    fast = read_table(body, rows=True, records=True)
    assert fast is None or not isinstance(careful(body), type)
    assert_equal_roads(fast, careful(body))


@pytest.mark.usefixtures("small")
def test_rows_and_records_take_the_fast_road() -> None:
    assert isinstance(read_table(b"[[1,2.5],[3,4]]", rows=True, records=True), np.ndarray)
    assert isinstance(read_table(b'{"inputs":[[1],[2]]}', rows=True, records=True), np.ndarray)
    assert isinstance(read_table(b'[{"a":1},{"a":2}]', rows=True, records=True), Table)
    assert isinstance(read_lines(b"[1]\n[2]"), np.ndarray)
    assert isinstance(read_lines(b'{"a":1}\n{"a":2}'), Table)


@pytest.mark.usefixtures("small")
def test_every_truncation_is_read_as_on_the_careful_road() -> None:
    for body in (b"[[1,-0.0],[3.5e2,4]]", b'[{"a":1,"b":2},{"a":3,"b":4}]', b'{"inputs":[[1]]}'):
        for end in range(1, len(body)):
            raw = body[:end]
            assert_equal_roads(read_table(raw, rows=True, records=True), careful(raw))


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 300_000,
        b"[[" + b"1," * 300_000,
        b"[[1]," * 100_000,
        b'[{"a":1},' * 1_000,
        b'{"inputs":[[1' + b"] " * 200_000,
        b'{"inputs":[[1' + b"]}" * 200_000,
        b"{" + b" " * 300_000 + b'"inputs"' + b" " * 300_000,
        b'[{"a":1},' + b'{"a":' * 60_000,
        b"[{" + b'"' * 400_001,
    ],
    ids=lambda body: body[:12].decode(),
)
def test_strange_bodies_are_refused_promptly(body: bytes) -> None:
    with within(2):
        assert outcome(lambda: JSON().decode(body, {})) is RequestError
        assert outcome(lambda: JSONLines().decode(body, {})) is RequestError


WIDE = b",".join(b'"%d":1' % number for number in range(10_000))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "body",
    [
        b"[[" + b"," * 10_000 + b"]" + b"[" * 10_000,
        b"[[1]," * 5_000,
        b"[{" + WIDE + b"}" + b"{" * 5_000,
    ],
    ids=["wide and high", "nested", "records"],
)
def test_a_wide_first_row_and_many_more_take_no_memory_of_both(body: bytes) -> None:
    with memory_within(32 * MIB):
        assert outcome(lambda: JSON().decode(body, {})) is RequestError
    with memory_within(32 * MIB):
        assert outcome(lambda: JSONLines().decode(body, {})) is RequestError


# Several bodies at once


@pytest.mark.usefixtures("small")
@given(single_rows(NUMBERS) | single_rows(CELLS), st.data())
@settings(deadline=None, max_examples=200)
def test_several_bodies_are_read_as_each_alone(bodies: list[bytes], data: st.DataObject) -> None:
    for body in data.draw(st.lists(mutated(st.sampled_from(bodies)) | PIECES, max_size=3)):
        bodies[data.draw(st.integers(0, len(bodies) - 1))] = body
    found = read_single_rows(bodies)
    if found is not None:
        for several, body in zip(found, bodies, strict=True):
            assert_same_bits(several, JSON().decode(body, {}))


@pytest.mark.usefixtures("small")
@given(single_rows(NUMBERS))
@settings(deadline=None, max_examples=100)
def test_rows_of_one_width_are_read_at_once(bodies: list[bytes]) -> None:
    assert read_single_rows(bodies) is not None


@pytest.mark.parametrize(
    "others",
    [
        [b"[[1,2]],[[3", b"4]]"],
        [b"[[1,2", b"3,4]]"],
        [b"[[1,2]],[[3,4]]", b""],
        [b"[[1,2]]\0[[3,4]]", b""],
        [b"[[1,2]", b"[3,4]]"],
        [b"[[1,2]],", b"[[3,4]]"],
        [b"[[1,2]]5", b"[[3,4]]"],
        [b"5[[1,2]]", b"[[3,4]]"],
        [b"[[1,2],[3,4]]", b"[[5,6]]"],
        [b"[[1,2,3]]", b"[[4]]"],
        [b"[1,2]", b"[3,4]"],
        [b"[[]]", b"[[]]"],
        [b'[["1",2]]', b"[[3,4]]"],
        [b"[[null,2]]", b"[[3,4]]"],
        [b"[[01,2]]", b"[[3,4]]"],
    ],
)
def test_bodies_that_would_complete_each_other_are_read_alone(others: list[bytes]) -> None:
    assert read_single_rows([b"[[1,2]]", *others, b"[[3,4]]", b"[[5,6]]"]) is None
