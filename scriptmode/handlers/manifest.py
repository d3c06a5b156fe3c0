"""``scriptmode.json``, what the training half tells the serving half about an artefact."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scriptmode.errors import ModelLoadError
from scriptmode.handlers.digests import digest, digest_files, digest_names
from scriptmode.handlers.golden import plain
from scriptmode.models.base import MANIFEST, Locating
from scriptmode.models.bundle import Bundle, folder_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scriptmode.models.base import Loader
    from scriptmode.models.versions import VersionPolicy

_ONLY = "model"  # what the artefact is called where there is but one


class Artifact(BaseModel):
    """One artefact of the folder."""

    model_config = ConfigDict(extra="forbid")

    loader: str = Field(description="The name of the loader that reads it.")
    format: str = Field(description="The file's suffix or name, or 'folder'.")
    library: str | None = Field(None, description="The framework's import name.")
    version: str | None = Field(None, description="The framework's release that wrote it.")
    files: dict[str, str] = Field(description="Each file, and its SHA-256 in hexadecimal.")


class Golden(BaseModel):
    """A request and its prediction, to be answered alike wherever the artefact is served."""

    model_config = ConfigDict(extra="forbid")

    data: Any = Field(description="Rows as JSON, in one of the layouts that requests have.")
    prediction: Any = Field(description="What the model answered when it was saved, as JSON.")


class Manifest(BaseModel):
    """Everything that is known of a model folder when it is written."""

    model_config = ConfigDict(extra="forbid", title="scriptmode manifest")

    manifest: Literal[1] = 1
    python: str = Field(description="The release of Python that wrote it.")
    scriptmode: str = Field(description="The release of scriptmode that wrote it.")
    artifacts: dict[str, Artifact]
    features: list[str] | None = Field(None, description="The columns, in the model's order.")
    objective: str | None = Field(None, description="What the model was trained for.")
    classes: list[Any] | None = Field(None, description="In the order of the probabilities.")
    golden: Golden | None = None

    def check_files(self, loader: Loader[Any], model_dir: Path, versions: VersionPolicy) -> None:
        """Hold the folder to what was written, before anything in it is read.

        Args:
            loader: the declared loader; of a bundle, every part counts.
            model_dir: the folder.
            versions: what becomes of an artefact that another release wrote.

        Raises:
            ModelLoadError: other artefacts or loaders are declared, a file is missing or was
                changed, or its release cannot be relied on.
        """
        loaders = parts_of(loader)
        expected = {name: artifact.loader for name, artifact in self.artifacts.items()}
        found = {name: part.name for name, part in loaders.items()}
        if expected != found:
            raise ModelLoadError(
                f"{model_dir / MANIFEST} was written for {_pairs(expected)}; the script declares"
                f" {_pairs(found)}"
            )
        self.check_digests(model_dir)
        for name, artifact in self.artifacts.items():
            part = loaders[name]
            _check_place(name, artifact, part, place_of(loader, name, model_dir), model_dir)
            _check_version(artifact, part, model_dir, getattr(part, "versions", versions))

    def check_digests(self, model_dir: Path) -> None:
        """Hold every file to its digest.

        Raises:
            ModelLoadError: one is missing or was changed; says what, expected and found.
        """
        for name, artifact in self.artifacts.items():
            for file, expected in artifact.files.items():
                if Path(file).is_absolute() or ".." in Path(file).parts:
                    raise ModelLoadError(f"{model_dir / MANIFEST}: {file!r} is outside the folder")
                _check_digest(name, model_dir / file, expected)

    def check_columns(
        self, features: Sequence[str] | None, classes: Sequence[Any] | None, model_dir: Path
    ) -> None:
        """Hold what is served to what was saved.

        Raises:
            ModelLoadError: other features or classes, or in another order.
        """
        for what, saved, here in (
            ("features", self.features, features),
            ("classes", self.classes, classes),
        ):
            found = None if here is None else plain(list(here))
            if saved is not None and found is not None and found != saved:
                raise ModelLoadError(
                    f"{model_dir / MANIFEST}: expected the {what} {saved}, found {found}"
                )


def describe(loader: Loader[Any], written: Mapping[str, Path], model_dir: Path) -> dict[str, Any]:
    """What a new manifest says of the artefacts.

    Args:
        loader: the declared loader.
        written: the file or folder of each artefact.
        model_dir: the folder that they are in.

    Returns:
        Fields of :class:`Manifest`.
    """
    import scriptmode

    artifacts = {
        name: _describe_part(part, written[name], model_dir)
        for name, part in parts_of(loader).items()
    }
    return {
        "python": platform.python_version(),
        "scriptmode": scriptmode.__version__,
        "artifacts": artifacts,
    }


def parts_of(loader: Loader[Any]) -> Mapping[str, Loader[Any]]:
    """The loaders of a bundle by name; a loader that stands alone is called ``model``."""
    return loader.parts if isinstance(loader, Bundle) else {_ONLY: loader}


def place_of(loader: Loader[Any], name: str, model_dir: Path) -> Path:
    """The folder that a part is read from."""
    return (
        folder_of(model_dir, name, loader.parts[name]) if isinstance(loader, Bundle) else model_dir
    )


def read_manifest(model_dir: Path) -> Manifest:
    """The manifest of a folder.

    Raises:
        ModelLoadError: it is not one, or one of a later scriptmode.
    """
    path = Path(model_dir) / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "the file"
        raise ModelLoadError(
            f"{path} is no manifest that this release can read: {place}: {problem['msg']}"
        ) from error


def write_manifest(manifest: Manifest, model_dir: Path) -> Path:
    """Write ``scriptmode.json``; equal manifests are equal bytes."""
    path = Path(model_dir) / MANIFEST
    path.write_text(manifest.model_dump_json(indent=2) + "\n", "utf-8")
    return path


def _describe_part(loader: Loader[Any], written: Path, model_dir: Path) -> Artifact:
    library = getattr(loader, "library", None)
    return Artifact(
        loader=loader.name,
        format="folder" if written.is_dir() else written.suffix.lstrip(".") or written.name,
        library=library and library.module,
        version=library and library.installed(),
        files=digest_files(written, model_dir),
    )


def _check_digest(name: str, path: Path, expected: str) -> None:
    if not path.is_file():
        raise ModelLoadError(
            f"the artefact {name!r} is incomplete: {path} is missing; {MANIFEST} lists it"
        )
    found = digest(path)
    if found != expected:
        raise ModelLoadError(
            f"{path} of the artefact {name!r} was changed after it was saved: expected the"
            f" SHA-256 {expected}, found {found}"
        )


def _check_place(
    name: str, artifact: Artifact, loader: Loader[Any], folder: Path, model_dir: Path
) -> None:
    """Refuse to read what the manifest does not list, such as a file that was added since."""
    if not isinstance(loader, Locating):
        return
    for found in loader.locate(folder):
        for file in digest_names(found, model_dir):
            if file not in artifact.files:
                raise ModelLoadError(
                    f"{model_dir / file} would be read as the artefact {name!r}; {MANIFEST}, which"
                    f" was written when it was saved, lists {', '.join(artifact.files)}"
                )


def _check_version(
    artifact: Artifact, loader: Loader[Any], model_dir: Path, versions: VersionPolicy
) -> None:
    library = getattr(loader, "library", None)
    if library is not None and artifact.version is not None:
        library.check(artifact.version, model_dir / next(iter(artifact.files), ""), versions)


def _pairs(loaders: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {loader}" for name, loader in sorted(loaders.items()))
