"""Ours: a declared script under ``scriptmode serve``, as containers run it."""

import os
import sys
from pathlib import Path

from scriptmode import compose
from scriptmode.models.xgboost import XGBoost

model_fn, input_fn, predict_fn, output_fn = compose(XGBoost(threads=1))

if __name__ == "__main__":
    folder = str(Path(os.environ["MODEL"]).parent)
    options = [__file__, "--model-dir", folder, "--port", sys.argv[1], "--no-development"]
    os.execv(sys.executable, [sys.executable, "-m", "scriptmode", "serve", *options])
