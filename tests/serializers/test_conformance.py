"""Our own serializers under the suite that third parties inherit."""

import numpy as np

from scriptmode.serializers.csv import CSV
from scriptmode.serializers.json import JSON
from scriptmode.serializers.jsonlines import JSONLines
from scriptmode.serializers.npy import NPY
from scriptmode.serializers.npz import NPZ
from scriptmode.serializers.octets import Octets
from scriptmode.serializers.text import Text
from scriptmode.testing.conformance import SerializerSuite
from scriptmode.values import Table

TABLES = (np.array([[1.0, np.nan], [-2.5, 1e300]]), np.array([[7.0]]), np.array([[1.0], [2.0]]))
NAMED = Table(("a", "b"), np.array([[1.0, np.nan], [3.0, 4.0]]))


class TestCSV(SerializerSuite):
    values = TABLES
    malformed = (b"", b"a,b", b"1,2\n3", b'"1', b"1,2\n\n", b"\xff")

    def serializer(self) -> CSV:
        return CSV()


class TestCSVWithHeader(SerializerSuite):
    values = (NAMED,)
    malformed = (b"", b"a,a\n1,2", b"a,\n1,2", b"a,b\n1,x")

    def serializer(self) -> CSV:
        return CSV(header=True)


class TestJSON(SerializerSuite):
    values = (*TABLES, NAMED, np.ones((2, 2, 2)))
    malformed = (b"", b"{", b"5", b"{}", b"[[1],[2,3]]", b"[NaN]", b'{"a":1,"a":2}')

    def serializer(self) -> JSON:
        return JSON()


class TestRawJSON(SerializerSuite):
    values = ({"text": ["a", "é"], "n": None}, [1, "two"], "three")
    malformed = (b"", b"{", b'{"a":1,"a":2}')

    def serializer(self) -> JSON:
        return JSON("raw")


class TestJSONLines(SerializerSuite):
    values = (*TABLES, NAMED)
    malformed = (b"", b"1", b"[1]\n\n[2]", b"[1\n2]", b'[1]\n{"a":1}')

    def serializer(self) -> JSONLines:
        return JSONLines()


class TestNPY(SerializerSuite):
    values = (*TABLES, np.array([[1, 2]], dtype=np.int8), np.ones((2, 2, 2), dtype=np.float32))
    malformed = (b"", b"\x93NUMPY", b"\x93NUMPY\x01\x00\x76\x00{'descr': '|O'")
    is_text = False

    def serializer(self) -> NPY:
        return NPY()


class TestNPZ(SerializerSuite):
    values = (*TABLES, {"a": np.array([1, 2]), "b": np.ones((2, 3))})
    malformed = (b"", b"PK\x03\x04", b"not a zip")
    is_text = False

    def serializer(self) -> NPZ:
        return NPZ()


class TestText(SerializerSuite):
    values = ("", "two\nlines", "é")
    malformed = (b"\xff",)

    def serializer(self) -> Text:
        return Text()


class TestOctets(SerializerSuite):
    values = (b"", b"\x00\xff")
    is_text = False

    def serializer(self) -> Octets:
        return Octets()
