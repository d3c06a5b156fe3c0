"""The requests that every stack is sent, each answered by our own ``invoke`` first."""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scriptmode.handlers.registries import DEFAULT
from scriptmode.values import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

ROWS = np.array([[0.5, 2.0, -1.0], [3.5, 0.25, 7.0]])
TABLE = Table(("a", "b", "c"), ROWS)
CSV_BODY = b"0.5,2,-1\n3.5,0.25,7\n"
JSON_BODY = b"[[0.5, 2, -1], [3.5, 0.25, 7]]"
NOTE = "X-Amzn-SageMaker-Custom-Attributes"


@dataclass(frozen=True)
class Case:
    """One request.

    Args:
        name: what it shows.
        body: the bytes that are sent.
        content_type: the Content-Type header; None sends none.
        accept: the Accept header; None sends none.
        script: the entry script, of ``tests/contract/scripts``.
        headers: further headers.
        model: whether there is a model in the folder.
        group: under which heading the page counts it.
    """

    name: str
    body: bytes
    content_type: str | None = "text/csv"
    accept: str | None = None
    script: str = "everything"
    headers: Mapping[str, str] = field(default_factory=dict)
    model: bool = True
    group: str = ""

    @property
    def sent(self) -> dict[str, str]:
        """All headers."""
        named = {"Content-Type": self.content_type, "Accept": self.accept}
        return {name: value for name, value in named.items() if value is not None} | dict(
            self.headers
        )


def _encoded(name: str, value: Any) -> bytes:
    serializer: Any = DEFAULT.serializers.get(name)
    body: bytes = serializer.encode(value, {})
    return body


def _content_types() -> list[Case]:
    multipart = (
        b'--X\r\nContent-Disposition: form-data; name="f"; filename="r.csv"\r\n'
        b"Content-Type: text/csv\r\n\r\n" + CSV_BODY + b"\r\n--X--\r\n"
    )
    records = b'[{"c": -1, "a": 0.5, "b": 2}, {"c": 7, "a": 3.5, "b": 0.25}]'
    bodies: tuple[tuple[str, bytes, str | None], ...] = (
        ("CSV", CSV_BODY, "text/csv"),
        ("CSV without a final line break", CSV_BODY.rstrip(), "text/csv"),
        ("CSV with a charset", CSV_BODY, "text/csv; charset=utf-8"),
        ("CSV in capitals", CSV_BODY, "TEXT/CSV"),
        ("CSV with a header", b"b,a,c\n2,0.5,-1\n0.25,3.5,7\n", "text/csv; header=present"),
        ("CSV with a header, found", b"b,a,c\n2,0.5,-1\n0.25,3.5,7\n", "text/csv"),
        ("CSV in UTF-16", CSV_BODY.decode().encode("utf-16"), "text/csv; charset=utf-16"),
        ("CSV with a byte order mark", b"\xef\xbb\xbf" + CSV_BODY, "text/csv"),
        ("CSV with CRLF", CSV_BODY.replace(b"\n", b"\r\n"), "text/csv"),
        ("a missing cell", b"0.5,,-1\n", "text/csv"),
        ("one row", b"0.5,2,-1", "text/csv"),
        ("TSV", CSV_BODY.replace(b",", b"\t"), "text/tab-separated-values"),
        ("JSON", JSON_BODY, "application/json"),
        ("JSON with a charset", JSON_BODY, "application/json; charset=utf-8"),
        ("JSON by suffix", JSON_BODY, "application/geo+json"),
        ("JSON records in another order", records, "application/json"),
        ("JSON under instances", b'{"instances": ' + JSON_BODY + b"}", "application/json"),
        ("one JSON object", b'{"a": 0.5, "b": 2, "c": -1}', "application/json"),
        ("a flat JSON list", b"[0.5, 2, -1]", "application/json"),
        ("JSON Lines", b"[0.5, 2, -1]\n[3.5, 0.25, 7]\n", "application/jsonlines"),
        ("JSON Lines under another name", b"[0.5, 2, -1]\n", "application/x-ndjson"),
        ("npy", _encoded("npy", ROWS), "application/x-npy"),
        ("npy of one dimension", _encoded("npy", ROWS[0]), "application/x-npy"),
        ("npz", _encoded("npz", ROWS), "application/x-npz"),
        ("Parquet", _encoded("parquet", TABLE), "application/x-parquet"),
        ("Arrow", _encoded("arrow", TABLE), "application/vnd.apache.arrow.stream"),
        ("Feather", _encoded("feather", TABLE), "application/x-feather"),
        ("libsvm", b"1 0:0.5 1:2 2:-1\n0 0:3.5 2:7\n", "text/libsvm"),
        ("RecordIO", _encoded("recordio", ROWS), "application/x-recordio-protobuf"),
        ("MessagePack", _encoded("msgpack", ROWS), "application/msgpack"),
        ("a form", b"a=0.5&b=2&c=-1", "application/x-www-form-urlencoded"),
        ("a file in a form", multipart, "multipart/form-data; boundary=X"),
        ("octets, read as the first declared", CSV_BODY, "application/octet-stream"),
        ("no content type", CSV_BODY, None),
        ("an empty content type", CSV_BODY, ""),
    )
    return [Case(name, body, kind, group="content types") for name, body, kind in bodies]


def _accepts() -> list[Case]:
    headers = (
        *("application/json", "text/csv", "application/jsonlines", "application/x-npy"),
        *("application/x-npz", "application/x-parquet", "application/vnd.apache.arrow.stream"),
        *("application/msgpack", "application/x-recordio-protobuf", "*/*", "text/*", ""),
        *("TEXT/CSV", "text/csv;q=0.5, application/json", "text/csv, application/json;q=0.9"),
        *("image/png, */*;q=0.1", "application/json;q=0, text/csv", "text/html"),
        *("application/json;q=2", "nonsense"),
    )
    return [
        Case(f"Accept: {header or '(empty)'}", CSV_BODY, accept=header, group="Accept")
        for header in headers
    ]


def _mistakes() -> list[Case]:
    pickled = io.BytesIO()
    np.save(pickled, np.array([{}], dtype=object), allow_pickle=True)
    truncated = _encoded("npy", ROWS)[:-8]
    bodies: tuple[tuple[str, bytes, str | None], ...] = (
        ("an unknown content type", CSV_BODY, "application/pdf"),
        ("a broken content type", CSV_BODY, "text"),
        ("an unknown charset", CSV_BODY, "text/csv; charset=klingon"),
        ("an empty body", b"", "text/csv"),
        ("an empty JSON body", b"", "application/json"),
        ("a blank line", b"1,2,3\n\n4,5,6\n", "text/csv"),
        ("a ragged row", b"1,2,3\n4,5\n", "text/csv"),
        ("a word", b"1,two,3\n", "text/csv"),
        ("too few columns", b"1,2\n", "text/csv"),
        ("too many columns", b"1,2,3,4\n", "text/csv"),
        ("no JSON", b"[[1, 2, 3", "application/json"),
        ("NaN in JSON", b"[[1, NaN, 3]]", "application/json"),
        ("deep JSON", b"[" * 100_000, "application/json"),
        ("a name that is missing", b'[{"a": 1, "b": 2}]', "application/json"),
        ("a name too many", b'[{"a": 1, "b": 2, "c": 3, "d": 4}]', "application/json"),
        ("a name that stands twice", b'[{"a": 1, "a": 2, "b": 2, "c": 3}]', "application/json"),
        ("a JSON document", b'{"question": "how?"}', "application/json"),
        ("infinity", b"1,inf,3\n", "text/csv"),
        ("not UTF-8, by a type that stacks decode", b"1,2,\xff\n", "text/csv"),
        ("not UTF-8, by another type", b"1,2,\xff\n", "text/csv; charset=utf-8"),
        ("pickled npy", pickled.getvalue(), "application/x-npy"),
        ("truncated npy", truncated, "application/x-npy"),
        ("a pickle", pickle.dumps([1]), "application/python-pickle"),
        ("no Parquet", b"PAR1" + bytes(40), "application/x-parquet"),
    )
    return [Case(name, body, kind, group="mistakes of callers") for name, body, kind in bodies]


def _scripts() -> list[Case]:
    note = {NOTE: "who=me"}
    return [
        Case("only CSV, nothing said", CSV_BODY, None, script="csv_only", group="Accept"),
        Case("only CSV, any answer", CSV_BODY, accept="*/*", script="csv_only", group="Accept"),
        Case(
            "only CSV, JSON is asked for",
            CSV_BODY,
            accept="application/json",
            script="csv_only",
            group="Accept",
        ),
        Case(
            "only CSV, JSON is sent",
            JSON_BODY,
            "application/json",
            script="csv_only",
            group="mistakes of callers",
        ),
        *(
            Case(name, f"{kind},2,3\n".encode(), script="failing", group="failures")
            for kind, name in enumerate(
                (
                    "a hook that loses a row",
                    "a hook that raises",
                    "a hook that refuses",
                    "a hook that exits",
                    "a hook that refuses by numpy's numbers",
                    "a hook that refuses with a status of its own",
                    "a hook that panics",
                )
            )
        ),
        Case("the model cannot be loaded", CSV_BODY, model=False, group="failures"),
        Case(
            "the model cannot be loaded, predict_fn by hand",
            CSV_BODY,
            script="own_predict",
            model=False,
            group="failures",
        ),
        Case(
            "a content type in capitals of the header",
            CSV_BODY,
            None,
            headers={"CONTENT-TYPE": "text/csv"},
            script="choosing",
            group="content types",
        ),
        Case("custom attributes", CSV_BODY, script="attributes", headers=note, group="context"),
        Case("no custom attributes", CSV_BODY, script="attributes", group="context"),
        Case("predict_fn by hand", CSV_BODY, script="own_predict", group="by hand"),
        Case(
            "a mistake before predict_fn by hand", b"1,x\n", script="own_predict", group="by hand"
        ),
        Case(
            "input_fn by hand", b"1;2;3", "text/x-semicolons", script="own_input", group="by hand"
        ),
        Case(
            "a mistake after input_fn by hand",
            b"1;2",
            "text/x-semicolons",
            script="own_input",
            group="by hand",
        ),
        Case(
            "output_fn by hand", CSV_BODY, accept="text/csv", script="own_output", group="by hand"
        ),
        Case("composed functions called by hand", CSV_BODY, script="delegating", group="by hand"),
        Case(
            "a mistake in composed functions called by hand",
            b"1,x\n",
            script="delegating",
            group="by hand",
        ),
        Case("types chosen by hand, none sent", CSV_BODY, None, script="choosing", group="by hand"),
        Case(
            "types chosen by hand, others sent",
            CSV_BODY,
            "application/json",
            accept="application/json",
            script="choosing",
            group="by hand",
        ),
        Case(
            "a mistake that arithmetic by hand meets",
            b"1,x\n",
            script="doubled",
            group="by hand",
        ),
        Case("a status of the script's own", CSV_BODY, script="saying", group="context"),
        Case("headers that nobody sent", CSV_BODY, script="headers", group="context"),
        Case("model_fn by hand", CSV_BODY, script="own_model", group="by hand"),
        Case("all by hand", JSON_BODY, "application/json", script="by_hand", group="by hand"),
        Case("all by hand, and it raises", CSV_BODY, script="by_hand", group="by hand"),
        Case("a script of both halves", CSV_BODY, script="blog", group="both halves"),
    ]


@cache
def cases() -> tuple[Case, ...]:
    """All of them."""
    found = (*_content_types(), *_accepts(), *_mistakes(), *_scripts())
    names = pd.Series([case.name for case in found])
    assert names.is_unique, names[names.duplicated()].tolist()
    return found
