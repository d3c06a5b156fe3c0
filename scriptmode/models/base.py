"""What a loader is: any object with ``name``, ``load`` and ``predict``."""

from __future__ import annotations

from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    NamedTuple,
    Protocol,
    TypeVar,
    runtime_checkable,
)

from scriptmode.errors import DeclarationError, ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MANIFEST = "scriptmode.json"
"""The file of a model folder that is ours, and no artefact."""

OUTPUTS = ("value", "label", "proba", "margin", "leaf", "contribs", "transform")
"""What models can be asked for, under the same name in every framework:

- ``value``: what the framework's own ``predict`` answers.
- ``label``: the class, one a row.
- ``proba``: the probability of every class, ``(rows, classes)``.
- ``margin``: the score before it is turned into a value.
- ``leaf``: the leaf that each tree puts the row into, ``(rows, trees)``.
- ``contribs``: each feature's share of the margin, the bias last.
- ``transform``: the row as a transformer maps it.
"""

M = TypeVar("M")
M_contra = TypeVar("M_contra", contravariant=True)


class Signature(NamedTuple):
    """What an artefact says about the table it was trained on.

    Args:
        names: the features' names, in the model's order; None when it knows none.
        width: how many features there are; None when it does not know.
        types: what the framework calls the type of each feature; None when it does not say.
        categories: for each feature, the categories that it may have; None for one that has no
            categories, and an empty tuple where it has some that the artefact does not know.
        objective: what the model was trained for, in the framework's own words.
        classes: the classes of a classifier, in the order of its probabilities.
    """

    names: tuple[str, ...] | None = None
    width: int | None = None
    types: tuple[str, ...] | None = None
    categories: tuple[tuple[Any, ...] | None, ...] | None = None
    objective: str | None = None
    classes: tuple[Any, ...] | None = None


@runtime_checkable
class Loader(Protocol[M]):
    """Finds, reads and asks the models of one framework.

    What else a loader may have is told by the protocols below, and by these attributes:
    ``library``, a :class:`scriptmode.models.versions.Library` whose release the manifest
    keeps; ``predicts = False`` where only a function of the script's can answer.
    """

    @property
    def name(self) -> str:
        """What declarations and errors call it."""
        ...

    def load(self, model_dir: Path) -> M:
        """Read the model in a folder.

        Raises:
            ModelLoadError: there is none, there are several, or it cannot be read.
            UntrustedFormatError: reading it could execute code, and nobody trusted that.
        """
        ...

    def predict(self, model: M, data: Any) -> Any:
        """Ask the model.

        Args:
            model: what ``load`` returned.
            data: a neutral value (see :mod:`scriptmode.values`), in the model's own column
                order where the loader has a ``signature``.

        Returns:
            One prediction a row, usually an array of shape ``(rows,)`` or ``(rows, outputs)``.
        """
        ...


@runtime_checkable
class Signed(Protocol[M_contra]):
    """A loader whose artefacts tell their features, so that requests can be held to them."""

    def signature(self, model: M_contra) -> Signature:
        """What the model was trained on."""
        ...


@runtime_checkable
class Saver(Protocol[M_contra]):
    """A loader that also writes what it reads."""

    def save(self, model: M_contra, model_dir: Path) -> Path:
        """Write the model in the framework's safest format; return the file or the folder.

        Raises:
            DeclarationError: the model cannot be read back elsewhere, such as one whose class
                lives in ``__main__``.
        """
        ...


@runtime_checkable
class Locating(Protocol):
    """A loader that tells which files it would read, so that a manifest can vouch for them."""

    def locate(self, model_dir: Path) -> Sequence[Path]:
        """What ``load`` would read.

        Raises:
            ModelLoadError: there is none, or there are several.
        """
        ...


@runtime_checkable
class Selective(Protocol[M_contra]):
    """A loader whose models can be asked for more than their value."""

    @property
    def output_names(self) -> Sequence[str]:
        """Everything that some model of the framework can be asked for."""
        ...

    def outputs(self, model: M_contra) -> Mapping[str, Callable[[Any, Any], Any]]:
        """What this model can be asked for.

        Returns:
            Names, those of :data:`OUTPUTS` where they fit, to functions from the model and a
            neutral value to an answer of as many rows. They must not hold the model itself,
            which would then live as long as what is remembered of it.
        """
        ...


def find_artifact(model_dir: Path, file: str | None, recognise: Callable[[Path], bool]) -> Path:
    """The one model file of a folder.

    Args:
        model_dir: the folder that the host unpacked the model into.
        file: the declared name or glob, or None to look for the only file that is recognised.
        recognise: whether a file may be a model of the framework.

    Raises:
        ModelLoadError: no such file, or more than one; says what the folder holds.
    """
    if not model_dir.is_dir():
        raise ModelLoadError(f"the model folder {model_dir} does not exist")
    if file is None:
        found = [path for path in _files(model_dir) if recognise(path)]
    else:
        found = [path for path in match(model_dir, file) if path.is_file()]
    if len(found) == 1:
        return _not_empty(found[0])
    if file is not None and not found:
        raise ModelLoadError(f"no file {file!r} in {model_dir}{_listing(model_dir)}")
    problem = "no file" if not found else f"{len(found)} files"
    raise ModelLoadError(
        f"{problem} in {model_dir} could be the model{_listing(model_dir)}; declare file=..."
    )


def match(model_dir: Path, pattern: str) -> list[Path]:
    """The files and folders that a declared name stands for, sorted.

    Args:
        model_dir: where to look.
        pattern: a name or a path below the folder; or a glob, which never finds hidden ones.
    """
    _refuse_outside(pattern)
    if (model_dir / pattern).exists():
        return [model_dir / pattern]
    if not _is_glob(pattern):
        return []
    found = (path for path in model_dir.glob(pattern) if path.name[0] != ".")
    return sorted(found)


def place(model_dir: Path, file: str | None, default: str) -> Path:
    """Where an artefact is written: under the declared name, else under the framework's own.

    Raises:
        DeclarationError: what is declared is a glob, which names no one file.
    """
    _refuse_outside(file or default)
    if file is not None and _is_glob(file):
        raise DeclarationError(f"{file!r} is a pattern: to write, declare the name of a file")
    path = Path(model_dir) / (file or default)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _refuse_outside(file: Any) -> None:
    parts = Path(file).parts if isinstance(file, str) else ("..",)
    if ".." in parts or Path(str(file)).is_absolute():
        raise DeclarationError(f"file={file!r}: name a file of the model folder")


def _is_glob(pattern: str) -> bool:
    return any(sign in pattern for sign in "*?[")


def _not_empty(path: Path) -> Path:
    """The file, unless it is empty: xgboost 3.2 aborts the whole process on an empty model."""
    if path.stat().st_size == 0:
        raise ModelLoadError(f"{path} is empty")
    return path


def _files(model_dir: Path) -> list[Path]:
    return sorted(path for path in model_dir.iterdir() if path.is_file() and path.name[0] != ".")


def _listing(model_dir: Path) -> str:
    names = [path.name for path in _files(model_dir)]
    return f"; it holds {', '.join(names)}" if names else "; it holds no files"
