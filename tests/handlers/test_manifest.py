import copy
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pytest
import sklearn
import xgboost as xgb
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from scriptmode import DeclarationError, Handler, ModelLoadError, compose
from scriptmode.handlers.golden import read_sample, write_sample
from scriptmode.handlers.manifest import Golden
from scriptmode.testing import check
from scriptmode.values import Table
from tests.serializers.strategies import Matrix, matrices

RNG = np.random.default_rng(0)
X = np.round(RNG.normal(size=(24, 3)), 3)
Y = (X[:, 0] > 0).astype(int)
NAMES = ["age", "fare", "size"]
FRAME = pd.DataFrame(X, columns=NAMES)
MIXED = pd.DataFrame({"colour": ["red", "blue", "green"] * 8, "size": X[:, 2]})

MANIFEST = "scriptmode.json"
FRAMEWORKS = pytest.mark.parametrize("framework", ["xgboost", "sklearn"])
FILES = {"xgboost": "xgboost-model", "sklearn": "model.skops"}
INSTALLED = {"xgboost": xgb.__version__, "sklearn": sklearn.__version__}


def booster(rounds: int = 3, names: list[str] | None = NAMES) -> Any:
    parameters = {"objective": "binary:logistic", "max_depth": 2, "nthread": 1}
    return xgb.train(parameters, xgb.DMatrix(X, Y, feature_names=names), rounds)


def classifier(strength: float = 1.0) -> Any:
    return LogisticRegression(C=strength).fit(FRAME, np.where(Y, "yes", "no"))


def fitted(framework: str) -> Any:
    return booster() if framework == "xgboost" else classifier()


def save(framework: str, folder: Path, sample: Any = None) -> Handler:
    handler = compose(framework, replay=sample is not None)
    handler.save(fitted(framework), folder, sample=sample)
    return handler


def manifest_of(folder: Path) -> Any:
    return json.loads((folder / MANIFEST).read_text("utf-8"))


def edit(folder: Path, change: Callable[[Any], object]) -> None:
    manifest = manifest_of(folder)
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest), "utf-8")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Sums:
    """Adds a row up, from a number in a file."""

    name = "sums"

    def load(self, model_dir: Path) -> float:
        return float((model_dir / "sums.txt").read_text())

    def predict(self, model: float, data: Any) -> Any:
        return np.asarray(data).sum(axis=1) + model

    def save(self, model: float, model_dir: Path) -> Path:
        (model_dir / "sums.txt").write_text(str(model))
        return model_dir / "sums.txt"


class SumsInAFolder(Sums):
    def save(self, model: float, model_dir: Path) -> Path:
        return super().save(model, model_dir).parent


class ReadOnly:
    name = "read-only"

    def load(self, model_dir: Path) -> str:
        return "model"

    def predict(self, model: str, data: Any) -> Any:
        return data


@FRAMEWORKS
def test_what_was_saved_is_loaded_and_answers_alike(tmp_path: Path, framework: str) -> None:
    folder = tmp_path / "not" / "there" / "yet"
    handler, model = compose(framework, replay=True), fitted(framework)
    assert handler.save(model, str(folder), sample=FRAME.head(4)) == folder / MANIFEST
    loaded = handler.model_fn(str(folder))
    expected, found = (handler.predict_fn(FRAME, each) for each in (model, loaded))
    np.testing.assert_array_equal(found, expected)
    assert check(handler, folder) == 4
    assert check(handler, str(folder)) == 4


@FRAMEWORKS
def test_the_manifest_tells_what_the_folder_holds(tmp_path: Path, framework: str) -> None:
    save(framework, tmp_path)
    manifest, file = manifest_of(tmp_path), FILES[framework]
    assert manifest["manifest"] == 1
    assert manifest["artifacts"]["model"] == {
        "loader": framework,
        "format": file.rpartition(".")[2],
        "library": framework,
        "version": INSTALLED[framework],
        "files": {file: sha256(tmp_path / file)},
    }
    assert manifest["features"] == NAMES
    assert manifest["classes"] == ([0, 1] if framework == "xgboost" else ["no", "yes"])
    assert manifest["objective"] in ("binary:logistic", "LogisticRegression")
    assert manifest["golden"] is None
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([MANIFEST, file])


@FRAMEWORKS
def test_a_changed_byte_is_refused_with_both_digests(tmp_path: Path, framework: str) -> None:
    handler = save(framework, tmp_path)
    path = tmp_path / FILES[framework]
    expected, raw = sha256(path), bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ModelLoadError) as error:
        handler.model_fn(str(tmp_path))
    for part in (str(path), expected, sha256(path), "changed"):
        assert part in str(error.value)


@FRAMEWORKS
def test_a_removed_file_is_named(tmp_path: Path, framework: str) -> None:
    handler = save(framework, tmp_path)
    path = tmp_path / FILES[framework]
    path.unlink()
    with pytest.raises(ModelLoadError, match="is missing") as error:
        handler.model_fn(str(tmp_path))
    assert str(path) in str(error.value)
    path.mkdir()
    with pytest.raises(ModelLoadError, match="is missing"):
        handler.model_fn(str(tmp_path))


def test_a_folder_of_another_loader_is_refused(tmp_path: Path) -> None:
    save("xgboost", tmp_path)
    with pytest.raises(ModelLoadError, match=r"for model: xgboost; .* declares model: sklearn"):
        compose("sklearn").model_fn(str(tmp_path))


def test_a_folder_of_another_part_name_is_refused(tmp_path: Path) -> None:
    save("xgboost", tmp_path)
    other = compose({"booster": "xgboost"}, predict=lambda model, data, context: data)
    with pytest.raises(ModelLoadError, match=r"for model: xgboost; .* declares booster: xgboost"):
        other.model_fn(str(tmp_path))


def test_a_file_that_the_manifest_does_not_list_is_not_served(tmp_path: Path) -> None:
    compose("xgboost", options={"xgboost": {"file": "a.ubj"}}).save(booster(), tmp_path)
    (tmp_path / "b.ubj").write_bytes(booster(1).save_raw("ubj"))
    handler = compose("xgboost", options={"xgboost": {"file": "b.ubj"}})
    with pytest.raises(ModelLoadError, match=r"b\.ubj"):
        handler.model_fn(str(tmp_path))


@pytest.mark.parametrize("raw", [b"", b"no JSON", b"[]", b"null", b'{"manifest": 1', b"\xff\xfe"])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, raw: bytes) -> None:
    handler = save("xgboost", tmp_path)
    (tmp_path / MANIFEST).write_bytes(raw)
    with pytest.raises(ModelLoadError, match="is no manifest that this release can read") as error:
        handler.model_fn(str(tmp_path))
    assert str(tmp_path / MANIFEST) in str(error.value)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda manifest: manifest.update(manifest=2), "manifest: "),
        (lambda manifest: manifest.update(signature="abc"), "signature: "),
        (lambda manifest: manifest["artifacts"]["model"].update(size=3), "artifacts.model.size: "),
        (lambda manifest: manifest.pop("artifacts"), "artifacts: "),
        (lambda manifest: manifest["artifacts"]["model"].update(files=[]), "artifacts.model.files"),
        (lambda manifest: manifest.update(golden={"data": [[1]]}), "golden.prediction: "),
    ],
)
def test_a_manifest_of_another_form_is_refused_with_the_place(
    tmp_path: Path, change: Callable[[Any], object], place: str
) -> None:
    handler = save("xgboost", tmp_path)
    edit(tmp_path, change)
    with pytest.raises(ModelLoadError, match="that this release can read") as error:
        handler.model_fn(str(tmp_path))
    assert place in str(error.value)


def other_releases(installed: str) -> tuple[str, str]:
    major, minor = map(int, installed.split(".")[:2])
    return f"{major + 1}.{minor}.0", f"{major}.{minor + 1}.0"


@FRAMEWORKS
@pytest.mark.parametrize("later", ["major", "minor"])
def test_an_artefact_of_a_later_release_is_refused_unless_declared(
    tmp_path: Path, framework: str, later: str
) -> None:
    save(framework, tmp_path)
    version = other_releases(INSTALLED[framework])[later == "minor"]
    edit(tmp_path, lambda manifest: manifest["artifacts"]["model"].update(version=version))
    expected = f"expected {framework} {version.rpartition('.')[0]}"
    with pytest.raises(ModelLoadError, match=expected) as error:
        compose(framework).model_fn(str(tmp_path))
    for part in (str(tmp_path / FILES[framework]), version, f"found {INSTALLED[framework]}"):
        assert part in str(error.value)
    with pytest.warns(RuntimeWarning, match=expected) as caught:
        assert compose(framework, versions="warn").model_fn(str(tmp_path))
    assert len(caught) == 1
    assert compose(framework, versions="ignore").model_fn(str(tmp_path))


@FRAMEWORKS
@pytest.mark.parametrize("what", ["features", "classes"])
def test_columns_or_classes_in_another_order_are_refused(
    tmp_path: Path, framework: str, what: str
) -> None:
    handler = save(framework, tmp_path)
    edit(tmp_path, lambda manifest: manifest[what].reverse())
    with pytest.raises(ModelLoadError, match=f"expected the {what}") as error:
        handler.model_fn(str(tmp_path))
    saved = manifest_of(tmp_path)[what]
    assert f"expected the {what} {saved}, found {saved[::-1]}" in str(error.value)


def test_features_declared_in_another_order_than_saved_are_refused(tmp_path: Path) -> None:
    compose("xgboost", features=NAMES).save(booster(names=None), tmp_path)
    assert compose("xgboost", features=NAMES).model_fn(str(tmp_path))
    with pytest.raises(ModelLoadError, match="expected the features"):
        compose("xgboost", features=NAMES[::-1]).model_fn(str(tmp_path))


@pytest.mark.parametrize(
    "labels",
    [[7, 3], [True, False], ["b", "a"], [2.0, 1.0], ["2021-01-01", "2020-01-01"]],
)
def test_classes_of_any_type_are_read_back_equal(tmp_path: Path, labels: list[Any]) -> None:
    is_date = labels[0] == "2021-01-01"
    classes = np.array(labels, dtype="datetime64[D]" if is_date else None)
    handler = compose("sklearn")
    handler.save(LogisticRegression().fit(X, classes[Y]), tmp_path)
    assert handler.model_fn(str(tmp_path)).classes_.tolist() == sorted(classes.tolist())


def test_two_saves_of_equal_boosters_are_equal_to_the_byte(tmp_path: Path) -> None:
    framework = "xgboost"  # skops writes the addresses of objects
    model = fitted(framework)
    for name, each in (("one", model), ("two", copy.deepcopy(model))):
        compose(framework).save(each, tmp_path / name, sample=FRAME.head(3))
    for file in (FILES[framework], MANIFEST):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_loader_that_writes_a_folder_can_save_twice(tmp_path: Path) -> None:
    handler = compose(SumsInAFolder())
    for model in (1.0, 2.0):
        handler.save(model, tmp_path)
        assert handler.model_fn(str(tmp_path)) == model


def replace_artefact(framework: str, folder: Path) -> None:
    """Another model under a digest that agrees: only its answers tell."""
    other = booster(1) if framework == "xgboost" else classifier(1e-3)
    compose(framework).save(other, folder / "other")
    path = folder / FILES[framework]
    path.write_bytes((folder / "other" / path.name).read_bytes())
    edit(
        folder,
        lambda manifest: manifest["artifacts"]["model"]["files"].update({path.name: sha256(path)}),
    )


@FRAMEWORKS
def test_a_replaced_artefact_with_its_digest_corrected_is_caught_by_replay(
    tmp_path: Path, framework: str
) -> None:
    declared: Any = {"predict": "proba"}
    compose(framework, **declared).save(fitted(framework), tmp_path, sample=FRAME.head(5))
    replace_artefact(framework, tmp_path)
    message = r"answered otherwise: row 1, item 1: expected 0\.\d+, found 0\.\d+"
    with pytest.raises(ModelLoadError, match=message):
        compose(framework, replay=True, **declared).model_fn(str(tmp_path))
    with pytest.raises(ModelLoadError, match=message):
        check(compose(framework, **declared), tmp_path)
    assert compose(framework, **declared).model_fn(str(tmp_path))


def test_replay_names_the_only_row_that_is_answered_otherwise(tmp_path: Path) -> None:
    handler = compose(Sums(), replay=True)
    handler.save(0.0, tmp_path, sample=[[1, 2], [3, 4], [5, 6]])
    edit(tmp_path, lambda manifest: manifest["golden"]["prediction"].__setitem__(1, 7.5))
    with pytest.raises(ModelLoadError, match=r": row 2: expected 7\.5, found 7(\.0)?$"):
        handler.model_fn(str(tmp_path))


def test_replay_says_when_the_count_of_answers_differs(tmp_path: Path) -> None:
    handler = compose(Sums(), replay=True)
    handler.save(0.0, tmp_path, sample=[[1, 2], [3, 4]])
    edit(tmp_path, lambda manifest: manifest["golden"]["prediction"].append(0.0))
    with pytest.raises(ModelLoadError, match="expected 3 items, found 2 items"):
        handler.model_fn(str(tmp_path))


@pytest.mark.parametrize(("factor", "is_alike"), [(1 + 1e-6, True), (1 + 1e-4, False)])
def test_replay_allows_what_another_processor_changes(
    tmp_path: Path, *, factor: float, is_alike: bool
) -> None:
    handler = compose(Sums(), replay=True)
    handler.save(0.0, tmp_path, sample=[[1, 2], [3, 4]])
    edit(tmp_path, lambda manifest: manifest["golden"]["prediction"].__setitem__(0, 3 * factor))
    if is_alike:
        assert handler.model_fn(str(tmp_path)) == 0.0
    else:
        with pytest.raises(ModelLoadError, match="row 1"):
            handler.model_fn(str(tmp_path))


def test_replay_tells_whole_labels_apart_however_large(tmp_path: Path) -> None:
    handler = compose("sklearn", replay=True)
    labels = np.array([200_001, 200_002])
    handler.save(LogisticRegression().fit(X, labels[Y]), tmp_path, sample=X[:3])
    edit(
        tmp_path,
        lambda manifest: manifest["golden"].update(
            prediction=[sum(labels.tolist()) - each for each in manifest["golden"]["prediction"]]
        ),
    )
    with pytest.raises(ModelLoadError, match="answered otherwise: row 1: expected 20000"):
        handler.model_fn(str(tmp_path))


def test_replay_is_refused_without_a_manifest_or_a_sample(tmp_path: Path) -> None:
    handler = compose("xgboost", replay=True)
    handler.save(booster(), tmp_path)
    for ask in (lambda: handler.model_fn(str(tmp_path)), lambda: check(handler, tmp_path)):
        with pytest.raises(ModelLoadError, match="has no golden sample: save with sample="):
            ask()
    (tmp_path / MANIFEST).unlink()
    for ask in (lambda: handler.model_fn(str(tmp_path)), lambda: check(handler, tmp_path)):
        with pytest.raises(ModelLoadError, match=f"there is no {MANIFEST} in"):
            ask()
    assert compose("xgboost").model_fn(str(tmp_path))


@pytest.mark.parametrize("data", ["text", [], [[1.0, 2.0]], [{"age": 1.0}], [["a", "b", "c"]]])
def test_a_sample_that_cannot_be_asked_any_more_is_the_folders_fault(
    tmp_path: Path, data: Any
) -> None:
    handler = save("xgboost", tmp_path, FRAME.head(2))
    edit(tmp_path, lambda manifest: manifest["golden"].update(data=data))
    with pytest.raises(ModelLoadError):
        handler.model_fn(str(tmp_path))


def test_check_holds_hand_written_scripts_to_the_digests_too(tmp_path: Path) -> None:
    handler = compose(Sums())
    handler.save(1.0, tmp_path, sample=[[1, 2]])

    def model_fn(model_dir: str, context: Any = None) -> float:
        return float((Path(model_dir) / "sums.txt").read_text())

    by_hand = handler._replace(model_fn=model_fn)
    assert check(by_hand, tmp_path) == 1
    (tmp_path / "sums.txt").write_text("1.00")
    with pytest.raises(ModelLoadError, match="changed"):
        check(by_hand, tmp_path)


def pipeline() -> Any:
    encode = make_column_transformer((OneHotEncoder(), ["colour"]), remainder="passthrough")
    return make_pipeline(encode, LinearRegression()).fit(MIXED, Y)


def test_a_sample_of_text_and_numbers_is_kept_with_its_predictions(tmp_path: Path) -> None:
    handler, model, sample = compose("sklearn", replay=True), pipeline(), MIXED.head(3)
    handler.save(model, tmp_path, sample=sample)
    golden = manifest_of(tmp_path)["golden"]
    pd.testing.assert_frame_equal(read_sample(golden["data"]), sample)
    assert golden["prediction"] == model.predict(sample).tolist()
    assert handler.model_fn(str(tmp_path))


def test_missing_cells_of_a_sample_stay_missing(tmp_path: Path) -> None:
    sample = pd.DataFrame(
        {"colour": ["red", None, "blue"], "size": [0.5, np.nan, 2], "count": pd.array([1, None, 3])}
    )
    seen: list[pd.DataFrame] = []

    def count_missing(model: Any, data: Any, context: Any) -> Any:
        seen.append(data)
        return data.isna().sum(axis=1).to_numpy()

    handler = compose(Sums(), features=list(sample.columns), predict=count_missing, replay=True)
    handler.save(0.0, tmp_path, sample=sample)
    assert manifest_of(tmp_path)["golden"]["prediction"] == [0, 3, 0]
    handler.model_fn(str(tmp_path))
    assert all(frame["colour"].notna().tolist() == [True, False, True] for frame in seen)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i4", "?"])
def test_arrays_of_any_width_are_asked_again_as_they_were(tmp_path: Path, dtype: str) -> None:
    sample = np.where(np.arange(6).reshape(2, 3) % 2, 0.1, 1e-4).astype(dtype)
    handler, model = compose("xgboost", replay=True), booster(names=None)
    handler.save(model, tmp_path, sample=sample)
    golden = manifest_of(tmp_path)["golden"]
    np.testing.assert_array_equal(read_sample(golden["data"]), sample.astype("f8"))
    expected = model.inplace_predict(sample.astype("f8"))
    np.testing.assert_array_equal(np.array(golden["prediction"], "f4"), expected)
    assert handler.model_fn(str(tmp_path))


@pytest.mark.parametrize(
    "sample",
    [X[:1], X[0], X[:1].tolist(), FRAME.head(1), Table(NAMES, X[:1]), X[:1].astype("f4")],
    ids=["matrix", "flat", "lists", "frame", "table", "float32"],
)
def test_a_sample_of_one_row_is_one_row(tmp_path: Path, sample: Any) -> None:
    handler = compose("xgboost", replay=True)
    handler.save(booster(), tmp_path, sample=sample)
    assert len(manifest_of(tmp_path)["golden"]["prediction"]) == 1
    assert check(handler, tmp_path) == 1


def test_a_data_frame_without_names_is_a_sample_as_it_is_a_request(tmp_path: Path) -> None:
    sample, model, handler = pd.DataFrame(X[:2]), booster(names=None), compose("xgboost")
    assert len(handler.predict_fn(sample, model)) == 2
    handler.save(model, tmp_path, sample=sample)
    assert check(handler, tmp_path) == 2


def test_a_sample_has_1_to_1000_rows(tmp_path: Path) -> None:
    handler = compose(Sums())
    for count in (0, 1001):
        with pytest.raises(DeclarationError, match=f"has {count} rows: give 1 to 1000"):
            handler.save(0.0, tmp_path, sample=np.ones((count, 2)))
    handler.save(0.0, tmp_path, sample=np.ones((1000, 2)))
    assert check(handler, tmp_path) == 1000


@pytest.mark.parametrize("sample", ["text", 3, b"1,2", {}, object(), [[1, 2], [3]], [[1j]]])
def test_a_sample_that_is_no_table_is_refused(tmp_path: Path, sample: Any) -> None:
    with pytest.raises(DeclarationError, match="the sample"):
        compose(Sums()).save(0.0, tmp_path, sample=sample)
    assert not (tmp_path / MANIFEST).exists()


@pytest.mark.parametrize("cell", [np.inf, -np.inf])
@pytest.mark.parametrize("form", [np.array, pd.DataFrame, lambda rows: Table("ab", np.array(rows))])
def test_infinity_in_a_sample_is_refused_or_kept_exactly(
    cell: float, form: Callable[[Any], Any]
) -> None:
    rows = [[1.0, cell], [3.0, 4.0]]
    try:
        data = write_sample(form(rows))
    except DeclarationError:
        return
    np.testing.assert_array_equal(np.asarray(read_sample(data)), rows)


SCRIPT_WITH_LOCAL_CLASSES = """
import sys
from pathlib import Path
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from scriptmode import DeclarationError, compose

class Local(BaseEstimator):
    def fit(self, X, y=None):
        return self
    def predict(self, X):
        return X[:, 0]
    def transform(self, X):
        return X

class Subclassed(LinearRegression):
    pass

class Outer:
    class Inner(Local):
        pass

def double(X):
    return X * 2

X, y = np.array([[1.0], [2.0], [3.0]]), [1.0, 2.0, 3.0]
MODELS = {
    "function": make_pipeline(FunctionTransformer(double), LinearRegression()).fit(X, y),
    "lambda": make_pipeline(FunctionTransformer(lambda X: X), LinearRegression()).fit(X, y),
    "estimator": Local(),
    "inner": Outer.Inner(),
    "subclass": Subclassed().fit(X, y),
    "step": make_pipeline(Local(), LinearRegression()).fit(X, y),
    "plain": LinearRegression().fit(X, y),
}
for name, model in MODELS.items():
    folder = Path(sys.argv[1]) / name
    try:
        compose("sklearn").save(model, folder)
        outcome = "saved"
    except DeclarationError as error:
        outcome = str(error)
    print(name, sorted(path.name for path in folder.glob("*")), outcome, sep="|")
    try:
        compose({"part": "sklearn"}, predict=print).save({"part": model}, folder / "bundle")
        outcome = "saved"
    except DeclarationError as error:
        outcome = str(error)
    print(f"{name} in a bundle", [], outcome, sep="|")
"""


def test_what_lives_in_the_script_that_runs_is_refused(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT_WITH_LOCAL_CLASSES)
    command = [sys.executable, str(script), str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    outcomes = [line.split("|") for line in result.stdout.splitlines()]
    assert len(outcomes) == 14
    for name, files, outcome in outcomes:
        if name.startswith("plain"):
            assert outcome == "saved"
        else:
            assert "__main__" in outcome, name
            assert "no other process can import" in outcome
            assert files == "[]"


def test_a_loader_that_cannot_write_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="the loader 'read-only' cannot write a model"):
        compose(ReadOnly()).save("model", tmp_path)
    with pytest.raises(DeclarationError, match="reader: the loader 'read-only' cannot write"):
        compose({"reader": ReadOnly()}, predict=print).save({"reader": "model"}, tmp_path)


def test_a_hand_written_model_fn_declares_nothing_to_save_by(tmp_path: Path) -> None:
    module = ModuleType("by_hand_of_test")
    exec("def model_fn(model_dir): return 'model'", vars(module))
    for handler in (Handler.of(module), compose(Sums())._replace(model_fn=module.model_fn)):
        with pytest.raises(DeclarationError, match="model_fn is written by hand"):
            handler.save("model", tmp_path)
    assert not list(tmp_path.iterdir())


class Passenger(BaseModel):
    age: Annotated[float, Field(ge=0)]
    fare: float
    size: float | None = None


@pytest.mark.parametrize(
    ("features", "sample", "message"),
    [
        (None, FRAME[["age", "fare"]], "the sample: missing column 'size'"),
        (None, FRAME.assign(extra=1.0), "the sample: unexpected column 'extra'"),
        (None, X[:, :2], "the sample: the model has 3 features"),
        (Passenger, [[-1.0, 2.0, 3.0]], 'the sample: row 1, field "age": -1 is less than 0'),
        (Passenger, [[1.0, None, 3.0]], 'the sample: row 1, field "fare": is missing'),
    ],
)
def test_a_sample_that_contradicts_the_features_is_refused(
    tmp_path: Path, features: Any, sample: Any, message: str
) -> None:
    with pytest.raises(DeclarationError, match=message):
        compose("xgboost", features=features).save(booster(), tmp_path, sample=sample)
    assert not (tmp_path / MANIFEST).exists()


def test_a_declaration_that_contradicts_the_model_cannot_save_it(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="the model was trained on"):
        compose("xgboost", features=NAMES[::-1]).save(booster(), tmp_path)
    assert not (tmp_path / MANIFEST).exists()


def with_hooks(factor: float) -> Handler:
    def before(data: Any, context: Any) -> Any:
        assert data.names == ("raw",)
        return np.column_stack([data["raw"] * power for power in (1, 2, 3)])

    def after(prediction: Any, context: Any) -> Any:
        return [{"score": float(each) * factor} for each in prediction]

    return compose("xgboost", before=before, after=after, replay=True)


def test_a_sample_passes_the_hooks_when_it_is_kept_and_when_it_is_replayed(tmp_path: Path) -> None:
    sample = pd.DataFrame({"raw": [0.5, -1.0]})
    with_hooks(100).save(booster(), tmp_path, sample=sample)
    golden = manifest_of(tmp_path)["golden"]
    assert golden["data"] == [{"raw": 0.5}, {"raw": -1.0}]
    scores = booster(names=None).inplace_predict(np.array([[0.5, 1, 1.5], [-1, -2, -3.0]]))
    assert [row["score"] for row in golden["prediction"]] == [float(each) * 100 for each in scores]
    assert with_hooks(100).model_fn(str(tmp_path))
    with pytest.raises(ModelLoadError, match=r"row 1, score: expected \d+\.\d+, found 0\.\d+"):
        with_hooks(1).model_fn(str(tmp_path))


def test_a_hook_that_answers_what_json_cannot_carry_is_refused(tmp_path: Path) -> None:
    handler = compose(Sums(), after=lambda prediction, context: [object() for _ in prediction])
    with pytest.raises(DeclarationError, match="the manifest cannot keep the prediction"):
        handler.save(0.0, tmp_path, sample=[[1, 2]])
    assert not (tmp_path / MANIFEST).exists()


def through_the_file(sample: Any) -> Any:
    golden = Golden(data=write_sample(sample), prediction=None)
    return read_sample(Golden.model_validate_json(golden.model_dump_json()).data)


def bits(values: Any) -> list[Any]:
    """Cells that compare equal only where every bit does; one NaN is as good as another."""
    flat = np.asarray(values, dtype=np.float64)
    return list(np.where(np.isnan(flat), np.nan, flat).view(np.uint64).tolist())


@given(matrices(allow_infinity=False), st.sampled_from([np.float64, np.float32]))
def test_any_matrix_is_kept_to_the_bit(cells: Matrix, dtype: type) -> None:
    with np.errstate(over="ignore"):
        sample: Any = cells.astype(dtype)
    sample[np.isinf(sample)] = np.nan
    found = through_the_file(sample)
    assert found.dtype == np.float64
    assert bits(found) == bits(sample)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
NUMBERS = st.floats(allow_infinity=False) | st.floats(allow_infinity=False, width=32)


@st.composite
def frames(draw: st.DrawFn) -> tuple[pd.DataFrame, list[bool]]:
    """A data frame, and which of its columns are text."""
    names = draw(st.lists(TEXT, min_size=1, max_size=4, unique=True))
    kinds = [draw(st.booleans()) for _ in names]
    rows = draw(st.integers(1, 4))
    columns: list[pd.Series[Any]] = []
    for is_text in kinds:
        cells: Any = TEXT | st.none() if is_text else NUMBERS
        drawn = draw(st.lists(cells, min_size=rows, max_size=rows))
        columns.append(pd.Series(drawn, dtype=object if is_text else np.float64))
    return pd.concat(columns, axis=1, keys=names), kinds


@given(frames())
def test_any_frame_of_numbers_and_text_is_kept_to_the_bit(
    drawn: tuple[pd.DataFrame, list[bool]],
) -> None:
    frame, kinds = drawn
    found = through_the_file(frame)
    if isinstance(found, Table):
        found = found.to_pandas()
    assert list(found.columns) == list(frame.columns)
    for index, is_text in enumerate(kinds):
        expected, kept = frame.iloc[:, index], found.iloc[:, index]
        if is_text:
            texts = [
                [None if pd.isna(cell) else cell for cell in column] for column in (expected, kept)
            ]
            assert texts[0] == texts[1]
        else:
            assert bits(kept) == bits(expected)


def test_an_object_of_another_kind_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"'xgboost' cannot write a builtins\.dict"):
        compose("xgboost").save({"a": 1}, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("earlier", [True, False])
def test_what_is_not_proved_does_not_take_its_place(tmp_path: Path, *, earlier: bool) -> None:
    handler = compose("xgboost")
    if earlier:
        handler.save(booster(2), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def refuse(folder: Path) -> None:
        assert (folder / MANIFEST).exists()
        raise ModelLoadError(f"{folder}/xgboost-model is not good enough")

    with pytest.raises(ModelLoadError) as caught:
        handler.save(booster(3), tmp_path, prove=refuse)
    assert str(caught.value) == f"{tmp_path}/xgboost-model is not good enough"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
