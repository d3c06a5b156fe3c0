"""One folder of everything, and each loader finds its own."""

import json
import pickle
import tarfile
from pathlib import Path
from typing import Any

import catboost as cb
import joblib
import lightgbm as lgb
import pytest
import skl2onnx
import xgboost as xgb
from sklearn.linear_model import LinearRegression

from scriptmode import compose
from scriptmode.errors import DeclarationError, ModelLoadError, UntrustedFormatError
from scriptmode.models.artifacts import find_artifact
from scriptmode.models.base import MANIFEST
from scriptmode.models.catboost import CatBoost
from scriptmode.models.documents import Document
from scriptmode.models.lightgbm import LightGBM
from scriptmode.models.looks import LooksLike, look
from scriptmode.models.onnx import Onnx
from scriptmode.models.pickle import Pickle
from scriptmode.models.sklearn import Sklearn
from scriptmode.models.xgboost import XGBoost
from tests.models.tables import NUMBERS, X

QUIET = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 2}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifteen files under names that say nothing, or the wrong thing."""
    folder = tmp_path_factory.mktemp("everything")
    linear = LinearRegression().fit(X, NUMBERS)
    booster = xgb.train({"nthread": 1}, xgb.DMatrix(X, NUMBERS), 2)
    (folder / "a.txt").write_bytes(booster.save_raw("ubj"))
    lgb.train(QUIET, lgb.Dataset(X, NUMBERS), 2).save_model(folder / "b.json")
    cat = cb.CatBoostRegressor(iterations=2, verbose=0, allow_writing_files=False)
    cat.fit(X, NUMBERS).save_model(str(folder / "c.bin"))
    (folder / "d.pt").write_bytes(skl2onnx.to_onnx(linear, X[:1].astype("f4")).SerializeToString())
    Sklearn(file="e.dat").save(linear, folder)
    joblib.dump(linear, folder / "f", compress=3)
    (folder / "g.skops").write_bytes(pickle.dumps(linear))
    (folder / "h.ubj").write_text('{"threshold": 0.5}')
    (folder / "i.cbm").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    (folder / "j.onnx").write_bytes(b"<html>403</html>")
    (folder / "k.xgb").write_bytes(b"")
    (folder / "README").write_text("what these files are")
    (folder / ".DS_Store").write_bytes(b"\x00\x00\x00\x01Bud1")
    (folder / "code").mkdir()
    (folder / "code" / "inference.py").write_text("")
    (folder / MANIFEST).write_text("{}")
    assert len(list(folder.iterdir())) == 15
    return folder


@pytest.mark.parametrize(
    ("loader", "file", "kind"),
    [
        (XGBoost(), "a.txt", "Booster"),
        (LightGBM(), "b.json", "Booster"),
        (CatBoost(), "c.bin", "CatBoostRegressor"),
        (Onnx(), "d.pt", "InferenceSession"),
        (Sklearn(), "e.dat", "LinearRegression"),
        (Pickle(file="f", trusted=["joblib"]), "f", "LinearRegression"),
        (Pickle(trusted=["pickle"]), "g.skops", "LinearRegression"),
        (Document(), "h.ubj", "dict"),
    ],
    ids=lambda each: getattr(each, "name", each),
)
def test_each_loader_finds_its_own(everything: Path, loader: Any, file: str, kind: str) -> None:
    assert loader.locate(everything) == [everything / file]
    assert type(loader.load(everything)).__name__ == kind


def test_several_or_none_are_an_error_that_says_what_each_looks_like(everything: Path) -> None:
    with pytest.raises(ModelLoadError) as error:
        Pickle(trusted=["pickle", "joblib"]).load(everything)
    message = str(error.value)
    assert "2 files in" in message
    for part in ("a.txt (an XGBoost model in UBJSON)", "b.json (a LightGBM model)",
                 "c.bin (a CatBoost model)", "d.pt (an ONNX model)", "e.dat (a skops file)",
                 "f (a joblib file)", "g.skops (a pickle)", "h.ubj (a JSON document)",
                 "i.cbm (a git-lfs pointer", "j.onnx (an HTML page", "k.xgb (empty)",
                 "README (text)", "code (a folder)", "declare file=..."):  # fmt: skip
        assert part in message
    with pytest.raises(ModelLoadError, match=r"no files in .* could be the model; it holds"):
        find_artifact(everything, None, LooksLike("safetensors"))


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ("b.json", "looks like a LightGBM model; expected an XGBoost model in UBJSON"),
        ("h.ubj", "looks like a JSON document; expected"),
        ("i.cbm", "is a git-lfs pointer, not the file itself: run git lfs pull"),
        ("j.onnx", "is an HTML page, such as one that tells of an error"),
        ("k.xgb", r"k\.xgb is empty"),
        ("no.ubj", r"no file 'no\.ubj' in .*; it holds README"),
        ("?.ubj", r"looks like a JSON document"),
        ("*", r"of '\*' in"),
    ],
)
def test_a_declared_file_is_held_to_what_it_looks_like(
    everything: Path, file: str, problem: str
) -> None:
    with pytest.raises(ModelLoadError, match=problem):
        XGBoost(file=file).load(everything)


def test_the_manifest_says_which_where_there_are_several(tmp_path: Path) -> None:
    handler = compose("xgboost")
    model = xgb.train({"nthread": 1}, xgb.DMatrix(X, NUMBERS), 2)
    handler.save(model, tmp_path)
    (tmp_path / "checkpoint.ubj").write_bytes(
        xgb.train({"nthread": 1}, xgb.DMatrix(X, -NUMBERS), 2).save_raw("ubj")
    )
    loaded = handler.model_fn(str(tmp_path))
    assert loaded.save_raw() == XGBoost(file="xgboost-model").load(tmp_path).save_raw()
    (tmp_path / MANIFEST).unlink()
    with pytest.raises(ModelLoadError, match="2 files in"):
        handler.model_fn(str(tmp_path))


def test_the_manifest_of_a_bundle_says_it_for_its_parts(tmp_path: Path) -> None:
    model = xgb.train({"nthread": 1}, xgb.DMatrix(X, NUMBERS), 2)
    handler = compose(
        {"model": "xgboost", "limits": "json"}, predict=lambda parts, data, context: data
    )
    handler.save({"model": model, "limits": {"low": 0}}, tmp_path)
    (tmp_path / "model" / "old.ubj").write_bytes(model.save_raw("ubj"))
    (tmp_path / "limits" / "notes.json").write_text(json.dumps({"high": 1}))
    assert handler.model_fn(str(tmp_path))["limits"] == {"low": 0}


def test_a_pickle_beside_a_safe_artefact_is_no_candidate_until_it_is_trusted(
    tmp_path: Path,
) -> None:
    Sklearn().save(LinearRegression().fit(X, NUMBERS), tmp_path)
    (tmp_path / "encoder.pkl").write_bytes(pickle.dumps([1]))
    assert Sklearn().locate(tmp_path) == [tmp_path / "model.skops"]
    with pytest.raises(ModelLoadError, match="2 files in"):
        Sklearn(trusted=["pickle"]).load(tmp_path)
    (tmp_path / "model.skops").unlink()
    with pytest.raises(UntrustedFormatError):
        Sklearn().load(tmp_path)


def test_a_folder_may_be_the_model_itself(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "checkpoint-5").mkdir()
    (tmp_path / "checkpoint-5" / "config.json").write_text('{"model_type": "bert"}')
    test = LooksLike("transformers")
    assert find_artifact(tmp_path, None, test, folders=True) == tmp_path
    (tmp_path / "config.json").unlink()
    assert find_artifact(tmp_path, None, test, folders=True) == tmp_path / "checkpoint-5"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelLoadError, match="2 files or folders in"):
        find_artifact(tmp_path, None, test, folders=True)
    assert find_artifact(tmp_path, "other", test, folders=True) == tmp_path / "other"


def test_trust_goes_to_the_parts_that_can_read_the_format(tmp_path: Path) -> None:
    parts = {"model": "lightgbm", "encoder": "sklearn"}
    bundle = compose(parts, predict=lambda parts, data, context: data, trusted=["pickle"])
    (tmp_path / "model").mkdir()
    (tmp_path / "encoder").mkdir()
    lgb.train(QUIET, lgb.Dataset(X, NUMBERS), 2).save_model(tmp_path / "model" / "m")
    (tmp_path / "encoder" / "e").write_bytes(pickle.dumps(LinearRegression().fit(X, NUMBERS)))
    assert set(bundle.model_fn(str(tmp_path))) == {"model", "encoder"}
    with pytest.raises(DeclarationError, match=r"'pickel'.*did you mean 'pickle'"):
        compose(parts, predict=lambda parts, data, context: data, trusted=["pickel"])
    with pytest.raises(DeclarationError, match="nothing that is declared reads such a format"):
        compose("lightgbm", trusted=["pickle"])
    assert look(tmp_path / "model" / "m").form == "lightgbm"


def test_what_would_be_a_model_is_said_where_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(ModelLoadError, match=r"no files .* expected a LightGBM model, or declare"):
        LightGBM().load(tmp_path)


def test_an_archive_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    archive = tmp_path / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as written:
        written.add(__file__, "model.txt")
    with pytest.raises(ModelLoadError, match=r"is a file \(.*tar.*\); expected the folder"):
        LightGBM().load(archive)
    with pytest.raises(ModelLoadError, match=r"is a file \(.*tar.*\); expected the folder"):
        compose("lightgbm").model_fn(str(archive))
