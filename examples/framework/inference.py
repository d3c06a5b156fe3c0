"""A framework of one's own: any object with name, load and predict."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from scriptmode import compose
from scriptmode.models.base import Signature


class Linear:
    """Least squares, kept as JSON: ``{"names": [...], "weights": [...], "intercept": ...}``."""

    name = "linear"

    def load(self, model_dir: Path) -> dict[str, Any]:
        model: dict[str, Any] = json.loads((model_dir / "linear.json").read_text())
        return model

    def predict(self, model: dict[str, Any], data: Any) -> Any:
        return np.asarray(data) @ np.array(model["weights"]) + model["intercept"]

    def signature(self, model: dict[str, Any]) -> Signature:
        # Optional: with it, named columns are put in order and a wrong width is refused.
        return Signature(tuple(model["names"]), len(model["weights"]))


model_fn, input_fn, predict_fn, output_fn = compose(Linear(), accepts=["csv", "json"])
