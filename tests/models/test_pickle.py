import pickle
from pathlib import Path
from typing import Any

import joblib
import lightgbm as lgb
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from scriptmode import compose
from scriptmode.errors import DeclarationError, UntrustedFormatError
from scriptmode.models.pickle import Pickle
from scriptmode.testing import invoke
from scriptmode.testing.conformance import LoaderSuite, assert_equal
from tests.models.tables import BINARY, FRAME, X


class Halves:
    """An object of nobody's library."""

    def predict(self, table: Any) -> Any:
        return np.asarray(table).sum(axis=1) / 2


class PickleSuite(LoaderSuite):
    requests = 1000
    form = "pickle"

    def loader(self) -> Any:
        return Pickle(trusted=[self.form])

    def data(self) -> Any:
        return X

    def expected(self, model: Any, data: Any) -> Any:
        return model.predict(data)


class TestPickle(PickleSuite):
    def model(self) -> Any:
        return RandomForestClassifier(5, random_state=0).fit(X, BINARY)


class TestJoblib(PickleSuite):
    form = "joblib"

    def model(self) -> Any:
        return RandomForestClassifier(5, random_state=0).fit(X, BINARY)


class TestAnObjectOfNobodys(PickleSuite):
    def model(self) -> Any:
        return Halves()


class TestAWrapperOfLightGbm(PickleSuite):
    def model(self) -> Any:
        fitted = lgb.LGBMClassifier(n_estimators=5, min_child_samples=2, verbose=-1, n_jobs=1)
        return fitted.fit(X, BINARY)


@pytest.mark.heavy
class TestCloudpickle(PickleSuite):
    """Which takes the class itself along, so that no module need be there."""

    form = "cloudpickle"

    def model(self) -> Any:
        return type("Thirds", (), {"predict": lambda _, table: np.asarray(table).sum(axis=1) / 3})()


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
def test_joblib_is_told_by_its_content(tmp_path: Path, compress: Any) -> None:
    model = RandomForestClassifier(5, random_state=0).fit(X, BINARY)
    joblib.dump(model, tmp_path / "no-suffix-at-all", compress=compress)
    with pytest.raises(UntrustedFormatError, match="holds joblib"):
        Pickle().load(tmp_path)
    loader = Pickle(trusted=["joblib"])
    assert_equal(loader.predict(loader.load(tmp_path), X), model.predict(X))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_told_by_its_content(tmp_path: Path, protocol: int) -> None:
    model = RandomForestClassifier(5, random_state=0).fit(X, BINARY)
    (tmp_path / "model.bin").write_bytes(pickle.dumps(model, protocol))
    with pytest.raises(UntrustedFormatError, match="holds pickle"):
        Pickle().load(tmp_path)
    loader = Pickle(trusted=["pickle"])
    assert_equal(loader.predict(loader.load(tmp_path), X), model.predict(X))


def test_what_an_estimator_tells_of_itself_is_used(tmp_path: Path) -> None:
    model = RandomForestClassifier(5, random_state=0).fit(FRAME, BINARY)
    Pickle(trusted=["pickle"]).save(model, tmp_path)
    handler = compose("pickle", predict="proba", trusted=["pickle"])
    rows = FRAME[list("edcba")].head(3).to_json(orient="records")
    reply = invoke(handler, rows, model_dir=tmp_path)
    assert reply.json() == model.predict_proba(FRAME.head(3)).tolist()


def test_nothing_is_written_that_nobody_trusts(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"trusted=\['pickle'\]"):
        Pickle().save(Halves(), tmp_path)
    assert not list(tmp_path.iterdir())
