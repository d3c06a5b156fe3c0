"""What a loader is: any object with ``name``, ``load`` and ``predict``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, runtime_checkable

from scriptmode.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

M = TypeVar("M")
M_contra = TypeVar("M_contra", contravariant=True)


class Signature(NamedTuple):
    """What an artefact says about the table it was trained on.

    Args:
        names: the features' names, in the model's order; None when it knows none.
        width: how many features there are; None when it does not know.
    """

    names: tuple[str, ...] | None = None
    width: int | None = None


@runtime_checkable
class Loader(Protocol[M]):
    """Finds, reads and asks the models of one framework."""

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
        """Write the model in the framework's safest format; return the file."""
        ...


def find_artifact(model_dir: Path, file: str | None, recognise: Callable[[Path], bool]) -> Path:
    """The one model file of a folder.

    Args:
        model_dir: the folder that the host unpacked the model into.
        file: the declared name, or None to look for the only file that is recognised.
        recognise: whether a file may be a model of the framework.

    Raises:
        ModelLoadError: no such file, or more than one; says what the folder holds.
    """
    if not model_dir.is_dir():
        raise ModelLoadError(f"the model folder {model_dir} does not exist")
    if file is not None and not (model_dir / file).is_file():
        raise ModelLoadError(f"no file {file!r} in {model_dir}{_listing(model_dir)}")
    candidates = _files(model_dir) if file is None else [model_dir / file]
    found = [path for path in candidates if file is not None or recognise(path)]
    if len(found) == 1:
        return _not_empty(found[0])
    problem = "no file" if not found else f"{len(found)} files"
    raise ModelLoadError(
        f"{problem} in {model_dir} could be the model{_listing(model_dir)}; declare file=..."
    )


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
