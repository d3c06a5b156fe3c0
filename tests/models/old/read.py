"""Reads what write.py wrote with the loaders, and says as JSON what came of each.

python read.py FOLDER POLICY
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np

from scriptmode.errors import ModelLoadError
from scriptmode.models.sklearn import Sklearn
from scriptmode.models.xgboost import XGBoost


def outcome(folder, rows, expected, policy):
    is_booster = folder.name.partition(".")[0] in ("numbers", "signs")
    kind = XGBoost if is_booster else Sklearn
    types = TRUSTED if kind is Sklearn else []
    loader = kind(trusted=["pickle", "joblib", *types], versions=policy)
    try:
        model = loader.load(folder)
    except ModelLoadError as error:
        return {"refused": str(error)}
    except Exception as error:
        return {"foreign": f"{type(error).__name__}: {error}"}
    try:
        found = np.asarray(loader.predict(model, rows), dtype=float)
    except Exception as error:
        return {"unasked": f"{type(error).__name__}: {error}"}
    return {"differs": float(np.abs(found - expected).max())}


def untrusted(root):
    import skops.io

    for path in root.glob("*.skops/model.skops"):
        yield from skops.io.get_untrusted_types(file=path)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    root, policy = Path(sys.argv[1]), sys.argv[2]
    told = json.loads((root / "expected.json").read_text())
    rows = np.array(told["rows"])
    TRUSTED = sorted(set(untrusted(root)))
    found = {
        folder.name: outcome(
            folder, rows, np.array(told["answers"][folder.name.partition(".")[0]]), policy
        )
        for folder in sorted(root.iterdir())
        if folder.is_dir()
    }
    print(json.dumps(found))
