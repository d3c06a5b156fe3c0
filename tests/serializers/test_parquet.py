from __future__ import annotations

import datetime as dt
import io
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scriptmode.errors import BodyTooLargeError, NotAcceptableError, RequestError
from scriptmode.serializers.parquet import Parquet
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

modest = settings(deadline=None, max_examples=50)
NAMED = Table(("a", "é"), np.array([[1.0, np.nan], [3.0, -0.0]]))


def decode(body: bytes, limit: int = 256 * MIB) -> Any:
    return Parquet(limit).decode(body, {})


def written(columns: dict[str, Any] | pa.Table, **options: Any) -> bytes:
    """What ``pyarrow.parquet`` writes."""
    target = io.BytesIO()
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    pq.write_table(table, target, **options)
    return target.getvalue()


def varint(number: int) -> bytes:
    """A number as Thrift's compact protocol writes it."""
    zigzag, parts = number << 1, bytearray()
    while zigzag > 127:
        parts.append(zigzag & 127 | 128)
        zigzag >>= 7
    return bytes([*parts, zigzag])


def with_footer(body: bytes, old: bytes, new: bytes, count: int = 1) -> bytes:
    """The same file with other bytes in its footer, whose length is put right."""
    length = int.from_bytes(body[-8:-4], "little")
    pages, footer = body[: -8 - length], body[-8 - length : -8]
    assert old in footer
    footer = footer.replace(old, new, count)
    return pages + footer + len(footer).to_bytes(4, "little") + b"PAR1"


class TestParquet(SerializerSuite):
    values = (
        np.array([[1.0, np.nan], [-2.5, 1e300]]),
        np.array([[7.0]]),
        np.array([[1.0], [2.0]]),
        NAMED,
        Table(("a", "b"), np.empty((0, 2))),
        pd.DataFrame({"a": pd.Series(["x", None], dtype=object), "b": [1.0, 2.0]}),
    )
    malformed = (
        b"",
        b"PAR1",
        b"PAR1PAR1",
        b"PAR1\x00\x00\x00\x00PAR1",
        b"PAR1\xff\xff\xff\xffPAR1",
    )
    is_text = False

    def serializer(self) -> Parquet:
        return Parquet()


@given(matrices())
@modest
def test_what_is_encoded_decodes_to_the_same_doubles(matrix: Matrix) -> None:
    assert_same_bits(decode(Parquet().encode(matrix, {})), matrix)


@given(matrices())
@modest
def test_names_and_numbers_make_the_round_trip(matrix: Matrix) -> None:
    table = Table([f"f{number}" for number in range(matrix.shape[1])], matrix)
    assert_same(decode(Parquet().encode(table, {})), table)


@given(st.lists(st.none() | st.text(st.characters(codec="utf-8")), min_size=1))
@modest
def test_text_makes_the_round_trip(cells: list[str | None]) -> None:
    frame = pd.DataFrame({"t": pd.Series(cells, dtype=object), "n": np.arange(len(cells)) * 1.0})
    found = decode(Parquet().encode(frame, {}))
    if all(cell is None for cell in cells):
        assert np.isnan(found["t"]).all()
    else:
        assert found["t"].tolist() == cells


@pytest.mark.parametrize(
    "dtype", ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", ">f8", ">i4"]
)
@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (3, 1), (2, 3)])
def test_numbers_of_every_dtype_are_read_as_doubles(dtype: str, shape: tuple[int, int]) -> None:
    array = np.ones(shape, dtype=dtype)
    assert_same(decode(Parquet().encode(array, {})), array.astype(np.float64))


@pytest.mark.parametrize("shape", [(0, 1), (0, 3), (0,)])
def test_an_array_without_rows_makes_the_round_trip(shape: tuple[int, ...]) -> None:
    expected = np.empty((0, shape[1] if len(shape) > 1 else 1))
    assert_same(decode(Parquet().encode(np.empty(shape), {})), expected)


@pytest.mark.parametrize("value", [np.empty((2, 0)), [], pd.DataFrame(index=[1, 2])])
def test_rows_without_columns_are_not_acceptable(value: Any) -> None:
    with pytest.raises(NotAcceptableError):
        Parquet().encode(value, {})


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "brotli", "zstd", "lz4"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_every_compression_is_read(compression: str, version: str) -> None:
    body = written(
        {"a": [1.0, None], "b": [1, 2]}, compression=compression, data_page_version=version
    )
    assert_same(decode(body), Table(("a", "b"), np.array([[1.0, 1.0], [np.nan, 2.0]])))


def test_several_row_groups_are_one_table() -> None:
    found = decode(written({"a": np.arange(10.0)}, row_group_size=3))
    assert found.values.ravel().tolist() == list(range(10))


@pytest.mark.parametrize("kind", BINARY)
def test_every_kind_of_body_is_read_alike(kind: Any) -> None:
    body = Parquet().encode(NAMED, {})
    assert_same(decode(kind(body)), NAMED)


def test_the_index_of_a_frame_is_no_column() -> None:
    table = pa.Table.from_pandas(pd.DataFrame({"a": [1.0]}, index=["x"]))
    assert_same(decode(written(table)), Table(("a",), np.array([[1.0]])))


def test_mixed_columns_are_a_frame() -> None:
    frame = decode(
        written(
            {
                "n": pa.array([1, None]),
                "t": pa.array(["x", None]),
                "c": pa.array(["u", None]).dictionary_encode(),
                "b": pa.array([True, None]),
                "d": pa.array([dt.datetime(2020, 1, 1), None]),  # noqa: DTZ001
            }
        )
    )
    assert frame["n"].tolist()[0] == 1.0
    assert frame["t"].tolist() == ["x", None]
    assert frame["c"].tolist() == ["u", None]
    assert frame["b"].isna().tolist() == [False, True]
    assert frame["d"].tolist()[0] == pd.Timestamp("2020-01-01")
    assert frame["d"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[1]]),
        pa.array([b"x"]),
        pa.array([{"a": 1}]),
        pa.array([dt.timedelta(1)]),
        pa.array([dt.time(1)]),
        pa.array([b"0" * 16], pa.uuid()),
        pa.array([[(1, 2)]], pa.map_(pa.int8(), pa.int8())),
    ],
    ids=str,
)
def test_what_is_no_cell_is_refused_with_its_name(column: pa.Array) -> None:
    assert refusal(Parquet(), written({"a": column})).where == {"field": "a"}


@pytest.mark.parametrize(
    "table", [pa.table({}), pa.Table.from_arrays([pa.array([1])] * 2, names=["a", "a"])]
)
def test_columns_are_there_and_unique(table: pa.Table) -> None:
    refusal(Parquet(), written(table))


@pytest.mark.parametrize(
    "column",
    [
        pa.array([2**31 - 1], pa.int32()).cast(pa.date32()),
        pa.array([2**53], pa.int64()).cast(pa.date64()),
        pa.array([1], pa.timestamp("us", tz="Mars/Olympus")),
        pa.array([-(2**40)], pa.int64()).cast(pa.date64()),
    ],
    ids=["date32", "date64", "time zone", "negative"],
)
def test_times_beyond_the_calendar_are_read_or_refused(column: pa.Array) -> None:
    body = written({"a": column})
    found = outcome(partial(decode, body))
    assert found is RequestError or len(found) == 1


def test_text_that_is_not_utf8_is_refused() -> None:
    offsets, data = pa.py_buffer(np.array([0, 2], "i4").tobytes()), pa.py_buffer(b"\xff\xfe")
    column = pa.Array.from_buffers(pa.string(), 1, [None, offsets, data])
    refusal(Parquet(), written({"a": column}))
    renamed = written({"abcdefgh": [1.0]}, store_schema=False).replace(
        b"abcdefgh", b"abc\xff\xfefgh"
    )
    refusal(Parquet(), renamed)


# Bombs


def test_zeros_that_compress_well_are_refused_before_they_are_unpacked() -> None:
    body = written({"a": np.zeros(8 * MIB)}, compression="zstd", use_dictionary=False)
    with memory_within(2 * MIB), within(1), pytest.raises(BodyTooLargeError) as caught:
        decode(body, MIB)
    assert caught.value.status == 413


def test_one_long_word_many_times_is_refused_within_the_limit() -> None:
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(64, "i4")), ["x" * MIB])
    body = written({"a": words}, compression="zstd", store_schema=False)
    assert len(body) < 1000
    with memory_within(16 * MIB), pytest.raises(BodyTooLargeError):
        decode(body, 4 * MIB)


def test_one_number_many_times_is_refused_within_the_limit() -> None:
    body = written({"a": np.zeros(MIB)}, compression="zstd")
    with memory_within(4 * MIB), pytest.raises(BodyTooLargeError):
        decode(body, MIB)


@pytest.mark.parametrize("kind", ["list", "fixed"])
def test_columns_that_are_no_cells_are_not_unpacked(kind: str) -> None:
    column = (
        pa.ListArray.from_arrays([0, 24 * MIB], pa.array(np.zeros(24 * MIB, "u1")))
        if kind == "list"
        else pa.array([b"x" * MIB] * 64, pa.binary(MIB))
    )
    body = written({"a": column}, compression="zstd", store_schema=False)
    with memory_within(16 * MIB), within(1):
        assert outcome(partial(decode, body, 4 * MIB)) is RequestError


def test_a_footer_that_lies_about_its_size_is_refused_within_the_limit() -> None:
    body = written({"a": np.zeros(4 * MIB)}, compression="zstd", use_dictionary=False)
    size = pq.ParquetFile(pa.BufferReader(body)).metadata.row_group(0).total_byte_size
    lie = with_footer(body, varint(size), varint(100), count=-1)
    assert pq.ParquetFile(pa.BufferReader(lie)).metadata.row_group(0).total_byte_size == 100
    with memory_within(20 * MIB):
        assert outcome(partial(decode, lie, 8 * MIB)) is RequestError


@pytest.mark.parametrize("cells", [3, 2**24, 2**40, 2**62])
def test_a_footer_that_lies_about_its_cells_is_refused_within_the_limit(cells: int) -> None:
    body = written({"a": [1.0, 2.0]}, compression="none")
    lie = with_footer(body, b"\x16\x04\x16", b"\x16" + varint(cells) + b"\x16")
    with memory_within(16 * MIB), within(1):
        found = outcome(partial(decode, lie, 4 * MIB))
        assert found is RequestError or len(found) == 2


def test_a_row_group_that_lies_about_its_rows_is_refused_within_the_limit() -> None:
    body = written({"a": [1.0, 2.0], "t": ["x", None]}, compression="none")
    lie = with_footer(body, b"\x16\x04&", b"\x16" + varint(2**24) + b"&")
    metadata = pq.ParquetFile(pa.BufferReader(lie)).metadata
    assert (metadata.num_rows, metadata.row_group(0).num_rows) == (2, 2**24)
    assert len(lie) < 2000
    with memory_within(16 * MIB):
        found = outcome(partial(decode, lie, 4 * MIB))
    assert found is RequestError or len(found) == 2


@pytest.mark.parametrize("rows", [3, 2**31, 2**62])
def test_a_footer_that_lies_about_its_rows_is_refused_promptly(rows: int) -> None:
    body = written({"a": [1.0, 2.0]})
    lie = with_footer(body, b"\x16\x04", b"\x16" + varint(rows), count=-1)
    with memory_within(16 * MIB), within(1):
        found = outcome(partial(decode, lie, 4 * MIB))
        assert found is RequestError or len(found) == 2


# Damage


@pytest.mark.parametrize(
    "body",
    [Parquet().encode(NAMED, {}), written({"a": ["x"]}, compression="none", store_schema=False)],
)
def test_every_truncation_is_refused(body: bytes) -> None:
    for end in range(len(body)):
        assert str(refusal(Parquet(), body[:end]))


@given(st.data(), st.sampled_from(["none", "snappy", "zstd"]))
@modest
def test_damaged_pages_are_read_or_refused(data: st.DataObject, compression: str) -> None:
    body = written({"a": ["x", None], "b": [1.0, 2.0]}, compression=compression)
    length = int.from_bytes(body[-8:-4], "little") + 8
    damaged = data.draw(mutated(st.just(body[:-length])))
    found = outcome(partial(decode, damaged + body[-length:]))
    assert found is RequestError or len(found.shape) == 2


# Writing


@pytest.mark.parametrize(
    "value",
    [
        None,
        1.5,
        "text",
        np.array(1.5),
        np.array([1j]),
        [1, [2]],
        [[1], [1, 2]],
        np.array([1, "a"], dtype=object),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame({"a": [1j]}),
        {"a": [1], "b": [1, 2]},
        ["\ud800"],
        {},
        [{}],
        [[{}]],
        pd.DataFrame({"a": [{}]}),
        [2**64],
        [[10**400]],
        [object()],
    ],
    ids=repr,
)
def test_what_parquet_cannot_carry_is_not_acceptable(value: Any) -> None:
    with pytest.raises(NotAcceptableError) as caught:
        Parquet().encode(value, {})
    assert str(caught.value)


def test_what_a_footer_admits_is_believed() -> None:
    body = written({"a": ["x" * (32 * MIB)], "b": [1.0]}, compression="zstd", use_dictionary=False)
    assert len(body) < MIB
    with memory_within(8 * MIB), pytest.raises(BodyTooLargeError):
        decode(body, 8 * MIB)
