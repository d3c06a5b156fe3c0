"""BentoML's production server: one worker, an asynchronous endpoint."""
# mypy: disable-error-code="import-not-found", allow-untyped-decorators
# BentoML lives in an environment of its own, which a check does not see.

import os
import sys
from pathlib import Path

import bentoml
import numpy as np
import xgboost as xgb


@bentoml.service(workers=1, logging={"access": {"enabled": False}})
class Model:
    """The service."""

    def __init__(self) -> None:
        self.booster = xgb.Booster(model_file=os.environ["MODEL"])
        self.booster.set_param({"nthread": 1})

    @bentoml.api
    async def predict(self, rows: list[list[float]]) -> list[float]:
        predictions: list[float] = self.booster.inplace_predict(np.array(rows, np.float32)).tolist()
        return predictions


if __name__ == "__main__":
    os.environ.update(BENTOML_DO_NOT_TRACK="True", BENTOML_HOME=os.environ["TMPDIR"])
    place = ["--host", "127.0.0.1", "--port", sys.argv[1]]
    here = ["--working-dir", str(Path(__file__).parent), "bentoml_app:Model"]
    os.execvp("bentoml", ["bentoml", "serve", *place, *here])
