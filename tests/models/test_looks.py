"""Files and folders are told by what is in them; their names say nothing."""

import io
import json
import pickle
import shutil
import struct
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import lightgbm as lgb
import numpy as np
import pytest
import skl2onnx
import skops.io
import xgboost as xgb
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from scriptmode.models.archives import look_into_archive
from scriptmode.models.artifacts import find_artifact, listing
from scriptmode.models.looks import WORDS, LooksLike, look
from scriptmode.models.protobuf import fields_of, find_text
from tests.models.tables import NUMBERS, X

LINEAR = LinearRegression().fit(X, NUMBERS)
BOOSTER = xgb.train({"nthread": 1}, xgb.DMatrix(X, NUMBERS), 2)


def tensors(**sizes: int) -> bytes:
    start, header = 0, {}
    for name, size in sizes.items():
        offsets = [start, start + 4 * size]
        header[name] = {"dtype": "F32", "shape": [size], "data_offsets": offsets}
        start += 4 * size
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + bytes(start)


def skops_file() -> bytes:
    stream = io.BytesIO()
    skops.io.dump(LINEAR, stream)
    return stream.getvalue()


def lightgbm_text() -> bytes:
    parameters = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 2}
    text: str = lgb.train(parameters, lgb.Dataset(X, NUMBERS), 2).model_to_string()
    return text.encode()


def tar(mode: Any) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        info = tarfile.TarInfo("model.json")
        info.size = 2
        archive.addfile(info, io.BytesIO(b"{}"))
    return stream.getvalue()


def joblib_file(compress: Any) -> bytes:
    stream = io.BytesIO()
    joblib.dump(LINEAR, stream, compress=compress)
    return stream.getvalue()


def npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=X)
    return stream.getvalue()


OLD_BINARY = struct.pack("<fI", 0.5, 5) + bytes(128) + struct.pack("<Q", 16) + b"reg:squarederror"

FORMS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "xgboost in UBJSON": ("xgboost-ubj", lambda: bytes(BOOSTER.save_raw("ubj"))),
    "xgboost in JSON": ("xgboost-json", lambda: bytes(BOOSTER.save_raw("json"))),
    "xgboost of old": ("xgboost-binary", lambda: OLD_BINARY),
    "xgboost of older": ("xgboost-binary", lambda: b"binf" + OLD_BINARY),
    "skops": ("skops", skops_file),
    "lightgbm": ("lightgbm", lightgbm_text),
    "onnx": ("onnx", lambda: skl2onnx.to_onnx(LINEAR, X[:1].astype("f4")).SerializeToString()),
    "safetensors": ("safetensors", lambda: tensors(a=300, b=200)),
    "no tensors": ("safetensors", tensors),
    "joblib": ("joblib", lambda: joblib_file(0)),
    "joblib in zlib": ("joblib", lambda: joblib_file(3)),
    "joblib in bzip2": ("joblib", lambda: joblib_file(("bz2", 3))),
    "joblib in xz": ("joblib", lambda: joblib_file(("xz", 3))),
    "joblib in lzma": ("joblib", lambda: joblib_file(("lzma", 3))),
    "a pickle of 1995": ("pickle", lambda: pickle.dumps(LINEAR, 0)),
    "a pickle": ("pickle", lambda: pickle.dumps(LINEAR, 5)),
    "a list": ("json", lambda: b"[1, 2]"),
    "an object": ("json", lambda: b' {"learner": "of"} '.replace(b"learner", b"teacher")),
    "a number": ("json", lambda: b"42\n"),
}
NO_FORMS: dict[str, tuple[str, bytes]] = {
    "nothing": ("empty", b""),
    "git-lfs": (
        "git-lfs pointer",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n",
    ),
    "a page": ("HTML page", b"\n <!DOCTYPE html><html><body>403 Forbidden</body></html>"),
    "another page": ("HTML page", b"<HTML><head>"),
    "an answer of S3": ("XML document", b'<?xml version="1.0"?><Error><Code>AccessDenied</Code>'),
    "a tar": ("tar archive that was not unpacked", tar("w")),
    "a tar.gz": ("tar archive in gzip that was not unpacked", tar("w:gz")),
    "a tar.bz2": ("tar archive in bzip2 that was not unpacked", tar("w:bz2")),
    "an npz": ("npz file of arrays", npz()),
    "half a zip": ("zip archive that is damaged", npz()[:100]),
}


@pytest.mark.parametrize("what", FORMS)
@pytest.mark.parametrize("name", ["model", "model.html", "xgboost-model", "a.pkl"])
def test_a_form_is_told_whatever_the_file_is_called(tmp_path: Path, what: str, name: str) -> None:
    form, make = FORMS[what]
    (tmp_path / name).write_bytes(make())
    assert look(tmp_path / name) == (form, WORDS[form], True)


@pytest.mark.parametrize("what", NO_FORMS)
def test_what_is_no_model_is_named(tmp_path: Path, what: str) -> None:
    words, raw = NO_FORMS[what]
    path = tmp_path / "model.json"
    path.write_bytes(raw)
    found = look(path)
    assert found.form is None
    assert words in found.words
    assert not found.is_whole
    with pytest.raises(Exception, match=words):
        find_artifact(tmp_path, "model.json", LooksLike("xgboost-json"))


SHORT = ("xgboost in UBJSON", "xgboost in JSON", "lightgbm", "onnx", "safetensors", "a pickle",
         "an object")  # fmt: skip


@pytest.mark.parametrize("what", SHORT)
def test_a_file_that_was_cut_short_is_told_from_a_whole_one(tmp_path: Path, what: str) -> None:
    form, make = FORMS[what]
    raw, path = make(), tmp_path / "file"
    for part in (0.3, 0.6, 0.9):
        path.write_bytes(raw[: int(len(raw) * part)].rstrip(b"}] ."))
        assert look(path) == (form, f"{WORDS[form]} that ends too early", False)


@pytest.mark.parametrize(
    "text",
    ["In this folder\nlies a model.", "(c) 2024 Somebody\nAll rights\nreserved.",
     "columns: age, fare\nlabel: survived.", "]x", "Numbers\n1.\n2.", "classes\n- red\n- blue."],
)  # fmt: skip
def test_text_is_not_taken_for_a_pickle_of_old(tmp_path: Path, text: str) -> None:
    (tmp_path / "README").write_text(text)
    assert look(tmp_path / "README") == (None, "text", True)


def test_folders_are_told_by_what_they_hold(tmp_path: Path) -> None:
    for name, files in {
        "mlflow": ["MLmodel", "model.pkl"],
        "spacy": ["config.cfg", "meta.json"],
        "saved-model": ["saved_model.pb", "variables/variables.index"],
    }.items():
        for file in files:
            (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / file).write_bytes(b"{}")
        assert look(tmp_path / name).form == name
    shutil.rmtree(tmp_path / "saved-model" / "variables")
    assert not look(tmp_path / "saved-model").is_whole
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "config.json").write_text('{"model_type": "bert"}')
    assert look(tmp_path / "hf").form == "transformers"
    (tmp_path / "hf" / "config.json").write_text('{"port": 80}')
    assert look(tmp_path / "hf") == (None, "a folder", True)


def test_a_message_says_what_each_file_looks_like(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"{}")
    (tmp_path / "b").write_bytes(pickle.dumps(1))
    (tmp_path / "c.md").write_text("some words")
    (tmp_path / "code").mkdir()
    assert listing(tmp_path) == (
        "; it holds a.json (a JSON document), b (a pickle), c.md (text), code (a folder)"
    )
    for number in range(30):
        (tmp_path / f"d{number}").write_bytes(b"\xff\x00")
    assert listing(tmp_path).endswith("and 14 more")


@given(st.binary(max_size=400))
def test_any_file_looks_like_something(tmp_path_factory: Any, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "anything"
    path.write_bytes(raw)
    found = look(path)
    assert found.form is None or found.form in WORDS
    fields_of(path)
    find_text(path, (2, 1, 5))


@given(st.sampled_from(sorted(FORMS)), st.data())
def test_a_damaged_file_looks_like_something(
    tmp_path_factory: Any, what: str, data: st.DataObject
) -> None:
    raw = bytearray(CACHED[what])
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(raw)
    assert look(path).words


CACHED = {what: make() for what, (_, make) in FORMS.items()}


def test_only_the_start_of_what_is_compressed_is_unpacked() -> None:
    bomb = zlib.compress(b"\x80" + bytes(50_000_000))
    found = look_into_archive(Path(), bomb)
    assert found is not None
    assert found.form == "joblib"


def test_what_cannot_be_followed_looks_like_something(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert look(tmp_path / "link") == (None, "a link to nothing", False)
    assert "link (a link to nothing)" in listing(tmp_path)
    deep = b"[" * 100_000
    (tmp_path / "tensors").write_bytes(struct.pack("<Q", len(deep) + 1) + b"{" + deep)
    assert look(tmp_path / "tensors").words
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "config.json").write_bytes(deep)
    assert look(tmp_path / "folder") == (None, "a folder", True)
    (tmp_path / "notes").write_text("Notes.")
    assert look(tmp_path / "notes") == (None, "text", True)
