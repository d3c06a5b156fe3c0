"""A malicious pickle in every place that a loader may look into runs nothing."""

import contextlib
import io
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LinearRegression

from scriptmode import compose
from scriptmode.errors import ScriptmodeError
from scriptmode.models import BUILTINS
from tests.models.tables import NUMBERS, X

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
HEAVY = {"keras", "mlflow", "spacy", "tensorflow", "torch", "transformers"}
OPTIONS: dict[str, dict[str, Any]] = {
    "path": {"file": "*"},
    "torch": {"factory": "tests.models.nets:mlp"},
    "transformers": {"task": "text-classification"},
}


class Evil:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = str(mark)

    def __reduce__(self) -> Any:
        return os.mkdir, (self.mark,)


def zipped(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, raw in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), raw)
    return stream.getvalue()


def joblib_bytes(value: Any, compress: Any) -> bytes:
    stream = io.BytesIO()
    joblib.dump(value, stream, compress=compress)
    return stream.getvalue()


def skops_with(evil: bytes) -> bytes:
    """A skops file that asks for a pickle of its own."""
    stream = io.BytesIO()
    skops.io.dump(LinearRegression().fit(X, NUMBERS), stream)
    with zipfile.ZipFile(stream) as archive:
        schema = json.loads(archive.read("schema.json"))
    schema["content"] = {"__loader__": "JoblibNode", "__class__": "x", "__module__": "y",
                         "content": "evil", "__id__": 1}  # fmt: skip
    return zipped(schema_dot_json=json.dumps(schema).encode(), evil=evil)


def npz_of_objects(evil: Evil) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=True, a=np.array([evil], dtype=object))
    return stream.getvalue()


MAKERS: dict[str, Callable[[Evil], bytes]] = {
    **{f"pickle {n}": lambda evil, n=n: pickle.dumps(evil, n) for n in range(6)},  # type: ignore[misc]
    "joblib": lambda evil: joblib_bytes([evil, X], 0),
    "joblib in zlib": lambda evil: joblib_bytes([evil, X], 3),
    "joblib in xz": lambda evil: joblib_bytes(evil, ("xz", 3)),
    "torch": lambda evil: zipped(m__data_dot_pkl=pickle.dumps(evil, 2), m__version=b"3"),
    "torchscript": lambda evil: zipped(
        m__data_dot_pkl=pickle.dumps(evil, 2),
        m__constants_dot_pkl=pickle.dumps(evil, 2),
        m__code__a_dot_py=b"",
    ),
    "pt2": lambda evil: zipped(
        m__archive_format=b"pt2",
        m__models__model_dot_json=b"{}",
        m__data__sample_inputs__model_dot_pt=pickle.dumps(evil, 2),
    ),
    "keras": lambda evil: zipped(
        config_dot_json=b'{"class_name": "Sequential", "config": {"layers": []}}',
        metadata_dot_json=b'{"keras_version": "3.0.0"}',
        model_dot_weights_dot_h5=pickle.dumps(evil),
    ),
    "skops": lambda evil: skops_with(pickle.dumps(evil)),
    "npz": npz_of_objects,
    "safetensors": lambda evil: len(raw := pickle.dumps(evil)).to_bytes(8, "little") + raw,
    "an XGBoost head": lambda evil: b"{L\0\0\0\0\0\0\0\7learner" + pickle.dumps(evil) + b"}",
}
NAMES = ("model.pkl", "model", "xgboost-model", "model.ubj", "model.txt", "model.cbm",
         "model.onnx", "model.safetensors", "model.pt", "model.pt2", "model.keras", "model.h5",
         "model.skops", "model.joblib", "pytorch_model.bin", "document.json")  # fmt: skip


def loads(loader: str, folder: Path) -> None:
    """Whatever comes of it, but for code of the file."""
    handler = compose(
        loader, options={loader: OPTIONS.get(loader, {})}, predict=lambda model, data, context: data
    )
    with contextlib.suppress(ScriptmodeError):
        handler.model_fn(str(folder))


@pytest.mark.parametrize(
    "loader",
    [pytest.param(each, marks=[pytest.mark.heavy] if each in HEAVY else []) for each in BUILTINS],
)
@pytest.mark.parametrize("what", MAKERS)
@pytest.mark.filterwarnings("ignore")
def test_a_file_runs_nothing_under_any_name(tmp_path: Path, loader: str, what: str) -> None:
    mark, folder = tmp_path / "mark", tmp_path / "model"
    raw = MAKERS[what](Evil(mark))
    for name in NAMES:
        folder.mkdir()
        (folder / name).write_bytes(raw)
        loads(loader, folder)
        assert not mark.exists(), name
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    "loader",
    [pytest.param(each, marks=[pytest.mark.heavy] if each in HEAVY else []) for each in BUILTINS],
)
@pytest.mark.filterwarnings("ignore")
def test_a_folder_runs_nothing(tmp_path: Path, loader: str) -> None:
    mark = tmp_path / "mark"
    evil = pickle.dumps(Evil(mark))
    code = f"import os; os.mkdir({str(mark)!r})".encode()
    for name, files in {
        "mlflow": {
            "MLmodel": b"flavors:\n  python_function:\n    loader_module: evil\n    code: code\n",
            "code/evil.py": code,
            "python_model.pkl": evil,
            "model.pkl": evil,
        },
        "transformers": {
            "config.json": b'{"model_type": "bert", "auto_map": {"AutoModel": "evil.Evil"},'
            b' "architectures": ["BertForSequenceClassification"]}',
            "evil.py": code,
            "pytorch_model.bin": MAKERS["torch"](Evil(mark)),
            "training_args.bin": evil,
            "tokenizer.json": evil,
        },
        "spacy": {
            "config.cfg": b"[nlp]\nlang = 'en'\npipeline = ['evil']\n",
            "meta.json": b'{"lang": "en", "name": "x"}',
            "evil/model": evil,
            "vocab/vectors": evil,
            "__init__.py": code,
        },
        "saved-model": {"saved_model.pb": evil, "variables/variables.index": evil},
    }.items():
        for file, raw in files.items():
            path = tmp_path / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(raw)
        loads(loader, tmp_path / name)
        assert not mark.exists(), name


def test_the_same_file_does_run_once_it_is_trusted_by_name(tmp_path: Path) -> None:
    """Else the tests above would show nothing."""
    mark, folder = tmp_path / "mark", tmp_path / "model"
    folder.mkdir()
    (folder / "model.pkl").write_bytes(MAKERS["pickle 4"](Evil(mark)))
    handler = compose("pickle", trusted=["pickle"])
    with pytest.raises(ScriptmodeError):  # of what is left, which cannot predict
        handler.model_fn(str(folder))
    assert mark.exists()
