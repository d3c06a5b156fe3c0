import hashlib
import json
import pickle
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn.base
import skops.io as sio
import xgboost as xgb
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from scriptmode import (
    DeclarationError,
    Handler,
    ModelLoadError,
    compose,
    compose_from,
)
from scriptmode.errors import UntrustedFormatError
from scriptmode.models.documents import Document
from scriptmode.models.sklearn import Sklearn
from scriptmode.testing import check, invoke

RNG = np.random.default_rng(0)
X = np.round(RNG.normal(5, 3, size=(24, 2)), 3)
Y = (X[:, 0] > 5).astype(int)
SAMPLE = pd.DataFrame(X[:5], columns=["age", "fare"])
MANIFEST = "scriptmode.json"

PARTS: dict[str, Any] = {
    "model": "xgboost",
    "scaler": {"loader": "sklearn", "file": "scaler.skops"},
    "labels": {"loader": "json"},
    "vocab": {"loader": "path", "file": "vocab"},
}


def answer(parts: Any, data: Any, context: Any) -> list[str]:
    assert list(parts) == list(PARTS)
    scores = parts["model"].inplace_predict(parts["scaler"].transform(data))
    words = (parts["vocab"] / "words.txt").read_text().split()
    return [f"{parts['labels'][int(each > 0.5)]} {words[int(each > 0.5)]}" for each in scores]


def declare(**more: Any) -> Handler:
    return compose(PARTS, features=["age", "fare"], predict=answer, **more)


@pytest.fixture
def models(tmp_path: Path) -> dict[str, Any]:
    """What a training script has in its hands."""
    words = tmp_path / "words"
    words.mkdir()
    (words / "words.txt").write_text("nein ja")
    (words / "rare").mkdir()
    (words / "rare" / "words.txt").write_text("")
    scaler = StandardScaler().fit(X)
    matrix = xgb.DMatrix(scaler.transform(X), Y)
    booster = xgb.train({"objective": "binary:logistic", "nthread": 1}, matrix, 3)
    return {"model": booster, "scaler": scaler, "labels": ["no", "yes"], "vocab": words}


@pytest.fixture
def folder(tmp_path: Path, models: dict[str, Any]) -> Path:
    """A folder that the bundle's own handler has saved."""
    declare().save(models, tmp_path / "saved", sample=SAMPLE)
    return tmp_path / "saved"


def expected(models: dict[str, Any]) -> list[str]:
    scores = models["model"].inplace_predict(models["scaler"].transform(X[:5]))
    found = ["yes ja" if each > 0.5 else "no nein" for each in scores]
    assert len(set(found)) == 2
    return found


def ask(handler: Handler, folder: Path) -> Any:
    body = SAMPLE.to_json(orient="records")
    reply = invoke(handler, body, content_type="application/json", model_dir=folder)
    return reply.raise_for_status().json()


def manifest_of(folder: Path) -> Any:
    return json.loads((folder / MANIFEST).read_text())


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {
        MANIFEST
    }


def test_predict_gets_the_parts_by_name(folder: Path, models: dict[str, Any]) -> None:
    handler = declare()
    loaded = handler.model_fn(str(folder))
    assert list(loaded) == list(PARTS)
    assert [type(part) for part in loaded.values()][:3] == [xgb.Booster, StandardScaler, list]
    assert loaded["vocab"].is_dir()
    assert ask(handler, folder) == expected(models)


def test_the_manifest_covers_every_file_of_every_part(folder: Path) -> None:
    manifest = manifest_of(folder)
    found = {name: sorted(part["files"]) for name, part in manifest["artifacts"].items()}
    assert found == {
        "model": ["model/xgboost-model"],
        "scaler": ["scaler/scaler.skops"],
        "labels": ["labels/document.json"],
        "vocab": ["vocab/vocab/rare/words.txt", "vocab/vocab/words.txt"],
    }
    assert {file for files in found.values() for file in files} == files_in(folder)
    loaders = {name: part["loader"] for name, part in manifest["artifacts"].items()}
    assert loaders == {"model": "xgboost", "scaler": "sklearn", "labels": "json", "vocab": "path"}
    assert manifest["artifacts"]["vocab"]["format"] == "folder"
    assert manifest["artifacts"]["labels"]["version"] is None
    assert manifest["features"] == ["age", "fare"]
    assert check(declare(), folder) == 5


def test_parts_may_lie_beside_each_other(tmp_path: Path, models: dict[str, Any]) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    (flat / "xgboost-model").write_bytes(models["model"].save_raw("ubj"))
    sio.dump(models["scaler"], flat / "scaler.skops")
    (flat / "anything.json").write_text('["no", "yes"]')
    shutil.copytree(models["vocab"], flat / "vocab")
    assert ask(declare(), flat) == expected(models)


@pytest.mark.parametrize(
    ("part", "file"),
    [
        ("model", "model/xgboost-model"),
        ("scaler", "scaler/scaler.skops"),
        ("labels", "labels/document.json"),
        ("vocab", "vocab/vocab/rare/words.txt"),
    ],
)
def test_a_part_that_was_changed_or_is_missing_is_named(folder: Path, part: str, file: str) -> None:
    path = folder / file
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(ModelLoadError, match=f"of the artefact '{part}' was changed") as error:
        declare().model_fn(str(folder))
    assert str(path) in str(error.value)
    path.unlink()
    with pytest.raises(ModelLoadError, match=f"artefact '{part}' is incomplete") as error:
        declare().model_fn(str(folder))
    assert str(path) in str(error.value)
    (folder / MANIFEST).unlink()
    if part != "vocab":
        with pytest.raises(ModelLoadError, match="no file"):
            declare().model_fn(str(folder))


def test_a_part_that_answers_otherwise_is_caught_by_its_sample(folder: Path) -> None:
    path = folder / "labels" / "document.json"
    path.write_text('["yes", "no"]')
    manifest = manifest_of(folder)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest["artifacts"]["labels"]["files"]["labels/document.json"] = digest
    (folder / MANIFEST).write_text(json.dumps(manifest))
    assert declare().model_fn(str(folder))
    message = r"row 1: expected '(no nein|yes ja)', found '(no ja|yes nein)'"
    with pytest.raises(ModelLoadError, match=message):
        declare(replay=True).model_fn(str(folder))
    with pytest.raises(ModelLoadError, match=message):
        check(declare(), folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: parts.pop("vocab"),
        lambda parts: parts.update(words=parts.pop("vocab")),
        lambda parts: parts.update(more={"loader": "json"}),
        lambda parts: parts.update(scaler="json"),
    ],
)
def test_a_folder_of_other_parts_is_refused(folder: Path, change: Callable[[Any], object]) -> None:
    parts = dict(PARTS)
    change(parts)
    with pytest.raises(ModelLoadError, match=r"was written for .*; the script declares "):
        compose(parts, predict=answer).model_fn(str(folder))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda models: models.pop("scaler"), "['labels', 'model', 'vocab']"),
        (lambda models: models.update(more=1), "['labels', 'model', 'more', 'scaler', 'vocab']"),
        (lambda models: models.clear(), "[]"),
    ],
)
def test_parts_of_other_names_are_not_saved(
    tmp_path: Path, models: dict[str, Any], change: Callable[[Any], object], found: str
) -> None:
    change(models)
    with pytest.raises(DeclarationError) as error:
        declare().save(models, tmp_path / "new")
    assert f"the parts are ['labels', 'model', 'scaler', 'vocab'], not {found}" in str(error.value)
    assert not files_in(tmp_path / "new")
    assert not (tmp_path / "new" / MANIFEST).exists()


def test_a_model_that_is_no_mapping_is_not_saved(tmp_path: Path, models: dict[str, Any]) -> None:
    with pytest.raises(DeclarationError, match=r"the parts are .* not Booster"):
        declare().save(models["model"], tmp_path / "new")


def seen(parts: Any, data: Any, context: Any) -> Any:
    return data


def test_a_path_may_be_a_glob_or_a_folder(tmp_path: Path) -> None:
    (tmp_path / "vocab" / "deep").mkdir(parents=True)
    for name in ("b.txt", "a.txt", ".hidden.txt", "c.csv", "deep/d.txt"):
        (tmp_path / "vocab" / name).write_text(name)

    def load(file: str) -> Any:
        parts = {"words": {"loader": "path", "file": file}}
        return compose(parts, predict=seen).model_fn(str(tmp_path))["words"]

    assert load("vocab/*.txt") == [tmp_path / "vocab" / name for name in ("a.txt", "b.txt")]
    assert load("vocab/*.csv") == [tmp_path / "vocab" / "c.csv"]
    assert load("**/*.txt") == [
        tmp_path / "vocab" / name for name in ("a.txt", "b.txt", "deep/d.txt")
    ]
    assert load("vocab") == tmp_path / "vocab"
    assert load("vocab/deep") == tmp_path / "vocab" / "deep"
    assert load("vocab/c.csv") == tmp_path / "vocab" / "c.csv"
    for absent in ("vocab/*.json", "vocab/e.txt", "*.txt"):
        with pytest.raises(ModelLoadError, match="no file or folder '"):
            load(absent)


def test_a_model_may_be_a_glob_and_must_be_one_file(tmp_path: Path, models: dict[str, Any]) -> None:
    handler = compose({"s": {"loader": "sklearn", "file": "scaler-*.skops"}}, predict=seen)
    sio.dump(models["scaler"], tmp_path / "scaler-1.skops")
    sio.dump(LinearRegression().fit(X, Y), tmp_path / "model.skops")
    assert type(handler.model_fn(str(tmp_path))["s"]) is StandardScaler
    sio.dump(models["scaler"], tmp_path / "scaler-2.skops")
    with pytest.raises(ModelLoadError, match="2 of "):
        handler.model_fn(str(tmp_path))


@pytest.mark.parametrize("loader", ["path", "sklearn", "json", "xgboost"])
def test_a_glob_names_nothing_to_write_to(
    tmp_path: Path, models: dict[str, Any], loader: str
) -> None:
    handler = compose({"part": {"loader": loader, "file": "part*"}}, predict=seen)
    given = {"path": "vocab", "sklearn": "scaler", "json": "labels", "xgboost": "model"}
    with pytest.raises(DeclarationError, match=r"'part\*' is a pattern"):
        handler.save({"part": models[given[loader]]}, tmp_path / "new")


def test_a_saved_folder_holds_what_the_new_one_holds_and_nothing_older(tmp_path: Path) -> None:
    handler = compose({"words": {"loader": "path", "file": "words"}}, predict=seen)
    words = tmp_path / "words"
    words.mkdir()
    for name in ("old.txt", "kept.txt"):
        (words / name).write_text(name)
    handler.save({"words": words}, tmp_path / "saved")
    (words / "old.txt").unlink()
    handler.save({"words": words}, tmp_path / "saved")
    found = handler.model_fn(str(tmp_path / "saved"))["words"]
    assert [path.name for path in found.iterdir()] == ["kept.txt"]


def test_a_folder_that_is_saved_where_it_is_stays(folder: Path, models: dict[str, Any]) -> None:
    handler = declare()
    handler.save(handler.model_fn(str(folder)), folder, sample=SAMPLE)
    assert ask(handler, folder) == expected(models)
    assert check(handler, folder) == 5


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({1: "a"}, "would not be read back equal"),
        (("a", "b"), "would not be read back equal"),
        ([float("nan")], "cannot be written"),
        ({"a", "b"}, "cannot be written"),
        (np.ones(2), "cannot be written"),
    ],
)
def test_a_document_that_json_would_change_is_not_saved(
    tmp_path: Path, document: Any, problem: str
) -> None:
    handler = compose({"labels": "json"}, predict=seen)
    with pytest.raises(DeclarationError, match=rf"document\.json {problem}"):
        handler.save({"labels": document}, tmp_path)
    assert not files_in(tmp_path)


@pytest.mark.parametrize("predict", [None, "label", ["label", "proba"], {"score": "value"}])
def test_a_bundle_cannot_predict_by_itself(predict: Any) -> None:
    with pytest.raises(DeclarationError, match="cannot predict by itself: declare predict="):
        compose(PARTS, predict=predict)


@pytest.mark.parametrize(
    "name",
    ["", "code", ".", "..", ".hidden", "a/b", "/a", "a\\b", "*", "a?", "[a]", MANIFEST, "a\0b"],
)
def test_a_part_has_a_name_that_a_folder_can_have(name: str) -> None:
    with pytest.raises(DeclarationError, match="a part cannot be called") as error:
        compose({name: "json"}, predict=seen)
    assert repr(name) in str(error.value)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "a bundle has at least one part"),
        ({"a": {"file": "a.json"}}, "the part 'a' names no loader"),
        ({"a": {}}, "the part 'a' names no loader"),
        ({"a": "xgbost"}, "did you mean 'xgboost'"),
        ({"a": {"loader": "xgbost"}}, "did you mean 'xgboost'"),
        ({"a": {"loader": "sklearn", "fil": "a.skops"}}, "did you mean 'file'"),
        ({"a": "path"}, "needs file="),
        ({"a": Document}, r"Document is a class: pass an object, Document\(\)"),
        ({"a": 3}, "is not a model loader"),
    ],
)
def test_a_wrong_part_is_found_when_the_script_is_imported(parts: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        compose(parts, predict=seen)


def test_a_predict_function_of_another_shape_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"cannot be called as a function \(model, data"):
        compose(PARTS, predict=lambda parts: parts)


TOML = """
features = ["age", "fare"]
predict = "hooks_of_bundle_test:answer"
replay = true

[model]
model = "xgboost"
scaler = { loader = "sklearn", file = "scaler.skops" }
labels = { loader = "json" }

[model.vocab]
loader = "path"
file = "vocab"
"""


def test_a_bundle_is_declared_in_a_file(
    folder: Path, models: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks: Any = ModuleType("hooks_of_bundle_test")
    hooks.answer = answer
    monkeypatch.setitem(sys.modules, hooks.__name__, hooks)
    (tmp_path / "inference.toml").write_text(TOML)
    handler = compose_from(tmp_path / "inference.py")
    assert ask(handler, folder) == expected(models)
    handler.save(models, tmp_path / "again", sample=SAMPLE)
    assert check(handler, tmp_path / "again") == 5


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('predict = "hooks_of_bundle_test:answr"', "'hooks_of_bundle_test' has no 'answr'"),
        ('predict = "no_such_module_of_test:answer"', "no module named 'no_such_module_of_test'"),
        ('predict = "value"', "cannot predict by itself"),
        ("predict = 3", "predict: "),
    ],
)
def test_a_wrong_declaration_of_a_bundle_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, message: str
) -> None:
    module = ModuleType("hooks_of_bundle_test")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    (tmp_path / "inference.toml").write_text(f'{line}\n[model]\nlabels = "json"\n')
    with pytest.raises(DeclarationError, match=message):
        compose_from(tmp_path / "inference.py")


SCALERS: dict[str, dict[str, Any]] = {
    "every part": {"trusted": ["joblib"]},
    "the part": {},
    "the loader's name": {"options": {"sklearn": {"trusted": ["joblib"]}}},
}


@pytest.mark.parametrize("road", list(SCALERS))
def test_trust_reaches_the_parts(tmp_path: Path, models: dict[str, Any], road: str) -> None:
    (tmp_path / "scaler").mkdir()
    joblib.dump(models["scaler"], tmp_path / "scaler" / "scaler.joblib")
    (tmp_path / "xgboost-model").write_bytes(models["model"].save_raw("ubj"))
    untrusting: dict[str, Any] = {"model": "xgboost", "scaler": "sklearn"}
    with pytest.raises(UntrustedFormatError, match=r"scaler\.joblib holds joblib"):
        compose(untrusting, predict=seen).model_fn(str(tmp_path))
    parts = dict(untrusting)
    if road == "the part":
        parts["scaler"] = {"loader": "sklearn", "trusted": ["joblib"]}
    loaded = compose(parts, predict=seen, **SCALERS[road]).model_fn(str(tmp_path))
    assert type(loaded["scaler"]) is StandardScaler


def test_trust_in_everything_is_added_to_that_in_one_part(
    tmp_path: Path, models: dict[str, Any]
) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(models["model"]))
    tree = DecisionTreeRegressor(max_depth=2).fit(X, Y)
    sio.dump(tree, tmp_path / "tree.skops")
    part = {"loader": "sklearn", "file": "tree.skops", "trusted": ["sklearn.tree._tree.Tree"]}
    parts: dict[str, Any] = {"model": "xgboost", "tree": part}
    loaded = compose(parts, predict=seen, trusted=["pickle"]).model_fn(str(tmp_path))
    np.testing.assert_array_equal(loaded["tree"].predict(X), tree.predict(X))


def test_the_policy_for_versions_reaches_the_parts(
    tmp_path: Path, models: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sklearn.base, "__version__", "0.24.2")
        sio.dump(models["scaler"], tmp_path / "scaler.skops")
    parts: dict[str, Any] = {"scaler": PARTS["scaler"]}
    with pytest.raises(ModelLoadError, match=r"was written by sklearn 0\.24\.2"):
        compose(parts, predict=seen).model_fn(str(tmp_path))
    with pytest.warns(RuntimeWarning, match=r"was written by sklearn 0\.24\.2"):
        compose(parts, predict=seen, versions="warn").model_fn(str(tmp_path))
    for handler in (
        compose(parts, predict=seen, versions="ignore"),
        compose({"scaler": {**PARTS["scaler"], "versions": "ignore"}}, predict=seen),
        compose({"scaler": Sklearn("scaler.skops", versions="ignore")}, predict=seen),
        compose(parts, predict=seen, options={"sklearn": {"versions": "ignore"}}),
    ):
        assert handler.model_fn(str(tmp_path))


def test_a_handler_of_a_bundle_can_be_sent_to_another_process(
    folder: Path, tmp_path: Path, models: dict[str, Any]
) -> None:
    handler = pickle.loads(pickle.dumps(declare(replay=True)))
    assert ask(handler, folder) == expected(models)
    handler.save(models, tmp_path / "again", sample=SAMPLE)
    assert files_in(tmp_path / "again") == files_in(folder)


def add(parts: Any, data: Any, context: Any) -> Any:
    return np.asarray(data)[:, 0] + parts["number"]


def multiply(parts: Any, data: Any, context: Any) -> Any:
    return np.asarray(data)[:, 0] * parts["number"]


def test_bundles_of_one_process_do_not_mix(tmp_path: Path) -> None:
    handlers = [
        compose({"number": "json"}, predict=add, features=["a", "b"]),
        compose({"number": "json"}, predict=multiply, features=["b", "a"]),
    ]
    for number in (10, 100):
        handlers[0].save({"number": number}, tmp_path / f"add-{number}")
        handlers[1].save({"number": number}, tmp_path / f"multiply-{number}")
    loaded = [
        (handler, handler.model_fn(str(tmp_path / f"{name}-{number}")), answer)
        for handler, name, number, answer in (
            (handlers[0], "add", 10, 13.0),
            (handlers[1], "multiply", 10, 40.0),
            (handlers[0], "add", 100, 103.0),
            (handlers[1], "multiply", 100, 400.0),
        )
    ]
    row = pd.DataFrame({"a": [3.0], "b": [4.0]})

    def answers_right(index: int) -> bool:
        handler, models, expected = loaded[index % len(loaded)]
        return bool(handler.predict_fn(row, models)[0] == expected)

    assert all(map(answers_right, range(40)))
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(answers_right, range(400)))
