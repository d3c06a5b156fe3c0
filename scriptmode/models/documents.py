"""What goes with a model as JSON: class names, thresholds, a table to look things up in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from scriptmode.errors import DeclarationError, ModelLoadError, PredictionError
from scriptmode.models.artifacts import find_artifact, place
from scriptmode.models.looks import LooksLike

_FILE = "document.json"
_PLAIN = LooksLike("json")
_ANY = LooksLike("xgboost-json", "catboost-json")


@dataclass(frozen=True)
class Document:
    """Loads one JSON file as plain Python.

    Args:
        file: its name in the model folder, or a glob. When absent, the only JSON file, our own
            manifest and models in JSON apart.
    """

    file: str | None = None

    name: ClassVar[str] = "json"
    predicts: ClassVar[bool] = False

    def load(self, model_dir: Path) -> Any:
        """Read the document.

        Raises:
            ModelLoadError: none or several candidates, or one that is not JSON.
        """
        path = self.locate(model_dir)[0]
        try:
            return json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise ModelLoadError(f"{path} is not JSON: {error}") from error

    def locate(self, model_dir: Path) -> list[Path]:
        """The one file that ``load`` would read.

        Raises:
            ModelLoadError: none or several candidates.
        """
        return [find_artifact(Path(model_dir), self.file, _PLAIN, _ANY)]

    def predict(self, model: Any, data: Any) -> Any:
        """Refused.

        Raises:
            PredictionError: always; a document predicts nothing.
        """
        raise PredictionError("a JSON document cannot predict: declare predict=... of your own")

    def save(self, model: Any, model_dir: Path) -> Path:
        """Write the document.

        Returns:
            The file: the declared one, else ``document.json``.

        Raises:
            DeclarationError: it holds what JSON has no form for, or would not read back equal.
        """
        path = place(model_dir, self.file, _FILE)
        try:
            text = json.dumps(model, indent=2, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise DeclarationError(f"{path.name} cannot be written: {error}") from error
        if json.loads(text) != model:
            raise DeclarationError(
                f"{path.name} would not be read back equal: JSON knows text as names, and lists"
            )
        path.write_text(f"{text}\n", "utf-8")
        return path
