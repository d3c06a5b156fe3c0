import hashlib
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb

from scriptmode import compose
from scriptmode.errors import InvalidFeaturesError, ModelLoadError, UntrustedFormatError
from scriptmode.models.xgboost import XGBoost
from scriptmode.testing.conformance import LoaderSuite, assert_equal
from scriptmode.values import Table

RNG = np.random.default_rng(0)
X = np.round(RNG.normal(size=(40, 5)), 3)
X[3, 2] = np.nan
Y = (np.nan_to_num(X[:, 0]) + X[:, 1] > 0).astype(float)
NAMES = list("abcde")
READS_OLD_BINARY = tuple(map(int, xgb.__version__.split(".")[:2])) < (3, 1)


# xgboost 3.3 deprecates training dart and gblinear; models of them are served all the same.
DEPRECATED = pytest.mark.filterwarnings(
    "ignore:.*deprecated", "ignore::pytest.PytestUnraisableExceptionWarning"
)


def train(objective: str = "reg:squarederror", names: list[str] | None = None, **more: Any) -> Any:
    parameters = {"objective": objective, "max_depth": 3, "nthread": 1, **more}
    label = np.arange(len(X)) % 3 if "multi" in objective else Y
    return xgb.train(parameters, xgb.DMatrix(X, label, feature_names=names), 5)


class BoosterSuite(LoaderSuite):
    def loader(self) -> XGBoost:
        return XGBoost()

    def data(self) -> Any:
        return X

    def expected(self, model: Any, data: Any) -> Any:
        return model.predict(xgb.DMatrix(data), validate_features=False)


class TestTrees(BoosterSuite):
    def model(self) -> Any:
        return train()


class TestOneThread(BoosterSuite):
    """Only then may a process be forked once the model is loaded."""

    is_exact = True

    def loader(self) -> XGBoost:
        return XGBoost(threads=1)

    def model(self) -> Any:
        return train("binary:logistic")


@DEPRECATED
class TestOneThreadOfDart(TestOneThread):
    """Which takes the way of a DMatrix."""

    def model(self) -> Any:
        return train(booster="dart", rate_drop=0.1)


class TestTreesWithNames(BoosterSuite):
    def model(self) -> Any:
        return train("binary:logistic", NAMES)


@DEPRECATED
class TestDart(BoosterSuite):
    def model(self) -> Any:
        return train(booster="dart", rate_drop=0.1)


@DEPRECATED
class TestLinear(BoosterSuite):
    def model(self) -> Any:
        return xgb.train({"booster": "gblinear", "nthread": 1}, xgb.DMatrix(X, Y), 5)


class TestProbabilities(BoosterSuite):
    def model(self) -> Any:
        return train("multi:softprob", num_class=3)


class TestFileOfAWrapper(BoosterSuite):
    def model(self) -> Any:
        return xgb.XGBClassifier(n_estimators=5, n_jobs=1).fit(X, Y)

    def expected(self, model: Any, data: Any) -> Any:
        return model.get_booster().predict(xgb.DMatrix(data))

    def test_one_row_is_answered_as_in_a_batch(self) -> None:
        booster = self.model().get_booster()
        assert_equal(XGBoost().predict(booster, X[:1]), XGBoost().predict(booster, X)[:1])

    def test_can_be_sent_to_another_process(self) -> None:
        loader = pickle.loads(pickle.dumps(self.loader()))
        assert_equal(loader.predict(self.model(), X), self.model().predict(X))


class TestPickledWrapper(LoaderSuite):
    """An unpickled wrapper answers as the wrapper does."""

    def loader(self) -> XGBoost:
        return XGBoost(trusted=["pickle"])

    def model(self) -> Any:
        return xgb.XGBClassifier(n_estimators=5, n_jobs=1).fit(X, Y)

    def data(self) -> Any:
        return X

    def expected(self, model: Any, data: Any) -> Any:
        return model.predict(data)

    def write(self, model: Any, model_dir: Path) -> None:
        (model_dir / "model.pkl").write_bytes(pickle.dumps(model))


@pytest.mark.parametrize("file", ["model.json", "model.ubj", "m.bst", "m.xgb", "xgboost-model"])
def test_every_native_form_is_found_and_answers_alike(tmp_path: Path, file: str) -> None:
    model = train()
    (tmp_path / file).write_bytes(model.save_raw("json" if file.endswith("json") else "ubj"))
    (tmp_path / "metrics.json").write_text("{}")
    (tmp_path / ".DS_Store").write_bytes(b"")
    (tmp_path / "code").mkdir()
    assert_equal(XGBoost().predict(XGBoost().load(tmp_path), X), model.predict(xgb.DMatrix(X)))


def test_the_old_binary_form_is_read_where_the_library_can_and_named_where_not(
    tmp_path: Path,
) -> None:
    if READS_OLD_BINARY:
        (tmp_path / "xgboost-model").write_bytes(train().save_raw("deprecated"))
        assert_equal(
            XGBoost().predict(XGBoost().load(tmp_path), X), train().predict(xgb.DMatrix(X))
        )
        return
    (tmp_path / "xgboost-model").write_bytes(
        b"binf"
        + struct.pack("<fI", 0.5, 5)
        + bytes(128)
        + struct.pack("<Q", 16)
        + b"reg:squarederror"
    )
    with pytest.raises(ModelLoadError, match=f"xgboost {xgb.__version__} can read"):
        XGBoost().load(tmp_path)


def test_a_relative_folder_is_as_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    XGBoost().save(train(), tmp_path)
    for loader in (XGBoost(), XGBoost(file="xgboost-model")):
        assert loader.load(Path()).num_features() == 5
        assert compose(loader).model_fn("../" + tmp_path.name).num_features() == 5


def test_several_candidates_are_an_error_that_lists_the_folder(tmp_path: Path) -> None:
    for file in ("xgboost-model", "model.json"):
        (tmp_path / file).write_bytes(train().save_raw("json"))
    with pytest.raises(
        ModelLoadError, match=r"2 files .* it holds model.json \(an XGB.*, xgboost-model \(an XGB"
    ):
        XGBoost().load(tmp_path)
    assert XGBoost(file="model.json").load(tmp_path)


def test_a_declared_file_that_is_absent_lists_the_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(ModelLoadError, match=r"no file 'm.ubj' in .*; it holds notes.txt"):
        XGBoost(file="m.ubj").load(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"{}", b"{L\x00", b"<html>Not found</html>"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "model.ubj").write_bytes(damage)
    with pytest.raises(ModelLoadError, match=r"model\.ubj"):
        XGBoost().load(tmp_path)


class Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("file", ["xgboost-model", "model.pkl", "model.joblib", "model.ubj"])
def test_a_pickle_runs_nothing_unless_trusted(tmp_path: Path, file: str) -> None:
    folder, trace = tmp_path / "model", tmp_path / "trace"
    folder.mkdir()
    (folder / file).write_bytes(pickle.dumps(Bomb(trace)))
    with pytest.raises(UntrustedFormatError, match=r"declare trusted=\['(pickle|joblib)'\]"):
        XGBoost().load(folder)
    assert not trace.exists()


def test_trust_may_be_bound_to_one_file(tmp_path: Path) -> None:
    body = pickle.dumps(train())
    (tmp_path / "model.pkl").write_bytes(body)
    digest = hashlib.sha256(body).hexdigest()
    assert XGBoost(trusted={"pickle": digest}).load(tmp_path)
    with pytest.raises(UntrustedFormatError, match=f"{digest}; the one trusted is {'0' * 64}"):
        XGBoost(trusted={"pickle": "0" * 64}).load(tmp_path)


def test_a_trusted_pickle_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps((train(), 0.5)))
    with pytest.raises(ModelLoadError, match="holds a tuple, not a model of xgboost"):
        XGBoost(trusted=["pickle"]).load(tmp_path)
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04garbage.")
    with pytest.raises(ModelLoadError, match="cannot be unpickled"):
        XGBoost(trusted=["pickle"]).load(tmp_path)


def test_the_signature_is_the_boosters() -> None:
    assert XGBoost().signature(train())[:2] == (None, 5)
    assert XGBoost().signature(train(names=NAMES))[:2] == (tuple(NAMES), 5)
    assert XGBoost().signature(train()).objective == "reg:squarederror"


@pytest.mark.parametrize("data", [Table(NAMES, X), pd.DataFrame(X, columns=NAMES), X.astype("f4")])
def test_every_table_of_numbers_is_answered_alike(data: Any) -> None:
    model = train()
    assert_equal(XGBoost().predict(model, data), model.predict(xgb.DMatrix(X)))


@pytest.mark.parametrize("data", ["text", b"bytes", {"a": X}, np.zeros((2, 2, 2))])
def test_what_is_no_table_is_the_callers_mistake(data: Any) -> None:
    with pytest.raises(InvalidFeaturesError, match="expected a table of numbers"):
        XGBoost().predict(train(), data)


@pytest.mark.parametrize("cell", [np.inf, -np.inf, 1e39])
@pytest.mark.parametrize("booster", ["gbtree", "gblinear"])
@DEPRECATED
def test_what_a_dmatrix_refuses_is_refused_in_place_too(cell: float, booster: str) -> None:
    model = xgb.train({"booster": booster, "nthread": 1}, xgb.DMatrix(X, Y), 2)
    data = np.array([[1.0, np.nan, 2.0, cell, 3.0]])
    with pytest.raises(InvalidFeaturesError, match=r"row 1, column 4 is .*beyond float32"):
        XGBoost().predict(model, data)


@DEPRECATED
def test_a_linear_wrapper_trained_on_names_answers() -> None:
    frame = pd.DataFrame(X, columns=NAMES)
    model = xgb.XGBRegressor(booster="gblinear", n_estimators=2, n_jobs=1).fit(frame, Y)
    assert_equal(XGBoost().predict(model, X), model.predict(frame))


def test_a_hand_made_dmatrix_is_asked_as_it_is() -> None:
    assert_equal(XGBoost().predict(train(), xgb.DMatrix(X)), train().predict(xgb.DMatrix(X)))


def test_a_dmatrix_of_named_columns_in_another_order_is_refused_as_the_library_does() -> None:
    model = train("binary:logistic", NAMES)
    turned = xgb.DMatrix(X[:, ::-1], feature_names=NAMES[::-1])
    for ask in (XGBoost().predict, *XGBoost().outputs(model).values()):
        with pytest.raises(ValueError, match="feature_names mismatch"):
            ask(model, turned)
    right = xgb.DMatrix(X, feature_names=NAMES)
    assert_equal(XGBoost().predict(model, right), model.predict(right))


def test_a_table_that_does_not_lie_on_its_own_grid_is_answered() -> None:
    """As views of a body are, whose header has any length."""
    raw = bytes(3) + X.tobytes()
    view = np.frombuffer(raw, np.uint8)[3:].view("f8").reshape(X.shape)
    assert not view.flags.aligned
    model = train()
    assert_equal(XGBoost().predict(model, view), XGBoost().predict(model, X))
