"""Our decoders beside the reference library of each format, over a corpus of bodies.

Two readings are equal when they have the same names and the same shape, and each cell is the same
double (zeros of one sign), the same text, the same instant, or missing in both. Integers and
booleans are compared as the doubles that a table holds; arrays of npy, npz, RecordIO and pictures
also in their dtype, up to byte order.

Whatever else happens stands in the table of docs/how-to/formats.md: a case names, for each library
it differs from, the row that tells of it.
"""

from __future__ import annotations

import email
import email.policy
import importlib.util
import io
import json
import math
import re
import struct
import sys
import types
import warnings
import zipfile
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import numpy as np
import pandas as pd
import pytest

from scriptmode.errors import RequestError
from scriptmode.serializers import BUILTINS
from scriptmode.serializers.arrow import ArrowFile, ArrowStream
from scriptmode.serializers.csv import CSV
from scriptmode.serializers.forms import Form, Multipart
from scriptmode.serializers.images import Image
from scriptmode.serializers.json import JSON
from scriptmode.serializers.jsonlines import JSONLines
from scriptmode.serializers.libsvm import LibSVM
from scriptmode.serializers.msgpack import MsgPack
from scriptmode.serializers.npy import NPY
from scriptmode.serializers.npz import NPZ
from scriptmode.serializers.parquet import Parquet
from scriptmode.serializers.recordio import RecordIO
from scriptmode.serializers.tsv import TSV
from scriptmode.values import Enveloped, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/how-to/formats.md").read_text()
SDK = ROOT / "build/peers/sagemaker"
REFUSED = "refused"


@dataclass(frozen=True)
class Case:
    name: str
    make: Callable[[], bytes]
    params: Mapping[str, str]
    differs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    name: str
    formats: str
    ours: Callable[[bytes, Mapping[str, str]], Any]
    peers: Mapping[str, Callable[[bytes, Mapping[str, str]], Any]]
    cases: Sequence[Case]


def bodies(*raw: bytes | str, charset: str = "", **differs: str) -> list[Case]:
    """Cases that are their own names; ``differs`` gives a row of the table for each library."""
    params = {"charset": charset} if charset else {}
    encoded = [body if isinstance(body, bytes) else body.encode() for body in raw]
    more = f" as {charset}" if charset else ""
    names = [repr(body)[2:-1][:60] + more for body in encoded]
    return [
        Case(name, partial(bytes, body), params, differs)
        for name, body in zip(names, encoded, strict=True)
    ]


def made(make: Mapping[str, Callable[[], bytes]], **differs: str) -> list[Case]:
    """Cases with names, whose bodies are made when they are needed."""
    return [Case(name, body, {}, differs) for name, body in make.items()]


def cells(written: str) -> list[str]:
    """Each of the words as a cell in a body of its own, beside numbers."""
    return [f"1,{cell}\n3,4\n" for cell in written.split(" ")]


# What a reading is compared as


def plain_cell(cell: Any) -> Any:
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return None
    if isinstance(cell, (date, np.datetime64)):
        return pd.Timestamp(cell).isoformat()
    if isinstance(cell, complex):
        return repr(cell)
    if isinstance(cell, (int, float, np.number, np.bool_, Decimal)):
        number = float(cell)
        return None if math.isnan(number) else number.hex()
    return cell


def columns(names: Iterable[Any] | None, cells_of: Iterable[Any]) -> Any:
    listed = [tuple(map(plain_cell, each)) for each in cells_of]
    return ("columns", None if names is None else tuple(names), tuple(listed))


def plain(value: Any) -> Any:  # noqa: PLR0911 - one a kind
    if isinstance(value, Table):
        return columns(value.names, value.values.T.tolist())
    if isinstance(value, pd.DataFrame):
        listed: list[Any] = list(value.columns)
        unnamed = listed == list(range(value.shape[1]))
        return columns(None if unnamed else value.columns, (value[name] for name in value.columns))
    if isinstance(value, np.ndarray) and value.ndim == 2:
        return columns(None, value.T.tolist())
    if isinstance(value, np.ndarray):
        return ("array", value.shape, tuple(map(plain_cell, value.ravel().tolist())))
    if hasattr(value, "tocsr"):
        return sparse_rows(value.tocsr())
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return value


def typed(value: Any) -> Any:
    """As ``plain``, with dtypes."""
    if isinstance(value, np.ndarray):
        return (value.dtype.newbyteorder("=").str, value.shape, plain(value))
    if isinstance(value, dict):
        return {name: typed(part) for name, part in value.items()}
    if hasattr(value, "tocsr"):
        return (value.dtype.str, plain(value))
    return plain(value)


def sparse_rows(matrix: Any) -> Any:
    ends = zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True)
    rows = [
        tuple(zip(matrix.indices[a:b].tolist(), map(plain_cell, matrix.data[a:b]), strict=True))
        for a, b in ends
    ]
    return ("sparse", matrix.shape, tuple(rows))


def reading(read: Callable[[], Any], refusals: Any) -> Any:
    try:
        return read()
    except refusals:
        return REFUSED


def verdict(ours: Any, theirs: Any) -> str:
    """``equal``, ``refused`` by both, or how a difference is told: refused or read here."""
    if ours == theirs:
        return REFUSED if ours is REFUSED else "equal"
    return "refused here" if ours is REFUSED else "read here"


# Delimited text


def read_pandas(body: bytes, params: Mapping[str, str], **options: Any) -> Any:
    encoding = params.get("charset", "utf-8")
    options = {"header": None, "float_precision": "round_trip", "encoding": encoding, **options}
    return plain(pd.read_csv(io.BytesIO(body), **options))


def read_loadtxt(body: bytes, params: Mapping[str, str], delimiter: str = ",") -> Any:
    encoding = params.get("charset", "utf-8")
    source = io.BytesIO(body)
    options: dict[str, Any] = {"comments": None, "quotechar": '"', "ndmin": 2}
    return plain(np.loadtxt(source, delimiter=delimiter, encoding=encoding, **options))


def read_genfromtxt(body: bytes, params: Mapping[str, str], delimiter: str = ",") -> Any:
    encoding = params.get("charset", "utf-8")
    options: dict[str, Any] = {"comments": None, "ndmin": 2}
    source = io.BytesIO(body)
    return plain(np.genfromtxt(source, delimiter=delimiter, encoding=encoding, **options))


def read_polars(body: bytes, params: Mapping[str, str], **options: Any) -> Any:
    polars = importlib.import_module("polars")
    encoding = params.get("charset", "utf8")
    options = {"has_header": False, "infer_schema_length": None, "encoding": encoding, **options}
    frame = polars.read_csv(io.BytesIO(body), **options)
    names = frame.columns if options["has_header"] else None
    return columns(names, (frame[name].to_list() for name in frame.columns))


DELIMITED: dict[str, Any] = {
    "pandas": read_pandas,
    "loadtxt": read_loadtxt,
    "genfromtxt": read_genfromtxt,
    "polars": read_polars,
}


def table_of_numbers(rows: int, width: int, *, gaps: int = 0, end: str = "\n") -> str:
    """Doubles of all magnitudes, every ``gaps``-th cell empty."""
    random = np.random.default_rng(rows * width)
    bits = random.integers(0, 2**64, size=(rows, width), dtype=np.uint64)
    numbers = np.nan_to_num(bits.view(np.float64), nan=0.5, posinf=1e300, neginf=-1e300)
    texts = [repr(cell) for cell in numbers.ravel().tolist()]
    if gaps:
        texts = ["" if place % gaps == 1 else text for place, text in enumerate(texts)]
    lines = [",".join(texts[place : place + width]) for place in range(0, len(texts), width)]
    return end.join(lines) + end


# fmt: off
CSV_BODIES = [
    *bodies(
        "1,2,3", "1,2,3\n", "7", "7\n", "1\n2\n3\n", "1,2\n3,4", "1,2\r\n3,4\r\n", "1,2\r\n3,4",
        "1,2\n3,4\r\n5,6\n", b"1,\xff\n", b"1,\xe9\n3,4\n",
    ),
    *bodies(
        *cells("NaN inf -inf +inf .5 -.5 5. 007 -007 00.5 +.5e1 1e5 1E5 1e+5 1.5E-3 1e05 0e0 "
            "1e-5 1e308 1.7976931348623157e308 2.2250738585072014e-308 5e-324 "
            "4.9406564584124654e-324 2.4703282292062328e-324 1e-400 1e-320 -0.0 0 -0e5 "
            "-0.0e-3 -1e-400 9007199254740992 9007199254740993 -9007199254740993 "
            "9223372036854775807 9223372036854775808 18446744073709551615 "
            "18446744073709551616 -9223372036854775809 0.1 0.30000000000000004 8.5 "
            "1.0000000000000002 123456.789e-7 "
            "0.1000000000000000055511151231257827021181583404541015625 9007199254740993.0 "
            "1.00000000000000011102230246251565404236316680908203125 2.2250738585072011e-308 "
            "6.631236846766476e-316 1448997445238699"),
    ),
    *bodies(
        "1,2\r3,4\r", "1,2\r3,4", loadtxt="a carriage return alone",
        genfromtxt="a carriage return alone", polars="a carriage return alone",
    ),
    *bodies(
        b"\xef\xbb\xbf1,2\n3,4\n", b'\xef\xbb\xbf"1",2\n', loadtxt="a byte order mark",
        genfromtxt="a byte order mark",
    ),
    *bodies(
        b"\xef\xbb\xbf1,+2\n", loadtxt="a byte order mark", genfromtxt="a byte order mark",
        polars="spellings of a number",
    ),
    *bodies('"1",2\n3,"4"\n', '"1","2"\r\n"3","4"\r\n', '"1"\n', '1,"2"', genfromtxt="quotes"),
    *bodies(
        '1,"2', loadtxt="a quote that is not closed or not alone",
        genfromtxt="a quote that is not closed or not alone",
    ),
    *bodies('1,"2\n3,4\n', genfromtxt="a quote that is not closed or not alone"),
    *bodies(
        '"1"x,2\n', pandas="a quote that is not closed or not alone",
        genfromtxt="a quote that is not closed or not alone",
    ),
    *bodies('1,2"\n', pandas="a word among numbers", genfromtxt="anything as a missing cell"),
    *bodies(
        '"1""2",3\n', "a,b\n1,2\n", '"a","b"\n1,2\n', "a,b", "1,1 2\n3,4\n", "1,\u221e\n3,4\n",
        "1,\u22121\n3,4\n", "1,½\n3,4\n", "1,a b\n3,4\n", "1,é\n3,4\n", "1,日本\n3,4\n",
        b"1,x\x00y\n3,4\n", b"1,1\x00\n3,4\n", "1,2 # note\n3,4\n", "1;2\n3;4\n", "1\t2\n3\t4\n",
        "1|2\n", "1 2\n3 4\n", b"\x00\n", b"1,2\x00\n", pandas="a word among numbers",
        genfromtxt="anything as a missing cell", polars="a word among numbers",
    ),
    *bodies(
        *cells("na - ? . missing Null true TRUE False yes 0x10 1d5 1D5 1f 0b1 1L 1j 1e e5 1e5.0 "
            "--1 +-1 1.2.3 $1 1% [1] (1) '1' 1;2 2024-01-01 12:30 abc"),
        pandas="a word among numbers", genfromtxt="anything as a missing cell",
        polars="a word among numbers",
    ),
    *bodies(
        "1,,3\n4,5,6\n", ",2\n3,4\n", "1,\n,4\n", "1,2\n3,\n", ",,\n1,2,3\n", ",,", ",",
        "1,2,\n3,4,\n", loadtxt="an empty cell",
    ),
    *bodies('"",2\n3,4\n', loadtxt="an empty cell", polars="an empty cell in quotes"),
    *bodies(
        "1, ,3\n4,5,6\n", pandas="blanks around a cell", loadtxt="blanks around a cell",
        polars="blanks around a cell",
    ),
    *bodies(" 1 ,2\n3, 4\n", "1,\t2\n3,4\n", polars="blanks around a cell"),
    *bodies(
        "1,2\n\n3,4\n", "1,2\n3,4\n\n", "\n1,2\n", "1,2\r\n\r\n3,4\r\n", pandas="a blank line",
        loadtxt="a blank line", genfromtxt="a blank line", polars="a blank line",
    ),
    *bodies(
        "1,2\n \n3,4\n", pandas="a blank line", genfromtxt="a blank line", polars="a blank line",
    ),
    *bodies(
        "1\n\n3\n", "1\n\n", "\n", "\n\n", pandas="a blank line in one column",
        loadtxt="a blank line in one column", genfromtxt="a blank line in one column",
    ),
    *bodies("", loadtxt="an empty body", genfromtxt="an empty body"),
    *bodies(
        " ", pandas="a blank line in one column", loadtxt="blanks around a cell",
        genfromtxt="a blank line in one column", polars="blanks around a cell",
    ),
    *bodies(b"\xef\xbb\xbf", genfromtxt="an empty body"),
    *bodies(
        "1,2\n3\n", "1,2,3\n4,5\n6,7,8\n", pandas="rows of unequal length",
        polars="rows of unequal length",
    ),
    *bodies("1,2\n3,4,5\n", "1\n2,3\n", "# note\n1,2\n", polars="rows of unequal length"),
    *bodies(
        "1,#N/A\n3,4\n", pandas="spellings of a missing cell",
        genfromtxt="anything as a missing cell", polars="a word among numbers",
    ),
    *bodies(
        *cells("NA N/A NULL null None n/a <NA>"), pandas="spellings of a missing cell",
        genfromtxt="anything as a missing cell", polars="a word among numbers",
    ),
    *bodies(*cells("-nan nan Infinity -Infinity INF +1 +0"), polars="spellings of a number"),
    *bodies("1,NAN\n3,4\n", pandas="spellings of a number", polars="spellings of a number"),
    *bodies(
        *cells("1e999 -1e999 1.8e308"), pandas="beyond the largest double",
        loadtxt="beyond the largest double", genfromtxt="beyond the largest double",
        polars="beyond the largest double",
    ),
    *bodies(
        "1,1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\n3,4\n",
        loadtxt="beyond the largest double", genfromtxt="beyond the largest double",
    ),
    *bodies("1,-0\n3,4\n", pandas="minus zero among integers", polars="minus zero among integers"),
    *bodies(
        "1,10000000000000000000000000000000000000000\n3,4\n",
        polars="long integers and tiny numbers",
    ),
    *bodies(
        "1,1_000\n3,4\n", pandas="a word among numbers", genfromtxt="numbers as Python spells them",
        polars="a word among numbers",
    ),
    *bodies(
        "1,\uff11\n3,4\n", "1,\u0663\n3,4\n", pandas="a word among numbers",
        genfromtxt="numbers as Python spells them",
    ),
    *bodies(
        "1,1\xa0\n3,4\n", pandas="a word among numbers", loadtxt="numbers as Python spells them",
        genfromtxt="numbers as Python spells them", polars="a word among numbers",
    ),
    *bodies('1,"1,234"\n3,4\n', pandas="a word among numbers", polars="a word among numbers"),
    *bodies(
        '1,"2\n"\n3,4\n', pandas="numbers as Python spells them",
        loadtxt="numbers as Python spells them", polars="a word among numbers",
    ),
    *bodies(
        "1,2\n3,4\n".encode("utf-16"), charset="utf-16", loadtxt="UTF-16 and UTF-32",
        genfromtxt="UTF-16 and UTF-32",
    ),
    *bodies(
        "1,+2\n".encode("utf-16"), charset="utf-16", loadtxt="UTF-16 and UTF-32",
        genfromtxt="UTF-16 and UTF-32", polars="spellings of a number",
    ),
    *bodies(
        "1,2\n3,4\n".encode("utf-16-le"), charset="utf-16-le", loadtxt="UTF-16 and UTF-32",
        genfromtxt="UTF-16 and UTF-32",
    ),
    *bodies(
        "1,2\n3,4\n".encode("utf-32"), charset="utf-32", loadtxt="UTF-16 and UTF-32",
        genfromtxt="UTF-16 and UTF-32",
    ),
    *bodies("1,2\n3,4\n".encode("latin-1"), charset="latin-1"),
    *bodies(b"1,2\n3,4\n", b"1,2\xe9\n", charset="us-ascii"),
    *bodies("1,2\n3,4\n".encode("shift_jis"), charset="shift_jis"),
    *bodies(b"1,2\n", charset="none-such"),
    *bodies(b"1,2", b"1,2\n3", charset="utf-16"),
    *made(
        {
            "200 doubles": lambda: table_of_numbers(20, 10).encode(),
            "200 doubles, CRLF": lambda: table_of_numbers(20, 10, end="\r\n").encode(),
            "a row of 3000 doubles": lambda: table_of_numbers(1, 3000).encode(),
            "a column of 3000 doubles": lambda: table_of_numbers(3000, 1).encode(),
        }
    ),
    *made(
        {
            "200 doubles, gaps": lambda: table_of_numbers(20, 10, gaps=7).encode(),
            "3000 doubles, gaps": lambda: table_of_numbers(300, 10, gaps=7).encode(),
        },
        loadtxt="an empty cell",
    ),
]
# fmt: on

# fmt: off
HEADER_BODIES = [
    *bodies(
        "a,b\n1,2\n3,4\n", "a,b\n1,2", "a,b\r\n1,2\r\n", "a\n1\n", '"a","b"\n1,2\n',
        "é,日本,😀\n1,2,3\n", '"two\nlines",b\n1,2\n', b"\xef\xbb\xbfa,b\n1,2\n",
        b'\xef\xbb\xbf"a",b\n1,2\n', "a,b\n1,\n,4\n", "a,b\n", "a,b", "1,2\n3,4\n",
        "a b,c.d,e[f]<g>\n1,2,3\n", "a\tb,c\n1,2\n",
    ),
    *bodies('"a,b","say ""x"""\n1,2\n', polars="doubled quotes in a header"),
    *bodies(
        " a ,b\n1,2\n", "a, b\n1,2\n", pandas="blanks around a name", polars="blanks around a name",
    ),
    *bodies("a,a\n1,2\n", "a,b,a\n1,2,3\n", pandas="one name twice", polars="one name twice"),
    *bodies(
        "a,\n1,2\n", ",b\n1,2\n", pandas="a column without a name",
        polars="a column without a name",
    ),
    *bodies("a,b\n1\n", pandas="rows of unequal length", polars="rows of unequal length"),
    *bodies("a,b\n1,2,3\n", "a,b\n1,2,3\n4,5,6\n", pandas="rows of unequal length"),
    *bodies("a,b\n1,x\n", pandas="a word among numbers", polars="a word among numbers"),
    *bodies("a,b\n1,NA\n", pandas="spellings of a missing cell", polars="a word among numbers"),
    *bodies("a,b\n1,2\n\n3,4\n", "\na,b\n1,2\n", pandas="a blank line", polars="a blank line"),
    *bodies("é,b\n1,2\n".encode("latin-1"), charset="latin-1"),
    *bodies("é,€\n1,2\n".encode("windows-1252"), charset="windows-1252"),
    *bodies("日本,b\n1,2\n".encode("shift_jis"), charset="shift_jis"),
    *bodies("é,b\n1,2\n".encode("utf-16"), charset="utf-16"),
    *bodies(b"\xe9,b\n1,2\n", polars="bytes that are not UTF-8"),
    *made({"200 doubles": lambda: b"a,b,c,d,e,f,g,h,i,j\n" + table_of_numbers(20, 10).encode()}),
]
# fmt: on

# fmt: off
TEXT_BODIES = [
    *bodies(
        "t,n\nabc,1\nd,2\n", "t,n\n01234,1\n", "n,t\n1,é\n2,日本\n", 't,n\n"a,b",1\n',
        't,n\n"say ""x""",1\n', 't,n\n"two\nlines",1\n', "t,n\n,1\nx,2\n", "t,n\nNA,1\n",
        "t,n\nnan,1\n", "t,n\nTrue,1\n", "t,n\n1e5,1\n", "t,n\n 1 ,1\n", "t,n\n2024-01-01,1\n",
        "t,n\n9007199254740993,1\n", "t,n\n-0,1\n", "t,n\n' ',1\n", "t,n\n ,1\nx,2\n",
        "t,n\nx,\ny,2\n", 't,n\n"two\r\nlines",1\r\n', 't,n\n"x,1\n', b"t,n\nx\x00y,1\n",
        "t,n\n#x,1\n",
    ),
    *bodies('t,n\n"",1\nx,2\n', polars="an empty cell in quotes"),
    *bodies("t,n\nx,y\n", pandas="a word among numbers", polars="a word among numbers"),
    *bodies('t,n\nx"y,1\n', polars="a quote within a cell"),
    *bodies('t,n\n"x"y,1\n', pandas="a quote that is not closed or not alone"),
    *bodies(
        "a,n\n1,2\n", pandas="a declared column that is absent",
        polars="a declared column that is absent",
    ),
    *bodies("t,n\né,1\n".encode("latin-1"), charset="latin-1"),
]
# fmt: on

# fmt: off
MISSING_BODIES = [
    *bodies("NA,NA\n1,2\n", '1,"NA"\n3,4\n', "NA"),
    *bodies(*cells("NA  ?")),
    *bodies("1,-999\n3,4\n", genfromtxt="a number as a missing cell"),
    *bodies("1, NA\n3,4\n", pandas="blanks around a cell", polars="blanks around a cell"),
    *bodies(
        "1,na\n3,4\n", pandas="a word among numbers", polars="a word among numbers",
        genfromtxt="anything as a missing cell",
    ),
    *bodies("1,-999.0\n3,4\n", pandas="a number as a missing cell"),
]
# fmt: on
SPELLINGS = ["", "NA", "?", "-999"]

# fmt: off
TSV_BODIES = [
    *bodies("1\t2\n3\t4\n", "1\t2\r\n3\t4\r\n", "1\t2\t3", "1\t9007199254740993\n", "5\n6\n"),
    *bodies("1\t\t3\n4\t5\t6\n", "\t\n1\t2\n", "1\t2\t\n3\t4\t\n", loadtxt="an empty cell"),
    *bodies('"1"\t2\n', genfromtxt="quotes"),
    *bodies(
        "1,5\t2\n", "1,2\n", "1\tx\n", '1\t"2\t3"\n', "1\t\\N\n", pandas="a word among numbers",
        genfromtxt="anything as a missing cell", polars="a word among numbers",
    ),
    *bodies(
        "1\tNA\n", pandas="spellings of a missing cell", genfromtxt="anything as a missing cell",
        polars="a word among numbers",
    ),
    *bodies("1\t-0\n", pandas="minus zero among integers", polars="minus zero among integers"),
    *bodies("1\t 2\n3\t4\n", "1 \t2\n", polars="blanks around a cell"),
    *bodies("1\t2\n3\n", pandas="rows of unequal length", polars="rows of unequal length"),
    *bodies(
        "1\t2\n\n3\t4\n", pandas="a blank line", loadtxt="a blank line", genfromtxt="a blank line",
        polars="a blank line",
    ),
    *bodies(b"\xef\xbb\xbf1\t2\n", loadtxt="a byte order mark", genfromtxt="a byte order mark"),
    *bodies(
        "1\t1e999\n", pandas="beyond the largest double", loadtxt="beyond the largest double",
        genfromtxt="beyond the largest double", polars="beyond the largest double",
    ),
    *made({"200 doubles": lambda: table_of_numbers(20, 10).replace(",", "\t").encode()}),
]
# fmt: on


def group_of_text(
    name: str, serializer: CSV, bodies: list[Case], peers: Mapping[str, Any]
) -> Group:
    formats = "TSV" if isinstance(serializer, TSV) else "CSV"
    return Group(name, formats, lambda b, p: plain(serializer.decode(b, p)), peers, bodies)


def as_text_column(body: bytes, params: Mapping[str, str]) -> Any:
    polars = importlib.import_module("polars")
    return read_polars(body, params, has_header=True, schema_overrides={"t": polars.String})


DELIMITED_GROUPS = [
    group_of_text("csv", CSV(), CSV_BODIES, DELIMITED),
    group_of_text(
        "csv-header",
        CSV(header=True),
        HEADER_BODIES,
        {
            "pandas": partial(read_pandas, header=0),
            "polars": partial(read_polars, has_header=True),
        },
    ),
    group_of_text(
        "csv-text",
        CSV(header=True, text=["t"]),
        TEXT_BODIES,
        {
            "pandas": partial(
                read_pandas,
                header=0,
                dtype={"t": object},
                keep_default_na=False,
                na_values=[""],
            ),
            "polars": as_text_column,
        },
    ),
    group_of_text(
        "csv-missing",
        CSV(missing=SPELLINGS),
        MISSING_BODIES,
        {
            "pandas": partial(read_pandas, keep_default_na=False, na_values=SPELLINGS),
            "polars": partial(read_polars, null_values=SPELLINGS),
            "genfromtxt": lambda b, p: plain(
                np.genfromtxt(io.BytesIO(b), delimiter=",", ndmin=2, missing_values=SPELLINGS)
            ),
        },
    ),
    group_of_text(
        "tsv",
        TSV(),
        TSV_BODIES,
        {
            "pandas": partial(read_pandas, sep="\t"),
            "loadtxt": partial(read_loadtxt, delimiter="\t"),
            "genfromtxt": partial(read_genfromtxt, delimiter="\t"),
            "polars": partial(read_polars, separator="\t"),
        },
    ),
]


# JSON, JSON Lines and MessagePack


def tabulate(value: Any) -> Any:  # noqa: PLR0911 - one a layout
    """What numpy and pandas make of a parsed table; split and envelopes are opened by name."""
    if isinstance(value, dict) and len(value) == 1 and value.keys() <= {"instances", "inputs"}:
        return tabulate(next(iter(value.values())))
    if isinstance(value, dict) and value.keys() >= {"columns", "data"}:
        return plain(pd.DataFrame(value["data"], columns=value["columns"]))
    if isinstance(value, dict) and any(isinstance(cell, list) for cell in value.values()):
        return plain(pd.DataFrame(value))
    if isinstance(value, dict):
        return plain(pd.DataFrame([value]))
    if not isinstance(value, list):
        raise TypeError("not a table")
    if value and isinstance(value[0], dict):
        return plain(pd.DataFrame(value))
    try:
        return plain(np.array(value, dtype=np.float64))
    except ValueError:
        return plain(pd.DataFrame(value))


def read_json(body: bytes, params: Mapping[str, str]) -> Any:
    return tabulate(json.loads(body.decode(params["charset"]) if "charset" in params else body))


def read_json_lines(body: bytes, params: Mapping[str, str]) -> Any:
    text = body.decode(params.get("charset", "utf-8"))
    return tabulate([json.loads(line) for line in text.removesuffix("\n").split("\n")])


def read_pandas_json(body: bytes, params: Mapping[str, str], **options: Any) -> Any:
    exact: dict[str, Any] = {
        "precise_float": True,
        "convert_dates": False,
        "convert_axes": False,
        "dtype": False,
    }
    encoding = params.get("charset", "utf-8")
    return plain(pd.read_json(io.BytesIO(body), encoding=encoding, **exact, **options))


def json_rows(rows: int, width: int, first: str = "0") -> bytes:
    lines = [f"{first},{line}" for line in table_of_numbers(rows, width).splitlines()]
    return f"[[{'],['.join(lines)}]]".encode()


def rows_of(written: str) -> list[str]:
    return [f"[[1, {cell}], [3, 4]]" for cell in written.split(" ")]


# fmt: off
ROWS_BODIES = [
    *bodies(
        "[[1,2],[3,4]]", "[[1.5]]", "[[1]]\n", " [ [1 , 2] ] ", "[[1],[2]]", "[[1,2],\r\n[3,4]]",
        "\t[[1,2]]", "[[null, null]]", "[[]]", "[[], []]", "[[1, 2], 3]", "[[1, 2], null]",
        '[[1, "é"], [3, 4]]', '[[1, "日本"], [3, 4]]', '[[1, "😀"], [3, 4]]',
        b'[[1, "\x00"], [3, 4]]',
        "[[1, 2],]", "[[1, 2,]]", "[[1, 2]", "[[1 2]]", "[[1, 2]] x", "[[1, 2]] // note", "{", "",
        " ", "\n", "true", "5", '"x"', "x", "1,2", b'[["\xff", 1]]', b'[["\xe9", 1]]',
    ),
    *bodies(
        *rows_of("2 null 1e5 1E+5 0.1 1e308 1.7976931348623157e308 -0 -0.0 0 -0e1 "
            "9007199254740993 9223372036854775808 18446744073709551615 "
            "0.1000000000000000055511151231257827021181583404541 "
            "1.00000000000000011102230246251565404236316680908203125 123456789012345678.5 "
            'nan inf +1 .5 0x1 1_000 1e --1 None true false "x" "\\u00e9" "\\n" "" '
            '"\\ud83d\\ude00" \'x\' "x'),
    ),
    *bodies("[1, 2, 3]", "[null, 2]", json="a flat list", pandas="a flat list"),
    *bodies("[1]", "[]", json="a flat list"),
    *bodies(
        "[[[1, 2], [3, 4]]]", "[[[1], [2]], [[3], [4]]]", "[[[[1]]]]", "[[[1, null]]]",
        pandas="lists of lists of lists",
    ),
    *bodies(
        "[[1, 2], [3]]", "[[1], [2, 3]]", json="rows of unequal length",
        pandas="rows of unequal length",
    ),
    *bodies(
        "[1, [2]]", "[[[1, 2], [3]]]", "[[1, [2]]]", json="a list or an object as a cell",
        pandas="a list or an object as a cell",
    ),
    *bodies("[[1, {}]]", pandas="a list or an object as a cell"),
    *bodies(
        *rows_of("5e-324 1e-400 -1e-400 18446744073709551616 -9223372036854775809 "
            "10000000000000000000000000000000000000000 2.2250738585072011e-308"),
        pandas="long integers and tiny numbers",
    ),
    *bodies(*rows_of("1e999 -1e999"), json="beyond the largest double"),
    *bodies(
        *rows_of("NaN Infinity -Infinity"), json="NaN and Infinity in JSON",
        pandas="NaN and Infinity in JSON",
    ),
    *bodies('[[1, "a\nb"], [3, 4]]', '[[1, "a\tb"], [3, 4]]', pandas="what is not quite JSON"),
    *bodies(*rows_of("01 5."), pandas="what is not quite JSON"),
    *bodies('[[1, " 7 "], [3, 4]]', json="a number in quotes"),
    *bodies(*rows_of('"2" "1.5" "nan"'), json="a number in quotes"),
    *bodies(
        '[[1, "\\ud800"], [3, 4]]', json="half a surrogate pair", pandas="half a surrogate pair",
    ),
    *bodies("null", pandas="a value that is no table"),
    *bodies(b"\xef\xbb\xbf[[1, 2]]", b'\xef\xbb\xbf[["x", 2]]', pandas="a byte order mark"),
    *bodies("[[1, 2]]".encode("utf-16"), charset="utf-16"),
    *bodies('[["é", 2]]'.encode("utf-16"), charset="utf-16"),
    *bodies('[["é", 2]]'.encode("latin-1"), charset="latin-1"),
    *bodies(
        b"\xff\xfe[\x00[\x001\x00,\x00 \x002\x00]\x00]\x00",
        "[[1, 2]]".encode("utf-32-le"),
        json="UTF-16 that is not declared",
    ),
    *made(
        {
            "200 doubles": lambda: json_rows(20, 10),
            "3000 doubles": lambda: json_rows(300, 10),
            "3000 doubles, null": partial(json_rows, 300, 10, "null"),
            "2000 lists in each other": lambda: b"[" * 2000 + b"]" * 2000,
            "an integer of 400 digits": lambda: b"[[1" + b"0" * 400 + b"]]",
            "3000 doubles, -0": partial(json_rows, 300, 10, "-0"),
        }
    ),
    *made(
        {"100 lists in each other": lambda: b"[" * 100 + b"1" + b"]" * 100},
        json="lists nested deeper than 32",
        pandas="lists nested deeper than 32",
    ),
]
# fmt: on
# fmt: off
ENVELOPE_BODIES = [
    *bodies(
        '{"instances": [[1, 2]]}', '{"inputs": [[1, 2]]}', '{"instances": [{"a": 1}]}',
        '{"inputs": {"a": [1], "b": [2]}}', '{"instances": 5}',
    ),
    *bodies('{"instances": [1, 2]}', '{"instances": []}', json="a flat list"),
    *bodies('{"inputs": [[["x"]]]}', json="a list or an object as a cell"),
    *bodies('{"instances": {}}', json="a value that is no table"),
    *bodies('{"instances": {"inputs": [[1]]}}', json="an envelope in an envelope"),
]
# fmt: on


# fmt: off
RECORDS_BODIES = [
    *bodies(
        '[{"a": 1, "b": 2.5}, {"a": 3, "b": null}]', '[{"a": 1}]', '[{"a": null}]',
        '[{"é": 1, "日本": 2, "😀": 3}]', '[{"\\u00e9": 1, "a\\"b": 2}]', '[{"a b": 1, "": 2}]',
        '[{"a": 1, "t": "x"}, {"a": 2, "t": null}]', '[{"a": true, "b": false}]',
        '[{"1": 1, "0": 2}]', '[{"a": 9007199254740993}]', '[{"t": "01234", "u": "NA"}]',
        '[{"t": "2024-01-01"}]', '[{"a": "1", "b": 2}]', '[{"a": 1, "b": 2}, {"b": 3, "a": 4}]',
        '[{"b": 1, "a": 2}]', '[{"a": 1}, null]', '[{"a": 1}, [2]]', '[{"a": 1}, 5]',
    ),
    *bodies('[{"a": 1e999}]', json="beyond the largest double"),
    *bodies('[{"a": NaN}]', json="NaN and Infinity in JSON", pandas="NaN and Infinity in JSON"),
    *bodies(
        '[{"a": 1, "b": 2}, {"a": 3}]', '[{"a": 1}, {"a": 2, "b": 3}]', '[{"a": 1}, {"b": 2}]',
        json="objects with other fields", pandas="objects with other fields",
    ),
    *bodies(
        '[{"a": 1, "a": 2}]', '[{"a": 1, "\\u0061": 2}]', '[{"a": "x", "b": 1, "a": 2}]',
        json="one name twice", pandas="one name twice",
    ),
    *bodies(
        '[{"a": [1, 2]}]', '[{"a": {"b": 1}}]', json="a list or an object as a cell",
        pandas="a list or an object as a cell",
    ),
    *bodies(
        "[{}]", "[{}, {}]", "{}", json="a value that is no table",
        pandas="a value that is no table",
    ),
    *bodies('{"a": 1, "b": 2}', '{"a": "x"}', '{"a": null, "b": 1}', pandas="one object"),
    *made(
        {
            "20 records": lambda: json_records(20),
            "20,000 records": lambda: json_records(20_000),
        }
    ),
]
# fmt: on


def json_records(rows: int) -> bytes:
    return json.dumps([{"a": row / 7, "é": -row * 1e-9} for row in range(rows)]).encode()


# fmt: off
COLUMNS_BODIES = [
    *bodies(
        '{"a": [1, 2], "b": [3.5, null]}', '{"a": [1]}', '{"t": ["x", null], "n": [1, 2]}',
        '{"a": [], "b": []}', '{"a": [true]}', '{"é": [1]}', '{"a": [9007199254740993]}',
        '{"a": [1, 2], "b": [3]}',
    ),
    *bodies(
        '{"a": [[1]]}', json="a list or an object as a cell",
        pandas="a list or an object as a cell",
    ),
    *bodies('{"a": [1], "a": [2]}', json="one name twice", pandas="one name twice"),
    *bodies(
        '{"a": [1], "b": 2}', '{"a": {"0": 1}}', json="a column that is no list",
        pandas="a column that is no list",
    ),
]
# fmt: on
# fmt: off
SPLIT_BODIES = [
    *bodies(
        '{"columns": ["a", "b"], "data": [[1, 2.5], [3, null]]}',
        '{"data": [[1]], "columns": ["a"]}',
        '{"columns": ["a"], "index": [0, 1], "data": [[1], [2]]}',
        '{"columns": ["t"], "data": [["x"]]}',
        '{"columns": ["a", "b"], "index": ["x", "y"], "data": [[1, 2], [3, 4]]}',
        '{"columns": ["a"], "data": []}', '{"columns": ["a", "b"], "data": [[true, false]]}',
        '{"columns": ["a", "b"], "data": [[1]]}', '{"columns": ["a"], "data": [[1, 2]]}',
    ),
    *bodies(
        '{"columns": ["a", "a"], "data": [[1, 2]]}', json="one name twice", pandas="one name twice",
    ),
    *bodies(
        '{"columns": [1, 2], "data": [[1, 2]]}', json="names that are not text",
        pandas="names that are not text",
    ),
    *bodies('{"columns": "ab", "data": [[1, 2]]}', pandas="names that are not text"),
    *bodies(
        '{"columns": ["a"], "data": [1]}', json="rows that are no lists",
        pandas="rows that are no lists",
    ),
    *bodies('{"columns": ["a"], "data": [[1]], "more": 1}', json="further members of split"),
]
# fmt: on
# fmt: off
LINES_BODIES = [
    *bodies(
        "[1, 2]\n[3, 4]\n", "[1, 2]\n[3, 4]", "[1, 2]\r\n[3, 4]\r\n", "[1]\n",
        "[1, null]\n[3, 4]\n", '{"a": 1, "b": 2}\n{"a": 3, "b": null}\n', '{"a": 1}',
        '{"a": 1, "b": 2}\n{"b": 3, "a": 4}\n', '{"é": 1, "😀": 2}\n',
        '{"t": "x", "n": 1}\n{"t": null, "n": 2}\n', '{"t": "NA"}\n', '["x", 1]\n["y", 2]\n',
        '{"t": "a\u2028b"}\n{"t": "c\x85d"}\n', '{"t": "01", "n": 1}\n',
        '{"a": 9007199254740993}\n', '{"a": -0.0}\n', "[true]\n", '{"a": 1}\n[1]\n', "[1],\n[2]\n",
        "[1] [2]\n", b'{"a": "\xff"}\n',
    ),
    *bodies('{"a": 1e999}\n', json="beyond the largest double"),
    *bodies('{"a": NaN}\n', json="NaN and Infinity in JSON", pandas="NaN and Infinity in JSON"),
    *bodies(
        "[1]\n\n[2]\n", "[1]\n[2]\n\n", "\n[1]\n", '{"a": 1}\n\n{"a": 2}\n', "[1]\n \n[2]\n",
        pandas="a blank line",
    ),
    *bodies("[1, 2]\n[3]\n", json="rows of unequal length", pandas="rows of unequal length"),
    *bodies(
        '{"a": 1}\n{"b": 2}\n', '{"a": 1}\n{"a": 1, "b": 2}\n', '{"a": 1}\n{}\n',
        json="objects with other fields", pandas="objects with other fields",
    ),
    *bodies('[1]\n{"a": 1}\n', json="rows of two kinds", pandas="rows of two kinds"),
    *bodies(
        "1\n2\n", "null\n", '"x"\n', "{}\n", json="a value that is no table",
        pandas="a value that is no table",
    ),
    *bodies("[1\n2]\n", pandas="a row over two lines"),
    *bodies('{"a": 1, "a": 2}\n', json="one name twice", pandas="one name twice"),
    *bodies("", "\n", pandas="an empty body"),
    *bodies(
        '{"a": [1, 2]}\n', json="a list or an object as a cell",
        pandas="a list or an object as a cell",
    ),
    *bodies("[[1, 2]]\n", pandas="lists of lists of lists"),
    *bodies(
        b'\xef\xbb\xbf{"a": 1}\n', b"\xef\xbb\xbf[1]\n", json="a byte order mark",
        pandas="a byte order mark",
    ),
    *bodies("[1, 2]\n".encode("utf-16"), charset="utf-16"),
    *bodies('{"é": "ü"}\n'.encode("latin-1"), charset="latin-1"),
    *made(
        {
            "300 lists": lambda: json_rows(300, 10)[1:-1].replace(b"],[", b"]\n["),
            "20,000 objects": lambda: json_records(20_000)[1:-1].replace(b"}, {", b"}\n{"),
        }
    ),
]
# fmt: on


def packed(value: Any, **options: Any) -> bytes:
    body: bytes = importlib.import_module("msgpack").packb(value, **options)
    return body


def read_msgpack(body: bytes, params: Mapping[str, str]) -> Any:
    return tabulate(importlib.import_module("msgpack").unpackb(body))


PACKED_BODIES = [
    *made(
        {
            "rows": lambda: packed([[1, 2.5], [3, None]]),
            "records": lambda: packed([{"a": 1, "b": 2.5}, {"a": 3, "b": None}]),
            "columns": lambda: packed({"a": [1, 2], "b": [2.5, None]}),
            "split": lambda: packed({"columns": ["a"], "data": [[1], [2]]}),
            "instances": lambda: packed({"instances": [[1, 2]]}),
            "one record": lambda: packed({"a": 1, "b": 2}),
            "text": lambda: packed([{"t": "é", "n": 1}, {"t": None, "n": 2}]),
            "integers of all widths": lambda: packed(
                [
                    [
                        sign * 2**power - 1
                        for power in (1, 7, 8, 15, 16, 31, 32, 62)
                        for sign in (1, -1)
                    ]
                ]
            ),
            "uint64": lambda: packed([[2**64 - 1, 2**63, 2**53 + 1]]),
            "float32": lambda: packed([[0.1, 1e30, -0.0]], use_single_float=True),
            "not finite": lambda: packed([[math.nan, math.inf, -math.inf]]),
            "-0": lambda: packed([[-0.0, 5e-324]]),
            "booleans": lambda: packed([[True, False]]),
            "tensor": lambda: packed([[[1, 2], [3, 4]]]),
            "scalar": lambda: packed(5),
            "nil": lambda: packed(None),
            "no bytes": lambda: b"",
            "cut": lambda: packed([[1, 2.5]])[:-1],
            "more follows": lambda: packed([[1]]) + b"\xc0",
            "an unused code": lambda: b"\x91\xc1",
            "text that is not UTF-8": lambda: b"\x91\x91\xa1\xff",
            "an object as a cell": lambda: packed([[1, {"a": 2}]]),
        }
    ),
    *made(
        {"a flat list": lambda: packed([1, 2]), "no rows": lambda: packed([])},
        msgpack="a flat list",
    ),
    *made({"ragged": lambda: packed([[1, 2], [3]])}, msgpack="rows of unequal length"),
    *made(
        {"other fields": lambda: packed([{"a": 1}, {"b": 2}])}, msgpack="objects with other fields"
    ),
    *made({"a number as text": lambda: packed([["2", 1]])}, msgpack="a number in quotes"),
    *made({"a name twice": lambda: b"\x91\x82\xa1a\x01\xa1a\x02"}, msgpack="one name twice"),
    *made(
        {
            "binary": lambda: packed([[b"x", 1]]),
            "binary digits": lambda: packed([[b"2", 1]]),
            "a name of bytes": lambda: packed([{b"a": 1}]),
        },
        msgpack="bytes as a cell or a name",
    ),
    *made(
        {
            "a time": lambda: packed(
                [{"t": datetime(2024, 1, 1, tzinfo=timezone.utc)}], datetime=True
            ),
            "an extension": lambda: b"\x91\x91\xd4\x05\x01",
        },
        msgpack="an extension of MessagePack",
    ),
]


def group_of_json(name: str, formats: str, cases: list[Case], **peers: Any) -> Group:
    kinds = {"JSON": JSON(), "JSON Lines": JSONLines(), "MessagePack": MsgPack()}
    serializer: Any = kinds[formats]
    return Group(name, formats, lambda b, p: plain(serializer.decode(b, p)), peers, cases)


JSON_GROUPS = [
    group_of_json(
        "json-rows",
        "JSON",
        ROWS_BODIES,
        json=read_json,
        pandas=partial(read_pandas_json, orient="values"),
    ),
    group_of_json("json-envelopes", "JSON", ENVELOPE_BODIES, json=read_json),
    group_of_json(
        "json-records",
        "JSON",
        RECORDS_BODIES,
        json=read_json,
        pandas=partial(read_pandas_json, orient="records"),
    ),
    group_of_json(
        "json-columns",
        "JSON",
        COLUMNS_BODIES,
        json=read_json,
        pandas=partial(read_pandas_json, orient="columns"),
    ),
    group_of_json(
        "json-split",
        "JSON",
        SPLIT_BODIES,
        json=read_json,
        pandas=partial(read_pandas_json, orient="split"),
    ),
    group_of_json(
        "jsonlines",
        "JSON Lines",
        LINES_BODIES,
        json=read_json_lines,
        pandas=partial(read_pandas_json, orient="records", lines=True),
    ),
    group_of_json("msgpack", "MessagePack", PACKED_BODIES, msgpack=read_msgpack),
]


# npy and npz


def npy(array: Any, version: tuple[int, int] | None = None) -> bytes:
    target = io.BytesIO()
    np.lib.format.write_array(target, np.asanyarray(array), version)
    return target.getvalue()


def npy_of(header: str, cells: bytes, version: int = 1) -> bytes:
    text = header.encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + cells


DTYPES = ("i1", "u1", "b1", "i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
HEADER = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }"
EXTREMES = [[0, 1, 2], [100, 3, 0]]


def of_dtype(dtype: str) -> bytes:
    return npy(np.array(EXTREMES).astype(dtype))


NPY_BODIES = [
    *made(
        {f"{order}{dtype}": partial(of_dtype, order + dtype) for dtype in DTYPES for order in "<>"}
    ),
    *made(
        {
            "Fortran order": lambda: npy(np.asfortranarray(EXTREMES)),
            "a view": lambda: npy(np.arange(12.0).reshape(3, 4)[::2, ::-1]),
            "odd doubles": lambda: npy([[math.nan, -0.0, math.inf, 5e-324, 1e308, -math.inf]]),
            "extremes of int64": lambda: npy([[2**63 - 1, -(2**63)]]),
            "a tensor": lambda: npy(np.arange(24, dtype="f4").reshape(2, 3, 4)),
            "no rows": lambda: npy(np.empty((0, 3))),
            "no columns": lambda: npy(np.empty((3, 0))),
            "version 2": lambda: npy([[1.0]], (2, 0)),
            "version 3": lambda: npy([[1.0]], (3, 0)),
            "no blanks in the header": lambda: npy_of(
                HEADER.replace(" ", "") % ("<f8", "(1,1)"), bytes(8)
            ),
            "native order": lambda: npy_of(HEADER % ("f8", "(1, 1)"), bytes(8)),
        }
    ),
    *made(
        {
            "one dimension": lambda: npy([1.0, 2.0]),
            "none": lambda: npy(5.0),
            "empty": lambda: npy([]),
        },
        numpy="an array of one dimension",
    ),
    *made(
        {
            "objects": lambda: npy(np.array([[None, {}]], dtype=object)),
            "no bytes": lambda: b"",
            "no magic": lambda: b"NUMPY" + bytes(80),
            "version 9": lambda: npy_of(HEADER % ("<f8", "(1,)"), bytes(8), 9),
            "cut in the header": lambda: npy([[1.0]])[:40],
            "cut in the cells": lambda: npy([[1.0]])[:-1],
            "no header": lambda: npy_of("", bytes(8)),
            "header of code": lambda: npy_of("__import__('os')", bytes(8)),
            "header without a shape": lambda: npy_of(
                "{'descr': '<f8', 'fortran_order': False}", bytes(8)
            ),
            "header with more": lambda: npy_of(
                HEADER.replace("}", "'x': 1}") % ("<f8", "(1,)"), bytes(8)
            ),
            "a negative size": lambda: npy_of(HEADER % ("<f8", "(-1,)"), bytes(8)),
            "a size too many": lambda: npy_of(HEADER % ("<f8", "(2, 2)"), bytes(8)),
            "an impossible size": lambda: npy_of(
                HEADER % ("<f8", "(9223372036854775807, 8)"), bytes(8)
            ),
            "a float as size": lambda: npy_of(HEADER % ("<f8", "(1.0,)"), bytes(8)),
            "an unknown dtype": lambda: npy_of(HEADER % ("<q9", "(1,)"), bytes(8)),
            "a long header": lambda: npy_of(HEADER % ("<f8", "(1, 1)") + " " * 20_000, bytes(8), 2),
        }
    ),
    *made({"more follows": lambda: npy([[1.0]]) + b"x"}, numpy="something after the cells"),
    *made(
        {
            "text": lambda: npy([["a", "é"]]),
            "bytes": lambda: npy([[b"a"]]),
            "times": lambda: npy(np.array([["2024-01-01"]], "M8[ns]")),
            "durations": lambda: npy(np.array([[5]], "m8[s]")),
            "fields": lambda: npy(np.array([(1, 2.5)], [("a", "i4"), ("b", "f8")])),
            "void": lambda: npy(np.zeros((1, 1), "V8")),
            "long double": lambda: npy(np.array([[1.5]], "longdouble")),
        },
        numpy="cells that are no numbers",
    ),
    *made(
        {
            "dtype by name": lambda: npy_of(HEADER % ("float64", "(1, 1)"), bytes(8)),
            "header of Python 2": lambda: npy_of(HEADER % ("<f8", "(1L, 1L)"), bytes(8)),
        },
        numpy="headers that numpy no longer writes",
    ),
]


def npz(*unnamed: Any, **named: Any) -> bytes:
    target = io.BytesIO()
    np.savez(target, *unnamed, **named)
    return target.getvalue()


def squeezed(*unnamed: Any, **named: Any) -> bytes:
    target = io.BytesIO()
    np.savez_compressed(target, *unnamed, **named)
    return target.getvalue()


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    target = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(target, "w", method) as archive:
        warnings.simplefilter("ignore")
        for name, content in members:
            archive.writestr(name, content)
    return target.getvalue()


def read_npz(body: bytes, params: Mapping[str, str]) -> Any:
    archive: Any = np.load(io.BytesIO(body), allow_pickle=False)
    arrays = {name: archive[name] for name in archive.files}
    return typed(arrays["arr_0"] if arrays.keys() == {"arr_0"} else arrays)


NPZ_BODIES = [
    *made(
        {
            "unnamed": lambda: npz(np.eye(2)),
            "unnamed, compressed": lambda: squeezed(np.eye(2)),
            "two unnamed": lambda: npz(np.eye(2), np.arange(3)),
            "named": lambda: npz(a=np.arange(3), b=np.ones((2, 3), "f4")),
            "named, compressed": lambda: squeezed(a=np.arange(3), b=np.ones((2, 3), "f4")),
            "one named": lambda: npz(a=np.eye(2)),
            "a unicode name": lambda: npz(**{"é 日本": np.eye(2)}),
            "no dimension": lambda: npz(a=np.array(5.0)),
            "all widths": lambda: npz(
                **{dtype: np.array(EXTREMES).astype(dtype) for dtype in DTYPES}
            ),
            "big-endian": lambda: npz(a=np.array(EXTREMES, ">f8")),
            "a name with a slash": lambda: zipped(("a/b.npy", npy([[1.0]]))),
            "no suffix": lambda: zipped(("a", npy([[1.0]]))),
            "objects": lambda: npz(a=np.array([None], dtype=object)),
            "no bytes": lambda: b"",
            "cut": lambda: npz(a=np.eye(2))[:-30],
            "a wrong checksum": lambda: npz(a=np.zeros(9)).replace(bytes(72), bytes(71) + b"x"),
        }
    ),
    *made(
        {"unnamed, one dimension": lambda: npz(np.arange(3.0))},
        numpy="an array of one dimension",
    ),
    *made({"no members": zipped}, numpy="an archive without arrays"),
    *made(
        {"a name twice": lambda: zipped(("a.npy", npy([[1.0]])), ("a.npy", npy([[2.0]])))},
        numpy="one name twice",
    ),
    *made(
        {
            "text": lambda: npz(a=np.array(["x"])),
            "times": lambda: npz(a=np.array(["2024"], "M8[s]")),
        },
        numpy="cells that are no numbers",
    ),
    *made(
        {"a member that is no array": lambda: zipped(("a.npy", npy([[1.0]])), ("b.txt", b"x"))},
        numpy="a member that is no array",
    ),
    *made(
        {
            "LZMA": lambda: zipped(("a.npy", npy([[1.0]])), method=zipfile.ZIP_LZMA),
            "BZIP2": lambda: zipped(("a.npy", npy([[1.0]])), method=zipfile.ZIP_BZIP2),
        },
        numpy="other compressions of zip",
    ),
    *made(
        {"something before": lambda: b"junk" + npz(a=np.eye(2))},
        numpy="something before the archive",
    ),
    *made(
        {"a member with more": lambda: zipped(("a.npy", npy([[1.0]]) + b"x"))},
        numpy="something after the cells",
    ),
]
NUMPY_GROUPS = [
    Group(
        "npy",
        "npy",
        lambda b, p: typed(NPY().decode(b, p)),
        {"numpy": lambda b, p: typed(np.load(io.BytesIO(b), allow_pickle=False))},
        NPY_BODIES,
    ),
    Group("npz", "npz", lambda b, p: typed(NPZ().decode(b, p)), {"numpy": read_npz}, NPZ_BODIES),
]


# Parquet, Arrow and Feather


def pyarrow(module: str = "pyarrow") -> Any:
    return importlib.import_module(module)


def arrow_table(**columns_of: Any) -> Any:
    return pyarrow().table(columns_of)


def array(cells_of: Any, kind: str, **options: Any) -> Any:
    return pyarrow().array(cells_of, getattr(pyarrow(), kind)(), **options)


WIDTHS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float16", "float32", "float64")
UTC = timezone.utc
NOON = datetime(2024, 2, 29, 12, 30, 15, 123456)  # noqa: DTZ001


def limits(kind: str) -> list[int | None]:
    bits, low = int(kind.strip("uint")), kind.startswith("int")
    return [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, None] if low else [0, 2**bits - 1, None]


def decimals(*written: str, precision: int = 38, scale: int = 10, bits: int = 128) -> Any:
    kind = getattr(pyarrow(), f"decimal{bits}")(precision, scale)
    return pyarrow().array([None if text == "" else Decimal(text) for text in written], kind)


def dictionary(cells_of: Any, kind: str) -> Any:
    return array(cells_of, kind).dictionary_encode()


def frame_table(frame: pd.DataFrame) -> Any:
    return pyarrow().Table.from_pandas(frame)


def times(unit: str, zone: str | None = None, *cells_of: Any) -> Any:
    return pyarrow().array([*(cells_of or (NOON, None))], pyarrow().timestamp(unit, zone))


def integers(kind: str) -> Any:
    return arrow_table(a=array(limits(kind), kind))


def floats(kind: str) -> Any:
    cells_of = np.array([0.1, -0.0, 6e-8, 65504, math.inf, math.nan], kind)
    return arrow_table(a=array(cells_of, kind))


ARROW_TABLES: dict[str, Callable[[], Any]] = {
    **{kind: partial(integers, kind) for kind in WIDTHS},
    **{kind: partial(floats, kind) for kind in FLOATS},
    "integers beyond 2**53": lambda: arrow_table(
        a=array([2**53 + 1, -(2**53) - 3, 2**62 + 129], "int64"),
        b=array([2**64 - 1025, 1, 2], "uint64"),
    ),
    "odd doubles": lambda: arrow_table(a=[-0.0, 5e-324, 1.7976931348623157e308, None]),
    "booleans": lambda: arrow_table(a=[True, False, None]),
    "nulls alone": lambda: arrow_table(a=pyarrow().nulls(2), b=[1, 2]),
    "several columns": lambda: arrow_table(a=[1, 2], b=[1.5, None], c=[True, False]),
    "no rows": lambda: arrow_table(a=array([], "int64"), b=array([], "float64")),
    "no rows, text": lambda: arrow_table(a=array([], "string")),
    "unicode names": lambda: pyarrow().table({"é": [1], "日本": [2], "😀 x": [3], "": [4]}),
    "text": lambda: arrow_table(t=["x", "é", None, "", "NA"], n=[1, 2, 3, 4, None]),
    "large text": lambda: arrow_table(t=array(["x", None, "日本"], "large_string")),
    "digits as text": lambda: arrow_table(t=["01234", "1e5", "nan"]),
    "categories of text": lambda: arrow_table(t=dictionary(["x", "y", None, "x"], "string")),
    "categories of integers": lambda: arrow_table(a=dictionary([7, 5, None, 7], "int64")),
    "categories of doubles": lambda: arrow_table(a=dictionary([0.5, None, 0.5], "float64")),
    "decimals": lambda: arrow_table(a=decimals("1.5", "", "-0.25", "12345678901234567890.5")),
    "decimals of 256 bits": lambda: arrow_table(a=decimals("1.5", "-0.25", precision=60, bits=256)),
    "decimals without fraction": lambda: arrow_table(a=decimals("15", "-3", precision=10, scale=0)),
    "timestamps in s": lambda: arrow_table(t=times("s", None, NOON.replace(microsecond=0), None)),
    "timestamps in ms": lambda: arrow_table(
        t=times("ms", None, NOON.replace(microsecond=1000), None)
    ),
    "timestamps in us": lambda: arrow_table(t=times("us")),
    "timestamps in ns": lambda: arrow_table(t=times("ns")),
    "timestamps in UTC": lambda: arrow_table(t=times("us", "UTC")),
    "timestamps in a zone": lambda: arrow_table(t=times("us", "Europe/Berlin")),
    "timestamps at an offset": lambda: arrow_table(t=times("us", "+05:30")),
    "timestamps far away": lambda: arrow_table(
        t=times("us", None, NOON.replace(9999, 12), NOON.replace(1, 1))
    ),
    "dates": lambda: arrow_table(t=array([date(2024, 2, 29), None, date(1969, 7, 20)], "date32")),
    "dates in ms": lambda: arrow_table(t=array([date(2024, 2, 29), None], "date64")),
    "times beside numbers": lambda: arrow_table(t=times("us"), n=[1, None], s=["x", None]),
    "two batches": lambda: pyarrow().concat_tables(
        [arrow_table(a=[1, 2]), arrow_table(a=[None, 4])]
    ),
    "two batches of categories": lambda: (
        pyarrow()
        .concat_tables(
            [
                arrow_table(t=dictionary(["x", "y"], "string")),
                arrow_table(t=dictionary(["z", "x"], "string")),
            ]
        )
        .unify_dictionaries()
    ),
    "pandas, its range": lambda: frame_table(pd.DataFrame({"a": [1, 2], "t": ["x", None]})),
    "pandas, nullable": lambda: frame_table(
        pd.DataFrame(
            {
                "a": pd.array([1, None, 3], "Int64"),
                "b": pd.array([True, None, False], "boolean"),
                "c": pd.array([0.5, None, 1], "Float32"),
                "t": pd.array(["x", None, "y"], "string"),
            }
        )
    ),
    "pandas, categories": lambda: frame_table(
        pd.DataFrame({"t": pd.Categorical(["x", "y", None])})
    ),
    "pandas, ordered categories": lambda: frame_table(
        pd.DataFrame({"t": pd.Categorical(["lo", "hi"], ["lo", "hi"], ordered=True)})
    ),
    "pandas, times": lambda: frame_table(
        pd.DataFrame({"t": pd.Series([NOON, None]).dt.tz_localize("Europe/Berlin")})
    ),
    "categories of times": lambda: arrow_table(t=times("us").dictionary_encode()),
    "categories of decimals": lambda: arrow_table(a=decimals("1.5", "", "1.5").dictionary_encode()),
    "categories of large text": lambda: arrow_table(t=dictionary(["x", None], "large_string")),
    "pandas, objects": lambda: frame_table(pd.DataFrame({"t": np.array(["x", None], object)})),
}
DECIMALS: dict[str, Callable[[], Any]] = {
    "decimals beyond 2**53": lambda: arrow_table(a=decimals("9007199254740993", "0.1", scale=1)),
    "decimals of many digits": lambda: arrow_table(
        a=decimals("0.1234567890123456789", "123456789.123456789", scale=19)
    ),
    "decimals of prices": lambda: arrow_table(
        a=decimals(*(f"{n / 100:.2f}" for n in range(1, 2000)), scale=2)
    ),
}
POSITIONS: dict[str, Callable[[], Any]] = {
    "an array's columns": lambda: pyarrow().table({"0": [1, 2], "1": [3, 4]}),
    "an array's columns, text": lambda: pyarrow().table({"0": ["x"], "1": [3]}),
}
NO_CELLS: dict[str, Callable[[], Any]] = {
    "lists": lambda: arrow_table(a=[[1, 2], [3]]),
    "objects": lambda: arrow_table(a=[{"x": 1}]),
    "maps": lambda: arrow_table(a=pyarrow().array([[("k", 1)]], pyarrow().map_("string", "int64"))),
    "vectors": lambda: arrow_table(
        a=pyarrow().array([[1.0, 2.0]], pyarrow().list_(pyarrow().float64(), 2))
    ),
    "binary": lambda: arrow_table(a=[b"x"]),
    "binary of one size": lambda: arrow_table(a=pyarrow().array([b"xy"], pyarrow().binary(2))),
    "times of day": lambda: arrow_table(a=pyarrow().array([NOON.time()], pyarrow().time64("us"))),
    "durations": lambda: arrow_table(a=pyarrow().array([timedelta(1)], pyarrow().duration("us"))),
}
INDEXES: dict[str, Callable[[], Any]] = {
    "pandas, an index": lambda: frame_table(pd.DataFrame({"a": [1, 2]}, index=[5, 7])),
    "pandas, an index of text": lambda: frame_table(pd.DataFrame({"a": [1, 2]}, index=["x", "y"])),
    "pandas, two indexes": lambda: frame_table(
        pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([(1, "x"), (2, "y")]))
    ),
}
NAMED_INDEX: dict[str, Callable[[], Any]] = {
    "pandas, a named index": lambda: frame_table(
        pd.DataFrame({"a": [1, 2]}, index=pd.Index([5, 7], name="id"))
    ),
}
NO_COLUMNS: dict[str, Callable[[], Any]] = {"no columns": lambda: pyarrow().table({})}
TWICE: dict[str, Callable[[], Any]] = {
    "a name twice": lambda: pyarrow().Table.from_arrays([array([1], "int64")] * 2, ["a", "a"])
}
VIEWS: dict[str, Callable[[], Any]] = {
    "views of text": lambda: arrow_table(t=pyarrow().array(["x", None], pyarrow().string_view())),
}
BROKEN: dict[str, Callable[[], Any]] = {
    "a zone that nobody knows": lambda: arrow_table(
        t=pyarrow().array([0], pyarrow().timestamp("us", "No/Where"))
    ),
    "a date beyond year 9999": lambda: arrow_table(
        t=pyarrow().array([5_000_000], pyarrow().int32()).cast(pyarrow().date32())
    ),
    "text that is not UTF-8": lambda: arrow_table(t=bad_text()),
}


def bad_text() -> Any:
    offsets = pyarrow().py_buffer(struct.pack("<ii", 0, 1))
    return pyarrow().Array.from_buffers(
        pyarrow().string(), 1, [None, offsets, pyarrow().py_buffer(b"\xff")]
    )


def parquet(table: Callable[[], Any], **options: Any) -> bytes:
    target = io.BytesIO()
    pyarrow("pyarrow.parquet").write_table(table(), target, **options)
    return target.getvalue()


def ipc(
    table: Callable[[], Any], kind: str = "new_stream", compression: str | None = None
) -> bytes:
    target, made_table = io.BytesIO(), table()
    options = pyarrow("pyarrow.ipc").IpcWriteOptions(compression=compression)
    writer = getattr(pyarrow("pyarrow.ipc"), kind)
    with writer(target, made_table.schema, options=options) as stream:
        stream.write_table(made_table)
    return target.getvalue()


def feather(table: Callable[[], Any], **options: Any) -> bytes:
    target = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyarrow("pyarrow.feather").write_feather(table(), target, **options)
    return target.getvalue()


def arrow_columns(table: Any) -> Any:
    return columns(table.column_names, (column.to_pylist() for column in table.columns))


def buffered(body: bytes) -> Any:
    return pyarrow().BufferReader(body)


def numbers_table(rows: int = 1000) -> Any:
    cells_of = np.random.default_rng(rows).normal(size=rows)
    return arrow_table(a=cells_of, b=np.arange(rows), t=[str(row % 7) for row in range(rows)])


def all_cases(write: Callable[..., bytes], rows: Mapping[str, Mapping[str, str]]) -> list[Case]:
    kinds = {
        "tables": ARROW_TABLES,
        "decimals": DECIMALS,
        "positions": POSITIONS,
        "no_cells": NO_CELLS,
        "indexes": INDEXES,
        "named_index": NAMED_INDEX,
        "no_columns": NO_COLUMNS,
        "twice": TWICE,
        "views": VIEWS,
        "broken": BROKEN,
    }
    return [
        case
        for kind, tables in kinds.items()
        for case in made(
            {name: partial(write, table) for name, table in tables.items()}, **rows.get(kind, {})
        )
    ]


def rows_of_arrow(*peers: str) -> dict[str, dict[str, str]]:
    """Which row tells of each kind of table, for libraries that differ from ours in all of them."""
    rows = {
        "positions": "columns called 0, 1, 2",
        "no_cells": "columns that hold no cells",
        "indexes": "an index of pandas without a name",
        "no_columns": "no columns",
        "twice": "one name twice",
    }
    return {kind: dict.fromkeys(peers, row) for kind, row in rows.items()}


NAMED = {"named_index": {"pandas": "an index of pandas with a name"}}
WITHOUT_PANDAS = rows_of_arrow("pyarrow")
PARQUET_ROWS = {
    **rows_of_arrow("pyarrow", "pandas"),
    **NAMED,
    **{kind: WITHOUT_PANDAS[kind] for kind in ("indexes", "twice")},
}
FILE_ROWS = {
    **rows_of_arrow("pyarrow", "feather", "pandas"),
    **NAMED,
    "indexes": rows_of_arrow("pyarrow", "feather")["indexes"],
}
COMPRESSIONS = ("none", "snappy", "gzip", "brotli", "zstd", "lz4")
PARQUET_BODIES = [
    *all_cases(parquet, PARQUET_ROWS),
    *made(
        {
            f"compressed by {name}": partial(parquet, numbers_table, compression=name)
            for name in COMPRESSIONS
        }
    ),
    *made(
        {
            "ten row groups": partial(parquet, numbers_table, row_group_size=100),
            "version 1.0": partial(parquet, numbers_table, version="1.0"),
            "pages of version 2": partial(parquet, numbers_table, data_page_version="2.0"),
            "no dictionaries": partial(parquet, numbers_table, use_dictionary=False),
            "no Arrow schema": partial(
                parquet, ARROW_TABLES["categories of text"], store_schema=False
            ),
            "times of 96 bits": partial(
                parquet, ARROW_TABLES["timestamps in ns"], use_deprecated_int96_timestamps=True
            ),
            "split streams": partial(
                parquet,
                lambda: arrow_table(a=[0.5, 1.5]),
                use_dictionary=False,
                column_encoding="BYTE_STREAM_SPLIT",
            ),
            "polars": lambda: by_polars("write_parquet"),
            "no bytes": lambda: b"",
            "magic alone": lambda: b"PAR1PAR1",
            "cut": lambda: parquet(numbers_table)[:-10],
            "cut at the start": lambda: parquet(numbers_table)[10:],
            "CSV": lambda: b"a,b\n1,2\n",
            "Arrow": lambda: ipc(numbers_table),
            "damaged pages": lambda: damaged(parquet(numbers_table, compression="zstd")),
        }
    ),
]


def damaged(body: bytes) -> bytes:
    return body[:100] + bytes(400) + body[500:]


def ipc_cases(kind: str, rows: Mapping[str, Mapping[str, str]]) -> list[Case]:
    write = partial(ipc, kind=kind)
    return [
        *all_cases(write, rows),
        *made(
            {
                f"compressed by {name}": partial(write, numbers_table, compression=name)
                for name in ("lz4", "zstd")
            }
        ),
        *made(
            {
                "ten batches": lambda: write(
                    lambda: pyarrow().Table.from_batches(numbers_table().to_batches(100))
                ),
                "cut": lambda: write(numbers_table)[:-2000],
                "no bytes": lambda: b"",
                "Parquet": lambda: parquet(numbers_table),
                "CSV": lambda: b"a,b\n1,2\n",
                "damaged": lambda: damaged(write(numbers_table)),
            }
        ),
    ]


def by_polars(method: str, *names: str) -> bytes:
    polars, target = importlib.import_module("polars"), io.BytesIO()
    frame = polars.DataFrame({"t": ["x", None], "n": [1.5, -0.0], "a": [1, None]})
    getattr(frame.select(names) if names else frame, method)(target)
    return target.getvalue()


STREAM_BODIES = [
    *made({"polars, numbers": lambda: by_polars("write_ipc_stream", "n", "a")}),
    *made({"polars, text": lambda: by_polars("write_ipc_stream")}),
    *ipc_cases("new_stream", rows_of_arrow("pyarrow")),
    *made(
        {
            "no end of stream": lambda: ipc(numbers_table)[:-8],
            "more follows": lambda: ipc(numbers_table) + b"x",
        }
    ),
]
FILE_BODIES = [
    *made({"polars, numbers": lambda: by_polars("write_ipc", "n", "a")}),
    *made({"polars, text": lambda: by_polars("write_ipc")}),
    *ipc_cases("new_file", FILE_ROWS),
    *made(
        {
            "Feather": partial(feather, numbers_table),
            "Feather, zstd": partial(feather, numbers_table, compression="zstd"),
            "Feather, not compressed": partial(feather, numbers_table, compression="uncompressed"),
            "Feather in chunks": partial(feather, numbers_table, chunksize=100),
            "pandas to_feather": lambda: to_feather(pd.DataFrame({"a": [1, 2], "t": ["x", None]})),
        }
    ),
    *made(
        {"Feather of version 1": lambda: feather(lambda: arrow_table(a=[1, 2]), version=1)},
        feather="Feather of version 1",
        pandas="Feather of version 1",
    ),
]


def to_feather(frame: pd.DataFrame) -> bytes:
    target = io.BytesIO()
    frame.to_feather(target)
    return target.getvalue()


ARROW_GROUPS = [
    Group(
        "parquet",
        "Parquet",
        lambda b, p: plain(Parquet().decode(b, p)),
        {
            "pyarrow": lambda b, p: arrow_columns(
                pyarrow("pyarrow.parquet").ParquetFile(buffered(b)).read()
            ),
            "pandas": lambda b, p: plain(pd.read_parquet(io.BytesIO(b))),
        },
        PARQUET_BODIES,
    ),
    Group(
        "arrow",
        "Arrow",
        lambda b, p: plain(ArrowStream().decode(b, p)),
        {
            "pyarrow": lambda b, p: arrow_columns(
                pyarrow("pyarrow.ipc").open_stream(buffered(b)).read_all()
            )
        },
        STREAM_BODIES,
    ),
    Group(
        "feather",
        "Feather",
        lambda b, p: plain(ArrowFile().decode(b, p)),
        {
            "pyarrow": lambda b, p: arrow_columns(
                pyarrow("pyarrow.ipc").open_file(buffered(b)).read_all()
            ),
            "feather": lambda b, p: arrow_columns(
                pyarrow("pyarrow.feather").read_table(buffered(b))
            ),
            "pandas": lambda b, p: plain(pd.read_feather(io.BytesIO(b))),
        },
        FILE_BODIES,
    ),
]


# libsvm


def read_svmlight(body: bytes, params: Mapping[str, str], *, base: int) -> Any:
    load = importlib.import_module("sklearn.datasets").load_svmlight_file
    return plain(load(io.BytesIO(body), zero_based=base == 0)[0])


# fmt: off
SPARSE_BODIES = [
    *bodies(
        "1 1:0.5 3:2\n0 2:-1.5\n", "1 1:0.5 3:2", "+1 1:1 4:1\n-1 2:1\n", "1.5 1:1\n", "0 7:1\n",
        "1 1:0.5 3:2\r\n0 2:1\r\n", "1 1:0.5  3:2\n", "1\t1:0.5\t3:2\n", "1 1:0.5 \n", " 1 1:0.5\n",
        "1 1:0.5 # note\n0 2:1\n", "1 1:0.5 #2:3\n", "1 1:1#\n", "1 qid:3 1:0.5 3:2\n2 qid:3 2:1\n",
        "1 qid:1 1:1\n", "1 1:1e5 2:1E-3 3:+1 4:.5 5:5. 6:007\n", "1 1:-0 2:-0.0 3:0\n",
        "1 1:nan 2:NaN\n", "1 1:0.1 2:5e-324 3:1.7976931348623157e308 4:1e-400\n",
        "1 1:9007199254740993\n",
        "1 1:18446744073709551616 2:0.1000000000000000055511151231257827\n", "1 01:1 002:2\n",
        "1 100000:1\n", "1 2147483646:1\n", "1 1:1\n0\n1 2:1\n", "nan 1:1\n", "1 2:1 1:1\n",
        "1 1:1 1:2\n", "1 x:1\n", "1 1:x\n", "1 1\n", "1 1:\n", "1 :1\n", "1 1:1:1\n", "1 -1:1\n",
        "1 1.5:1\n", "x 1:1\n", "1 1 :1\n", "1 1: 1\n", "1,2 1:1\n", "1 1:0x10\n", "1 1:1 qid:2\n",
        "1 qid:x 1:1\n", "1 4294967297:1\n", "1 2147483648:1\n", "1 99999999999:1\n",
        "1 1:1 # é\n", "1 1:\uff11\n", "1 1:1\r0 2:1\r", "1 1:1\x0c2:1\n", "1 1:1\x0b2:1\n",
    ),
    *bodies("1\n", sklearn="a matrix without cells"),
    *bodies("", sklearn="an empty body"),
    *bodies("1 1:inf 2:-inf\n", "1 1:Infinity\n", "inf 1:1\n", sklearn="infinity in libsvm"),
    *bodies(
        "1 1:1_000\n", "1 1_0:1\n", "1 +1:1\n", "1_0 1:1\n",
        sklearn="numbers as Python spells them",
    ),
    *bodies(b"\xef\xbb\xbf1 1:1\n", sklearn="a byte order mark"),
    *bodies(b"1 1:1 # \xff\n", sklearn="bytes that are not UTF-8"),
    *bodies("1 1:1\n".encode("utf-16"), charset="utf-16", sklearn="UTF-16 and UTF-32"),
    *bodies("1 1:1\u20282:1\n"),
    *made({"200 rows": lambda: svmlight(200)}),
]
# fmt: on
# fmt: off
ZERO_BODIES = [
    *bodies("0:1 1:1\n", sklearn="a line without a label"),
    *bodies("1 0:1 2:3\n0 1:-1\n", "1 0:0.5\n", "1 0:1 0:2\n"),
]
# fmt: on


# fmt: off
UNLABELLED_BODIES = [
    *bodies(
        "# note\n1 1:1\n", "1 1:1\n\n0 2:1\n", "\n1 1:1\n", "1 1:1\n\n",
        sklearn="a line without a row",
    ),
    *bodies("1:0.5 3:2\n2:1\n", "1:0.3 2:1\n", sklearn="a line without a label"),
    *bodies("1:2 1:0.5\n"),
]
# fmt: on


# fmt: off
LABELLED_BODIES = [
    *bodies(
        "# note\n1 1:1\n", "1 1:1\n\n0 2:1\n", "\n1 1:1\n", "1 1:1\n\n", sklearn="a blank line",
    ),
    *bodies(
        "1:0.5 3:2\n2:1\n", "0:1 1:1\n", "1:2 1:0.5\n", "1:0.3 2:1\n",
        sklearn="a label with its weight",
    ),
]
# fmt: on


# fmt: off
ONE_BODIES = [
    *bodies("0:1 1:1\n", "1 0:1 2:3\n0 1:-1\n", "1 0:0.5\n", "1 0:1 0:2\n"),
]
# fmt: on


def svmlight(rows: int) -> bytes:
    values = np.random.default_rng(rows).normal(size=(rows, 3)).tolist()
    lines = [
        f"{row % 2} {row % 5 + 1}:{a!r} {row % 7 + 7}:{b!r} {row % 3 + 20}:{c!r}"
        for row, (a, b, c) in enumerate(values)
    ]
    return "\n".join(lines).encode() + b"\n"


def group_of_libsvm(name: str, serializer: LibSVM, cases: list[Case]) -> Group:
    return Group(
        name,
        "libsvm",
        lambda b, p: plain(serializer.decode(b, p)),
        {"sklearn": partial(read_svmlight, base=serializer.base)},
        cases,
    )


SPARSE_GROUPS = [
    group_of_libsvm("libsvm-0", LibSVM(), [*SPARSE_BODIES, *UNLABELLED_BODIES, *ZERO_BODIES]),
    group_of_libsvm("libsvm-1", LibSVM(base=1), [*SPARSE_BODIES, *UNLABELLED_BODIES, *ONE_BODIES]),
    group_of_libsvm(
        "libsvm-labelled", LibSVM(base=1, labelled=True), [*SPARSE_BODIES, *LABELLED_BODIES]
    ),
]


# RecordIO-protobuf


@cache
def sdk() -> Any:
    """The Python SDK's own writer and reader, without the SDK around them."""
    if not (SDK / "serializer_utils.py").is_file():
        pytest.skip(f"the SageMaker Python SDK v2 is not in {SDK}")
    stub = types.ModuleType("sagemaker")
    stub.__path__ = [str(SDK)]
    inner = types.ModuleType("sagemaker.amazon")
    inner.__path__ = [str(SDK / "amazon")]
    utils: Any = types.ModuleType("sagemaker.utils")
    utils.DeferredError = ImportError
    stubs = {"sagemaker": stub, "sagemaker.amazon": inner, "sagemaker.utils": utils}
    sys.modules.update(stubs)
    try:
        return importlib.import_module("sagemaker.serializer_utils")
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "sagemaker"]:
            del sys.modules[name]


def dense(matrix: Any, labels: Any = None) -> bytes:
    target = io.BytesIO()
    sdk().write_numpy_to_dense_tensor(target, np.asarray(matrix), labels)
    return target.getvalue()


def csr(matrix: Any) -> Any:
    return importlib.import_module("scipy.sparse").csr_matrix(np.asarray(matrix))


def sparse(matrix: Any, labels: Any = None) -> bytes:
    target = io.BytesIO()
    sdk().write_spmatrix_to_sparse_tensor(target, csr(matrix), labels)
    return target.getvalue()


def records(*filled: Callable[[Any], Any], **texts: str) -> bytes:
    target = io.BytesIO()
    for fill in filled:
        record = sdk().Record(**texts)
        fill(record)
        sdk()._write_recordio(target, record.SerializeToString())
    return target.getvalue()


def tensor(field_of: str, values: Sequence[Any], **more: Any) -> Callable[[Any], None]:
    name, key = more.pop("name", "values"), more

    def fill(record: Any) -> None:
        found = getattr(record.features[name], field_of)
        found.SetInParent()
        found.values.extend(values)
        found.keys.extend(key.get("keys", ()))
        found.shape.extend(key.get("shape", ()))

    return fill


def two_features(record: Any) -> None:
    tensor("float32_tensor", [1, 2])(record)
    tensor("float32_tensor", [3], name="more")(record)


def read_records(body: bytes, params: Mapping[str, str]) -> Any:
    """The features ``values`` of the SDK's records as one matrix."""
    read = sdk().read_records(io.BytesIO(body))
    kinds = {"float32_tensor": "f4", "float64_tensor": "f8", "int32_tensor": "i4"}
    (kind,) = {record.features["values"].WhichOneof("value") for record in read}
    tensors = [getattr(record.features["values"], kind) for record in read]
    if not any(each.keys or (each.shape and not each.values) for each in tensors):
        if any(each.shape and math.prod(each.shape) != len(each.values) for each in tensors):
            raise ValueError("a shape that is not that of the values")
        return typed(np.array([list(each.values) for each in tensors], kinds[kind]))
    if any(len(set(each.keys)) != len(each.keys) for each in tensors):
        raise ValueError("a key twice")
    ((width,),) = {tuple(each.shape) for each in tensors}
    matrix = importlib.import_module("scipy.sparse").lil_matrix(
        (len(tensors), width), dtype=kinds[kind]
    )
    for row, each in enumerate(tensors):
        for key, value in zip(each.keys, each.values, strict=True):
            matrix[row, key] = value
    return typed(matrix.tocsr())


MATRICES: dict[str, Any] = {
    "float32": np.array([[0.1, -0.0, 3e38], [1, 2, math.nan]], "f4"),
    "float64": np.array([[0.1, -0.0, 1e308], [5e-324, math.inf, math.nan]]),
    "integers": np.array([[1, -2], [2**31 - 1, -(2**31)]]),
    "one cell": np.array([[7.0]]),
    "one row": np.array([[1.0, 2.0, 3.0]], "f4"),
    "one column": np.array([[1.0], [2.0]]),
    "200 columns": np.random.default_rng(0).normal(size=(7, 200)),
    "2000 columns": np.random.default_rng(1).normal(size=(3, 2000)).astype("f4"),
    "zeros of float64": np.zeros((2, 3)),
    "zeros of integers": np.zeros((2, 3), int),
}
SPARSE: dict[str, Any] = {
    "sparse float64": np.array([[0, 1.5, 0], [2.5, 0, -1]]),
    "sparse float32": np.array([[0, 1.5, 0], [2.5, 0, -1]], "f4"),
    "sparse integers": np.array([[0, 7, 0], [2, 0, -1]]),
    "an empty sparse row": np.array([[0, 0.0, 0], [2.5, 0, -1]]),
    "empty sparse rows alone": np.zeros((2, 3)),
    "a wide sparse row": np.eye(1, 5000, 4000),
}
RECORD_BODIES = [
    *made({name: partial(dense, matrix) for name, matrix in MATRICES.items()}),
    *made({name: partial(sparse, matrix) for name, matrix in SPARSE.items()}),
    *made(
        {
            "labels": lambda: dense(np.eye(3), np.arange(3.0)),
            "labels of float32": lambda: dense(np.eye(3, dtype="f4"), np.arange(3, dtype="f4")),
            "whole labels": lambda: dense(np.eye(3), np.arange(3)),
            "sparse, labels": lambda: sparse(np.eye(3), np.arange(3.0)),
            "uid and metadata": lambda: records(
                tensor("float32_tensor", [1, 2]), uid="x", metadata="{}"
            ),
            "two features": lambda: records(two_features),
            "dense with its shape": lambda: records(tensor("float64_tensor", [1, 2, 3])),
            "extra bytes in the record": lambda: dense(np.eye(2))[:-4],
            "no magic": lambda: b"\x00" * 16,
            "text": lambda: b"1,2\n3,4\n",
            "magic alone": lambda: struct.pack("<I", 0xCED7230A),
            "no protobuf": lambda: struct.pack("<II", 0xCED7230A, 4) + b"\xff\xff\xff\xff",
            "other names": lambda: records(tensor("float32_tensor", [1], name="x")),
            "bytes as values": lambda: records(
                lambda r: r.features["values"].bytes.value.append(b"x")
            ),
            "no features": lambda: records(lambda _: None, uid="x"),
            "rows of two widths": lambda: records(
                tensor("float32_tensor", [1, 2]), tensor("float32_tensor", [3])
            ),
            "rows of two kinds": lambda: records(
                tensor("float32_tensor", [1]), tensor("float64_tensor", [3])
            ),
            "a key twice": lambda: records(
                tensor("float32_tensor", [1, 2], keys=[1, 1], shape=[3])
            ),
            "a key beyond the width": lambda: records(
                tensor("float32_tensor", [1], keys=[3], shape=[3])
            ),
            "keys without values": lambda: records(
                tensor("float32_tensor", [1], keys=[1, 2], shape=[3])
            ),
            "keys that fall": lambda: records(
                tensor("float32_tensor", [1, 2], keys=[2, 0], shape=[3])
            ),
            "two shapes": lambda: records(
                tensor("float32_tensor", [1], keys=[0], shape=[2]),
                tensor("float32_tensor", [1], keys=[0], shape=[3]),
            ),
            "a shape of two sizes": lambda: records(
                tensor("float32_tensor", [1, 2, 3, 4], shape=[2, 2])
            ),
            "a shape of one size": lambda: records(tensor("float32_tensor", [1, 2, 3], shape=[3])),
            "a shape of another size": lambda: records(
                tensor("float32_tensor", [1, 2, 3], shape=[5])
            ),
            "an empty row": lambda: records(tensor("float32_tensor", [])),
            "no bytes": lambda: b"",
            "cut in the last record": lambda: dense(np.ones((2, 3)))[:-4],
            "cut in the last head": lambda: dense(np.ones((2, 3))) + struct.pack("<I", 0xCED7230A),
            "no padding at the end": lambda: dense(np.ones((1, 1), "f4"))[:-1],
            "a record of several parts": lambda: (
                struct.pack("<II", 0xCED7230A, 1 << 29 | 4) + bytes(4)
            ),
        }
    ),
    *made(
        {"keys alone": lambda: records(tensor("float32_tensor", [1, 2], keys=[0, 2]))},
        sdk="keys without a shape",
    ),
    *made(
        {"cut in a head": lambda: dense(np.ones((2, 3))) + b"\x0a\x23"},
        sdk="a record that is cut short",
    ),
]
RECORD_GROUPS = [
    Group(
        "recordio",
        "RecordIO",
        lambda b, p: typed(RecordIO().decode(b, p)),
        {"sdk": read_records},
        RECORD_BODIES,
    )
]


# Pictures


MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
KINDS = ("JPEG", "WEBP", "BMP", "TIFF", "GIF")


def picture(mode: str, width: int = 5, height: int = 4) -> Any:
    pillow = importlib.import_module("PIL.Image")
    random = np.random.default_rng(width)
    pixels = random.integers(0, 256, size=(height, width, 3), dtype=np.uint8)
    return pillow.fromarray(pixels).convert(mode)


def saved(image: Any, kind: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def saved_as(mode: str, kind: str, **options: Any) -> bytes:
    return saved(picture(mode), kind, **options)


def turned(orientation: int, kind: str = "JPEG") -> bytes:
    image = picture("RGB")
    exif = image.getexif()
    exif[0x0112] = orientation
    return saved(image, kind, exif=exif)


def deep_grey(kind: str = "PNG") -> bytes:
    pillow = importlib.import_module("PIL.Image")
    return saved(
        pillow.fromarray(np.array([[0, 256, 1000], [30_000, 65_535, 255]], np.uint16)), kind
    )


def transparent() -> Any:
    image = picture("RGB").quantize(4)
    image.info["transparency"] = 0
    return image


def frames(kind: str) -> bytes:
    first, second = picture("P"), picture("P", 5, 4).rotate(180)
    return saved(first, kind, save_all=True, append_images=[second], duration=100)


def read_picture(body: bytes, params: Mapping[str, str], *, mode: str | None) -> Any:
    pillow = importlib.import_module("PIL.Image")
    image = pillow.open(io.BytesIO(body))
    if image.mode.startswith("I;16"):
        image = pillow.fromarray((np.asarray(image) // 257).astype(np.uint8))
    own = image.mode if image.mode in ("L", "RGB", "RGBA") else "RGB"
    pixels = np.asarray(image.convert(mode or own))
    return typed(np.atleast_3d(pixels)[None])


PICTURES = [
    *made({f"PNG, {mode}": partial(saved_as, mode, "PNG") for mode in MODES}),
    *made({f"{kind}, RGB": partial(saved_as, "RGB", kind) for kind in KINDS}),
    *made({f"{kind}, L": partial(saved_as, "L", kind) for kind in KINDS if kind != "WEBP"}),
    *made(
        {
            f"TIFF by {name}": partial(saved_as, "RGB", "TIFF", compression=name)
            for name in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg")
        }
    ),
    *made(
        {
            "PNG, a palette with transparency": lambda: saved(transparent(), "PNG", transparency=0),
            "PNG, RGB with a transparent colour": lambda: saved(
                picture("RGB"), "PNG", transparency=(1, 2, 3)
            ),
            "PNG, interlaced by hand": lambda: saved(picture("RGB"), "PNG", optimize=True),
            "PNG, one pixel": lambda: saved(picture("RGB", 1, 1), "PNG"),
            "PNG, large": lambda: saved(picture("RGB", 640, 480), "PNG"),
            "JPEG, progressive": lambda: saved(picture("RGB", 64, 64), "JPEG", progressive=True),
            "JPEG, CMYK": lambda: saved(picture("CMYK"), "JPEG"),
            "JPEG, 4:4:4": lambda: saved(picture("RGB", 64, 64), "JPEG", subsampling=0),
            "WEBP, lossless": lambda: saved(picture("RGBA"), "WEBP", lossless=True),
            "GIF, two frames": lambda: frames("GIF"),
            "TIFF, two pages": lambda: frames("TIFF"),
            "BMP, P": lambda: saved(picture("P"), "BMP"),
            "TIFF, CMYK": lambda: saved(picture("CMYK"), "TIFF"),
            "TIFF, RGBA": lambda: saved(picture("RGBA"), "TIFF"),
            "JPEG, upright by EXIF": lambda: turned(1),
            "no bytes": lambda: b"",
            "text": lambda: b"<svg/>",
            "PNG, cut": lambda: saved(picture("RGB", 64, 64), "PNG")[:-200],
            "PNG, head alone": lambda: saved(picture("RGB"), "PNG")[:33],
            "JPEG, cut": lambda: saved(picture("RGB", 64, 64), "JPEG")[:-200],
            "GIF, cut": lambda: saved(picture("P", 64, 64), "GIF")[:-2000],
            "TIFF, cut": lambda: saved(picture("RGB", 64, 64), "TIFF")[:-200],
            "PNG, a damaged chunk": lambda: saved(picture("RGB", 64, 64), "PNG").replace(
                b"IDAT", b"IDAX"
            ),
        }
    ),
    *made(
        {f"JPEG, EXIF {turn}": partial(turned, turn) for turn in range(2, 9)},
        pillow="pictures that EXIF turns",
    ),
    *made(
        {f"{kind}, EXIF 6": partial(turned, 6, kind) for kind in ("PNG", "WEBP")},
        pillow="pictures that EXIF turns",
    ),
    *made({"TIFF, EXIF 6": partial(turned, 6, "TIFF")}),
    *made({"PNG, 16 bits": deep_grey, "TIFF, 16 bits": partial(deep_grey, "TIFF")}),
    *made(
        {
            "PPM": lambda: saved(picture("RGB"), "PPM"),
            "ICO": lambda: saved(picture("RGB", 16, 16), "ICO"),
        },
        pillow="other kinds of pictures",
    ),
    *made(
        {
            "JPEG 2000": lambda: saved(picture("RGB", 64, 64), "JPEG2000"),
            "TGA": lambda: saved(picture("RGB"), "TGA"),
        },
        pillow="other kinds of pictures",
    ),
]


def group_of_pictures(mode: str | None) -> Group:
    return Group(
        f"image-{mode or 'own'}",
        "images",
        lambda b, p: typed(Image(mode=mode).decode(b, p)),
        {"pillow": partial(read_picture, mode=mode)},
        PICTURES,
    )


PICTURE_GROUPS = [group_of_pictures(mode) for mode in ("RGB", "L", "RGBA", None)]


# Forms


def read_form(body: bytes, params: Mapping[str, str]) -> Any:
    charset = params.get("charset", "utf-8")
    pairs = parse_qsl(
        body.decode(charset), keep_blank_values=True, errors="strict", max_num_fields=10_000
    )
    return columns((name for name, _ in pairs), ([form_cell(name, cell)] for name, cell in pairs))


def form_cell(name: str, cell: str) -> Any:
    if name == "t" or not cell.strip():
        return cell or None
    try:
        return float(cell)
    except ValueError:
        return cell


# fmt: off
FORM_BODIES = [
    *bodies(
        "a=1&b=2.5", "a=1", "a=&b=2", "a&b=2", "a=1&&b=2", "&a=1&", "a=1e5&b=-0&c=5e-324",
        "%C3%A9=1&b+c=2", "é=1", "a%3Db=1&c%26d=2", "a=+1", "a=%2B1", "a=1%20", "a=.5&b=5.",
        "t=x+y&n=1", "t=%C3%A9&n=1", "t=日本", "t=a%2Bb%26c%3Dd", "t=&n=1", "t=01234", "t=a=b",
        "t=NA", "a=nan&b=inf", "a=9007199254740993", "a=%31%30", "t=%F0%9F%98%80",
        "t=x%0D%0Ay", "t=50%", "t=%zz", "t=%4", "t=%FF", b"t=\xff", "%FF=1", "t=%ED%A0%80",
        "a=1\r\n",
    ),
    *bodies("a=x", "a=NA", "a=1;b=2", "a=1,2", parse_qsl="a word among numbers"),
    *bodies("a=1_000", "a=\uff11", parse_qsl="numbers as Python spells them"),
    *bodies("a=1e999", parse_qsl="beyond the largest double"),
    *bodies("a=1&a=2", "t=x&t=y", parse_qsl="one name twice"),
    *bodies("", "&", parse_qsl="an empty body"),
    *bodies("=1", "a=1&=2", parse_qsl="a field without a name"),
    *bodies("t=x\n", parse_qsl="a line break at the end of a form"),
    *bodies("t=é".encode("latin-1"), "t=%E9".encode("latin-1"), charset="latin-1"),
    *made({"10,001 fields": lambda: "&".join(f"a{n}=1" for n in range(10_001)).encode()}),
]
# fmt: on


def parts(*written: tuple[str, bytes], end: bytes = b"--X--\r\n", line: bytes = b"\r\n") -> bytes:
    body = b""
    for head, content in written:
        body += b"--X" + line + head.encode().replace(b"\n", line) + line + line + content + line
    return body + end


def read_email(body: bytes, params: Mapping[str, str]) -> Any:
    policy = email.policy.HTTP.clone(raise_on_defect=True)
    head = b'Content-Type: multipart/form-data; boundary="X"\r\n\r\n'
    message: Any = email.message_from_bytes(head + body, policy=policy)
    found = []
    for part in message.iter_parts():
        options = part["content-disposition"].params
        content = part.get_payload(decode=True)
        if "filename" in options:
            found.append(("file", part["content-type"] and str(part["content-type"]), content))
        else:
            found.append(("field", options["name"], content.decode()))
    return tuple(sorted(found))


def read_multipart(body: bytes, params: Mapping[str, str]) -> Any:
    names = re.findall(
        r'name="?([^";\r\n]*)', body.decode("latin-1").encode("latin-1").decode("utf-8", "replace")
    )
    read = Multipart().typed((), names, (), None).reading(lambda content, kind: (kind, content))
    found = read.decode(body, {"boundary": "X"})
    if isinstance(found, pd.DataFrame):
        cells_of = {name: found[name][0] or "" for name in found.columns}
        return tuple(sorted(("field", name, cell) for name, cell in cells_of.items()))
    data, fields = (found.data, found.parameters) if isinstance(found, Enveloped) else (found, {})
    pairs = [("field", name, cell) for name, cell in fields.items()]
    return tuple(sorted([*pairs, ("file", *data)]))


NAMED_PART = 'Content-Disposition: form-data; name="{}"'
FILE = 'Content-Disposition: form-data; name="f"; filename="{}"'
MULTIPART_BODIES = [
    *made(
        {
            "one field": lambda: parts((NAMED_PART.format("a"), b"1")),
            "two fields": lambda: parts(
                (NAMED_PART.format("a"), b"1"), (NAMED_PART.format("b"), b"x y")
            ),
            "an empty field": lambda: parts((NAMED_PART.format("a"), b"")),
            "a field of lines": lambda: parts((NAMED_PART.format("a"), b"x\r\ny\r\n")),
            "a unicode field": lambda: parts((NAMED_PART.format("é"), "日本".encode())),
            "a field with a type": lambda: parts(
                (NAMED_PART.format("a") + "\nContent-Type: text/plain; charset=utf-8", b"1")
            ),
            "a file": lambda: parts(
                (FILE.format("x.csv") + "\nContent-Type: text/csv", b"1,2\r\n3,4\r\n")
            ),
            "a file without a type": lambda: parts((FILE.format("x.csv"), b"1,2\n")),
            "an empty file": lambda: parts((FILE.format("x"), b"")),
            "a binary file": lambda: parts(
                (FILE.format("x.png") + "\nContent-Type: image/png", bytes(range(256)))
            ),
            "a file beside fields": lambda: parts(
                (NAMED_PART.format("a"), b"1"),
                (FILE.format("é.csv") + "\nContent-Type: text/csv", b"1,2\n"),
            ),
            "a file with dashes": lambda: parts((FILE.format("x"), b"--Y\r\n--\r\n-X")),
            "something after": lambda: parts((NAMED_PART.format("a"), b"1")) + b"epilogue\r\n",
            "no final line break": lambda: parts((NAMED_PART.format("a"), b"1"), end=b"--X--"),
            "lower-case heads": lambda: parts(('content-disposition: form-data; name="a"', b"1")),
            "a name without quotes": lambda: parts(
                ("Content-Disposition: form-data; name=a", b"1")
            ),
            "more heads": lambda: parts((NAMED_PART.format("a") + "\nX-More: 1", b"1")),
            "no bytes": lambda: b"",
            "no end": lambda: parts((NAMED_PART.format("a"), b"1"), end=b""),
            "another boundary": lambda: parts((NAMED_PART.format("a"), b"1")).replace(
                b"--X", b"--Z"
            ),
            "no name": lambda: parts(("Content-Disposition: form-data", b"1")),
            "no disposition": lambda: parts(("Content-Type: text/plain", b"1")),
            "no parts": lambda: b"--X--\r\n",
            "a field that is not UTF-8": lambda: parts((NAMED_PART.format("a"), b"\xff")),
        }
    ),
    *made(
        {
            "bare line feeds": lambda: parts(
                (NAMED_PART.format("a"), b"1"), end=b"--X--\n", line=b"\n"
            ),
            "something before": lambda: b"preamble\r\n" + parts((NAMED_PART.format("a"), b"1")),
        },
        email="parts that no browser writes",
    ),
    *made(
        {"two files": lambda: parts((FILE.format("x"), b"1"), (FILE.format("y"), b"2"))},
        email="several files",
    ),
    *made(
        {
            "a name twice in one head": lambda: parts(
                ('Content-Disposition: form-data; name="a"; name="b"', b"1")
            )
        },
        email="an option that stands twice in a part's header",
    ),
    *made(
        {
            "a field twice": lambda: parts(
                (NAMED_PART.format("a"), b"1"), (NAMED_PART.format("a"), b"2")
            )
        },
        email="one name twice",
    ),
    *made(
        {
            "base64": lambda: parts(
                (FILE.format("x") + "\nContent-Transfer-Encoding: base64", b"MSwy")
            )
        },
        email="a transfer encoding",
    ),
]
FORM_GROUPS = [
    Group(
        "form",
        "forms",
        lambda b, p: plain(Form(words=["t"]).decode(b, p)),
        {"parse_qsl": read_form},
        FORM_BODIES,
    ),
    Group("multipart", "forms", read_multipart, {"email": read_email}, MULTIPART_BODIES),
]

GROUPS = [
    *DELIMITED_GROUPS,
    *JSON_GROUPS,
    *NUMPY_GROUPS,
    *ARROW_GROUPS,
    *SPARSE_GROUPS,
    *RECORD_GROUPS,
    *PICTURE_GROUPS,
    *FORM_GROUPS,
]


# What is asserted

LIBRARIES: dict[str, list[tuple[str, str | None]]] = {
    "pandas": [("pandas", "3")],
    "loadtxt": [("numpy", "2")],
    "genfromtxt": [("numpy", "2")],
    "numpy": [("numpy", "2")],
    "json": [("pandas", "3")],
    "polars": [("polars", "1")],
    "msgpack": [("msgpack", "1")],
    "pyarrow": [("pyarrow", "18")],
    "feather": [("pyarrow", "18")],
    "sklearn": [("sklearn", "1.5")],
    "sdk": [("google.protobuf", None), ("scipy", None)],
    "pillow": [("PIL", "11")],
    "parse_qsl": [],
    "email": [("python_multipart", None)],
}
"""What each reading needs, in the releases that the table tells of."""

PAIRS = [
    pytest.param(group, case, peer, id=f"{group.name}-{peer}-{case.name}")
    for group in GROUPS
    for case in group.cases
    for peer in group.peers
]


def table_of(heading: str) -> list[list[str]]:
    """The cells of the table below a heading of the page."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:-1] for line in section.splitlines() if line[:1] == "|"]
    return [[cell.strip() for cell in row] for row in rows[2:]]


@cache
def differences() -> dict[str, tuple[set[str], str, str]]:
    """For each row of the page's table: the formats, who differs, and what is done here."""
    return {
        name: (set(formats.split(", ")), reference, here)
        for name, formats, reference, here, _ in table_of("Where we differ")
    }


@pytest.mark.parametrize(("group", "case", "peer"), PAIRS)
def test_a_body_is_read_as_its_reference_does_or_the_page_says_otherwise(
    group: Group, case: Case, peer: str
) -> None:
    needed: list[tuple[str, str | None]] = [*LIBRARIES[peer]]
    needed += [("pyarrow", "18")] if group in ARROW_GROUPS else []
    needed += [("polars", "1")] if case.name.startswith("polars") else []
    for module, version in needed:
        pytest.importorskip(module, minversion=version)
    body = case.make()
    ours = reading(lambda: group.ours(body, case.params), RequestError)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = reading(lambda: group.peers[peer](body, case.params), Exception)
    found = verdict(ours, theirs)
    row = case.differs.get(peer)
    if found in ("equal", REFUSED):
        assert row is None, f"no longer differs: {found}"
    else:
        assert row in differences(), f"{found}: ours {ours!r:.300}, {peer} {theirs!r:.300}"
        formats, _, here = differences()[row]
        assert group.formats in formats
        assert here.startswith(found.removesuffix(" here"))


def test_every_row_of_the_table_is_shown_by_a_body() -> None:
    shown: dict[str, set[str]] = {}
    for group in GROUPS:
        for case in group.cases:
            for peer, row in case.differs.items():
                assert peer in group.peers
                shown.setdefault(row, set()).add(group.formats)
    assert shown == {name: formats for name, (formats, _, _) in differences().items()}


def test_the_corpus_is_large_and_no_body_stands_twice() -> None:
    assert sum(len(group.cases) for group in GROUPS) >= 300
    for group in GROUPS:
        names = [case.name for case in group.cases]
        assert len(set(names)) == len(names)


def test_the_table_of_formats_is_that_of_the_builtins() -> None:
    listed = {}
    for name, media_types, _, writes, extra in table_of("The formats"):
        listed[name.strip("`")] = (
            re.findall(r"`([^`]+/[^`]+)`", media_types),
            writes != "nothing",
            re.findall(r"`([^`]+)`", extra),
        )
    assert listed == {
        name: (
            [alias for alias in row.aliases if "/" in alias],
            name not in ("form", "multipart"),
            [row.extra] if row.extra else [],
        )
        for name, row in BUILTINS.items()
    }


@pytest.mark.parametrize("name", MATRICES)
def test_dense_records_are_the_bytes_that_the_sdk_writes(name: str) -> None:
    pytest.importorskip("google.protobuf")
    body = dense(MATRICES[name])
    assert RecordIO().encode(MATRICES[name], {}) == body


@pytest.mark.parametrize("name", SPARSE)
def test_sparse_records_are_the_bytes_that_the_sdk_writes(name: str) -> None:
    pytest.importorskip("google.protobuf")
    body = sparse(SPARSE[name])
    assert RecordIO().encode(csr(SPARSE[name]), {}) == body
