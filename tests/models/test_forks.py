"""What a process that was forked from one with threads of OpenMP can still do."""

import subprocess
import sys
from pathlib import Path

import pytest

FORKED = """
import os, signal, sys
from pathlib import Path
import numpy as np

X = np.random.default_rng(0).normal(size=(3000, 5))


def save(name, folder):
    if name == "xgboost":
        import xgboost
        from scriptmode.models.xgboost import XGBoost
        XGBoost().save(xgboost.train({}, xgboost.DMatrix(X, X[:, 0]), 5), folder)
        return XGBoost()
    import joblib
    if name == "lightgbm":
        import lightgbm
        from scriptmode.models.lightgbm import LightGBM
        LightGBM().save(lightgbm.train({"verbose": -1}, lightgbm.Dataset(X, X[:, 0]), 5), folder)
        return LightGBM()
    if name == "kmeans":
        from sklearn.cluster import KMeans
        from scriptmode.models.sklearn import Sklearn
        Sklearn().save(KMeans(3, n_init=1).fit(X), folder)
        return Sklearn()
    if name == "torch":
        import torch
        from scriptmode.models.torch import Torch
        made = Torch(factory=lambda: torch.nn.Linear(5, 2))
        made.save(torch.nn.Linear(5, 2), folder)
        return made
    from sklearn.ensemble import HistGradientBoostingRegressor
    from scriptmode.models.sklearn import Sklearn
    made = Sklearn(file="model.joblib", trusted=["joblib"])
    joblib.dump(HistGradientBoostingRegressor(max_iter=5).fit(X, X[:, 0]), folder / made.file)
    return made


loader = save(sys.argv[1], Path(sys.argv[2]))
before = loader.load(Path(sys.argv[2]))
own = loader.predict(before, X)
child = os.fork()
if not child:
    signal.alarm(30)
    found = loader.predict(loader.load(Path(sys.argv[2])), X)
    kept = loader.predict(before, X)
    os._exit(0 if found.tobytes() == own.tobytes() == kept.tobytes() else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="forks are for Linux")
@pytest.mark.parametrize(
    "name",
    ["xgboost", "sklearn", "kmeans", "lightgbm", pytest.param("torch", marks=pytest.mark.heavy)],
)
def test_a_model_is_loaded_and_asked_after_the_parent_used_threads(
    tmp_path: Path, name: str
) -> None:
    command = [sys.executable, "-c", FORKED, name, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
