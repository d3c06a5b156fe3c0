"""The decoders of text, with their options; see `python -m benchmarks.fuzz`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from benchmarks.fuzzing import binary, hostile, roads, textual
from benchmarks.fuzzing.target import JSON_TOKENS, MIB, Target, both
from scriptmode.handlers.compose import compose
from scriptmode.serializers.csv import CSV
from scriptmode.serializers.forms import Form
from scriptmode.serializers.json import JSON
from scriptmode.serializers.jsonlines import JSONLines
from scriptmode.serializers.libsvm import LibSVM
from scriptmode.serializers.msgpack import MsgPack
from scriptmode.serializers.octets import Octets
from scriptmode.serializers.text import Text
from scriptmode.serializers.tsv import TSV

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scriptmode.serializers.layouts import Layout

_PRESENT = {"header": "present"}
_COMPOSED = ("multipart", "json", "csv", "npy", "npz", "form", "jsonlines", "msgpack")
_CELLS = (b"nan", b"NA", b'""', b",,", b"red", b"-0", b"inf", b'"1"', b" 1 ", b"\n\n")
_SVM = (
    b" 1:2",
    b":",
    b"qid:1",
    b"#",
    b"1:nan",
    b"0:",
    b"::",
    b" 3:1e5",
    b"\n1 ",
    b"\x0b",
    b"\xc2\x85",
)


class _Nothing:
    name = "nothing"

    def load(self, model_dir: Any) -> None:
        return None

    def predict(self, model: None, data: Any) -> Any:
        return data


def text_targets() -> Iterator[Target]:
    """CSV and its kin, JSON and its kin, libsvm, forms and plain text."""
    for group in (_csvs(), _jsons(), _libsvms(), _flat()):
        yield from group


def _csvs() -> Iterator[Target]:
    numbers: dict[str, Any] = {"seeds": textual.csvs, "hostile": hostile.delimited}
    names: dict[str, Any] = {
        "seeds": lambda: textual.named_csvs() + textual.csvs(),
        "hostile": lambda: hostile.headed() + hostile.delimited(),
    }
    text: dict[str, Any] = {"ratio": 80, "peak": 600, **names}
    variants: Sequence[tuple[str, dict[str, Any], dict[str, str], dict[str, Any]]] = (
        ("csv", {}, {}, numbers),
        ("csv header", {"header": True}, {}, names),
        ("csv auto", {"header": "auto"}, {}, names),
        ("csv named", {"names": ("a", "b")}, {}, numbers),
        ("csv missing", {"missing": ("", "NA", "1")}, {}, numbers),
        ("csv text", {"text": [0]}, {}, text),
        ("csv header text", {"header": True, "text": ["a"], "words": ["b"]}, {}, text),
        ("csv typed", {"names": ("a", "b"), "words": ("b",), "missing": ("", "NA")}, {}, text),
        ("csv semicolon", {"delimiter": ";"}, {}, numbers),
        ("csv utf-16", {}, {"charset": "utf-16"}, numbers),
    )
    for name, options, params, rest in variants:
        found = {**both(CSV(**options), params), **rest}
        if "text" not in options and "words" not in options:
            found["roads"] = roads.of_csv(CSV(**options), params)
        if name == "csv auto":
            found["write"] = _write_auto
        if "charset" in params:
            found["write"] = None
        yield Target(name=name, tokens=_CELLS, **{"peak": 250, **found})
    yield Target(
        name="tsv",
        seeds=partial(textual.csvs, "\t"),
        hostile=partial(hostile.delimited, b"\t"),
        roads=roads.of_csv(TSV(), {}),
        tokens=_CELLS,
        peak=250,
        **both(TSV()),
    )


def _write_auto(value: Any) -> bytes:
    return CSV(header="auto").encode(value, _PRESENT if hasattr(value, "names") else {})


def _jsons() -> Iterator[Target]:
    common: dict[str, Any] = {
        "seeds": textual.jsons,
        "hostile": hostile.jsons,
        "tokens": JSON_TOKENS,
        "ratio": 80,
        "peak": 250,
    }
    for layout in ("auto", "rows", "records", "columns", "split", "raw"):
        codec: Any = JSON(layout)
        name = "json" if layout == "auto" else f"json {layout}"
        again = None if layout == "raw" else lambda raw: JSON().decode(raw, {})
        found = {**both(codec), "again": again, "survives": _with_names}
        yield Target(name=name, roads=roads.of_text(codec, {}), **found, **common)
    common["survives"] = _with_names
    yield Target(
        name="json utf-16", **{**both(JSON(), {"charset": "utf-16"}), "write": None}, **common
    )
    lines = {**common, "seeds": textual.json_lines, "hostile": hostile.json_lines}
    yield Target(
        name="jsonlines", roads=roads.of_text(JSONLines(), {}), **both(JSONLines()), **lines
    )
    packed = {**common, "seeds": binary.msgpacks, "hostile": hostile.msgpacks, "tokens": ()}
    layouts: tuple[Layout, ...] = ("auto", "rows", "raw", "split")
    for layout in layouts:
        packer: Any = MsgPack(layout)
        again = (lambda raw: MsgPack().decode(raw, {})) if layout in ("rows", "split") else None
        name = "msgpack" if layout == "auto" else f"msgpack {layout}"
        found = {**both(packer), "again": again, "roads": roads.of_msgpack(packer)}
        yield Target(name=name, **found, **packed)


def _with_names(value: Any) -> Any:
    """Columns of a frame without names are written under their numbers."""
    return value.rename(columns=str) if isinstance(value, pd.DataFrame) else value


def _libsvms() -> Iterator[Target]:
    variants: tuple[dict[str, Any], ...] = (
        *({}, {"base": 1}, {"labelled": True}, {"labelled": False}, {"base": 1, "labelled": True}),
    )
    for options in variants:
        codec = LibSVM(**options)
        unlabelled = LibSVM(base=codec.base, labelled=False)
        yield Target(
            name=" ".join(("libsvm", *(f"{name}={value}" for name, value in options.items()))),
            seeds=textual.libsvms,
            hostile=hostile.libsvms,
            tokens=_SVM,
            roads=roads.of_text(codec, {}),
            survives=_without_missing,
            **{**both(codec), "write": None if codec.labelled else both(unlabelled)["write"]},
        )


def _without_missing(matrix: Any) -> Any:
    """Cells that are NaN are left out, which is how libsvm says that they are missing."""
    found = matrix.tocoo()
    kept = ~np.isnan(found.data)
    cells = (found.data[kept], (found.row[kept], found.col[kept]))
    width = int(found.col[kept].max()) + 1 if kept.any() else 0
    return sparse.csr_matrix(cells, shape=(matrix.shape[0], width))


def _flat() -> Iterator[Target]:
    yield Target(name="text", seeds=textual.texts, ratio=5, peak=20, **both(Text()))
    for charset in ("utf-16", "shift_jis", "utf-8-sig", "gb18030"):
        found = {**both(Text(), {"charset": charset}), "write": None}
        yield Target(name=f"text {charset}", seeds=textual.texts, ratio=5, peak=20, **found)
    yield Target(name="octets", seeds=textual.texts, ratio=2, peak=4, **both(Octets()))
    form: dict[str, Any] = {
        "seeds": textual.forms,
        "hostile": hostile.forms,
        "ratio": 80,
        "peak": 600,
        "tokens": (b"&", b"=", b"%", b"+", b"%41", b"&a=", b"%ff"),
    }
    yield Target(name="form", read=lambda raw: Form().decode(raw, {}), **form)
    yield Target(
        name="form typed", read=lambda raw: Form(words=("a", "word")).decode(raw, {}), **form
    )
    handler = compose(_Nothing(), accepts=_COMPOSED)
    boundary = f"multipart/form-data; boundary={textual.BOUNDARY}"
    intake: Any = getattr(handler.model_fn, "__self__").intake  # noqa: B009 - a protocol hides it
    yield Target(
        name="multipart",
        read=lambda raw: intake(raw, boundary),
        seeds=textual.multiparts,
        hostile=hostile.multiparts,
        tokens=(
            b"--fuzz",
            b"\r\n",
            b"--",
            b'name="',
            b"filename=a",
            b"Content-Type: ",
            b"\r\n\r\n",
        ),
        ratio=80,
        peak=600,
        limit=256 * MIB,
    )
