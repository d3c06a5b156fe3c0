"""Linear models kept as JSON: ``{"names": [...], "weights": [...], "intercept": ...}``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from scriptmode.errors import ModelLoadError
from scriptmode.models.arrays import as_matrix
from scriptmode.models.artifacts import find_artifact, place
from scriptmode.models.base import Signature
from scriptmode.models.looks import LooksLike


@dataclass(frozen=True)
class Linear:
    """Loads the only JSON document of a folder as a linear model.

    Args:
        file: the artefact's name in the model folder; else the only JSON document.
    """

    file: str | None = None

    name: ClassVar[str] = "linear"

    def load(self, model_dir: Path) -> dict[str, Any]:
        """Read the model.

        Raises:
            ModelLoadError: no document, several, or a damaged one.
        """
        path = find_artifact(Path(model_dir), self.file, LooksLike("json"))
        model: Any = json.loads(path.read_text("utf-8"))
        if not isinstance(model, dict) or not {"names", "weights", "intercept"} <= model.keys():
            raise ModelLoadError(f"{path} has no names, weights and intercept")
        return model

    def predict(self, model: dict[str, Any], data: Any) -> Any:
        """The weighted sum of each row, ``(rows,)``."""
        return (as_matrix(data) * np.array(model["weights"])).sum(axis=1) + model["intercept"]

    def signature(self, model: dict[str, Any]) -> Signature:
        """The names, so that named columns are put in order."""
        return Signature(tuple(model["names"]), len(model["weights"]))

    def save(self, model: dict[str, Any], model_dir: Path) -> Path:
        """Write ``linear.json``, or the declared file."""
        path = place(Path(model_dir), self.file, "linear.json")
        path.write_text(json.dumps(model), "utf-8")
        return path
