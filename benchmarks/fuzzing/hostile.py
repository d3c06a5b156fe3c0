"""Bodies that somebody made to hurt: bombs, depth, width, and sizes that are not there.

They are used by `python -m benchmarks.fuzz`.
"""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from typing import Any

import brotli
import numpy as np
import pyarrow as pa
import zstandard
from pyarrow import ipc, parquet

from benchmarks.fuzzing.textual import BOUNDARY

_WIDE = 40_000
_WIDEST = 150_000
_LONG = 60_000
_DEEP = 5_000
_BOMB = 2**26


def delimited(delimiter: bytes = b",") -> list[bytes]:
    """Wide rows, many rows, long cells."""
    return [
        *(delimiter * _WIDEST, b"1\n" * _WIDE, b"\n" * _WIDE, b'"' * _WIDE, b"1" * _WIDE),
        *(b"red" + delimiter * _WIDE + b"\n", b"1e5" * _WIDE, b"x" * 2**18, b" " * _WIDE + b"1"),
        *(b'""\n' * _WIDE, b'"1"' + (delimiter + b"1") * _WIDE, b"1" * _LONG + b"x"),
        *(
            b" " * _LONG + b"x",
            b"1" * _LONG,
            b" " * _LONG + b"1",
            b"1e" + b"1" * _LONG,
            b"." + b"1" * _LONG + b"x",
        ),
    ]


def headed() -> list[bytes]:
    """Many names, and one long one."""
    names = b",".join(b"n%d" % index for index in range(_WIDE))
    return [
        *(names + b"\n" + b"," * (_WIDE - 1), names + b"\n", b"n" * _WIDE + b"\n1\n"),
        *(names[:-1] + b"0\n1", b"a,b\n" + b"x,\n" * _WIDE, names + b"\n" + b"x," * (_WIDE - 1)),
    ]


def jsons() -> list[bytes]:
    """Depth, width, many names, long numbers."""
    names = b",".join(b'"n%d":1' % index for index in range(_WIDE))
    lists = b",".join(b'"n%d":[1]' % index for index in range(_WIDE))
    return [
        *(b"[" * depth + b"]" * depth for depth in (33, 200, 1000, _DEEP)),
        *(b'{"a":' * depth + b"1" + b"}" * depth for depth in (200, 1000, _DEEP)),
        *(b"[" * 500 + b'"x"' + b"]" * 500, b"[[" + b"1," * _WIDE + b'"x"]]', b"{" + names + b"}"),
        *(b"[{" + names + b"}]", b"{" + lists + b"}", b"[" + b"[]," * _WIDE + b"[]]"),
        *(
            b"[" + b"{}," * _WIDE + b"{}]",
            b"[[" + b"1" * _WIDE + b"]]",
            b"[" + b"[1]," * _WIDE + b"[2]]",
        ),
        b"[" + b",".join([b'{"a":' + b"[" * 30 + b"]" * 30 + b"}"] * 2000) + b"]",
        b'{"columns":[' + b",".join([b'"a"'] * _WIDE) + b'],"data":[]}',
        *(b"[" + b'["x"],' * _WIDE + b'["y"]]', b'[{"a":"' + b"\\u00e9" * 10_000 + b'"}]'),
        *(
            b'["' + b"x" * 2**18 + b'",' + b"1," * 2000 + b"1]",
            b'[["' + b"x" * 2**17 + b'"]' + b',["y"]' * 9000 + b"]",
        ),
    ]


def json_lines() -> list[bytes]:
    """Many lines, and deep ones."""
    return [
        b"[]\n" * _WIDE,
        b"[1]\n" * _WIDE,
        b'{"a":1}\n' * _WIDE,
        b"[" * 900 + b"]" * 900,
        b'["x"]\n' * _WIDE,
    ]


def libsvms() -> list[bytes]:
    """Many rows, many cells, long numbers."""
    cells = b" ".join(b"%d:1" % index for index in range(_WIDE))
    return [
        *(b"1\n" * _WIDE, b"1 " + cells, b"1 1:" + b"1" * _LONG, b"1 1:1\n" * _WIDE),
        *(
            b" " * _WIDE + b"1:1",
            b"1" * _LONG + b"x",
            b"1:" + b"1" * _LONG + b"x",
            b"#" * _WIDE + b"\n1:1",
        ),
    ]


def forms() -> list[bytes]:
    """Many fields."""
    fields = b"&".join(b"n%d=1" % index for index in range(10_000))
    return [
        fields,
        fields[:-3] + b"1=1",
        fields + b"&x=1",
        b"a=" + b"%31" * _WIDE,
        b"&" * _WIDE,
        b"a=" + b"1" * _LONG + b"x",
    ]


def multiparts() -> list[bytes]:
    """Many parts, many headers, near boundaries."""
    edge = b"--" + BOUNDARY.encode()
    part = b'%b\r\nContent-Disposition: form-data; name="n%d"\r\n\r\n1\r\n'
    fields = b"".join(part % (edge, index) for index in range(10_001))
    head = b'%b\r\nContent-Disposition: form-data; name="a"%b\r\n\r\n1\r\n%b--\r\n'
    return [
        *(fields + edge + b"--\r\n", head % (edge, b"\r\nX: 1" * 5000, edge)),
        head % (edge, b";a=" * _WIDE, edge),
        head % (edge, b';a="\\"' * _WIDE, edge),
        part % (edge, 1) + b"\r\n--fuz" * _WIDE,
        *(b"\r\n" * _WIDE + edge, edge + b"\r\n" + b"a" * _WIDE),
    ]


def npys() -> list[bytes]:
    """Headers of shapes and dtypes that are not there."""
    shapes = [
        *("(0, 9223372036854775807)", "(9223372036854775807, 0, 8)", "(0,)" + " " * 50, "()"),
        *("(-1,)", "(1," * 150 + ")" * 150, "(" * 900, f"({'0,' * 64})", f"({'0,' * 65})", "1e99"),
    ]
    descrs = ("<f8", "|O", "<f16", "<M8[ns]", "<U1000000000", "<V2147483647", "f8,f8")
    return [_npy("<f8", shape) for shape in shapes] + [_npy(descr, "(0,)") for descr in descrs]


def npzs() -> list[bytes]:
    """Archives that inflate, that announce less than they hold, and of many members."""
    cells = _npy("|u1", f"({_BOMB},)") + bytes(_BOMB)
    bomb = _zip([("a.npy", cells)], zipfile.ZIP_DEFLATED)
    many = _zip([(f"{index}.npy", _npy("<f8", "(0,)")) for index in range(1025)])
    lying = bomb.replace(struct.pack("<I", len(cells)), struct.pack("<I", 200))
    methods = (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    return [bomb, lying, many, *(_zip([("a.npy", cells)], method) for method in methods)]


def msgpacks() -> list[bytes]:
    """Depth, and lengths that are not there."""
    return [
        *(b"\x91" * depth + b"\x01" for depth in (33, 300, 500, 900, 1020, 1024, _DEEP)),
        *(b"\x81\xa1a" * depth + b"\x01" for depth in (300, 500, 900, _DEEP)),
        *(
            b"\xdd\xff\xff\xff\xff",
            b"\xdf\xff\xff\xff\xff",
            b"\xdb\xff\xff\xff\xff",
            b"\xc6\xff\xff\xff\xff",
        ),
        *(b"\xdd\x00\x01\x00\x00" + b"\x90" * 2**16, b"\xdd\x00\x01\x00\x00" + b"\x91\x01" * 2**16),
        b"\xdd\x00\x01\x00\x00" + b"\xdd\x00\x01\x00\x00" * 1000,
    ]


def pictures() -> list[bytes]:
    """Pictures of many pixels in few bytes, and of none."""
    found = []
    for width, height in ((30_000, 30_000), (7000, 7000), (2**31 - 1, 1), (0, 5), (1, 2**20)):
        rows = zlib.compress(bytes(min(height * (width + 1), _BOMB)))
        head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
        text = b"k\0\0" + zlib.compress(bytes(_BOMB))
        for chunks in (
            [(b"IHDR", head), (b"IDAT", rows), (b"IEND", b"")],
            [(b"IHDR", head), (b"zTXt", text), (b"IDAT", rows)],
        ):
            written = [png_chunk(kind, data) for kind, data in chunks]
            found.append(b"\x89PNG\r\n\x1a\n" + b"".join(written))
    return found


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk with its length and sum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def arrows(writer: str = "new_stream") -> list[bytes]:
    """Batches that inflate, dictionaries that repeat, rows without bytes."""
    zeros = pa.table({"a": np.zeros(_BOMB // 2)})
    long = pa.array(["x" * 2**16])
    repeated = pa.DictionaryArray.from_arrays(pa.array(np.zeros(4096, "i1")), long)
    tables = [
        *(zeros, pa.table({"a": repeated}), pa.table({"a": pa.nulls(_BOMB)})),
        pa.table({f"n{index}": pa.array(["x"]) for index in range(3000)}),
        pa.table({f"n{index}": pa.array([1]) for index in range(3000)}),
    ]
    return [_arrow(table, writer) for table in tables]


def _arrow(table: Any, writer: str) -> bytes:
    target = io.BytesIO()
    options = ipc.IpcWriteOptions(compression="zstd")
    with getattr(ipc, writer)(target, table.schema, options=options) as stream:
        stream.write_table(table)
    return target.getvalue()


def parquets() -> list[bytes]:
    """Pages that inflate, words that repeat, many columns."""
    tables = [
        *(pa.table({"a": np.zeros(_BOMB // 8)}), pa.table({"a": pa.array(["x" * 2**14] * 2**14)})),
        *(pa.table({"a": pa.nulls(_BOMB)}), pa.table({"a": pa.array([1] * 2**21, pa.int8())})),
        pa.table({f"n{index}": pa.array([1]) for index in range(1000)}),
    ]
    found = []
    for table in tables:
        target = io.BytesIO()
        parquet.write_table(table, target, compression="zstd")
        found.append(target.getvalue())
    return found


def packed(name: str) -> list[bytes]:
    """Little that unpacks to much, in one member or in many."""
    zeros = bytes(_BOMB)
    if name == "gzip":
        return [gzip.compress(zeros), gzip.compress(b"") * 9000]
    if name == "deflate":
        return [zlib.compress(zeros), zlib.compress(zeros)[2:-4]]
    if name == "br":
        return [brotli.compress(zeros, quality=5), brotli.compress(zeros, quality=5, lgwin=10)]
    writer = zstandard.ZstdCompressor()
    return [writer.compress(zeros), writer.compress(b"") * 9000, b"\x50\x2a\x4d\x18\0\0\0\0" * 9000]


def _npy(descr: str, shape: str) -> bytes:
    head = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head


def _zip(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, body in members:
            archive.writestr(zipfile.ZipInfo(name), body, method)
    return target.getvalue()
