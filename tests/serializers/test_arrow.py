from __future__ import annotations

import datetime as dt
import io
import struct
import warnings
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import feather, ipc

from scriptmode.errors import BodyTooLargeError, NotAcceptableError, RequestError
from scriptmode.serializers.arrow import ArrowFile, ArrowStream
from scriptmode.serializers.arrow_messages import unpacked_bytes
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
VALUES = (
    np.array([[1.0, np.nan], [-2.5, 1e300]]),
    np.array([[7.0]]),
    np.array([[1.0], [2.0]]),
    NAMED,
    Table(("a", "b"), np.empty((0, 2))),
    pd.DataFrame({"a": pd.Series(["x", None], dtype=object), "b": [1.0, 2.0]}),
)
BOTH = pytest.mark.parametrize("serializer", [ArrowStream(), ArrowFile()], ids=["stream", "file"])


def decode(body: bytes, limit: int = 256 * MIB) -> Any:
    return ArrowStream(limit).decode(body, {})


def written(
    columns: dict[str, Any] | pa.Table, compression: str | None = None, writer: Any = ipc.new_stream
) -> bytes:
    """What ``pyarrow.ipc`` writes."""
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    target = io.BytesIO()
    options = ipc.IpcWriteOptions(compression=compression)
    with writer(target, table.schema, options=options) as stream:
        stream.write_table(table)
    return target.getvalue()


class TestArrowStream(SerializerSuite):
    values = VALUES
    malformed = (
        b"",
        b"ARROW1",
        b"\xff\xff\xff\xff",
        b"\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"x" * 64,
    )
    is_text = False

    def serializer(self) -> ArrowStream:
        return ArrowStream()


class TestArrowFile(SerializerSuite):
    values = VALUES
    malformed = (b"", b"ARROW1", b"ARROW1\x00\x00", b"ARROW1\x00\x00" * 4, b"FEA1" * 8)
    is_text = False

    def serializer(self) -> ArrowFile:
        return ArrowFile()


@BOTH
@given(matrix=matrices())
@modest
def test_what_is_encoded_decodes_to_the_same_doubles(serializer: Any, matrix: Matrix) -> None:
    assert_same_bits(decode(serializer.encode(matrix, {})), matrix)


@BOTH
@given(matrix=matrices())
@modest
def test_names_and_numbers_make_the_round_trip(serializer: Any, matrix: Matrix) -> None:
    table = Table([f"f{number}" for number in range(matrix.shape[1])], matrix)
    assert_same(decode(serializer.encode(table, {})), table)


@given(st.lists(st.none() | st.text(st.characters(codec="utf-8")), min_size=1))
@modest
def test_text_makes_the_round_trip(cells: list[str | None]) -> None:
    frame = pd.DataFrame({"t": pd.Series(cells, dtype=object), "n": np.arange(len(cells)) * 1.0})
    found = decode(ArrowStream().encode(frame, {}))
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
    assert_same(decode(ArrowFile().encode(array, {})), array.astype(np.float64))
    named = Table(tuple("abc"[: shape[1]]), array)
    assert_same(decode(ArrowFile().encode(named, {})).values, array.astype(np.float64))


@pytest.mark.parametrize("shape", [(0, 1), (0, 3), (0,)])
def test_an_array_without_rows_makes_the_round_trip(shape: tuple[int, ...]) -> None:
    expected = np.empty((0, shape[1] if len(shape) > 1 else 1))
    assert_same(decode(ArrowStream().encode(np.empty(shape), {})), expected)


@pytest.mark.parametrize("value", [np.empty((2, 0)), [], pd.DataFrame(index=[1, 2])])
def test_rows_without_columns_are_not_acceptable(value: Any) -> None:
    with pytest.raises(NotAcceptableError):
        ArrowStream().encode(value, {})


@BOTH
@pytest.mark.parametrize("writer", [ipc.new_stream, ipc.new_file])
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_either_format_is_read_by_either(
    serializer: Any, writer: Any, compression: str | None
) -> None:
    body = written({"a": [1.0, None], "b": [1, 2]}, compression, writer)
    expected = Table(("a", "b"), np.array([[1.0, 1.0], [np.nan, 2.0]]))
    assert_same(serializer.decode(body, {}), expected)


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
def test_the_second_version_of_feather_is_read(compression: Any) -> None:
    target = io.BytesIO()
    feather.write_feather(pd.DataFrame({"a": [1.0, 2.0], "t": ["x", None]}), target, compression)
    frame = ArrowFile().decode(target.getvalue(), {})
    assert frame["a"].tolist() == [1.0, 2.0]
    assert frame["t"].tolist() == ["x", None]


def test_feather_reads_what_is_written() -> None:
    frame = feather.read_feather(io.BytesIO(ArrowFile().encode(NAMED, {})))
    assert frame["a"].tolist() == [1.0, 3.0]
    assert list(frame.columns) == ["a", "é"]


def test_the_first_version_of_feather_is_refused() -> None:
    target = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        feather.write_feather(pd.DataFrame({"a": [1.0]}), target, version=1)
    assert target.getvalue().startswith(b"FEA1")
    with memory_within(16 * MIB):
        refusal(ArrowFile(), target.getvalue())


def test_several_batches_are_one_table() -> None:
    table = pa.concat_tables([pa.table({"a": [1.0]}), pa.table({"a": [2.0, None]})])
    assert decode(written(table)).values.ravel().tolist()[:2] == [1.0, 2.0]


@pytest.mark.parametrize("kind", BINARY)
@BOTH
def test_every_kind_of_body_is_read_alike(serializer: Any, kind: Any) -> None:
    assert_same(serializer.decode(kind(serializer.encode(NAMED, {})), {}), NAMED)


def test_mixed_columns_are_a_frame() -> None:
    frame = decode(
        written(
            {
                "n": pa.array([1, None]),
                "c": pa.array(["u", None]).dictionary_encode(),
                "m": pa.array([7, None]).dictionary_encode(),
                "d": pa.array([dt.datetime(2020, 1, 1), None]),  # noqa: DTZ001
            }
        )
    )
    assert frame["c"].tolist() == ["u", None]
    assert frame["m"].tolist()[0] == 7.0
    assert frame["d"].tolist()[0] == pd.Timestamp("2020-01-01")
    assert frame.isna().sum().tolist() == [1, 1, 1, 1]


def test_the_text_that_polars_writes_is_read() -> None:
    view = pa.array(["x", None], pa.string_view())
    assert decode(written({"a": view}))["a"].tolist() == ["x", None]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[1]]),
        pa.array([b"x"]),
        pa.array([{"a": 1}]),
        pa.array([dt.timedelta(1)]),
        pa.array([dt.time(1)]),
        pa.array([b"0" * 16], pa.uuid()),
        pa.ExtensionArray.from_storage(pa.json_(), pa.array(["1"])),
        pa.RunEndEncodedArray.from_arrays([1], [1.0]),
        pa.array([[(1, 2)]], pa.map_(pa.int8(), pa.int8())),
    ],
    ids=lambda column: str(column.type),
)
def test_what_is_no_cell_is_refused_with_its_name(column: pa.Array) -> None:
    assert refusal(ArrowStream(), written({"a": column})).where == {"field": "a"}


@pytest.mark.parametrize(
    "table", [pa.table({}), pa.Table.from_arrays([pa.array([1])] * 2, names=["a", "a"])]
)
def test_columns_are_there_and_unique(table: pa.Table) -> None:
    refusal(ArrowStream(), written(table))


@pytest.mark.parametrize(
    "column",
    [
        pa.array([2**31 - 1], pa.int32()).cast(pa.date32()),
        pa.array([2**62], pa.int64()).cast(pa.date64()),
        pa.array([2**62], pa.int64()).cast(pa.timestamp("s")),
        pa.array([1], pa.timestamp("us", tz="Mars/Olympus")),
        pa.array([1], pa.timestamp("us", tz="../../etc/passwd")),
    ],
    ids=["date32", "date64", "timestamp", "time zone", "path"],
)
def test_times_beyond_the_calendar_are_read_or_refused(column: pa.Array) -> None:
    body = written({"a": column})
    found = outcome(partial(decode, body))
    assert found is RequestError or len(found) == 1


def test_text_that_is_not_utf8_is_refused() -> None:
    offsets, data = pa.py_buffer(np.array([0, 2], "i4").tobytes()), pa.py_buffer(b"\xff\xfe")
    refusal(
        ArrowStream(),
        written({"a": pa.Array.from_buffers(pa.string(), 1, [None, offsets, data])}),
    )


def test_a_name_that_is_not_utf8_is_refused() -> None:
    body = written({"abcdefgh": [1.0]})
    refusal(ArrowStream(), body.replace(b"abcdefgh", b"abc\xff\xfefgh"))


# Bombs


def test_one_long_word_many_times_is_refused_within_the_limit() -> None:
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(64, "i4")), ["x" * MIB])
    body = written({"a": words}, "zstd")
    assert len(body) < 1000
    with memory_within(16 * MIB), pytest.raises(BodyTooLargeError):
        decode(body, 4 * MIB)


def test_nulls_without_cells_are_refused_within_the_limit() -> None:
    body = written({"a": pa.nulls(2**28)})
    assert len(body) < 1000
    with memory_within(8 * MIB), within(1), pytest.raises(BodyTooLargeError):
        decode(body)


def test_columns_that_are_no_cells_are_not_unpacked() -> None:
    column = pa.ListArray.from_arrays([0, 64 * MIB], pa.array(np.zeros(64 * MIB, "u1")))
    body = written({"a": column}, "zstd")
    with memory_within(16 * MIB), within(1):
        assert outcome(partial(decode, body, 4 * MIB)) is RequestError


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
@pytest.mark.parametrize("writer", [ipc.new_stream, ipc.new_file])
@pytest.mark.parametrize("kind", ["cells", "dictionary"])
def test_compressed_buffers_are_counted_before_any_is_unpacked(
    compression: str, writer: Any, kind: str
) -> None:
    cells: Any = np.zeros(8 * MIB)
    if kind == "dictionary":
        cells = pa.DictionaryArray.from_arrays(pa.array([0], "i4"), pa.array(cells))
    body = written({"a": cells}, compression, writer)
    assert len(body) < MIB
    with memory_within(4 * MIB), within(1), pytest.raises(BodyTooLargeError):
        decode(body, 16 * MIB)


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
@pytest.mark.parametrize("writer", [ipc.new_stream, ipc.new_file])
def test_compression_that_old_metadata_does_not_tell_of_is_refused(
    compression: str, writer: Any
) -> None:
    table = pa.table({"a": np.random.default_rng(0).standard_normal(50)})
    for version, is_read in ((ipc.MetadataVersion.V4, False), (ipc.MetadataVersion.V5, True)):
        target = io.BytesIO()
        options = ipc.IpcWriteOptions(compression=compression, metadata_version=version)
        with writer(target, table.schema, options=options) as stream:
            stream.write_table(table)
        found = outcome(partial(decode, target.getvalue()))
        assert (found is not RequestError) is is_read
    plain = io.BytesIO()
    options = ipc.IpcWriteOptions(metadata_version=ipc.MetadataVersion.V4)
    with writer(plain, table.schema, options=options) as stream:
        stream.write_table(table)
    assert_same(decode(plain.getvalue()), Table(("a",), table.to_pandas().to_numpy()))


def sharing(count: int) -> bytes:
    """Many messages of eight bytes that all lead to one record batch of as many buffers."""
    message_fields = struct.pack("<HHHHHH", 12, 16, 0, 4, 8, 0)
    batch_fields = struct.pack("<HHHHHH", 12, 16, 0, 0, 4, 0)
    message_at = 8 * count + 8 + len(message_fields)
    batch_at = message_at + 16 + len(batch_fields)
    vector_at = batch_at + 12
    message = struct.pack("<iB3xII", len(message_fields), 3, batch_at - (message_at + 8), 0)
    batch = struct.pack("<iII", len(batch_fields), vector_at - (batch_at + 4), 0)
    vector = struct.pack("<I", count) + bytes(16 * count)
    heads = b"".join(struct.pack("<iI", 4, message_at - (8 * at + 4)) for at in range(count))
    return heads + bytes(8) + message_fields + message + batch_fields + batch + vector


def test_messages_that_share_a_list_of_buffers_are_refused_promptly() -> None:
    body = sharing(16_000)
    with within(1), pytest.raises(ValueError, match="share their lists"):
        unpacked_bytes(body)
    with within(1):
        refusal(ArrowStream(), body)


@pytest.mark.parametrize("writer", [ipc.new_stream, ipc.new_file])
@pytest.mark.parametrize("lie", [b"\xff" * 8, b"\x7f" * 8, bytes(8), b"\x00\x00\x00\x80" * 2])
def test_lengths_and_offsets_that_lie_are_refused_or_do_not_matter(writer: Any, lie: bytes) -> None:
    body = written({"a": [1.0, 2.0], "b": ["x", None]}, "zstd", writer)
    with memory_within(8 * MIB), within(4):
        for place in range(0, 400, 4):
            damaged = body[:place] + lie + body[place + 8 :]
            outcome(partial(decode, damaged, MIB))


@pytest.mark.parametrize("writer", [ipc.new_stream, ipc.new_file])
def test_what_is_compressed_is_read_up_to_the_limit(writer: Any) -> None:
    body = written({"a": np.zeros(MIB)}, "zstd", writer)
    assert decode(body, 8 * MIB + 1024).shape == (MIB, 1)


@pytest.mark.parametrize("length", [2**31 - 1, 2**30, 1, 0x7FFFFFF8])
def test_metadata_that_lies_about_its_length_is_refused_promptly(length: int) -> None:
    body = b"\xff\xff\xff\xff" + struct.pack("<i", length) + b"\x00" * 64
    with memory_within(8 * MIB), within(1):
        refusal(ArrowStream(), body)


# Damage


@pytest.mark.parametrize(
    "body",
    [
        ArrowFile().encode(NAMED, {}),
        written({"a": ["x"], "b": pa.array(["u"]).dictionary_encode()}, "zstd", ipc.new_file),
    ],
)
def test_every_truncation_of_a_file_is_refused(body: bytes) -> None:
    for end in range(len(body)):
        assert str(refusal(ArrowFile(), body[:end]))


@pytest.mark.parametrize("body", [ArrowStream().encode(NAMED, {}), written({"a": ["x"]}, "zstd")])
def test_every_truncation_of_a_stream_is_refused_or_lacks_only_its_end(body: bytes) -> None:
    whole = decode(body)
    for end in range(len(body)):
        found = outcome(partial(decode, body[:end]))
        if found is not RequestError and len(found):
            assert end >= len(body) - 8
            assert_same(found, whole)


@given(
    mutated(
        st.sampled_from(
            [
                written({"a": [1.0, 2.0], "b": [1, 2]}),
                written({"a": ["x", None]}, "lz4"),
                written({"a": [1.0], "b": [True]}, "zstd", ipc.new_file),
            ]
        )
    )
)
@modest
def test_damage_is_read_or_refused(body: bytes) -> None:
    found = outcome(partial(decode, body))
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
        [2**64],
        [[10**400]],
        [object()],
    ],
    ids=repr,
)
def test_what_arrow_cannot_carry_is_not_acceptable(value: Any) -> None:
    with pytest.raises(NotAcceptableError) as caught:
        ArrowStream().encode(value, {})
    assert str(caught.value)
