from __future__ import annotations

import struct
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from scriptmode.errors import NotAcceptableError, RequestError
from scriptmode.serializers.dense_records import read_alike
from scriptmode.serializers.recordio import RecordIO, _read_each
from scriptmode.serializers.records import record_class
from scriptmode.testing.conformance import SerializerSuite
from scriptmode.values import Table
from tests.serializers.checks import BINARY, assert_same, outcome, refusal, within
from tests.serializers.memory import MIB, memory_within
from tests.serializers.strategies import mutated

MAGIC = 0xCED7230A
modest = settings(deadline=None, max_examples=80)


def decode(body: bytes) -> Any:
    return RecordIO().decode(body, {})


def encode(value: Any) -> bytes:
    return RecordIO().encode(value, {})


def framed(record: bytes) -> bytes:
    return struct.pack("<II", MAGIC, len(record)) + record + bytes(-len(record) % 4)


def field(tag: bytes, content: bytes) -> bytes:
    assert len(content) < 128
    return tag + bytes([len(content)]) + content


def record(kind: str = "float32_tensor", key: str = "values", /, **parts: list[Any]) -> bytes:
    """One record of one tensor, framed."""
    message = record_class()()
    tensor = getattr(message.features[key], kind)
    tensor.SetInParent()
    for name, cells in parts.items():
        getattr(tensor, name).extend(cells)
    raw: bytes = message.SerializeToString()
    return framed(raw)


def read_outputs(body: bytes) -> list[dict[str, list[float]]]:
    """The labels of each record, as a client of SageMaker's algorithms reads them."""
    rows, position = [], 0
    while position < len(body):
        length = struct.unpack_from("<II", body, position)[1]
        message = record_class()()
        message.ParseFromString(body[position + 8 : position + 8 + length])
        rows.append(
            {name: list(value.float32_tensor.values) for name, value in message.label.items()}
        )
        position += 8 + length + -length % 4
    return rows


@st.composite
def matrices(draw: st.DrawFn) -> Any:
    """Of any shape with rows and one of the dtypes that records keep."""
    dtype = np.dtype(draw(st.sampled_from(["<f4", "<f8"])))
    shape = draw(st.tuples(st.integers(1, 4), st.integers(0, 4)))
    size = shape[0] * shape[1] * dtype.itemsize
    cells = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), dtype)
    return cells.reshape(shape)


class TestRecordIO(SerializerSuite):
    values = (
        np.array([[1.0, np.nan], [-2.5, 1e300]]),
        np.array([[0.1]], dtype=np.float32),
        np.array([[1, -2], [3, 2**31 - 1]], dtype=np.int32),
    )
    malformed = (b"", b"\x0a\x23\xd7\xce", framed(b""), framed(b"\xff"), b"x" * 16)
    is_text = False

    def serializer(self) -> RecordIO:
        return RecordIO()


@given(matrices())
@modest
def test_what_is_encoded_decodes_to_the_same_cells(matrix: Any) -> None:
    found = decode(encode(matrix))
    expected = matrix if matrix.shape[1] else matrix.astype(found.dtype)
    assert_same(found, expected)
    known = ~np.isnan(expected)
    assert (np.signbit(found) == np.signbit(expected))[known].all()


@pytest.mark.parametrize(
    "dtype", ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", ">f4", ">i4"]
)
@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (3, 1)])
def test_other_dtypes_become_the_nearest_that_records_have(
    dtype: str, shape: tuple[int, int]
) -> None:
    expected = np.float32 if "f" in dtype else np.int32
    assert_same(decode(encode(np.ones(shape, dtype))), np.ones(shape, expected))


@pytest.mark.parametrize(
    "value", [np.empty((0, 3)), np.empty(0), [], pd.DataFrame({"a": []}), {"a": []}]
)
def test_no_rows_are_no_records(value: Any) -> None:
    assert encode(value) == b""


@pytest.mark.parametrize("kind", BINARY)
def test_every_kind_of_body_is_read_alike(kind: Any) -> None:
    body = encode(np.array([[1.5, 2.5]]))
    assert_same(RecordIO().decode(kind(body), {}), np.array([[1.5, 2.5]]))


def test_a_frame_with_missing_cells_is_written_as_its_array_is() -> None:
    array = np.array([[1.0, np.nan], [2.0, 0.5]])
    assert encode(Table(("a", "b"), array)) == encode(array)
    assert encode(pd.DataFrame(array, columns=["a", "b"])) == encode(array)


def test_sparse_rows_make_the_round_trip() -> None:
    matrix = sparse.csr_matrix(np.array([[0.0, 1.5, 0.0], [0.0, 0.0, 0.0], [-2.0, 0.0, 3.0]]))
    found = decode(encode(matrix))
    assert found.shape == matrix.shape
    assert found.toarray().tolist() == matrix.toarray().tolist()
    assert found.nnz == matrix.nnz


def test_cells_that_stand_twice_in_a_sparse_matrix_are_written_once() -> None:
    twice = sparse.csr_matrix(
        (np.array([1.0, 2.0]), np.array([0, 0]), np.array([0, 2])), shape=(1, 2)
    )
    assert decode(encode(twice)).toarray().tolist() == [[3.0, 0.0]]


def test_named_outputs_are_labels_as_the_algorithms_write_them() -> None:
    body = encode({"score": np.array([0.5, 0.25]), "proba": np.array([[1, 2], [3, 4]])})
    assert read_outputs(body) == [
        {"score": [0.5], "proba": [1, 2]},
        {"score": [0.25], "proba": [3, 4]},
    ]


@pytest.mark.parametrize("cell", [1e300, -1e39])
def test_named_outputs_beyond_float32_are_never_infinite_in_silence(cell: float) -> None:
    with pytest.raises(NotAcceptableError):
        encode({"a": np.array([cell])})


# The two roads


def assert_roads_agree(body: bytes) -> None:
    fast, slow = outcome(lambda: read_alike(body)), outcome(lambda: _read_each(body))
    if fast is None:
        return
    assert isinstance(slow, np.ndarray), f"the fast road alone reads {fast!r}"
    assert_same(fast.astype(fast.dtype.newbyteorder("=")), slow)
    assert (np.signbit(fast) == np.signbit(slow))[~np.isnan(slow)].all()


BODIES = (
    encode(np.array([[1.5, -0.0], [3.0, np.nan]], dtype=np.float32)),
    encode(np.array([[1.5]])),
    encode(np.array([[1, 2]])),
    record(values=[1.0], keys=[2], shape=[5]),
    record(values=[1.0]) + record(values=[2.0]),
    record("float32_tensor", "other", values=[1.0]),
    encode(np.ones((2, 40))),
)


@given(matrices())
@modest
def test_dense_rows_take_the_fast_road_to_the_same_cells(matrix: Any) -> None:
    body = encode(matrix)
    assert read_alike(body) is not None or not matrix.shape[1]
    assert_roads_agree(body)


@given(mutated(st.sampled_from(BODIES)))
@settings(deadline=None, max_examples=400)
def test_the_fast_road_leads_where_the_careful_one_does(body: bytes) -> None:
    assert_roads_agree(body)


TENSOR = field(b"\n", struct.pack("<f", 1.5))
VALUE = field(b"\x12", TENSOR)
KEY = field(b"\n", b"values")


@pytest.mark.parametrize("extra", [0, 1, 3, 8, 9, 20])
@pytest.mark.parametrize("place", [0, 1])
def test_lengths_longer_than_they_need_be_are_read_alike(extra: int, place: int) -> None:
    def long_field(tag: bytes, content: bytes) -> bytes:
        return tag + bytes([len(content) | 128]) + b"\x80" * extra + b"\x00" + content

    if place == 0:
        entry = long_field(b"\n", KEY + field(b"\x12", VALUE))
    else:
        entry = field(b"\n", KEY + long_field(b"\x12", VALUE))
    assert_roads_agree(framed(entry))


def test_a_tensor_in_the_place_of_a_key_is_no_tensor() -> None:
    body = framed(field(b"\n", field(b"\n", field(b"\x12", VALUE))))
    assert read_alike(body) is None
    refusal(RecordIO(), body)


def test_a_value_that_reads_as_a_key_is_none() -> None:
    body = framed(field(b"\n", KEY + field(b"\x12", b"values") + VALUE))
    assert read_alike(body) is None
    refusal(RecordIO(), body)


def test_empty_rows_are_read_alike() -> None:
    body = framed(field(b"\n", KEY + field(b"\x12", field(b"\x12", b"\n\x00")))) * 3
    assert_roads_agree(body)
    assert decode(body).shape == (3, 0)


# Malice


@pytest.mark.parametrize("body", BODIES)
def test_every_truncation_is_refused_or_fewer_rows(body: bytes) -> None:
    whole = decode(body).shape[0] if outcome(lambda: decode(body)) is not RequestError else 0
    for end in range(len(body)):
        found = outcome(partial(decode, body[:end]))
        assert found is RequestError or found.shape[0] < whole


@pytest.mark.parametrize("length", [1, 5, 2**29 - 1, 2**29, 2**31, 2**32 - 1])
def test_heads_that_lie_about_their_length_are_refused_promptly(length: int) -> None:
    body = struct.pack("<II", MAGIC, length) + b"\n\x00"
    with memory_within(MIB), within(1):
        assert refusal(RecordIO(), body).where == {"row": 1}


@pytest.mark.parametrize("lie", [b"\xff\xff\xff\xff\x07", b"\xff" * 9 + b"\x01", b"\x7f", b"\xff"])
def test_protobuf_lengths_that_lie_are_refused(lie: bytes) -> None:
    for raw in (b"\n" + lie + KEY, field(b"\n", KEY + b"\x12" + lie + VALUE)):
        with memory_within(MIB):
            refusal(RecordIO(), framed(raw))


def test_a_number_without_an_end_is_refused_promptly() -> None:
    with within(0.5):
        refusal(RecordIO(), framed(b"\n" + b"\xff" * 300_000))


@pytest.mark.parametrize(
    "parts",
    [
        {"values": [1.0], "keys": [2**64 - 1]},
        {"values": [1.0], "keys": [2**31 - 1]},
        {"values": [1.0], "keys": [5], "shape": [5]},
        {"values": [1.0], "keys": [0], "shape": [2**64 - 1]},
        {"shape": [2**64 - 1]},
        {"shape": [2**63]},
        {"values": [1.0, 2.0], "keys": [0]},
        {"values": [1.0, 2.0], "keys": [0, 0]},
        {"keys": [0], "shape": [3]},
    ],
    ids=str,
)
def test_keys_and_shapes_beyond_a_sparse_matrix_are_refused(parts: dict[str, list[Any]]) -> None:
    with memory_within(MIB):
        assert str(refusal(RecordIO(), record("float32_tensor", "values", **parts)))


def test_the_last_possible_key_takes_no_memory() -> None:
    with memory_within(MIB):
        assert decode(record(values=[1.0], keys=[2**31 - 2])).shape == (1, 2**31 - 1)


@pytest.mark.parametrize(
    "body",
    [
        record("float32_tensor", "other", values=[1.0]),
        framed(field(b"\n", field(b"\n", b"\xff\xfe") + field(b"\x12", VALUE))),
        framed(field(b"\n", field(b"\n", b"\xff\xfe"))),
        framed(b"\x12\x00"),
        record(values=[1.0]) + record(values=[1.0, 2.0]),
        record(values=[1.0]) + record("float64_tensor", values=[1.0]),
        record(values=[1.0]) + record(values=[1.0], keys=[0]) + record(values=[1.0]),
        record(values=[1.0])[:-4] + b"\x00\x00\x00",
        b"\x00" + record(values=[1.0]),
        framed(b"\x0b" * 200),
    ],
)
def test_records_that_are_no_rows_are_refused_with_a_reason(body: bytes) -> None:
    assert str(refusal(RecordIO(), body))


def test_very_many_empty_records_are_refused_promptly() -> None:
    with within(1):
        refusal(RecordIO(), framed(b"") * 100_000)


@given(st.binary() | mutated(st.sampled_from(BODIES)))
@modest
def test_nothing_but_request_errors_leave_the_decoder(body: bytes) -> None:
    found = outcome(partial(decode, body))
    assert found is RequestError or len(found.shape) == 2


@pytest.mark.parametrize(
    "value",
    [
        None,
        1.5,
        "text",
        ["x"],
        np.array([1j]),
        sparse.csr_matrix(np.array([[1j]])),
        np.ones((2, 2, 2)),
        np.array(1.5),
        np.array([2**31]),
        np.array([-(2**31) - 1]),
        [[2**64]],
        [[1], [1, 2]],
        np.array([1, None], dtype=object),
        {"a": ["x"]},
        {"a": [1.0], "b": [1.0, 2.0]},
        {1: [1.0], "1": [2.0]},
        {"a": None},
        {"\ud800": [1.0]},
        sparse.csr_matrix(np.array([[2**40]])),
    ],
    ids=repr,
)
def test_what_records_cannot_carry_is_not_acceptable(value: Any) -> None:
    with pytest.raises(NotAcceptableError) as caught:
        encode(value)
    assert str(caught.value)
