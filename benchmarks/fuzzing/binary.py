"""Bodies of binary formats to begin with, of our own encoders and of other people's.

They are used by `python -m benchmarks.fuzz`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import gzip
import io
import zlib
from importlib.util import find_spec
from typing import Any

import brotli
import msgpack
import numpy as np
import PIL.Image
import pyarrow as pa
import zstandard
from pyarrow import ipc, parquet
from scipy import sparse

from scriptmode.serializers.npz import NPZ
from scriptmode.serializers.recordio import RecordIO

_RANDOM = np.random.default_rng(0)
_TABLE = _RANDOM.normal(size=(6, 3))
_DTYPES = ("f2", "<f4", ">f4", "<f8", ">i8", "u1", "i2", "b1", "c8", ">c16")
_MODES = ("RGB", "L", "RGBA", "1", "P", "CMYK", "LA", "I;16", "F", "YCbCr")
_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")


def npys() -> list[bytes]:
    """Arrays of every kind of number."""
    arrays = [_TABLE.astype(dtype) for dtype in _DTYPES]
    arrays += [np.asfortranarray(_TABLE), np.array(1.5), np.ones(3), np.ones((2, 2, 2))]
    arrays += [np.empty((0, 3)), np.empty((3, 0))]
    found = [_saved(np.save, array) for array in arrays]
    for version in ((2, 0), (3, 0)):
        target = io.BytesIO()
        np.lib.format.write_array(target, _TABLE, version)
        found.append(target.getvalue())
    return [*found, _saved(np.save, np.array(["x", "y"])), _saved(np.save, np.array([{}, 1]))]


def npzs() -> list[bytes]:
    """Archives of one and of several arrays."""
    named: Any = {"a": _TABLE, "b/c": np.arange(3), "": np.ones(2)}
    return [
        *(NPZ().encode(value, {}) for value in (_TABLE, named)),
        *(_saved(np.savez, _TABLE), _saved(np.savez, x=_TABLE, y=np.ones(2, ">i2"))),
        *(_saved(np.savez_compressed, _TABLE), _saved(np.savez_compressed, x=np.zeros(4000))),
    ]


def msgpacks() -> list[bytes]:
    """The layouts of JSON, and what JSON has not."""
    rows = _TABLE.tolist()
    values: list[Any] = [
        *(rows, [1, 2], [[1, None], [2.5, True]], [["red", 1], [None, 2]], [[[1, 2]], [[3, 4]]]),
        *({"a": [1], "b": [2.5]}, [{"a": 1, "b": None}, {"a": 2, "b": 3}], {"a": 1, "b": "x"}),
        *({"columns": ["a"], "data": [[1]]}, {"instances": rows}, [[2**64 - 1, -(2**63)]], b"raw"),
        *(
            [[1.5], [float("nan")]],
            [[float("inf")]],
            msgpack.Timestamp(1),
            msgpack.ExtType(5, b"x"),
        ),
    ]
    found = [msgpack.packb(value) for value in values]
    found.append(msgpack.packb(rows, use_single_float=True))
    if find_spec("ormsgpack"):
        import ormsgpack

        found.append(ormsgpack.packb(values[6]))
    return found


def recordios() -> list[bytes]:
    """Dense and sparse records."""
    matrix = sparse.random(5, 9, density=0.4, format="csr", random_state=0)
    values: tuple[Any, ...] = (
        *(_TABLE, _TABLE.astype("f4"), np.arange(6).reshape(2, 3), _TABLE[:, :1], matrix),
        *(np.ones((2, 0)), np.ones((1, 300)), {"score": _TABLE[:, 0]}),
    )
    return [RecordIO().encode(value, {}) for value in values]


def messages() -> list[bytes]:
    """The records themselves, without what frames them."""
    return [body[8 : 8 + int.from_bytes(body[4:8], "little")] for body in recordios() if body]


def pictures() -> list[bytes]:
    """Pictures in every format and mode that Pillow writes."""
    found: list[bytes] = []
    for file_format in _FORMATS:
        for mode in _MODES:
            with contextlib.suppress(OSError, KeyError, ValueError):
                found.append(_picture(mode, file_format))
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    found += [
        _picture("RGB", file_format, exif=exif) for file_format in ("JPEG", "PNG", "WEBP", "TIFF")
    ]
    for compression in ("tiff_deflate", "tiff_lzw", "packbits", "jpeg", "tiff_adobe_deflate"):
        found.append(_picture("RGB", "TIFF", compression=compression))
    found.append(_picture("1", "TIFF", compression="group4"))
    frames = [_pixels("P"), _pixels("P")]
    found.append(_picture("P", "GIF", save_all=True, append_images=frames, loop=0))
    found += [_picture("RGB", "JPEG", progressive=True), _picture("RGB", "WEBP", lossless=True)]
    return found


def arrows(writer: str = "new_stream") -> list[bytes]:
    """Streams and files of every type of column, packed and not."""
    found: list[bytes] = []
    for table in _tables():
        for compression in (None, "lz4", "zstd"):
            target = io.BytesIO()
            options = ipc.IpcWriteOptions(compression=compression)
            with getattr(ipc, writer)(target, table.schema, options=options) as stream:
                stream.write_table(table, max_chunksize=4)
            found.append(target.getvalue())
    return found


def parquets() -> list[bytes]:
    """Files of every type of column, in several versions, encodings and compressions."""
    found: list[bytes] = []
    variants: tuple[dict[str, Any], ...] = (
        *({}, {"compression": "none", "use_dictionary": False}, {"data_page_version": "2.0"}),
        *(
            {"compression": "zstd", "row_group_size": 2},
            {"compression": "gzip"},
            {"version": "1.0"},
        ),
        {"compression": "brotli", "write_statistics": False, "use_byte_stream_split": False},
    )
    for table in _tables():
        for options in variants:
            target = io.BytesIO()
            parquet.write_table(table, target, **options)
            found.append(target.getvalue())
    if find_spec("polars"):
        import polars as pl

        target = io.BytesIO()
        pl.DataFrame({"a": [1, None, 3], "b": ["x", "y", None]}).write_parquet(target)
        found.append(target.getvalue())
    return found


def packed(name: str) -> list[bytes]:
    """Compressed bodies, whole and in several members or frames."""
    plain = [b"", b"[[1,2]]", b"1,2,3\n" * 200, _RANDOM.bytes(300)]
    if name == "gzip":
        found = [gzip.compress(body, mtime=0) for body in plain]
    elif name == "deflate":
        found = [zlib.compress(body) for body in plain]
        found += [zlib.compress(body)[2:-4] for body in plain]
    elif name == "br":
        found = [brotli.compress(body, quality=quality) for body in plain for quality in (0, 5, 11)]
    else:
        writers = [
            *(zstandard.ZstdCompressor(level=level) for level in (1, 19)),
            zstandard.ZstdCompressor(write_checksum=True, write_content_size=False),
        ]
        found = [writer.compress(body) for body in plain for writer in writers]
        found.append(b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc" + found[3])
    return [*found, found[1] + found[2]]


def _saved(save: Any, *arrays: Any, **named: Any) -> bytes:
    target = io.BytesIO()
    save(target, *arrays, **named)
    return target.getvalue()


def _pixels(mode: str) -> Any:
    pixels = np.random.default_rng(1).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    picture = PIL.Image.fromarray(pixels)
    return (
        picture.convert("L").convert("I").convert(mode) if mode == "I;16" else picture.convert(mode)
    )


def _picture(mode: str, file_format: str, **options: Any) -> bytes:
    target = io.BytesIO()
    _pixels(mode).save(target, file_format, **options)
    return target.getvalue()


def _tables() -> list[Any]:
    words = pa.array(["red", None, "é", "red", "", "blue"])
    whole = pa.array([1, None, 3, 4, 5, 6])
    day = dt.date(2020, 1, 2)
    moment = dt.datetime(2020, 1, 2, tzinfo=dt.timezone.utc)
    return [
        pa.table({"a": _TABLE[:, 0], "b": whole}),
        pa.table({str(index): column for index, column in enumerate(_TABLE.T)}),
        pa.table({"a": words, "b": words.dictionary_encode(), "c": pa.nulls(6)}),
        pa.table({"a": pa.array([day] * 6), "b": pa.array([moment, None] * 3)}),
        pa.table({"a": pa.array([decimal.Decimal("1.25")] * 6), "b": pa.array([True, None] * 3)}),
        pa.table({"a": whole.dictionary_encode(), "b": pa.array(_TABLE[:, 0].astype("f2"))}),
        pa.table({"a": words.cast(pa.large_string()), "b": whole.cast(pa.uint8())}),
        pa.table({"a": pa.array([[1], None, [2, 3], [], [4], [5]]), "b": words.cast(pa.binary())}),
        pa.table({"a": pa.array([], pa.float64())}),
    ]
