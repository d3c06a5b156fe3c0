"""Several named artefacts of one folder, each with a loader of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode.errors import DeclarationError, ModelLoadError, PredictionError
from scriptmode.models.artifacts import match
from scriptmode.models.base import MANIFEST, Locating, Saver

if TYPE_CHECKING:
    from scriptmode.models.base import Loader

_TAKEN = ("code", MANIFEST)  # the first is where serving stacks keep the script
_BAD = "/\\*?[]\0"


@dataclass(frozen=True)
class Bundle:
    """Loads every part; a ``predict`` hook gets them by name.

    A part lies in the subfolder of its name, or, where there is no such folder, beside the others.

    Args:
        parts: the loader of each part.

    Raises:
        DeclarationError: no parts, or a name that cannot be that of a folder.
    """

    parts: Mapping[str, Loader[Any]]

    name: ClassVar[str] = "bundle"
    predicts: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.parts:
            raise DeclarationError("model={}: a bundle has at least one part")
        for name in self.parts:
            if isinstance(self.parts[name], Bundle):
                raise DeclarationError(f"model: the part {name!r} is a bundle itself")
            if not name or name in _TAKEN or name[0] == "." or set(name) & set(_BAD):
                raise DeclarationError(f"model: a part cannot be called {name!r}")

    @property
    def thread_safe(self) -> bool:
        """Whether every part is."""
        return all(getattr(part, "thread_safe", True) for part in self.parts.values())

    @property
    def fork_safe(self) -> bool:
        """Whether every part is."""
        return all(getattr(part, "fork_safe", True) for part in self.parts.values())

    def load(self, model_dir: Path) -> dict[str, Any]:
        """Read every part.

        Returns:
            The parts by name, in the order of declaration.

        Raises:
            ModelLoadError: whatever a part's loader raises.
            UntrustedFormatError: likewise.
        """
        folders = {
            name: folder_of(Path(model_dir), name, loader) for name, loader in self.parts.items()
        }
        self._refuse_shared(folders)
        return {name: loader.load(folders[name]) for name, loader in self.parts.items()}

    def _refuse_shared(self, folders: Mapping[str, Path]) -> None:
        """One file for two parts is a part that was lost."""
        owners: dict[Path, str] = {}
        for name, loader in self.parts.items():
            for path in loader.locate(folders[name]) if isinstance(loader, Locating) else ():
                other = owners.setdefault(path, name)
                if other != name:
                    raise ModelLoadError(
                        f"{path} would be read as {other!r} and as {name!r}; put each part into"
                        f" {folders[name] / name}, or declare file=..."
                    )

    def predict(self, model: Any, data: Any) -> Any:
        """Refused.

        Raises:
            PredictionError: always; only the script knows how the parts work together.
        """
        raise PredictionError("a bundle needs predict=..., a function (models, data, context)")

    def save(self, model: Mapping[str, Any], model_dir: Path) -> Path:
        """Write every part into a subfolder of its name; see :meth:`save_parts`."""
        self.save_parts(model, model_dir)
        return Path(model_dir)

    def save_parts(self, model: Mapping[str, Any], model_dir: Path) -> dict[str, Path]:
        """Write every part into a subfolder of its name.

        Args:
            model: the parts by name.
            model_dir: the folder to write to.

        Returns:
            What each part was written to.

        Raises:
            DeclarationError: a part is missing or unknown, or its loader cannot write.
        """
        given: Any = model
        found = sorted(given) if isinstance(given, Mapping) else type(given).__name__
        if found != sorted(self.parts):
            raise DeclarationError(f"the parts are {sorted(self.parts)}, not {found}")
        written: dict[str, Path] = {}
        for name, loader in self.parts.items():
            if not isinstance(loader, Saver):
                raise DeclarationError(f"{name}: the loader {loader.name!r} cannot write a model")
            folder = Path(model_dir) / name
            folder.mkdir(parents=True, exist_ok=True)
            written[name] = loader.save(model[name], folder)
        return written


def folder_of(model_dir: Path, name: str, loader: Loader[Any]) -> Path:
    """The folder that a part is read from: the one of its name, where it is there."""
    own, file = model_dir / name, getattr(loader, "file", None)
    is_there = own.is_dir() and (file is None or match(own, file))
    return own if is_there else model_dir
