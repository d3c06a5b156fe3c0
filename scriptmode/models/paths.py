"""Artefacts that a script's own code reads: it is told where they are."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from scriptmode.errors import DeclarationError, ModelLoadError, PredictionError
from scriptmode.models.artifacts import match, place


@dataclass(frozen=True)
class Paths:
    """Finds a file, a folder, or all that a glob matches.

    Args:
        file: the name in the model folder, or a glob.

    Raises:
        DeclarationError: no name is declared.
    """

    file: str | None = None

    name: ClassVar[str] = "path"
    predicts: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.file is None:
            raise DeclarationError("the loader 'path' needs file=..., a name or a glob")

    def load(self, model_dir: Path) -> Path | list[Path]:
        """Find it.

        Returns:
            One path; or, for a glob, all that it matches, sorted.

        Raises:
            ModelLoadError: there is nothing of that name.
        """
        found = self.locate(model_dir)
        is_one = found == [Path(model_dir) / str(self.file)]
        return found[0] if is_one else found

    def locate(self, model_dir: Path) -> list[Path]:
        """Everything of that name.

        Raises:
            ModelLoadError: there is nothing of that name.
        """
        found = match(Path(model_dir), str(self.file))
        if not found:
            raise ModelLoadError(f"no file or folder {self.file!r} in {model_dir}")
        return found

    def predict(self, model: Any, data: Any) -> Any:
        """Refused.

        Raises:
            PredictionError: always; a path predicts nothing.
        """
        raise PredictionError("a path cannot predict: declare predict=... of your own")

    def save(self, model: Any, model_dir: Path) -> Path:
        """Copy a file or a folder into the model folder, unless it is there already.

        Args:
            model: where it is now.
            model_dir: the model folder.

        Returns:
            Where it is then: under the declared name.

        Raises:
            DeclarationError: there is nothing at that path, or a glob is declared.
        """
        source, target = Path(model), place(model_dir, self.file, "")
        if not source.exists():
            raise DeclarationError(f"there is nothing at {source} to save")
        if target.exists() and source.samefile(target):
            return target
        if target.is_dir():
            shutil.rmtree(target)  # of an earlier save, whose files would be served along
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
        return target
