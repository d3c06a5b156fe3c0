"""Everything an estimator can be asked for, against its own methods."""

import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

from scriptmode import compose
from scriptmode.errors import DeclarationError, ModelLoadError, UnknownNameError
from scriptmode.models.base import OUTPUTS
from scriptmode.models.sklearn import Sklearn
from scriptmode.testing import invoke

RNG = np.random.default_rng(3)
X = np.round(RNG.normal(size=(36, 3)), 3)
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])
SCORE = X @ [1.0, -2.0, 0.5]
BINARY = (SCORE > 0).astype(int)
CLASSES = np.digitize(SCORE, [-1.0, 1.0])
WORDS = np.array(["red", "green", "blue"])[CLASSES]
# scikit-learn 1.2 keeps the loss of boosting as an object.
LOSSES = ("MultinomialDeviance", "BinomialDeviance", "LeastSquaresError")
TRUSTED = ["sklearn.tree._tree.Tree", *(f"sklearn.ensemble._gb_losses.{each}" for each in LOSSES)]

# GradientBoosting*.apply hands the columns' names on to trees that were fitted without.
pytestmark = pytest.mark.filterwarnings("ignore:X has feature names, but DecisionTreeRegressor")

METHODS = {
    "value": "predict",
    "label": "predict",
    "proba": "predict_proba",
    "margin": "decision_function",
    "leaf": "apply",
    "transform": "transform",
}
ESTIMATORS: dict[str, tuple[Any, Any, str]] = {
    "logistic": (LogisticRegression(), BINARY, "value label proba margin"),
    "logistic of words": (LogisticRegression(), WORDS, "value label proba margin"),
    "logistic of truth": (LogisticRegression(), BINARY > 0, "value label proba margin"),
    "linear": (LinearRegression(), SCORE, "value"),
    "linear of two": (LinearRegression(), np.column_stack([SCORE, -SCORE]), "value"),
    "forest": (RandomForestClassifier(4, random_state=0), CLASSES, "value label proba leaf"),
    "forest of words": (RandomForestClassifier(4, random_state=0), WORDS, "value label proba leaf"),
    "regression forest": (RandomForestRegressor(4, random_state=0), SCORE, "value leaf"),
    "tree": (DecisionTreeClassifier(random_state=0), BINARY, "value label proba leaf"),
    "svc": (SVC(), BINARY, "value label margin"),
    "svc of words": (SVC(decision_function_shape="ovo"), WORDS, "value label margin"),
    "svr": (SVR(), SCORE, "value"),
    "boosting": (
        GradientBoostingClassifier(n_estimators=4, random_state=0),
        CLASSES,
        "value label proba margin leaf",
    ),
    "boosting of two": (
        GradientBoostingClassifier(n_estimators=4, random_state=0),
        BINARY,
        "value label proba margin leaf",
    ),
    "regression boosting": (
        GradientBoostingRegressor(n_estimators=4, random_state=0),
        SCORE,
        "value leaf",
    ),
    "discriminant": (
        LinearDiscriminantAnalysis(),
        CLASSES,
        "value label proba margin transform",
    ),
    "outliers": (IsolationForest(n_estimators=4, random_state=0), None, "value margin"),
    "scaler": (StandardScaler(), None, "transform"),
    "pca": (PCA(2, random_state=0), None, "transform"),
    "kmeans": (KMeans(3, n_init=1, random_state=0), None, "value transform"),
    "pipeline to a classifier": (
        make_pipeline(StandardScaler(), LogisticRegression()),
        WORDS,
        "value label proba margin",
    ),
    "pipeline to a forest": (
        make_pipeline(StandardScaler(), RandomForestClassifier(4, random_state=0)),
        BINARY,
        "value label proba",
    ),
    "pipeline to a regressor": (make_pipeline(PCA(2), LinearRegression()), SCORE, "value"),
    "pipeline to a transformer": (make_pipeline(StandardScaler(), PCA(2)), None, "transform"),
    "pipeline to clusters": (
        make_pipeline(StandardScaler(), KMeans(3, n_init=1, random_state=0)),
        None,
        "value transform",
    ),
}
every_estimator = pytest.mark.parametrize("name", ESTIMATORS)
every_table = pytest.mark.parametrize("data", [X, FRAME], ids=["numbers", "names"])


def fitted(name: str, data: Any = X) -> Any:
    estimator, target, _ = ESTIMATORS[name]
    return estimator.fit(data) if target is None else estimator.fit(data, target)


def offered(name: str) -> list[str]:
    return ESTIMATORS[name][2].split()


def saved(model: Any, folder: Path) -> Any:
    """As it comes back from a skops file."""
    Sklearn().save(model, folder)
    return Sklearn(trusted=TRUSTED).load(folder)


def same(found: Any, expected: Any) -> bool:
    return np.array_equal(found, expected) and found.dtype.kind == expected.dtype.kind


def reply(folder: Path, accept: str = "application/json", rows: Any = X, **declared: Any) -> Any:
    body = json.dumps(rows if isinstance(rows, list) else rows.tolist())
    handler = compose("sklearn", trusted=TRUSTED, **declared)
    found = invoke(handler, body, content_type="application/json", accept=accept, model_dir=folder)
    return found.raise_for_status()


@every_table
@every_estimator
def test_every_output_is_the_estimators_own_method_bit_for_bit(
    name: str, data: Any, tmp_path: Path
) -> None:
    model = fitted(name, data)
    outputs, loaded = Sklearn().outputs(model), saved(model, tmp_path)
    assert list(outputs) == offered(name)
    assert list(Sklearn().outputs(loaded)) == offered(name)
    for output in outputs:
        expected = getattr(model, METHODS[output])(data)
        assert same(outputs[output](model, X), expected), output
        assert same(outputs[output](loaded, X), expected), output


@every_estimator
def test_every_output_leaves_through_json_without_losing_a_bit(name: str, tmp_path: Path) -> None:
    model = fitted(name)
    saved(model, tmp_path)
    for output in offered(name):
        expected = getattr(model, METHODS[output])(X)
        assert reply(tmp_path, predict=output).json() == expected.tolist(), output


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if "value" in offered(name)])
def test_what_is_not_declared_is_what_predict_answers(name: str, tmp_path: Path) -> None:
    model = fitted(name)
    saved(model, tmp_path)
    assert reply(tmp_path).json() == model.predict(X).tolist()


@every_estimator
def test_what_an_estimator_lacks_is_refused_when_it_is_loaded(name: str, tmp_path: Path) -> None:
    model = fitted(name)
    saved(model, tmp_path)
    kind = type(model[-1] if hasattr(model, "steps") else model).__name__
    for output in set(METHODS) - set(offered(name)):
        declared: list[Any] = [output, [offered(name)[0], output], {"renamed": output}]
        for predict in declared:
            handler = compose("sklearn", predict=predict, trusted=TRUSTED)
            with pytest.raises(ModelLoadError, match=f"'{output}'.*{kind}"):
                handler.model_fn(str(tmp_path))


@pytest.mark.parametrize("name", ["scaler", "pca", "pipeline to a transformer"])
def test_a_transformer_is_refused_at_load_unless_it_is_asked_to_transform(
    name: str, tmp_path: Path
) -> None:
    model = fitted(name)
    saved(model, tmp_path)
    for declared in (None, "value", ["value", "transform"]):
        with pytest.raises(ModelLoadError, match="'value'"):
            compose("sklearn", predict=declared).model_fn(str(tmp_path))
    assert reply(tmp_path, predict="transform").json() == model.transform(X).tolist()
    named = reply(tmp_path, predict={"scaled": "transform"}).json()
    assert named == {"scaled": model.transform(X).tolist()}


@pytest.mark.parametrize("name", ["logistic of words", "forest of words", "svc of words"])
def test_classes_that_are_words_leave_as_words(name: str, tmp_path: Path) -> None:
    model = fitted(name)
    loaded = saved(model, tmp_path)
    assert Sklearn().signature(loaded).classes == ("blue", "green", "red")
    words = model.predict(X).tolist()
    assert set(words) == {"red", "green", "blue"}
    assert reply(tmp_path, predict="label").json() == words
    lines = reply(tmp_path, "application/jsonlines", predict="label").text.splitlines()
    assert [json.loads(line) for line in lines] == words
    assert reply(tmp_path, "text/csv", predict="label").text == "".join(f"{w}\n" for w in words)


def test_probabilities_stand_in_the_order_of_the_classes(tmp_path: Path) -> None:
    model = fitted("logistic of words")
    loaded = saved(model, tmp_path)
    found = reply(tmp_path, predict=["label", "proba"]).json()
    classes = np.array(Sklearn().signature(loaded).classes)
    assert classes[np.argmax(found["proba"], axis=1)].tolist() == found["label"]


@pytest.mark.parametrize("name", ["boosting", "discriminant", "pipeline to clusters"])
def test_several_outputs_are_answered_by_name(name: str, tmp_path: Path) -> None:
    model = fitted(name)
    saved(model, tmp_path)
    outputs = list(reversed(offered(name)))
    found = reply(tmp_path, predict=outputs).json()
    assert list(found) == outputs
    for output in outputs:
        assert found[output] == getattr(model, METHODS[output])(X).tolist(), output


def test_renamed_outputs_leave_through_every_format(tmp_path: Path) -> None:
    model = fitted("pipeline to a classifier")
    saved(model, tmp_path)
    declared = {"colour": "label", "scores": "margin", "proba": "proba"}
    label, margin, proba = model.predict(X), model.decision_function(X), model.predict_proba(X)
    lines = reply(tmp_path, "application/jsonlines", predict=declared).text.splitlines()
    expected = [
        {"colour": colour, "scores": scores, "proba": shares}
        for colour, scores, shares in zip(
            label.tolist(), margin.tolist(), proba.tolist(), strict=True
        )
    ]
    assert [json.loads(line) for line in lines] == expected
    body = reply(tmp_path, "text/csv; header=present", predict=declared).body
    table = pd.read_csv(io.BytesIO(body))
    assert list(table.columns) == list(declared)
    assert table["colour"].tolist() == label.tolist()
    assert [json.loads(cell) for cell in table["scores"]] == margin.tolist()
    numbers = {"scores": "margin", "proba": "proba"}
    with np.load(io.BytesIO(reply(tmp_path, "application/x-npz", predict=numbers).body)) as arrays:
        assert same(arrays["scores"], margin)
        assert same(arrays["proba"], proba)


def test_named_columns_in_another_order_give_the_same_answer(tmp_path: Path) -> None:
    for name in ("logistic", "pca", "boosting"):
        model = fitted(name, FRAME)
        saved(model, tmp_path)
        rows = FRAME[["c", "a", "b"]].to_dict("records")
        for output in offered(name):
            expected = getattr(model, METHODS[output])(FRAME).tolist()
            assert reply(tmp_path, rows=rows, predict=output).json() == expected, output


def test_an_unpickled_estimator_offers_the_same(tmp_path: Path) -> None:
    model = fitted("boosting of two")
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    loader = Sklearn(trusted=["pickle"])
    loaded = loader.load(tmp_path)
    outputs = loader.outputs(loaded)
    assert list(outputs) == offered("boosting of two")
    for output, ask in outputs.items():
        assert same(ask(loaded, X), getattr(model, METHODS[output])(X)), output


SEVERAL: dict[str, Callable[[], Any]] = {
    "forest": lambda: RandomForestClassifier(4, random_state=0),
    "one each": lambda: MultiOutputClassifier(LogisticRegression()),
}


@pytest.mark.parametrize("rows", [1, 2, 36])
@pytest.mark.parametrize("name", SEVERAL)
def test_every_output_of_several_targets_has_a_row_for_each_row(name: str, rows: int) -> None:
    model = SEVERAL[name]().fit(X, np.column_stack([BINARY, CLASSES]))
    for output, ask in Sklearn().outputs(model).items():
        found = ask(model, X[:rows])
        assert not isinstance(found, list), f"{output}: one array a target, not one answer a row"
        assert len(found) == rows, output


def test_a_sparse_transform_is_refused_at_load_or_answered(tmp_path: Path) -> None:
    model = OneHotEncoder().fit(CLASSES[:, None])
    saved(model, tmp_path)
    rows = CLASSES[:, None]
    try:
        compose("sklearn", predict="transform").model_fn(str(tmp_path))
    except ModelLoadError:
        return
    found = reply(tmp_path, rows=rows, predict="transform").json()
    assert found == model.transform(rows).toarray().tolist()


def test_what_a_framework_has_no_word_for_is_refused_when_the_script_is_imported() -> None:
    assert set(METHODS) == set(Sklearn.output_names) == set(OUTPUTS) - {"contribs"}
    wrong: dict[str, str] = {"probas": "proba", "transfrom": "transform", "lables": "label"}
    for typo, nearest in wrong.items():
        with pytest.raises(UnknownNameError, match=f"did you mean '{nearest}'"):
            compose("sklearn", predict=typo)
    for absent in ("contribs", "predicted_label", "probabilities"):
        with pytest.raises(UnknownNameError, match="no output of 'sklearn' named"):
            compose("sklearn", predict=["value", absent])
    with pytest.raises(DeclarationError):
        compose("sklearn", predict=["value", "value"])
