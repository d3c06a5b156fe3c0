import json
import pickle
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import joblib
import numpy as np
import pytest
import sklearn
import sklearn.base
import skops.io as sio
import xgboost as xgb
from sklearn.base import BaseEstimator
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scriptmode import DeclarationError, ModelLoadError, compose
from scriptmode.models.sklearn import Sklearn
from scriptmode.models.versions import Library
from scriptmode.models.xgboost import XGBoost

RNG = np.random.default_rng(0)
X = np.round(RNG.normal(size=(20, 3)), 3)
Y = X @ [1.0, -2.0, 0.5]

Load = Callable[..., Any]
"""From a folder and a policy to a model."""


@pytest.mark.parametrize(
    ("written", "installed", "same_minor", "reads"),
    [
        ("3.2.0", "3.2.0", False, True),
        ("3.2.9", "3.2.0", False, True),
        ("3.1.3", "3.2.0", False, True),
        ("3.0.0", "3.2.0", False, True),
        ("3.9.0", "3.10.0", False, True),
        ("3.2", "3.2.1", False, True),
        ("3.3.0", "3.2.0", False, False),
        ("3.10.0", "3.9.0", False, False),
        ("4.0.0", "3.2.0", False, False),
        ("2.1.4", "3.2.0", False, False),
        ("30.0.0", "3.2.0", False, False),
        ("3.3.0rc1", "3.2.0", False, False),
        ("3.3.0", "3.3.0.dev1+g12ab", False, True),
        ("1.9.1", "1.9.1", True, True),
        ("1.9.9", "1.9.1", True, True),
        ("1.9.dev0", "1.9.1", True, True),
        ("1.8.2", "1.9.1", True, False),
        ("1.10.0", "1.9.1", True, False),
        ("1.1.0", "1.10.0", True, False),
        ("0.9.1", "1.9.1", True, False),
        ("2.9.1", "1.9.1", True, False),
    ],
)
def test_a_reader_is_no_older_than_the_writer_and_of_its_major_version(
    monkeypatch: pytest.MonkeyPatch, *, written: str, installed: str, same_minor: bool, reads: bool
) -> None:
    module: Any = ModuleType("library_of_test")
    module.__version__ = installed
    monkeypatch.setitem(sys.modules, "library_of_test", module)
    library, path = Library("library_of_test", same_minor), Path("folder") / "artefact"
    library.check(written, path, "ignore")
    if reads:
        library.check(written, path, "error")
        library.check(written, path, "warn")
        return
    message = rf"artefact was written by library_of_test {written}: expected .*, found "
    with pytest.raises(ModelLoadError, match=message.replace("+", r"\+")) as error:
        library.check(written, path, "error")
    assert installed in str(error.value)
    assert str(path) in str(error.value)
    with pytest.warns(RuntimeWarning, match=message) as caught:
        library.check(written, path, "warn")
    assert [str(each.message) for each in caught] == [str(error.value)]


@pytest.mark.parametrize("policy", ["wran", "ERROR", "", True])
def test_a_policy_that_there_is_not_is_found_when_the_script_is_imported(policy: Any) -> None:
    for declare in (
        lambda: compose("xgboost", versions=policy),
        lambda: compose("xgboost", options={"xgboost": {"versions": policy}}),
        lambda: XGBoost(versions=policy),
        lambda: Sklearn(versions=policy),
    ):
        with pytest.raises(DeclarationError, match="expected one of error, warn, ignore"):
            declare()


def by_compose(framework: str, **options: Any) -> Load:
    return lambda folder, **policy: compose(framework, **options, **policy).model_fn(str(folder))


def by_options(framework: str, **options: Any) -> Load:
    return lambda folder, **policy: compose(
        framework, **options, options={framework: policy}
    ).model_fn(str(folder))


def by_loader(loader: type[XGBoost | Sklearn], **options: Any) -> Load:
    return lambda folder, **policy: loader(**options, **policy).load(folder)


def by_composed_loader(loader: type[XGBoost | Sklearn], **options: Any) -> Load:
    return lambda folder, **policy: compose(loader(**options, **policy)).model_fn(str(folder))


XGBOOST_ROADS = pytest.mark.parametrize(
    "load",
    [
        by_compose("xgboost"),
        by_options("xgboost"),
        by_loader(XGBoost),
        by_composed_loader(XGBoost),
    ],
    ids=["compose", "options", "loader", "composed loader"],
)


def booster() -> Any:
    return xgb.train({"nthread": 1, "max_depth": 2}, xgb.DMatrix(X, Y), 2)


def raw_of(form: str, release: tuple[int, int, int]) -> bytes:
    """A model that says another release wrote it."""
    raw = bytes(booster().save_raw(form))
    if form == "json":
        head, _, tail = raw.rpartition(b'"version":[')
        assert tail.endswith(b"]}")
        return head + b'"version":[%d,%d,%d]}' % release
    head, _, tail = raw.rpartition(b"version[#L\0\0\0\0\0\0\0\x03")
    assert len(tail) == 7
    return head + b"version[#L\0\0\0\0\0\0\0\x03i%ci%ci%c}" % release


MAJOR, MINOR, PATCH = map(int, xgb.__version__.split(".")[:3])
FORMS = pytest.mark.parametrize(("file", "form"), [("m.ubj", "ubj"), ("model.json", "json")])


def test_what_the_installed_release_writes_is_left_alone_by_the_editing_of_these_tests() -> None:
    for form in ("ubj", "json"):
        assert raw_of(form, (MAJOR, MINOR, PATCH)) == bytes(booster().save_raw(form))


@FORMS
@XGBOOST_ROADS
@pytest.mark.parametrize(
    "release", [(MAJOR, MINOR + 1, 0), (MAJOR + 1, 0, 0), (MAJOR - 1, 7, 6), (MAJOR, 99, 12)]
)
def test_a_file_that_says_another_release_wrote_it_is_held_to_the_policy(
    tmp_path: Path, file: str, form: str, load: Load, release: tuple[int, int, int]
) -> None:
    (tmp_path / file).write_bytes(raw_of(form, release))
    message = rf"was written by xgboost {'.'.join(map(str, release))}: expected xgboost "
    for policy in ({}, {"versions": "error"}):
        with pytest.raises(ModelLoadError, match=message) as error:
            load(tmp_path, **policy)
        assert str(tmp_path / file) in str(error.value)
        assert f"found {xgb.__version__}" in str(error.value)
    with pytest.warns(RuntimeWarning, match=message) as caught:
        assert load(tmp_path, versions="warn").num_features() == 3
    assert len(caught) == 1
    assert load(tmp_path, versions="ignore").num_features() == 3


@FORMS
@XGBOOST_ROADS
@pytest.mark.parametrize("release", [(MAJOR, 0, 0), (MAJOR, MINOR, 0), (MAJOR, MINOR, 99)])
def test_a_file_of_an_earlier_minor_version_is_read_in_silence(
    tmp_path: Path, file: str, form: str, load: Load, release: tuple[int, int, int]
) -> None:
    (tmp_path / file).write_bytes(raw_of(form, release))
    expected = booster().inplace_predict(X)
    np.testing.assert_array_equal(load(tmp_path).inplace_predict(X), expected)


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda model: json.dumps(model, indent=2),
        lambda model: json.dumps(dict(reversed(model.items()))),
    ],
    ids=["indented", "version first"],
)
def test_a_json_file_that_another_tool_has_laid_out_anew_tells_its_release_too(
    tmp_path: Path, rewrite: Callable[[Any], str]
) -> None:
    model = json.loads(raw_of("json", (MAJOR, MINOR + 1, 0)))
    (tmp_path / "model.json").write_text(rewrite(model))
    with pytest.raises(ModelLoadError, match=f"written by xgboost {MAJOR}.{MINOR + 1}.0"):
        XGBoost().load(tmp_path)


@pytest.mark.filterwarnings("ignore:.*If you are loading a serialized model")
def test_a_pickled_booster_of_another_release_is_held_to_the_policy(tmp_path: Path) -> None:
    here, later = (
        b"version[#L\0\0\0\0\0\0\0\x03i%ci%ci%c}" % release
        for release in ((MAJOR, MINOR, PATCH), (MAJOR, MINOR + 1, 0))
    )
    raw = pickle.dumps(booster())
    assert here in raw
    (tmp_path / "model.pkl").write_bytes(raw.replace(here, later))
    assert XGBoost(trusted=["pickle"], versions="ignore").load(tmp_path)
    with pytest.raises(ModelLoadError, match=f"written by xgboost {MAJOR}.{MINOR + 1}.0"):
        XGBoost(trusted=["pickle"]).load(tmp_path)


def pipeline() -> Any:
    return make_pipeline(StandardScaler(), LinearRegression()).fit(X, Y)


def dump(model: Any, path: Path, release: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write an estimator as another release of scikit-learn would."""
    with monkeypatch.context() as patch:
        patch.setattr(sklearn.base, "__version__", release)
        if path.suffix == ".skops":
            sio.dump(model, path)
        elif path.suffix == ".joblib":
            joblib.dump(model, path)
        else:
            path.write_bytes(pickle.dumps(model))


TRUSTED = {"trusted": ["pickle", "joblib"]}
SKLEARN_ROADS = pytest.mark.parametrize(
    "load",
    [
        by_compose("sklearn", **TRUSTED),
        by_options("sklearn", **TRUSTED),
        by_loader(Sklearn, **TRUSTED),
        by_composed_loader(Sklearn, **TRUSTED),
    ],
    ids=["compose", "options", "loader", "composed loader"],
)
FILES = pytest.mark.parametrize("file", ["m.skops", "m.pkl", "m.pickle", "m.joblib"])
SK_MAJOR, SK_MINOR = map(int, sklearn.__version__.split(".")[:2])


@FILES
@SKLEARN_ROADS
@pytest.mark.parametrize("release", ["0.24.2", f"{SK_MAJOR}.{SK_MINOR + 1}.0"])
def test_an_estimator_of_another_release_is_held_to_the_policy(
    tmp_path: Path, file: str, load: Load, release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump(pipeline(), tmp_path / file, release, monkeypatch)
    message = (
        f"was written by sklearn {release}: expected sklearn {release.rpartition('.')[0]},"
        f" found {sklearn.__version__}"
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for policy in ({}, {"versions": "error"}):
            with pytest.raises(ModelLoadError, match=message) as error:
                load(tmp_path, **policy)
            assert str(tmp_path / file) in str(error.value)
        np.testing.assert_array_equal(
            load(tmp_path, versions="ignore").predict(X), pipeline().predict(X)
        )
    assert not caught
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        np.testing.assert_array_equal(
            load(tmp_path, versions="warn").predict(X), pipeline().predict(X)
        )
    assert [each.category for each in caught] == [RuntimeWarning]
    assert message in str(caught[0].message)


@FILES
@SKLEARN_ROADS
def test_an_estimator_of_the_same_minor_version_is_read_in_silence(
    tmp_path: Path, file: str, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump(pipeline(), tmp_path / file, f"{SK_MAJOR}.{SK_MINOR}.99", monkeypatch)
    assert load(tmp_path).predict(X[:1]).shape == (1,)


class Noisy(BaseEstimator):
    """An estimator that warns for a reason of its own when it is read."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        warnings.warn("the levels are stale", UserWarning, stacklevel=2)
        super().__setstate__(state)

    def predict(self, X: Any) -> Any:
        return X


def test_other_warnings_of_reading_are_not_swallowed(tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(Noisy()))
    with pytest.warns(UserWarning, match="the levels are stale"):
        Sklearn(trusted=["pickle"], versions="ignore").load(tmp_path)


def test_an_estimator_of_another_release_that_is_saved_again_is_of_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old").mkdir()
    dump(pipeline(), tmp_path / "old" / "m.skops", "0.24.2", monkeypatch)
    old = Sklearn(versions="ignore").load(tmp_path / "old")
    compose("sklearn").save(old, tmp_path / "new")
    assert compose("sklearn").model_fn(str(tmp_path / "new"))


@pytest.mark.parametrize("framework", ["xgboost", "sklearn"])
@pytest.mark.parametrize("road", ["compose", "options", "loader", "part", "compose over part"])
def test_the_policy_holds_for_the_manifest_however_it_is_declared(
    tmp_path: Path, framework: str, road: str
) -> None:
    loaders: dict[str, Any] = {"xgboost": XGBoost, "sklearn": Sklearn}
    model = booster() if framework == "xgboost" else pipeline()
    ignoring: dict[str, Any] = {"versions": "ignore"}

    def predict(model: Any, data: Any, context: Any) -> Any:
        return data

    roads: dict[str, Callable[[], Any]] = {
        "compose": lambda: compose(framework, **ignoring),
        "options": lambda: compose(framework, options={framework: ignoring}),
        "loader": lambda: compose(loaders[framework](**ignoring)),
        "part": lambda: compose({"m": {"loader": framework, **ignoring}}, predict=predict),
        "compose over part": lambda: compose(
            {"m": {"loader": framework, "versions": "error"}}, predict=predict, **ignoring
        ),
    }
    handler = roads[road]()
    handler.save({"m": model} if "part" in road else model, tmp_path)
    path = tmp_path / "scriptmode.json"
    manifest = json.loads(path.read_text())
    for artifact in manifest["artifacts"].values():
        artifact["version"] = "99.0.0"
    path.write_text(json.dumps(manifest))
    assert handler.model_fn(str(tmp_path))
