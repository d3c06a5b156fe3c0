"""Every kind of prediction through every encoder: carried whole, or refused with a reason."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgpack
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image as Pillow
from pyarrow import ipc
from scipy import sparse

from scriptmode._imports import import_string
from scriptmode.errors import NotAcceptableError
from scriptmode.serializers import BUILTINS
from scriptmode.serializers.libsvm import LibSVM
from scriptmode.serializers.recordio import RecordIO
from scriptmode.values import Table
from tests.serializers.test_recordio import read_outputs

if TYPE_CHECKING:
    from collections.abc import Callable

NAN = math.nan
ENCODERS: dict[str, Any] = {
    name: import_string(row.reference)()
    for name, row in BUILTINS.items()
    if name not in ("form", "multipart")
}
SHAPES: tuple[tuple[int, ...], ...] = ((2,), (2, 3), (2, 1, 2), ())
EMPTY: tuple[tuple[int, ...], ...] = ((0,), (0, 3), (2, 0))
NUMBERS = (
    "?",
    "i1",
    "u1",
    "i2",
    "u2",
    "i4",
    "u4",
    "i8",
    "u8",
    "f2",
    "f4",
    "f8",
    ">f8",
    ">i4",
    "c16",
)
OTHERS = ("U3", "O", "S3", "M8[s]", "M8[ns]", "M8[D]", "m8[s]", "m8[ns]")


def filled(dtype: str, shape: tuple[int, ...]) -> Any:
    size = int(np.prod(shape))
    if dtype in OTHERS[:3]:
        cells = [f"c{number}" for number in range(size)]
        return np.array(cells, dtype=dtype).reshape(shape)
    if dtype[0] in "Mm":
        return np.arange(1, size + 1).astype("i8").astype(dtype).reshape(shape)
    step = 0.1 if "f" in dtype else 1j if "c" in dtype else 1
    return (np.arange(1, size + 1) * step).astype(dtype).reshape(shape)


ARRAYS = {
    f"{dtype} {shape}": filled(dtype, shape)
    for dtype in (*NUMBERS, *OTHERS)
    for shape in (SHAPES if dtype not in ("f8", "U3") else (*SHAPES, *EMPTY))
}
VALUES: dict[str, Any] = {
    **ARRAYS,
    "None": None,
    "int": 5,
    "float": 1.5,
    "NaN": NAN,
    "bool": True,
    "text": "some text",
    "bytes": b"\x00\xff",
    "numpy float32": np.float32(0.1),
    "numpy int64": np.int64(5),
    "numpy bool": np.True_,
    "Decimal": Decimal("1.5"),
    "complex": 1j,
    "date": date(2020, 1, 2),
    "list": [1.5, 2.5],
    "tuple": (1.5, None),
    "rows": [[1, 2.5], [3, None]],
    "rows of text": [["a", 1], ['b,\n"c"\t', None]],
    "text with breaks": ["a\rb", "c\nd", "", " e "],
    "booleans": [True, False],
    "bytes list": [b"x", b"y"],
    "decimals": [Decimal("1.5"), Decimal("2.25")],
    "decimals with a gap": [[Decimal("1.5"), None]],
    "signalling decimal": [[Decimal("sNaN")]],
    "dates": [date(2020, 1, 2)],
    "datetimes": [datetime(2020, 1, 2, 3, 4, tzinfo=timezone.utc)],
    "times": [time(1, 2)],
    "deltas": [timedelta(days=1)],
    "huge integers": [[2**64]],
    "enormous integers": [[10**400]],
    "exact integers": [2**53 + 1],
    "lone surrogate": ["\ud800"],
    "NUL": ["a\x00b"],
    "missing": [[pd.NA, 1.0], [pd.NaT, None]],
    "objects": np.array([[1, "a"], [None, 2.5]], dtype=object),
    "objects with NA": np.array([[1, pd.NA]], dtype=object),
    "arrays in rows": [np.array([1.0, 2.0]), np.array([3.0, NAN])],
    "arrays in cells": [[np.array([1, 2]), 3]],
    "ragged": [[1], [1, 2]],
    "mixed depth": [1, [2]],
    "records": [{"a": 1, "b": "x"}, {"a": 2, "b": None}],
    "empty record": [{}],
    "empty list": [],
    "empty rows": [[]],
    "set": {1},
    "object": object(),
    "infinity": np.array([[math.inf, -math.inf, NAN]]),
    "minus zero": np.array([[-0.0, 0.0]]),
    "row of gaps": np.array([[NAN, NAN], [1.0, NAN]]),
    "masked": np.ma.masked_array([1.0, 2.0], [False, False]),
    "strided": np.arange(12.0).reshape(3, 4)[::2, ::2],
    "structured": np.zeros(2, [("a", "f8"), ("b", "i4")]),
    "table": Table(("a", "b"), np.array([[1.0, NAN], [3.0, 4.0]])),
    "table of float32": Table(("a",), np.array([[0.1]], "f4")),
    "table of big-endian": Table(("a",), np.array([[1.0]], ">f8")),
    "table without rows": Table(("a", "b"), np.empty((0, 2))),
    "frame": pd.DataFrame(
        {
            "i": [1, 2],
            "f": [1.5, NAN],
            "s": ["x", None],
            "b": [True, False],
            "c": pd.Categorical(["u", None]),
            "d": pd.to_datetime(["2020-01-02", "NaT"]),
            "n": pd.array([1, None], dtype="Int64"),
        }
    ),
    "frame of numbers": pd.DataFrame({"a": [1.0, NAN], "b": [1, 2]}),
    "frame of categories": pd.DataFrame({"c": pd.Categorical([1, 2])}),
    "frame of decimals": pd.DataFrame({"a": [Decimal("1.5")]}),
    "frame of bytes": pd.DataFrame({"a": [b"x"]}),
    "frame of complex": pd.DataFrame({"a": [1j]}),
    "frame of deltas": pd.DataFrame({"a": pd.to_timedelta([1], unit="s")}),
    "frame of zoned times": pd.DataFrame({"a": pd.to_datetime(["2020-01-02"]).tz_localize("UTC")}),
    "frame of dicts": pd.DataFrame({"a": [{}]}),
    "frame of two equal names": pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "frame with numbers for names": pd.DataFrame([[1.0, 2.0]]),
    "frame without rows": pd.DataFrame({"a": []}),
    "frame without columns": pd.DataFrame(index=[1, 2]),
    "series": pd.Series([1.5, NAN]),
    "series of text": pd.Series(["x", None]),
    "series of categories": pd.Series(pd.Categorical(["x", None])),
    "series of times": pd.Series(pd.to_datetime(["2020-01-02", "NaT"])),
    "categorical": pd.Categorical(["a", "b"]),
    "index": pd.Index([1, 2]),
    "sparse": sparse.csr_matrix(np.array([[1.0, 0.0], [0.0, -2.5]])),
    "sparse of whole numbers": sparse.csr_matrix(np.array([[1, 0], [0, 2]])),
    "sparse of booleans": sparse.csr_matrix(np.array([[True, False]])),
    "sparse of complex": sparse.csr_matrix(np.array([[1j]])),
    "sparse of large numbers": sparse.csr_matrix(np.array([[2**40]])),
    "sparse without rows": sparse.csr_matrix((0, 3)),
    "sparse without cells": sparse.csr_matrix((2, 3)),
    "sparse by columns": sparse.csc_matrix(np.array([[0.0, 1.0]])),
    "sparse array": sparse.coo_array(np.eye(2)),
    "named": {"a": np.array([1.0, 2.0]), "b": np.array([[1, 2], [3, 4]])},
    "named text": {"label": np.array(["x", "y"]), "p": np.array([0.5, 0.25])},
    "named lists": {"a": [1.0, None]},
    "named with equal names": {1: np.ones(2), "1": np.ones(2)},
    "named of unequal length": {"a": np.ones(2), "b": np.ones(3)},
    "named without rows": {"a": np.empty(0)},
    "named large": {"a": np.array([1e300])},
    "named sparse": {"a": sparse.csr_matrix(np.eye(2))},
    "named dates": {"a": np.array(["2020-01-02"], "M8[D]")},
    "named complex": {"a": np.array([1j])},
    "named surrogate": {"\ud800": np.ones(1)},
    "named scalar": {"a": 1.5},
    "named nothing": {},
    "picture": (np.arange(12) * 20).astype(np.uint8).reshape(2, 2, 3),
    "picture in a batch": np.zeros((1, 2, 2, 3), np.uint8),
}


# What was meant, as rows of cells


def flat(value: Any) -> list[Any]:
    """One row's cells, whatever they are nested in."""
    if isinstance(value, dict):
        return [cell for part in value.values() for cell in flat(part)]
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim):
        return [cell for part in value for cell in flat(part)]
    if isinstance(value, np.void) and value.dtype.names:
        return [value[name] for name in value.dtype.names]
    if sparse.issparse(value):
        return flat(value.toarray())
    return [value[()] if isinstance(value, np.ndarray) else value]


def rows_of(value: Any) -> list[list[Any]]:
    if isinstance(value, Table):
        value = value.values
    if isinstance(value, pd.DataFrame):
        value = [
            list(row)
            for row in zip(*(value.iloc[:, i] for i in range(value.shape[1])), strict=True)
        ] or [[] for _ in value.index]
    if isinstance(value, (pd.Series, pd.Index, pd.Categorical)):
        value = list(value)
    if sparse.issparse(value):
        value = value.toarray()
    if (
        isinstance(value, dict)
        and value
        and all(hasattr(part, "__len__") for part in value.values())
    ):
        parts = [rows_of(part) for part in value.values()]
        if len(set(map(len, parts))) > 1:
            return [flat(value)]
        return [[cell for row in rows for cell in row] for rows in zip(*parts, strict=True)]
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim):
        return [flat(row) for row in value]
    return [flat(value)]


def is_missing(cell: Any) -> bool:
    return cell is None or cell is pd.NA or cell is pd.NaT or cell != cell or str(cell) == "NaT"  # noqa: PLR0124


def is_same(found: Any, cell: Any, *, missing: tuple[Any, ...]) -> bool:
    """Whether a cell was carried: numbers by value, times as times, text and bytes as they are."""
    if isinstance(cell, Decimal) and cell.is_snan():
        return bool(found in ("NaN", "sNaN", ""))
    if is_missing(cell):
        return found in missing or is_missing(found)
    for kinds, compare in COMPARE:
        if isinstance(cell, kinds):
            return bool(compare(found, cell))
    return (found in missing and np.isinf(cell)) or is_same_number(found, cell)


def is_same_number(found: Any, cell: Any) -> bool:
    if isinstance(cell, int) and abs(cell) > 2**53:
        return str(found) == str(cell) or found == float(cell)
    kind = type(cell) if isinstance(cell, np.floating) else float
    signs = {math.copysign(1, float(found)), math.copysign(1, float(cell))}
    return bool(kind(found) == kind(cell)) and len(signs) == 1


def is_same_instant(found: Any, cell: Any) -> bool:
    if isinstance(found, (int, float)) or str(found).isdigit():
        return False
    return pd.Timestamp(found).tz_localize(None) == pd.Timestamp(cell).tz_localize(None)


def is_same_delta(found: Any, cell: Any) -> bool:
    return not isinstance(found, (int, float)) and pd.Timedelta(found) == pd.Timedelta(cell)


def is_same_flag(found: Any, cell: Any) -> bool:
    return str(found).lower() in (("true", "1", "1.0") if cell else ("false", "0", "0.0"))


COMPARE: tuple[tuple[Any, Callable[[Any, Any], bool]], ...] = (
    ((bytes, str), lambda found, cell: isinstance(found, (str, bytes)) and found == cell),
    ((bool, np.bool_), is_same_flag),
    ((np.timedelta64, timedelta), is_same_delta),
    ((np.datetime64, datetime), is_same_instant),
    ((date, time), lambda found, cell: str(found).startswith(str(cell))),
    ((complex, np.complexfloating), lambda found, cell: bool(complex(found) == cell)),
)


# What a client reads, with the libraries that clients have


def read_delimited(delimiter: str) -> Callable[[bytes, Any], Any]:
    def read(body: bytes, value: Any) -> Any:
        rows = csv.reader(io.StringIO(body.decode(), newline=""), delimiter=delimiter)
        blank = [""] if any(rows_of(value)) else []
        return [
            [
                part
                for cell in row or blank
                for part in (flat(json.loads(cell)) if cell[:1] == "[" else [cell])
            ]
            for row in rows
        ]

    return read


def read_plain(parsed: Any) -> list[list[Any]]:
    if (
        isinstance(parsed, dict)
        and parsed
        and all(isinstance(part, list) for part in parsed.values())
    ):
        return rows_of(parsed)
    return [flat(row) for row in parsed] if isinstance(parsed, list) else [flat(parsed)]


def read_arrow(table: pa.Table) -> list[list[Any]]:
    return [flat(row) for row in table.to_pylist()]


def read_npz(body: bytes, value: Any) -> Any:
    with np.load(io.BytesIO(body)) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return rows_of(arrays["arr_0"] if list(arrays) == ["arr_0"] else arrays)


def read_sparse(found: Any, absent: float, width: int) -> list[list[Any]]:
    if isinstance(found, np.ndarray):
        return rows_of(found)
    cells = np.full((found.shape[0], max(width, found.shape[1])), absent)
    coo = found.tocoo()
    cells[coo.row, coo.col] = coo.data
    return rows_of(cells)


def read_libsvm(body: bytes, value: Any) -> Any:
    expected = rows_of(value)
    if not body:
        return []
    absent = 0.0 if sparse.issparse(value) else NAN
    rows = read_sparse(LibSVM().decode(body, {}), absent, max(map(len, expected)))
    return [row[: len(meant)] for row, meant in zip(rows, expected, strict=True)]


def read_recordio(body: bytes, value: Any) -> Any:
    if not body:
        return []
    if isinstance(value, dict):
        return [flat({name: row[str(name)] for name in value}) for row in read_outputs(body)]
    return read_sparse(RecordIO().decode(body, {}), 0.0, 0)


def read_picture(body: bytes, value: Any) -> Any:
    pixels = np.asarray(Pillow.open(io.BytesIO(body)))
    return rows_of(pixels.reshape(value.shape))


READERS: dict[str, Callable[[bytes, Any], Any]] = {
    "json": lambda body, _: read_plain(json.loads(body)),
    "jsonlines": lambda body, _: [flat(json.loads(line)) for line in body.splitlines()],
    "csv": read_delimited(","),
    "tsv": read_delimited("\t"),
    "text": lambda body, _: [[line] for line in body.decode().splitlines()],
    "octets": lambda body, _: [[body]],
    "npy": lambda body, _: rows_of(np.load(io.BytesIO(body))),
    "npz": read_npz,
    "msgpack": lambda body, _: read_plain(msgpack.unpackb(body)),
    "arrow": lambda body, _: read_arrow(ipc.open_stream(body).read_all()),
    "feather": lambda body, _: read_arrow(ipc.open_file(body).read_all()),
    "parquet": lambda body, _: read_arrow(pq.read_table(io.BytesIO(body))),
    "libsvm": read_libsvm,
    "recordio": read_recordio,
    "image": read_picture,
}
GAPS: dict[str, tuple[Any, ...]] = {
    "csv": ("",),
    "tsv": ("",),
    "text": ("", "None", "nan", "<NA>", "NaT"),
}


def written(encoder: Any, value: Any) -> bytes | str:
    """The body, or the reason why there is none."""
    try:
        body: bytes = encoder.encode(value, {})
    except NotAcceptableError as error:
        return str(error)
    assert isinstance(body, bytes)
    return body


def test_every_encoder_has_a_reader() -> None:
    assert READERS.keys() == ENCODERS.keys()


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("kind", VALUES)
def test_a_prediction_is_carried_whole_or_refused_with_a_reason(name: str, kind: str) -> None:
    value = VALUES[kind]
    body = written(ENCODERS[name], value)
    if isinstance(body, str):
        assert body
        assert "0x" not in body
        return
    found, expected = READERS[name](body, value), rows_of(value)
    missing = (None, *GAPS.get(name, ()))
    assert len(found) == len(expected), f"{len(found)} rows for {len(expected)}: {body[:80]!r}"
    for row, meant in zip(found, expected, strict=True):
        assert len(row) == len(meant), f"{row} for {meant}"
        for cell, original in zip(row, meant, strict=True):
            assert is_same(cell, original, missing=missing), f"{cell!r} for {original!r}"


@pytest.mark.parametrize("kind", VALUES)
def test_equal_predictions_give_equal_bytes(kind: str) -> None:
    for encoder in ENCODERS.values():
        with contextlib.suppress(Exception):  # the test above says which are allowed
            first = encoder.encode(VALUES[kind], {})
            second = encoder.encode(VALUES[kind], {})
            if first != second:
                pytest.fail(f"{type(encoder).__name__} wrote {first[:80]!r}, then {second[:80]!r}")


@pytest.mark.parametrize("name", ["arrow", "parquet", "feather"])
@pytest.mark.parametrize("kind", ["table", "frame", "frame of numbers", "f8 (2, 3)", "named text"])
def test_what_is_written_in_columns_keeps_their_names(name: str, kind: str) -> None:
    value = VALUES[kind]
    found = ENCODERS[name].decode(ENCODERS[name].encode(value, {}), {})
    names = list(getattr(found, "names", getattr(found, "columns", [])))
    expected = (
        list(value)
        if isinstance(value, (dict, pd.DataFrame))
        else list(getattr(value, "names", []))
    )
    assert names == expected


@pytest.mark.parametrize("name", ENCODERS)
def test_an_enormous_sparse_prediction_is_carried_sparse_or_refused(name: str) -> None:
    value = sparse.csr_matrix((np.ones(1), ([3], [99_999])), shape=(1000, 100_000))
    try:
        body = ENCODERS[name].encode(value, {})
    except NotAcceptableError:
        return
    assert name in ("libsvm", "recordio")
    assert len(body) < 100_000
    found = ENCODERS[name].decode(body, {})
    assert found.tocoo().row.tolist() == [3]
    assert found.shape == value.shape
