import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own type hints
    pytest.importorskip("mlflow")
    import mlflow.pyfunc
    import mlflow.sklearn
    import mlflow.xgboost
    from mlflow.models import infer_signature

import xgboost as xgb
from sklearn.linear_model import LinearRegression

from scriptmode import compose
from scriptmode.errors import ModelLoadError, UntrustedFormatError
from scriptmode.models.mlflow import MLflow
from scriptmode.testing import invoke
from scriptmode.testing.conformance import LoaderSuite
from tests.models.tables import FRAME, NUMBERS, X

pytestmark = [pytest.mark.heavy, pytest.mark.filterwarnings("ignore")]


def booster() -> Any:
    return xgb.train({"nthread": 1}, xgb.DMatrix(FRAME, NUMBERS), 5)


def saved(folder: Path) -> Path:
    signature = infer_signature(FRAME, NUMBERS)
    mlflow.sklearn.save_model(
        LinearRegression().fit(FRAME, NUMBERS),
        str(folder / "model"),
        signature=signature,
        serialization_format="cloudpickle",
        pip_requirements=[],
    )
    return folder / "model"


class TestFolder(LoaderSuite):
    requests = 1000

    @pytest.fixture(autouse=True)
    def _saved(self, tmp_path: Path) -> None:
        self.folder = saved(tmp_path)

    def loader(self) -> Any:
        return MLflow(trusted=["mlflow"])

    def model(self) -> Any:
        return mlflow.pyfunc.load_model(str(self.folder))

    def write(self, model: Any, model_dir: Path) -> None:
        shutil.copytree(self.folder, model_dir / "m")

    def data(self) -> Any:
        return X

    def expected(self, model: Any, data: Any) -> Any:
        return model.predict(pd.DataFrame(data, columns=list("abcde")))


def test_a_folder_must_be_trusted_and_its_native_model_need_not(tmp_path: Path) -> None:
    mlflow.xgboost.save_model(booster(), str(tmp_path / "m"), pip_requirements=[])
    with pytest.raises(UntrustedFormatError, match=r"model\.ubj may be a framework's own"):
        MLflow().load(tmp_path)
    reply = invoke(
        compose("xgboost"), "1,2,3,4,5", content_type="text/csv", model_dir=tmp_path / "m"
    )
    expected = booster().predict(xgb.DMatrix([[1, 2, 3, 4, 5]], feature_names=list("abcde")))
    assert np.float32(reply.json()) == expected


def test_the_schema_s_columns_are_put_in_order(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    handler = compose("mlflow", trusted=["mlflow"])
    rows = FRAME[list("edcba")].head(3).to_dict("records")
    reply = invoke(handler, json.dumps(rows), model_dir=folder)
    expected = LinearRegression().fit(FRAME, NUMBERS).predict(FRAME.head(3))
    assert reply.json() == expected.tolist()
    reply = invoke(handler, json.dumps([{"a": 1}]), model_dir=folder)
    assert reply.status == 422


def test_a_folder_of_a_later_release_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path)
    text = (folder / "MLmodel").read_text()
    changed = text.replace(f"mlflow_version: {mlflow.__version__}", "mlflow_version: 4.0.0")
    assert changed != text
    (folder / "MLmodel").write_text(changed)
    with pytest.raises(ModelLoadError, match=r"written by mlflow 4\.0\.0"):
        MLflow(trusted=["mlflow"]).load(folder)
