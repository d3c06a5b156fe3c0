import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from scriptmode import compose
from scriptmode.errors import InvalidFeaturesError, ModelLoadError
from scriptmode.models.lightgbm import LightGBM
from scriptmode.testing import invoke
from scriptmode.testing.conformance import LoaderSuite, assert_equal
from tests.models.tables import BINARY, FRAME, GAPS, MIXED, NAMES, NUMBERS, THREE, X

QUIET = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 2}
AS_TRAINED = MIXED.assign(
    colour=MIXED.colour.astype("category"), doors=MIXED.doors.astype(int).astype("category")
)


def train(objective: str = "regression", table: Any = GAPS, **more: Any) -> Any:
    label = {"binary": BINARY, "multiclass": THREE, "multiclassova": THREE}.get(objective, NUMBERS)
    if objective in ("poisson", "cross_entropy"):
        label = np.abs(label) / 10
    parameters = {**QUIET, "objective": objective, **more}
    return lgb.train(parameters, lgb.Dataset(table, label), 8)


class BoosterSuite(LoaderSuite):
    is_exact = True

    def loader(self) -> Any:
        return LightGBM()

    def data(self) -> Any:
        return GAPS

    def expected(self, model: Any, data: Any) -> Any:
        return model.predict(data)


class TestRegression(BoosterSuite):
    def model(self) -> Any:
        return train()


class TestWithNames(BoosterSuite):
    def model(self) -> Any:
        return train("binary", FRAME)


class TestOneThread(BoosterSuite):
    """Only then may a process be forked once the model is loaded."""

    def loader(self) -> Any:
        return LightGBM(threads=1)

    def model(self) -> Any:
        return train("multiclass", num_class=3)


class TestCategories(BoosterSuite):
    def model(self) -> Any:
        return train("regression", AS_TRAINED)

    def data(self) -> Any:
        return MIXED

    def expected(self, model: Any, data: Any) -> Any:
        columns = {
            name: pd.Categorical(data[name], AS_TRAINED[name].cat.categories)
            for name in ("colour", "doors")
        }
        return model.predict(data.assign(**columns))


@pytest.mark.parametrize(
    ("objective", "more", "label", "proba"),
    [
        ("regression", {}, False, False),
        ("poisson", {}, False, False),
        ("cross_entropy", {}, False, False),
        ("binary", {}, True, True),
        ("multiclass", {"num_class": 3}, True, True),
        ("multiclassova", {"num_class": 3}, True, True),
    ],
)
def test_every_output_is_what_the_library_answers(
    objective: str, more: Any, *, label: bool, proba: bool
) -> None:
    model, loader = train(objective, **more), LightGBM(threads=1)
    outputs = {name: ask(model, GAPS) for name, ask in loader.outputs(model).items()}
    assert_equal(outputs["margin"], model.predict(GAPS, raw_score=True))
    assert_equal(outputs["leaf"], model.predict(GAPS, pred_leaf=True))
    flat = model.predict(GAPS, pred_contrib=True)
    assert_equal(outputs["contribs"].reshape(flat.shape), flat)
    totals = outputs["contribs"].sum(axis=-1)
    np.testing.assert_allclose(totals, outputs["margin"], rtol=1e-9, atol=1e-12)
    assert ("label" in outputs, "proba" in outputs) == (label, proba)


@pytest.mark.parametrize("labels", [BINARY, THREE])
def test_labels_and_probabilities_are_those_of_the_wrapper(tmp_path: Path, labels: Any) -> None:
    wrapper = lgb.LGBMClassifier(n_estimators=5, min_child_samples=2, verbose=-1).fit(X, labels)
    loader = LightGBM()
    loader.save(wrapper, tmp_path)
    booster = loader.load(tmp_path)
    outputs = loader.outputs(booster)
    assert_equal(outputs["proba"](booster, X), wrapper.predict_proba(X))
    assert outputs["label"](booster, X).tolist() == wrapper.predict(X).tolist()


def test_a_sparse_table_stays_sparse_and_its_contributions_do_not() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    table = sparse.csr_matrix(np.where(np.abs(X) < 0.5, 0, X))
    model = train("multiclass", num_class=3)
    loader = LightGBM()
    assert_equal(loader.predict(model, table), model.predict(table.toarray()))
    assert loader.outputs(model)["contribs"](model, table).shape == (60, 3, 6)


def test_named_columns_are_put_in_order_and_a_category_is_known_by_its_word(
    tmp_path: Path,
) -> None:
    model = train("regression", AS_TRAINED)
    LightGBM().save(model, tmp_path)
    handler = compose("lightgbm")
    row = {"doors": 4, "colour": "red", **FRAME.iloc[0].to_dict()}
    reply = invoke(handler, json.dumps([row]), model_dir=tmp_path)
    assert reply.json() == [TestCategories().expected(model, MIXED.iloc[:1].assign(doors=4.0))[0]]
    row["colour"] = "mauve"
    reply = invoke(handler, json.dumps([row]), model_dir=tmp_path)
    assert reply.status == 422
    assert "'mauve'" in reply.json()["message"]


def test_named_columns_are_refused_by_a_model_without_names() -> None:
    with pytest.raises(InvalidFeaturesError, match="no names to put them in order by"):
        LightGBM().predict(train(), FRAME)


def test_what_would_end_the_process_is_refused_before(tmp_path: Path) -> None:
    raw = train().model_to_string().encode()
    path, loader = tmp_path / "model.txt", LightGBM()
    after_parameters = raw.index(b"end of parameters") + len(b"end of parameters\n")
    for end in [*range(0, len(raw) - 1, 97), raw.index(b"Tree=3") + 5, after_parameters - 30]:
        path.write_bytes(raw[:end])
        with pytest.raises(ModelLoadError):
            loader.load(tmp_path)
    path.write_bytes(raw.replace(b"\n", b"\r\n"))
    with pytest.raises(ModelLoadError, match="as on Windows"):
        loader.load(tmp_path)
    path.write_bytes(raw.replace(b"Tree=2\n", b"Tree=2 \n"))
    with pytest.raises(ModelLoadError, match="tree 2 does not start where it should"):
        loader.load(tmp_path)
    path.write_bytes(raw)
    assert loader.load(tmp_path).num_trees() == 8


def test_the_library_itself_would_have_ended_it(tmp_path: Path) -> None:
    raw = train().model_to_string().encode()
    (tmp_path / "model.txt").write_bytes(raw[: raw.index(b"Tree=3") + 5])
    script = f"import lightgbm; lightgbm.Booster(model_file={str(tmp_path / 'model.txt')!r})"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True).returncode < 0


def test_a_constant_category_is_found_by_the_parameters() -> None:
    table = AS_TRAINED.assign(same=pd.Categorical(["only"] * 60))
    known = LightGBM().signature(train("regression", table)).categories
    assert known is not None
    assert known[5:] == (("blue", "green", "red"), (2, 4), ("only",))
    assert list("abcde") == NAMES


ORDERED = pd.Categorical(np.array([10, 20, 30])[THREE], categories=[30, 10, 20], ordered=True)


@pytest.mark.parametrize("codes", [np.array([10, 20, 30]), np.array([0, 1, 7])])
def test_categories_that_may_be_another_column_s_are_refused(tmp_path: Path, codes: Any) -> None:
    """An ordered category is trained as a number, but its words are kept all the same."""
    table = pd.DataFrame({"o": ORDERED, "b": codes[np.arange(60) % 3]})
    data = lgb.Dataset(table, NUMBERS, categorical_feature=["b"])
    model = lgb.train({**QUIET, "min_data_per_group": 1, "cat_smooth": 0}, data, 8)
    LightGBM().save(model, tmp_path)
    with pytest.raises(ModelLoadError, match="cannot be told apart"):
        compose("lightgbm").model_fn(str(tmp_path))


def test_columns_that_are_called_as_unnamed_ones_are_have_names(tmp_path: Path) -> None:
    table = FRAME[["a", "b"]].set_axis(["Column_1", "Column_0"], axis=1)
    model = train("regression", table)
    assert LightGBM().signature(model).names == ("Column_1", "Column_0")


def test_a_wrapper_is_saved_with_a_sample_whatever_is_asked(tmp_path: Path) -> None:
    wrapper = lgb.LGBMClassifier(n_estimators=5, min_child_samples=2, verbose=-1).fit(X, BINARY)
    handler = compose("lightgbm", predict="label", replay=True)
    handler.save(wrapper, tmp_path, sample=X[:3])
    assert handler.model_fn(str(tmp_path))
