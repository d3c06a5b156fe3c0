"""Bodies of textual formats to begin with, of our own encoders and of other people's.

They are used by `python -m benchmarks.fuzz`.
"""

from __future__ import annotations

import base64
import io
import json
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pandas as pd

from benchmarks.fuzzing.binary import pictures
from scriptmode.serializers.csv import CSV
from scriptmode.serializers.json import JSON
from scriptmode.serializers.jsonlines import JSONLines
from scriptmode.serializers.libsvm import LibSVM

BOUNDARY = "fuzz"
MATRIX = np.array([[1.0, np.nan, -0.0], [-2.5, 1e300, 0.1]])
_RANDOM = np.random.default_rng(0)
LARGE = _RANDOM.normal(size=(60, 4)).round(4)
_SPARSER = np.where(_RANDOM.random(LARGE.shape) < 0.2, np.nan, LARGE)  # noqa: PLR2004
_WORDS = ["red", 'say "hi"', "two\nlines", "a,b", "", "é\U0001f600", "7"]


def csvs(delimiter: str = ",") -> list[bytes]:
    """Rows of numbers, plain and odd."""
    ours = CSV()
    found = [
        *(ours.encode(value, {}) for value in (MATRIX, LARGE, _SPARSER, MATRIX[:, 0])),
        *(b"1,2\n3,4", b"1,2\r\n3,4\r\n", b"1\r2\r", b"+1,.5,007\n5., 1 ,1E5\n", b"\n", b",\n,\n"),
        *(b'"1","2"\n3,4\n', b"inf,-Infinity\nnan,NaN\n", b"-0,0\n", b"\xef\xbb\xbf1,2\n", b"1"),
        *(b"NA,red\n1,\n", b"1," * 40 + b"1\n", b"a,b\n1,2\n", b'a,"b ""c"\nx\n1,red\n'),
        pd.DataFrame(LARGE).to_csv(index=False, header=False).encode(),
    ]
    return [body.replace(b",", delimiter.encode()) for body in found]


def named_csvs() -> list[bytes]:
    """A line of names over rows of numbers and words."""
    words = pd.DataFrame({"a": range(7), "b": _WORDS, "c": np.arange(7) / 3})
    return [
        *(
            b"a,b\n1,2\n",
            b"a,b\r\n1,\r\n",
            b'"a","b,c"\n1,2',
            b"a\n",
            b" a ,b\n1,2\n",
            b"1,2\n3,4\n",
        ),
        *(b"a,b\n1,red\n", b"a,b,c\n1,,3\n", b'b\n"two\nlines"\n', b"a,b\nNA,NA\n"),
        words.to_csv(index=False).encode(),
        words.to_csv(index=False, lineterminator="\r\n", quoting=1).encode(),
        pd.DataFrame(LARGE, columns=list("abcd")).to_csv(index=False).encode(),
        pd.DataFrame(_SPARSER, columns=list("abcd")).to_csv(index=False).encode(),
    ]


def jsons() -> list[bytes]:
    """Every layout, small and beyond the length from which the fast road is tried."""
    frame = pd.DataFrame(LARGE, columns=list("abcd"))
    rows = LARGE.tolist()
    values: list[Any] = [
        *(
            [],
            [[]],
            [1, 2],
            [[1, None], [2.5, True]],
            [["red", 1], [None, 2]],
            [[[1, 2]], [[3, 4]]],
        ),
        *({"a": [1], "b": [2.5]}, {"a": 1, "b": "x"}, [{"a": 1, "b": None}, {"a": 2, "b": 3}]),
        *({"columns": ["a", "b"], "data": [[1, 2]]}, {"columns": [], "data": []}, {"inputs": rows}),
        *({"instances": [[1, 2]]}, {"instances": [{"a": 1}]}, [[2**53 + 1, 2**64], [-(2**63), 1]]),
        *(rows, frame.to_dict("records"), {"instances": frame.to_dict("records")}, "text", None),
        {"text": _WORDS, "n": [1, {"m": [True]}]},
    ]
    found = [json.dumps(value).encode() for value in values]
    return [
        *found,
        *(json.dumps(value, indent=1, ensure_ascii=False).encode() for value in values[6:]),
        *(JSON().encode(value, {}) for value in (MATRIX, LARGE, frame, np.ones((2, 2, 2)))),
        *(
            b"[[-0,-0.0]]",
            b"[[1e999]]",
            b"[NaN]",
            b'{"a":1,"a":2}',
            b" [ [ 1 , 2 ] ] ",
            b'["\\ud800"]',
        ),
        *(b'[{"a":1},{"\\u0061":2}]', b"[[1,2],[3]]", b"[" * 40 + b"]" * 40),
    ]


def json_lines() -> list[bytes]:
    """A row a line: lists, and objects."""
    frame = pd.DataFrame(_SPARSER, columns=list("abcd"))
    return [
        *(JSONLines().encode(value, {}) for value in (MATRIX, LARGE, frame)),
        frame.to_json(orient="records", lines=True).encode(),
        "\n".join(map(json.dumps, LARGE.tolist())).encode(),
        *(b"[1,2]\n[3,4]", b'{"a":1}\n{"a":null}\n', b'["x",1]\n[null,2]\n', b"[[1]]\n[[2]]\n"),
        *(b"[1]\r\n[2]\r\n", b"[]\n[]\n", b'{"a":"x","b":1}\n{"b":2,"a":"y"}\n', b"[-0]\n[2]\n"),
    ]


def libsvms() -> list[bytes]:
    """Sparse rows, with labels, weights, groups and comments, and without."""
    found = [
        *(b"0:1 3:2.5\n1:-0\n", b"1 1:0.5 7:1e5\n-1 2:3\n", b"1:0.5 1:0.5\n1:1 2:2\n", b"\n0:1\n"),
        *(b"1 qid:3 1:2 # why\n", b"+1 1:.5\r\n1 2:5.\r\n", b"0:nan 1:1\n", b"1 2147483646:1\n"),
        *(LibSVM().encode(value, {}) for value in (MATRIX, _SPARSER)),
        b"".join(b"1 %b\n" % line for line in LibSVM(1).encode(LARGE, {}).splitlines()),
    ]
    if find_spec("sklearn"):
        from sklearn.datasets import dump_svmlight_file

        target = io.BytesIO()
        dump_svmlight_file(LARGE, np.arange(len(LARGE)), target, zero_based=False)
        found.append(target.getvalue())
    return found


def texts() -> list[bytes]:
    """Any text."""
    return [b"", b"one\ntwo", "é\U0001f600".encode(), b"\xef\xbb\xbfx", b"\x00\r\n", b"a" * 300]


def forms() -> list[bytes]:
    """Urlencoded fields."""
    return [
        urlencode({"a": 1, "b": "2.5", "é": "-3", "d": ""}).encode(),
        urlencode({"a": 1, "word": "red & blue"}).encode(),
        *(b"a=1&b=2\r\n", b"a", b"=1", b"a=1&a=2", b"a=%", b"a=%zz&b=+1", b"a=%ff", b"&&a=1"),
    ]


def multiparts() -> list[bytes]:
    """Fields, and one file of several types."""
    found = [
        _multipart([("a", None, None, b"1"), ("b", None, None, b"2.5")]),
        _multipart([("rows", "r.csv", "text/csv; header=present", b"a,b\n1,2\n")]),
        _multipart([("rows", "r.json", "application/json", b"[[1,2]]"), ("k", None, None, b"v")]),
        _multipart([("rows", "r.npy", "application/x-npy", b"\x93NUMPY")]),
        _multipart([("rows", "r", None, b"[[1,2]]")]),
        b"--fuzz\r\ncontent-disposition: form-data; filename*=UTF-8''%e2\r\n\r\n1\r\n--fuzz--",
    ]
    if find_spec("urllib3"):
        from urllib3.filepost import encode_multipart_formdata

        fields: Any = {"a": "1", "file": ("r.csv", b"1,2\n", "text/csv")}
        found.append(encode_multipart_formdata(fields, boundary=BOUNDARY)[0])
    return found


def picture_requests() -> list[bytes]:
    """Records that each hold one picture."""
    texts = [base64.b64encode(body).decode() for body in pictures()[:3]]
    return [
        *(json.dumps({"picture": text}).encode() for text in texts),
        json.dumps({"instances": [{"picture": {"b64": texts[0]}}] * 2}).encode(),
        json.dumps([{"picture": "data:image/png;base64," + texts[0]}]).encode(),
    ]


def _multipart(parts: list[tuple[str, str | None, str | None, bytes]]) -> bytes:
    written: list[bytes] = []
    for name, filename, content_type, body in parts:
        head = f'Content-Disposition: form-data; name="{name}"'
        head += f'; filename="{filename}"' if filename else ""
        head += f"\r\nContent-Type: {content_type}" if content_type else ""
        written.append(b"--%b\r\n%b\r\n\r\n%b\r\n" % (BOUNDARY.encode(), head.encode(), body))
    return b"".join(written) + b"--%b--\r\n" % BOUNDARY.encode()
