import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io as sio
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from scriptmode import compose
from scriptmode.errors import InvalidFeaturesError, ModelLoadError, UntrustedFormatError
from scriptmode.models.sklearn import Sklearn
from scriptmode.serializers.csv import CSV
from scriptmode.testing import invoke
from scriptmode.testing.conformance import LoaderSuite
from scriptmode.values import Table

RNG = np.random.default_rng(0)
X = np.round(RNG.normal(size=(30, 3)), 3)
Y = X @ [1.0, -2.0, 0.5]
FRAME = pd.DataFrame({"size": X[:, 0], "colour": ["red", "blue", "green"] * 10, "age": X[:, 2]})


class Doubler(BaseEstimator):
    """An estimator that skops does not know."""

    def fit(self, X: Any, y: Any = None) -> "Doubler":
        return self

    def predict(self, X: Any) -> Any:
        return X.sum(axis=1) * 2


class SklearnSuite(LoaderSuite):
    def loader(self) -> Sklearn:
        return Sklearn()

    def data(self) -> Any:
        return X

    def expected(self, model: Any, data: Any) -> Any:
        return model.predict(data)


class TestRegression(SklearnSuite):
    def model(self) -> Any:
        return make_pipeline(StandardScaler(), LinearRegression()).fit(X, Y)


class TestForest(SklearnSuite):
    def loader(self) -> Sklearn:
        return Sklearn(trusted=["sklearn.tree._tree.Tree"])

    def model(self) -> Any:
        return RandomForestClassifier(5, random_state=0).fit(X, Y > 0)


class TestNamedColumns(SklearnSuite):
    def model(self) -> Any:
        return LinearRegression().fit(pd.DataFrame(X, columns=["a", "b", "c"]), Y)

    def expected(self, model: Any, data: Any) -> Any:
        return model.predict(pd.DataFrame(data, columns=["a", "b", "c"]))


class TestTrustedJoblib(SklearnSuite):
    def loader(self) -> Sklearn:
        return Sklearn(trusted=["joblib"])

    def model(self) -> Any:
        return LinearRegression().fit(X, Y)

    def write(self, model: Any, model_dir: Path) -> None:
        joblib.dump(model, model_dir / "model.joblib")


class TestTrustedPickle(SklearnSuite):
    def loader(self) -> Sklearn:
        return Sklearn(trusted=["pickle"])

    def model(self) -> Any:
        return LinearRegression().fit(X, Y)

    def write(self, model: Any, model_dir: Path) -> None:
        (model_dir / "model.pkl").write_bytes(pickle.dumps(model))


def mixed_pipeline() -> Any:
    encode = make_column_transformer((OneHotEncoder(), ["colour"]), remainder="passthrough")
    return make_pipeline(encode, LinearRegression()).fit(FRAME, Y)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("size,colour,age\n0.5,red,1\n1.5,green,2\n", "text/csv"),
        ("age,size,colour\n1,0.5,red\n2,1.5,green\n", "text/csv"),
        (
            '[{"size": 0.5,"colour":"red", "age": 1}, {"age": 2, "size": 1.5, "colour": "green"}]',
            "application/json",
        ),
        ('{"colour": ["red", "green"], "age": [1, 2], "size": [0.5, 1.5]}', "application/json"),
    ],
)
def test_text_columns_reach_the_pipeline_by_name(
    tmp_path: Path, body: str, content_type: str
) -> None:
    model = mixed_pipeline()
    Sklearn().save(model, tmp_path)
    handler = compose("sklearn", accepts=[CSV(header=True, text=["colour"]), "json"])
    reply = invoke(handler, body, content_type=content_type, model_dir=tmp_path)
    rows = pd.DataFrame({"size": [0.5, 1.5], "colour": ["red", "green"], "age": [1.0, 2.0]})
    assert reply.raise_for_status().json() == model.predict(rows).tolist()


def test_an_untrusted_pickle_is_refused(tmp_path: Path) -> None:
    joblib.dump(LinearRegression(), tmp_path / "model.joblib")
    with pytest.raises(UntrustedFormatError, match=r"trusted=\['joblib'\]"):
        Sklearn().load(tmp_path)


def test_types_that_skops_does_not_know_must_be_named(tmp_path: Path) -> None:
    Sklearn().save(Doubler().fit(X), tmp_path)
    name = f"{Doubler.__module__}.Doubler"
    with pytest.raises(UntrustedFormatError, match=name):
        Sklearn().load(tmp_path)
    loaded = Sklearn(trusted=[name]).load(tmp_path)
    np.testing.assert_array_equal(loaded.predict(X), X.sum(axis=1) * 2)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", b"<html>"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "model.skops").write_bytes(damage)
    with pytest.raises(
        ModelLoadError, match=r"no files in .* it holds model\.skops \((empty|a zip|an HTML)"
    ):
        Sklearn().load(tmp_path)


def test_what_cannot_predict_is_refused(tmp_path: Path) -> None:
    sio.dump({"weights": [1.0]}, tmp_path / "model.skops")
    with pytest.raises(ModelLoadError, match="dict, which cannot predict"):
        Sklearn().load(tmp_path)


def test_the_signature_is_the_estimators() -> None:
    assert Sklearn().signature(LinearRegression().fit(X, Y))[:2] == (None, 3)
    assert Sklearn().signature(mixed_pipeline())[:2] == (("size", "colour", "age"), 3)
    assert Sklearn().signature(mixed_pipeline()).objective == "LinearRegression"
    assert Sklearn().signature(Doubler())[:2] == (None, None)
    classifier = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, ["no", "yes"] * 15)
    assert Sklearn().signature(classifier).classes == ("no", "yes")


NAMED_FRAME = pd.DataFrame(X, columns=["a", "b", "c"])
NAMED = LinearRegression().fit(pd.DataFrame(X, columns=["a", "b", "c"]), Y)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ('[{"a": 1, "b": null, "c": 2}]', {"row": 1, "column": 2}),
        ('[{"a": "1", "b": 1, "c": 2}]', {"row": 1, "column": 1, "field": "a"}),
        ('[{"a": [], "b": 1, "c": 2}]', {"row": 1, "column": 1, "field": "a"}),
        ("[[1, null, 2]]", {"row": 1, "column": 2}),
    ],
)
def test_a_cell_that_the_estimator_cannot_take_is_the_callers_mistake(
    tmp_path: Path, body: str, where: dict[str, Any]
) -> None:
    Sklearn().save(NAMED, tmp_path)
    reply = invoke(compose("sklearn"), body, content_type="application/json", model_dir=tmp_path)
    assert reply.status in (400, 422)
    assert reply.json()["where"] == where


@pytest.mark.filterwarnings("ignore:overflow")  # scikit-learn casts before it checks
def test_a_number_beyond_float32_is_named_where_the_estimator_computes_in_it() -> None:
    forest = RandomForestClassifier(2, random_state=0).fit(NAMED_FRAME, Y > 0)
    rows = np.array([[1.0, 1.0, 1.0], [1e300, 1.0, 2.0]])
    with pytest.raises(InvalidFeaturesError, match="row 2, column 1 is 1e\\+300, beyond float32"):
        Sklearn().predict(forest, rows)


def test_an_unseen_category_is_the_callers_mistake(tmp_path: Path) -> None:
    Sklearn().save(mixed_pipeline(), tmp_path)
    body = '[{"size": 1, "colour": "mauve", "age": 2}]'
    reply = invoke(compose("sklearn"), body, content_type="application/json", model_dir=tmp_path)
    assert reply.status == 422
    assert "mauve" in reply.json()["message"]


def test_names_are_refused_where_the_estimator_cannot_check_them() -> None:
    with pytest.raises(InvalidFeaturesError, match="named"):
        Sklearn().predict(Doubler(), Table(["a"], np.ones((1, 1))))
