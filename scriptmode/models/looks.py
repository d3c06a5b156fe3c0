"""What the files and folders of a model folder look like, told by their content."""

from __future__ import annotations

import json
import pickletools
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from scriptmode.models.archives import look_into_archive
from scriptmode.models.booster_release import is_binary
from scriptmode.models.pickled import inspect_stream
from scriptmode.models.protobuf import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CATBOOST_PARTS = (b'"ctr_data"', b'"features_info"', b'"oblivious_trees"')
_HEAD, _TAIL = 65_536, 1024
_MODEL_FIELDS = {1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26}  # of ONNX's ModelProto
_PICKLE = b"\x80"  # the opcode that begins every pickle since protocol 2
_ENOUGH_OPCODES = 500
_OLD_PICKLES = (b"c", b"(", b"]", b"}", b"I", b"F", b"V", b"S", b"N")


class Look(NamedTuple):
    """What something looks like.

    Args:
        form: one of :data:`WORDS`; None for what is no form of a model.
        words: the same for people.
        is_whole: False for what is cut short, or stands in another's place.
    """

    form: str | None
    words: str
    is_whole: bool = True


class Sample(NamedTuple):
    """The parts of a file that tell what it is."""

    path: Path
    head: bytes
    tail: bytes
    size: int


WORDS = {
    "catboost": "a CatBoost model",
    "catboost-json": "a CatBoost model in JSON",
    "cloudpickle": "a pickle of cloudpickle",
    "hdf5": "an HDF5 file",
    "joblib": "a joblib file",
    "json": "a JSON document",
    "keras": "a Keras model",
    "keras-h5": "a Keras model in HDF5",
    "lightgbm": "a LightGBM model",
    "mlflow": "an MLflow model folder",
    "onnx": "an ONNX model",
    "pickle": "a pickle",
    "pt2": "a program of torch.export",
    "safetensors": "a safetensors file",
    "saved-model": "a TensorFlow SavedModel",
    "skops": "a skops file",
    "spacy": "a spaCy pipeline",
    "torch": "a file of torch.save",
    "torch-legacy": "a file of torch.save before 1.6",
    "torchscript": "a TorchScript module",
    "transformers": "a transformers model folder",
    "xgboost-binary": "an XGBoost model in the binary form of 1.x",
    "xgboost-json": "an XGBoost model in JSON",
    "xgboost-ubj": "an XGBoost model in UBJSON",
}
"""Every form that is known, in words."""


def look(path: Path) -> Look:
    """What a file or folder looks like; nothing of it is executed or unpickled."""
    if path.is_dir():
        return _look_at_folder(path)
    if not path.exists():
        return Look(None, "a link to nothing", is_whole=False)
    sample = _sample(path)
    for recognise in _RECOGNISERS:
        found = recognise(sample)
        if found is not None:
            return found
    return Look(None, "text" if _is_text(sample.head) else "of no form that is known")


class LooksLike:
    """A test for files and folders of some forms; damaged ones pass, to be named as such.

    Args:
        forms: keys of :data:`WORDS`.
    """

    def __init__(self, *forms: str) -> None:
        self.forms = forms

    def __call__(self, path: Path) -> bool:
        """Whether something looks like one of the forms."""
        return look(path).form in self.forms


def _sample(path: Path) -> Sample:
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
        stream.seek(max(0, size - _TAIL))
        return Sample(path, head, stream.read(), size)


def _whole(form: str, *, is_whole: bool = True) -> Look:
    return Look(form, WORDS[form] if is_whole else f"{WORDS[form]} that ends too early", is_whole)


def _look_at_folder(path: Path) -> Look:
    def has(*names: str) -> bool:
        return all((path / name).is_file() for name in names)

    if has("MLmodel"):
        return _whole("mlflow")
    if has("saved_model.pb") or has("saved_model.pbtxt"):
        return _whole("saved-model", is_whole=(path / "variables").is_dir())
    if has("config.cfg", "meta.json"):
        return _whole("spacy")
    if has("config.json") and _is_transformers(path / "config.json"):
        return _whole("transformers")
    return Look(None, "a folder")


def _is_transformers(path: Path) -> bool:
    try:
        config = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(config, dict) and bool({"model_type", "architectures"} & config.keys())


def _look_at_what_is_no_model(sample: Sample) -> Look | None:
    text = sample.head.lstrip().lower()
    if not sample.size:
        return Look(None, "empty", is_whole=False)
    if sample.head.startswith(b"version https://git-lfs"):
        words = "a git-lfs pointer, not the file itself: run git lfs pull"
    elif text.startswith((b"<!doctype html", b"<html")):
        words = "an HTML page, such as one that tells of an error"
    elif text.startswith((b"<?xml", b"<error>")):
        words = "an XML document, such as a storage service's error"
    else:
        return None
    return Look(None, words, is_whole=False)


def _look_at_archive(sample: Sample) -> Look | None:
    found = look_into_archive(sample.path, sample.head)
    if found is None or found.form not in WORDS:
        return found and Look(None, found.words, is_whole=False)
    return _whole(found.form)


def _look_at_boosters(sample: Sample) -> Look | None:
    head, tail = sample.head, sample.tail
    if head.startswith(b"{L") and head[10:17] == b"learner":
        return _whole("xgboost-ubj", is_whole=tail.endswith(b"}"))
    if head.startswith(b"CBM1"):
        return _whole("catboost", is_whole=sample.size >= 8 + int.from_bytes(head[4:8], "little"))
    if head.startswith((b"tree\n", b"tree\r\n")) and b"version=" in head[:64]:
        ends = (b"end of parameters", b"null", b"]")  # after trees, parameters and categories
        return _whole("lightgbm", is_whole=tail.rstrip().endswith(ends))
    if is_binary(head):
        return _whole("xgboost-binary")
    return None


def _look_at_json(sample: Sample) -> Look | None:
    head, tail = sample.head.lstrip(), sample.tail.rstrip()
    if not head.startswith((b"{", b"[")):
        return _whole("json") if _is_scalar(sample) else None
    if not _is_text(sample.head):
        return None
    form = "json"
    if b'"learner"' in head[:4096]:
        form = "xgboost-json"
    elif any(part in head[:4096] for part in _CATBOOST_PARTS):
        form = "catboost-json"
    return _whole(form, is_whole=tail.endswith((b"}", b"]")))


def _is_scalar(sample: Sample) -> bool:
    """Whether a file holds one JSON number, string or word."""
    try:
        json.loads(sample.head)
    except (ValueError, RecursionError):
        return False
    return sample.size == len(sample.head)


def _look_at_tensors(sample: Sample) -> Look | None:
    if sample.size < 10 or sample.head[8:9] != b"{":  # noqa: PLR2004
        return None
    length = int.from_bytes(sample.head[:8], "little")
    if length > sample.size:
        is_short = b'"dtype"' in sample.head and b'"data_offsets"' in sample.head
        return _whole("safetensors", is_whole=False) if is_short else None
    with sample.path.open("rb") as stream:
        try:
            header = json.loads(stream.read(8 + length)[8:])
            ends = [each["data_offsets"][1] for name, each in header.items() if name[:2] != "__"]
        except (ValueError, AttributeError, LookupError, TypeError, RecursionError):
            return None
    return _whole("safetensors", is_whole=sample.size == 8 + length + max(ends, default=0))


def _look_at_hdf5(sample: Sample) -> Look | None:
    head = sample.head
    if not head.startswith(b"\x89HDF\r\n\x1a\n") or sample.size < 64:  # noqa: PLR2004
        return None
    end = 40 if head[8] < 2 else 28  # noqa: PLR2004 - the version of the superblock
    is_whole = sample.size >= int.from_bytes(head[end : end + 8], "little")
    return _whole("keras-h5" if b"keras_version" in head else "hdf5", is_whole=is_whole)


def _look_at_pickle(sample: Sample) -> Look | None:
    head, tail = sample.head, sample.tail
    if head.startswith(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."):
        return _whole("torch-legacy")
    is_old = head[:1] in _OLD_PICKLES and tail.endswith(b".") and _is_old_pickle(sample)
    is_new = head.startswith(_PICKLE) and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    if not is_old and not is_new:
        return None
    form = "cloudpickle" if b"cloudpickle.cloudpickle" in head else "pickle"
    if b"joblib.numpy_pickle" in head or sample.path.suffix == ".joblib":  # without arrays, alike
        form = "joblib"
    return _whole(form, is_whole=tail.endswith(b"."))


def _is_old_pickle(sample: Sample) -> bool:
    """Whether text is a pickle of a protocol without magic: its opcodes can be read."""
    try:
        places = [place for *_, place in islice(pickletools.genops(sample.head), _ENOUGH_OPCODES)]
    except ValueError:
        return False
    if len(places) == _ENOUGH_OPCODES:
        return True
    return places[-1] == sample.size - 1 and inspect_stream(BytesIO(sample.head)).is_whole


def _look_at_onnx(sample: Sample) -> Look | None:
    if not sample.head.startswith(b"\x08") or b"\n" in sample.head[:1]:
        return None
    fields = fields_of(sample.path)
    numbers = {number for number, _, _ in fields.found}
    if not {1, 7} <= numbers and not ({1} <= numbers and fields.is_short):
        return None
    return _whole("onnx", is_whole=not fields.is_short) if numbers <= _MODEL_FIELDS else None


def _is_text(head: bytes) -> bool:
    try:
        head[:1024].decode()
    except UnicodeDecodeError as error:
        return error.end >= len(head[:1024]) and b"\0" not in head[:1024]
    return b"\0" not in head[:1024]


_RECOGNISERS: tuple[Callable[[Sample], Look | None], ...] = (
    _look_at_what_is_no_model,
    _look_at_archive,
    _look_at_boosters,
    _look_at_json,
    _look_at_hdf5,
    _look_at_tensors,
    _look_at_pickle,
    _look_at_onnx,
)
