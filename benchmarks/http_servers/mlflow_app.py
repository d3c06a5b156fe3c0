"""MLflow's scoring server, for a model saved by its own flavor.

As the scikit-learn wrapper and without a signature: a booster takes only data frames, and holding
requests to a signature makes frames of them; either makes JSON several times slower.
"""
# mypy: disable-error-code="import-not-found"
# MLflow lives in an environment of its own, which a check does not see.

import os
import sys
import tempfile
from pathlib import Path


def save(folder: Path) -> None:
    import mlflow.xgboost
    import xgboost as xgb

    model = xgb.XGBRegressor(n_jobs=1)
    model.load_model(os.environ["MODEL"])
    mlflow.xgboost.save_model(model, folder, pip_requirements=[])


if __name__ == "__main__":
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    folder = Path(tempfile.mkdtemp()) / "model"
    save(folder)
    model = ["--model-uri", str(folder), "--env-manager", "local", "--workers", "1"]
    place = ["--host", "127.0.0.1", "--port", sys.argv[1]]
    os.execvp("mlflow", ["mlflow", "models", "serve", *model, *place])
