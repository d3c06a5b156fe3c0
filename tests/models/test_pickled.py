"""What a pickle refers to is read off it, and never executed."""

import io
import os
import pickle
import pickletools
from collections import OrderedDict
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
import xgboost as xgb
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from scriptmode.errors import ModelLoadError
from scriptmode.models.pickle import Pickle
from scriptmode.models.pickled import inspect_pickle, inspect_stream
from scriptmode.models.pickles import explain
from tests.models.tables import FRAME, NUMBERS, X

OBJECTS: dict[str, Any] = {
    "forest": RandomForestRegressor(3, random_state=0).fit(X, NUMBERS),
    "histogram": HistGradientBoostingRegressor(max_iter=2).fit(X, NUMBERS),
    "pipeline": make_pipeline(StandardScaler(), xgb.XGBRegressor(n_estimators=2)).fit(X, NUMBERS),
    "booster": xgb.train({"nthread": 1}, xgb.DMatrix(X, NUMBERS), 2),
    "frame": FRAME.assign(word="x"),
    "arrays": [np.arange(3), np.empty(0), np.array(["a", "bcd"]), np.array([{1: 2}, None])],
    "records": np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
    "plain": {"a": [1, 2.5, None, True, b"x", "y"], "b": (1, (2, (3, (4, 5)))), "c": {1, 2}},
    "ordered": OrderedDict(a=pd.Timestamp("2024-01-01")),
    "fortran": np.asfortranarray(X),
}


class Finder(pickle.Unpickler):
    """Tells what the real thing looks up."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self.found: dict[str, None] = {}

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        if module.startswith("_") or "." not in f"{module}.{name}":
            return found
        self.found.setdefault(f"{module}.{name}")
        return found


@pytest.mark.parametrize("what", OBJECTS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_everything_that_would_be_looked_up_is_found(
    tmp_path: Path, what: str, protocol: int
) -> None:
    raw = pickle.dumps(OBJECTS[what], protocol)
    (tmp_path / "p").write_bytes(raw)
    contents = inspect_pickle(tmp_path / "p")
    finder = Finder(io.BytesIO(raw))
    finder.load()
    assert contents.is_whole
    modern = {name.replace("__builtin__.", "builtins.") for name in contents.classes}
    assert {name.replace("copy_reg.", "copyreg.") for name in modern} >= {
        name.replace("__builtin__.", "builtins.").replace("copy_reg.", "copyreg.")
        for name in finder.found
    }


@pytest.mark.parametrize("what", OBJECTS)
@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
def test_arrays_that_joblib_writes_between_are_stepped_over(
    tmp_path: Path, what: str, compress: Any
) -> None:
    joblib.dump(OBJECTS[what], tmp_path / "j", compress=compress)
    contents = inspect_pickle(tmp_path / "j")
    assert contents.is_whole
    plain = inspect_stream(io.BytesIO(pickle.dumps(OBJECTS[what])))
    beside = ("numpy.", "joblib.", "_codecs.", "builtins.")
    assert {each for each in plain.classes if not each.startswith(beside)} <= set(contents.classes)


@pytest.mark.parametrize("what", ["forest", "histogram", "pipeline", "booster"])
@pytest.mark.parametrize("form", [*range(pickle.HIGHEST_PROTOCOL + 1), "joblib", "compressed"])
def test_the_releases_that_wrote_it_are_told(tmp_path: Path, what: str, form: Any) -> None:
    path = tmp_path / "file"
    if isinstance(form, int):
        path.write_bytes(pickle.dumps(OBJECTS[what], form))
    else:
        joblib.dump(OBJECTS[what], path, compress=3 if form == "compressed" else 0)
    expected = {"sklearn": sklearn.__version__} if what != "booster" else {}
    if what in ("pipeline", "booster"):
        expected["xgboost"] = xgb.__version__
    contents = inspect_pickle(path)
    assert contents.releases == expected
    kind = type(OBJECTS[what])
    assert contents.root == f"{kind.__module__}.{kind.__qualname__}"


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, ("/nowhere/at/all",)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_nothing_is_executed(protocol: int) -> None:
    contents = inspect_stream(io.BytesIO(pickle.dumps([Evil()], protocol)))
    assert any(name.endswith(".mkdir") for name in contents.classes)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x80\x04",
        b"\x80\x04]\x94(" * 1000,
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"(" * 10_000 + b"." * 5,
        b"\x80\x04" + b")" * 100_000 + b"\x85" * 100_000 + b".",
        b"I" + b"9" * 100_000 + b"\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x05dtype\x93)R.",
    ],
)
def test_a_hostile_file_takes_neither_long_nor_much(raw: bytes) -> None:
    inspect_stream(io.BytesIO(raw))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(raw: bytes) -> None:
    inspect_stream(io.BytesIO(raw))


@given(st.sampled_from(["forest", "booster", "frame", "arrays"]), st.data())
def test_a_damaged_file_is_read_without_an_error(what: str, data: st.DataObject) -> None:
    raw = bytearray(pickle.dumps(OBJECTS[what]))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    inspect_stream(io.BytesIO(bytes(raw)))


def moved(raw: bytes, old: bytes, new: bytes) -> bytes:
    assert len(old) == len(new)
    assert old in raw
    return raw.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"sklearn.ensemble._forest", b"sklearn.ensemble.forestx", "sklearn.ensemble.forestx.Ran"),
        (
            b"RandomForestRegressor",
            b"RandomFarestRegressor",
            "sklearn.ensemble._forest.RandomFarest",
        ),
        (b"sklearn.tree._classes", b"acmefeatures.winsors1", "acmefeatures.winsors1.Decision"),
    ],
)
def test_what_is_not_there_is_named_with_the_releases(
    tmp_path: Path, old: bytes, new: bytes, told: str
) -> None:
    raw = moved(pickle.dumps(OBJECTS["forest"]), old, new)
    (tmp_path / "model.pkl").write_bytes(raw)
    with pytest.raises(ModelLoadError) as error:
        Pickle(trusted=["pickle"]).load(tmp_path)
    message = str(error.value)
    assert f"it refers to {told}" in message
    assert "which is not here" in message
    assert f"sklearn {sklearn.__version__} wrote it, {sklearn.__version__} is installed" in message


def test_a_class_of_the_script_that_ran_comes_with_advice(tmp_path: Path) -> None:
    raw = b"\x80\x04\x8c\x08__main__\x8c\x06Winsor\x93)\x81."
    pickletools.dis(raw, io.StringIO())  # it is a sound one
    (tmp_path / "model.pkl").write_bytes(raw)
    with pytest.raises(ModelLoadError, match=r"refers to __main__\.Winsor.*into a module"):
        Pickle(trusted=["pickle"]).load(tmp_path)


@pytest.mark.skipif(np.__version__ < "2", reason="only numpy 2 writes what tells it")
def test_the_release_of_numpy_is_told_by_what_it_refers_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contents = inspect_stream(io.BytesIO(pickle.dumps(np.arange(3))))
    monkeypatch.setattr(np, "__version__", "1.26.4")
    assert "numpy 2 wrote it, 1.26.4 is installed" in explain(KeyError("0"), contents)
