import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from pydantic import BaseModel
from statsmodels.tsa.ar_model import AutoReg

from scriptmode import compose
from scriptmode.errors import (
    DeclarationError,
    InvalidFeaturesError,
    ModelLoadError,
    UntrustedFormatError,
)
from scriptmode.models.statsmodels import Statsmodels
from scriptmode.testing import invoke
from scriptmode.testing.conformance import LoaderSuite, assert_equal
from tests.models.tables import BINARY, FRAME, NUMBERS, THREE, X

NOISE = np.random.default_rng(1).normal(size=60)
TABLE = FRAME.assign(y=NUMBERS + NOISE, colour=np.array(["red", "green", "blue"])[THREE])
TRUSTED: Any = {"trusted": ["pickle"]}


class ResultsSuite(LoaderSuite):
    def loader(self) -> Any:
        return Statsmodels(trusted=["pickle"])

    def data(self) -> Any:
        return X

    def expected(self, model: Any, data: Any) -> Any:
        return np.asarray(model.predict(data))


class TestOls(ResultsSuite):
    def model(self) -> Any:
        return sm.OLS(NUMBERS + NOISE, X).fit()


class TestOutcomesInSeveralColumns(ResultsSuite):
    def model(self) -> Any:
        return sm.MNLogit(THREE, X).fit(disp=0)


class TestNamedColumns(ResultsSuite):
    def model(self) -> Any:
        return sm.GLM(BINARY, FRAME, family=sm.families.Binomial()).fit_regularized(alpha=0.1)

    def expected(self, model: Any, data: Any) -> Any:
        return np.asarray(model.predict(data))


class TestFormula(ResultsSuite):
    def model(self) -> Any:
        return smf.ols("y ~ a * b + np.exp(c) + C(colour)", TABLE).fit()

    def data(self) -> Any:
        return TABLE.drop(columns="y")


def test_the_margin_is_the_linear_predictor() -> None:
    model = sm.Logit((NOISE > 0).astype(int), X).fit(disp=0)
    found = Statsmodels(**TRUSTED).outputs(model)["margin"](model, X)
    assert_equal(found, np.asarray(model.predict(X, which="linear")))
    assert "margin" not in Statsmodels(**TRUSTED).outputs(TestOls().model())


def test_named_columns_are_put_in_order(tmp_path: Path) -> None:
    model = TestNamedColumns().model()
    Statsmodels(**TRUSTED).save(model, tmp_path)
    rows = FRAME[list("edcba")].head(3).to_dict("records")
    reply = invoke(compose("statsmodels", **TRUSTED), json.dumps(rows), model_dir=tmp_path)
    assert reply.json() == model.predict(FRAME.head(3)).tolist()


def test_a_formula_reads_its_columns_by_name(tmp_path: Path) -> None:
    model = smf.ols("y ~ a + C(colour)", TABLE).fit()
    Statsmodels(**TRUSTED).save(model, tmp_path)
    handler = compose("statsmodels", **TRUSTED)
    rows = [{"colour": "red", "a": 0.5}, {"colour": "blue", "a": 1.5}]
    reply = invoke(handler, json.dumps(rows), model_dir=tmp_path)
    assert reply.json() == model.predict(pd.DataFrame(rows)).tolist()
    for wrong in ([{"colour": "mauve", "a": 0.5}], [{"a": 0.5}], [[1, 2]]):
        reply = invoke(handler, json.dumps(wrong), model_dir=tmp_path)
        assert reply.status == 422, wrong


def test_it_is_a_pickle_which_is_trusted_by_name(tmp_path: Path) -> None:
    model = TestOls().model()
    with pytest.raises(DeclarationError, match=r"trusted=\['pickle'\]"):
        Statsmodels().save(model, tmp_path)
    Statsmodels(**TRUSTED).save(model, tmp_path)
    with pytest.raises(UntrustedFormatError, match="holds pickle"):
        Statsmodels().load(tmp_path)


def test_a_pickle_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(ModelLoadError, match="holds a dict, not fitted results"):
        Statsmodels(**TRUSTED).load(tmp_path)


def test_columns_of_a_formula_cannot_come_without_names() -> None:
    with pytest.raises(InvalidFeaturesError, match="reads columns by name"):
        Statsmodels(**TRUSTED).predict(TestFormula().model(), X)


@pytest.mark.parametrize(
    ("columns", "is_named"), [(["q2", "q1"], True), (["x1", "x2"], False), (["x2", "x1"], True)]
)
def test_only_the_library_s_own_names_are_no_names(columns: list[str], *, is_named: bool) -> None:
    model = sm.OLS(NUMBERS, FRAME[["a", "b"]].set_axis(columns, axis=1)).fit()
    assert (Statsmodels(**TRUSTED).signature(model).names is not None) == is_named


@pytest.mark.parametrize("body", ['[{"b": 2, "a": 0.5}]', "0.5,2", "[[0.5, 2]]"])
def test_declared_features_keep_their_names_for_a_formula(tmp_path: Path, body: str) -> None:
    model = smf.ols("y ~ a * b", TABLE).fit()
    Statsmodels(**TRUSTED).save(model, tmp_path)
    handler = compose("statsmodels", features=["a", "b"], **TRUSTED)
    kind = "text/csv" if body[0].isdigit() else "application/json"
    reply = invoke(handler, body, content_type=kind, model_dir=tmp_path)
    assert reply.json() == model.predict(pd.DataFrame({"a": [0.5], "b": [2.0]})).tolist()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"a": "q", "colour": "red"}, "field 'a' holds (str|object)"),
        ({"a": True, "colour": "red"}, "field 'a' holds bool"),
        ({"a": 1.5, "colour": 3}, "observation with value 3(.0)? does not match"),
        ({"a": 1.5, "colour": "mauve"}, "observation with value 'mauve' does not match"),
        ({"a": 1.5}, "name 'colour' is not defined"),
    ],
)
def test_what_a_formula_cannot_take_is_the_caller_s_mistake(
    tmp_path: Path, row: dict[str, Any], told: str
) -> None:
    Statsmodels(**TRUSTED).save(smf.ols("y ~ a + C(colour)", TABLE).fit(), tmp_path)
    reply = invoke(compose("statsmodels", **TRUSTED), json.dumps([row]), model_dir=tmp_path)
    assert reply.status == 422
    assert re.search(told, reply.json()["message"]), reply.json()


@pytest.mark.parametrize("kind", ["AutoReg", "PHReg", "ARIMA"])
def test_results_that_do_not_predict_from_rows_are_refused(tmp_path: Path, kind: str) -> None:
    fitted = {
        "AutoReg": lambda: AutoReg(NUMBERS, 2).fit(),
        "PHReg": lambda: sm.PHReg(np.abs(NUMBERS), X[:, :2]).fit(),
        "ARIMA": lambda: sm.tsa.ARIMA(NUMBERS, order=(1, 0, 0)).fit(),
    }
    Statsmodels(**TRUSTED).save(fitted[kind](), tmp_path)
    with pytest.raises(ModelLoadError, match=f"holds a {kind}, whose predict takes no rows"):
        Statsmodels(**TRUSTED).load(tmp_path)


def test_a_category_is_not_blamed_on_a_column_of_truths(tmp_path: Path) -> None:
    class Row(BaseModel):
        a: float
        flag: bool
        colour: str

    table = TABLE.assign(flag=TABLE.b > 0)
    Statsmodels(**TRUSTED).save(smf.ols("y ~ a + flag + C(colour)", table).fit(), tmp_path)
    handler = compose("statsmodels", features=Row, **TRUSTED)
    row: dict[str, Any] = {"a": 0.5, "flag": True, "colour": "red"}
    assert invoke(handler, json.dumps([row]), model_dir=tmp_path).ok
    reply = invoke(handler, json.dumps([{**row, "colour": "mauve"}]), model_dir=tmp_path)
    assert reply.status == 422
    assert "observation with value 'mauve'" in reply.json()["message"]
