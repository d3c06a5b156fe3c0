"""What a loader is: any object with ``name``, ``load`` and ``predict``."""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    NamedTuple,
    Protocol,
    TypeVar,
    runtime_checkable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

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
        reads_names: whether the model finds its columns by name, so that they must keep theirs.
    """

    names: tuple[str, ...] | None = None
    width: int | None = None
    types: tuple[str, ...] | None = None
    categories: tuple[tuple[Any, ...] | None, ...] | None = None
    objective: str | None = None
    classes: tuple[Any, ...] | None = None
    reads_names: bool = False


@runtime_checkable
class Loader(Protocol[M]):
    """Finds, reads and asks the models of one framework.

    What else a loader may have is told by the protocols below, and by these attributes:

    - ``library``: a :class:`scriptmode.models.versions.Library` whose release the manifest keeps.
    - ``predicts = False``: only a function of the script's can answer.
    - ``thread_safe = False``: its models must be asked by one thread at a time.
    - ``fork_safe = False``: a process may not be forked between loading and asking.
    - ``takes_text = True``: a JSON list of strings is several rows, not one.
    - ``device``: a field, ``auto`` where the host may choose the accelerator.
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
class Rowwise(Protocol[M_contra]):
    """A loader that tells which models' answers do not depend on what is asked beside."""

    def is_rowwise(self, model: M_contra) -> bool:
        """Whether a row is answered alike, bit for bit, whatever rows stand beside it.

        Then a server may ask for the rows of several requests at once.
        """
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
