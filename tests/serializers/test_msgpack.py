from __future__ import annotations

import struct
from functools import partial
from typing import Any

import msgpack
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from scriptmode.errors import DeclarationError, LayoutError, NotAcceptableError, RequestError
from scriptmode.serializers.json import JSON
from scriptmode.serializers.msgpack import MsgPack
from scriptmode.testing.conformance import SerializerSuite
from scriptmode.values import Table
from tests.serializers.checks import (
    BINARY,
    assert_same,
    assert_same_bits,
    outcome,
    refusal,
    within,
)
from tests.serializers.memory import MIB, memory_within
from tests.serializers.strategies import Matrix, matrices, mutated

modest = settings(deadline=None, max_examples=80)
NAMED = Table(("a", "é"), np.array([[1.0, np.nan], [3.0, -0.0]]))
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text()
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def decode(body: bytes, layout: Any = "auto") -> Any:
    return MsgPack(layout).decode(body, {})


def encode(value: Any) -> bytes:
    return MsgPack().encode(value, {})


def packed(value: Any) -> bytes:
    body: bytes = msgpack.packb(value)
    return body


class TestMsgPack(SerializerSuite):
    values = (
        np.array([[1.0, -0.0], [-2.5, 1e300]]),
        np.array([[7.0]]),
        np.array([[np.nan], [np.inf]]),
        Table(("a", "b"), np.array([[1.0, 2.0]])),
        np.ones((2, 2, 2)),
    )
    malformed = (
        b"",
        b"\xc1",
        b"\x91",
        b"\x92\x91\x01\x92\x01\x02",
        b"\x05",
        b"\x80",
        b"\x91\x01\x01",
    )
    is_text = False

    def serializer(self) -> MsgPack:
        return MsgPack()


class TestRawMsgPack(SerializerSuite):
    values = ({"text": ["a", "é"], "n": None}, [1, "two"], "three", 1.5)
    malformed = (b"", b"\xc1", b"\x82\xa1a\x01\xa1a\x02")
    is_text = False

    def serializer(self) -> MsgPack:
        return MsgPack("raw")


@given(matrices())
@modest
def test_what_is_encoded_decodes_to_the_same_doubles(matrix: Matrix) -> None:
    assert_same_bits(decode(encode(matrix)), matrix)


@given(matrices())
@modest
def test_names_and_numbers_make_the_round_trip(matrix: Matrix) -> None:
    table = Table([f"f{number}" for number in range(matrix.shape[1])], matrix)
    found = decode(encode(table))
    assert found.names == table.names
    assert_same_bits(found.values, matrix)


ROWS = st.integers(1, 40).flatmap(
    lambda width: st.lists(
        st.lists(st.floats(width=32), min_size=width, max_size=width),
        min_size=1,
        max_size=18,
    )
)
PACKED_ROWS = st.builds(
    lambda rows, single: msgpack.packb(rows, use_single_float=single), ROWS, st.booleans()
)


@given(PACKED_ROWS | mutated(PACKED_ROWS), st.sampled_from(["auto", "rows", "split", "raw"]))
@settings(deadline=None, max_examples=300)
def test_the_fast_road_leads_where_the_careful_one_does(body: bytes, layout: Any) -> None:
    codec = MsgPack(layout)
    fast, slow = (
        outcome(partial(read, body))
        for read in (partial(codec.decode, params={}), codec._read_carefully)
    )
    assert (fast is RequestError) == (slow is RequestError)
    if isinstance(fast, np.ndarray):
        assert_same_bits(fast, slow)


def test_long_rows_of_doubles_are_read_whatever_their_lengths_take() -> None:
    for rows, width in ((1, 15), (15, 16), (16, 1), (70_000, 2), (2, 70_000)):
        matrix = np.random.default_rng(1).normal(size=(rows, width))
        assert_same_bits(decode(packed(matrix.tolist())), matrix)


@given(TREES)
@modest
def test_any_plain_value_makes_the_round_trip(tree: Any) -> None:
    assert repr(decode(encode(tree), "raw")) == repr(tree)


@pytest.mark.parametrize(
    "dtype", ["?", "i1", "u1", "i4", "i8", "u8", "f2", "f4", "f8", ">f8", ">i4"]
)
@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (3, 1), (2, 3), (2, 2, 2)])
def test_numbers_of_every_dtype_are_read_as_doubles(dtype: str, shape: tuple[int, ...]) -> None:
    array = np.ones(shape, dtype=dtype)
    assert_same(decode(encode(array)), array.astype(np.float64))


@pytest.mark.parametrize("kind", BINARY)
def test_every_kind_of_body_is_read_alike(kind: Any) -> None:
    assert_same(MsgPack().decode(kind(encode(NAMED)), {}), NAMED)


LAYOUTS: tuple[Any, ...] = (
    [[1, 2.5, None]],
    [1, 2],
    [],
    [{"a": 1, "b": None}],
    {"a": [1], "b": ["x"]},
    {"columns": ["a"], "data": [[1]]},
    {"a": 1, "b": "x"},
    {"instances": [[1, 2]]},
    {"inputs": {"a": [1]}},
    [["01", 1], [None, 2]],
    [[True, False]],
    [[1], [2, 3]],
    [[1], {"a": 1}],
    {"instances": 5},
    {},
    5,
    "text",
    None,
    [[[1], [2]]],
    [{"a": [1]}],
    [{}],
    [2**64 - 1, -1],
    {"a": [], "b": [1]},
)


@pytest.mark.parametrize("value", LAYOUTS, ids=repr)
@pytest.mark.parametrize("layout", ["auto", "rows", "records", "columns", "split"])
def test_layouts_are_read_as_in_json(value: Any, layout: Any) -> None:
    body = JSON("raw").encode(value, {})
    expected = outcome(lambda: JSON(layout).decode(body, {}))
    assert_same(outcome(lambda: decode(packed(value), layout)), expected)


@given(TREES)
@modest
def test_any_tree_is_read_as_in_json(tree: Any) -> None:
    plain = JSON("raw").decode(JSON("raw").encode(tree, {}), {})
    expected = outcome(lambda: JSON().decode(JSON("raw").encode(plain, {}), {}))
    assert_same(outcome(lambda: decode(packed(plain))), expected)


def test_another_layout_shows_what_would_be_read() -> None:
    with pytest.raises(LayoutError) as caught:
        decode(packed("text"))
    assert caught.value.examples


def test_the_layout_is_checked_when_declared() -> None:
    layout: Any = "row"
    with pytest.raises(DeclarationError, match="rows"):
        MsgPack(layout)


# Malice


@pytest.mark.parametrize(
    "value",
    [
        msgpack.ExtType(5, b"x"),
        [[1, msgpack.ExtType(5, b"x")]],
        msgpack.Timestamp(1, 2),
        [[msgpack.Timestamp(1, 2)]],
        {"a": [msgpack.Timestamp(1, 2)]},
    ],
    ids=repr,
)
@pytest.mark.parametrize("layout", ["auto", "raw"])
def test_extension_types_are_refused(value: Any, layout: Any) -> None:
    assert str(refusal(MsgPack(layout), packed(value)))


@pytest.mark.parametrize(
    "value", [[[b"x"]], {"a": [b"x"]}, [{"a": b"x"}], b"x", {b"a": [1]}, [b"x"]]
)
def test_binary_is_no_cell(value: Any) -> None:
    assert str(refusal(MsgPack(), packed(value)))


@pytest.mark.parametrize(
    "body",
    [
        b"\x82\xa1a\x01\xa1a\x02",
        b"\x91\x82\xa1a\x01\xa1a\x02",
        b"\x81\xa6inputs\x82\xa1a\x91\x01\xa1a\x91\x02",
    ],
)
@pytest.mark.parametrize("layout", ["auto", "raw"])
def test_a_name_that_stands_twice_is_refused(body: bytes, layout: Any) -> None:
    assert "twice" in str(refusal(MsgPack(layout), body))


@pytest.mark.parametrize(
    "key", [b"\x01", b"\xc0", b"\x91\x01", b"\x80", b"\xcb\x7f\xf8" + bytes(6)]
)
@pytest.mark.parametrize("layout", ["auto", "raw"])
def test_names_are_text(key: bytes, layout: Any) -> None:
    refusal(MsgPack(layout), b"\x81" + key + b"\x91\x01")


@pytest.mark.parametrize("layout", ["auto", "raw"])
def test_text_is_utf8(layout: Any) -> None:
    for body in (b"\xa1\xff", b"\x91\x92\xa2\xc3\x28\x01", b"\x81\xa1\xff\x91\x01"):
        assert str(refusal(MsgPack(layout), body))


@pytest.mark.parametrize("depth", [40, 100, 300, 500, 600, 1000, 1023, 1024, 1100, 100_000])
@pytest.mark.parametrize("head", [b"\x91", b"\x81\xa1a", b"\x81\xa6inputs"])
def test_deep_nesting_is_refused(depth: int, head: bytes) -> None:
    with within(1):
        assert str(refusal(MsgPack(), head * depth + b"\x01"))


def test_nesting_that_is_too_deep_is_called_so() -> None:
    assert "nest" in str(refusal(MsgPack("raw"), b"\x91" * 5000 + b"\x01"))


@pytest.mark.parametrize(
    "head",
    [b"\xdc\xff\xff", b"\xde\xff\xff", b"\xda\xff\xff", b"\xc5\xff\xff", b"\xc8\xff\xff\x05"],
)
@pytest.mark.parametrize("long", [False, True])
def test_lengths_that_lie_are_refused_promptly(head: bytes, long: bool) -> None:  # noqa: FBT001
    if long:
        head = bytes([head[0] + 1]) + b"\xff\xff\xff\xff" + head[3:]
    for body in (head, head + bytes(100), b"\x91" + head):
        with memory_within(MIB), within(1):
            assert str(refusal(MsgPack(), body))


def test_many_lengths_that_lie_inside_each_other_are_refused() -> None:
    body = (b"\xdd" + struct.pack(">I", 2**18)) * 500 + bytes(2**18)
    with memory_within(64 * MIB), within(1):
        refusal(MsgPack(), body)


@pytest.mark.parametrize("value", [[[1.5, None], [2, -3]], [{"a": 1, "b": "x"}], {"a": [1.0, 2.0]}])
def test_every_truncation_and_extension_is_refused(value: Any) -> None:
    body = packed(value)
    for end in range(len(body)):
        assert str(refusal(MsgPack(), body[:end]))
    assert str(refusal(MsgPack(), body + b"\x01"))


@given(st.binary() | mutated(st.sampled_from(LAYOUTS).map(packed)))
@settings(deadline=None, max_examples=200)
def test_nothing_but_request_errors_leave_the_decoder(body: bytes) -> None:
    for layout in ("auto", "raw"):
        outcome(partial(decode, body, layout))


# Writing


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.array([1.5, 2.5]), [1.5, 2.5]),
        (np.float32(0.5), 0.5),
        (np.int64(5), 5),
        (NAMED, [{"a": 1.0, "é": np.nan}, {"a": 3.0, "é": -0.0}]),
        (pd.DataFrame({"a": [1], "b": ["x"]}), [{"a": 1, "b": "x"}]),
        (pd.Series([1.5, 2.5]), [1.5, 2.5]),
        ([pd.NA, pd.NaT, None], [None, None, None]),
        ({"a": np.array([1]), "b": np.array(["x"])}, {"a": [1], "b": ["x"]}),
        (sparse.csr_matrix(np.array([[0.0, 1.0]])), [[0.0, 1.0]]),
        (np.array(["2020-01-01"], "M8[D]"), ["2020-01-01"]),
        (np.array(["2020-01-01T00:00:00"], "M8[ns]"), ["2020-01-01T00:00:00"]),
        (np.empty((0, 3)), []),
    ],
    ids=repr,
)
def test_predictions_become_plain_values(value: Any, expected: Any) -> None:
    assert repr(msgpack.unpackb(encode(value))) == repr(expected)


@pytest.mark.parametrize(
    "value",
    [
        1j,
        np.array([1j]),
        object(),
        {1},
        [2**64],
        ["\ud800"],
        {"a": 1j},
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        sparse.csr_matrix((10**5, 10**5)),
    ],
    ids=repr,
)
def test_what_has_no_form_is_not_acceptable(value: Any) -> None:
    with pytest.raises(NotAcceptableError) as caught:
        encode(value)
    assert str(caught.value)


def test_a_value_within_itself_is_not_acceptable() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(NotAcceptableError):
        encode(value)


def test_names_that_cannot_be_read_back_are_not_written() -> None:
    body = encode({1: [1.0], 2: [2.0]})
    assert decode(body, "raw") == {"1": [1.0], "2": [2.0]}
