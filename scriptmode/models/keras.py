"""Keras 3: models in its own format or in HDF5, on whichever backend is set."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode._memo import PerObject
from scriptmode.errors import DeclarationError, ModelLoadError
from scriptmode.models.arrays import as_matrix
from scriptmode.models.artifacts import place
from scriptmode.models.devices import check_device, tensorflow_device
from scriptmode.models.looks import look
from scriptmode.models.stored import Trusting
from scriptmode.models.tensorflow_faults import refusal_of
from scriptmode.models.tensors import Input, named_inputs, refuse_not_finite, signature_of
from scriptmode.models.trust import require_trust
from scriptmode.models.versions import Library

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scriptmode.models.base import Signature

_FILE = "model.keras"
_UNSAFE_CLASSES = (
    "Lambda",
    "TFSMLayer",
    "TorchModuleWrapper",
    "FlaxLayer",
    "JaxLayer",
    "__lambda__",
)
_LAMBDA = "keras-lambda"


@dataclass(frozen=True)
class Keras(Trusting):
    """Loads a model, and answers what ``model.predict`` answers, without its setting up.

    Args:
        file: see :class:`scriptmode.models.stored.Stored`.
        versions: likewise; the file says which release wrote it.
        trusted: ``keras-lambda``, layers that hold code, which safe mode refuses; see
            :mod:`scriptmode.models.trust`.
        device: ``auto`` leaves the choice to the backend; or ``cpu``, ``cuda``, ``cuda:1``.
    """

    device: str = "auto"
    _known: PerObject[_Known] = field(
        default_factory=lambda: PerObject(_Known), init=False, repr=False, compare=False
    )

    name: ClassVar[str] = "keras"
    library: ClassVar[Library] = Library("keras")
    forms: ClassVar[tuple[str, ...]] = ("keras", "keras-h5")
    unsafe_forms: ClassVar[tuple[str, ...]] = (_LAMBDA,)
    fork_safe: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_device(self.device)

    def load(self, model_dir: Path) -> Any:
        """Read the model.

        Returns:
            ``keras.Model``, not compiled.

        Raises:
            ModelLoadError: none or several candidates, a damaged one, one of another release, or
                one that holds no model.
            UntrustedFormatError: it holds code that nobody trusted.
        """
        path = self._find(model_dir)
        keras = require("keras", extra="keras")
        written, config = _read_config(path)
        if written:
            self.library.check(written, path, self.versions)
        strange = sorted(set(_unsafe_in(config)))
        if strange:
            require_trust(self.trusted, _LAMBDA, path, holds=", ".join(strange))
        model = self._read(keras, path, is_safe=not strange)
        if not isinstance(model, keras.Model):
            raise ModelLoadError(f"{path} holds a {type(model).__name__}, not a model")
        return model

    def predict(self, model: Any, data: Any) -> Any:
        """Ask the model for all rows at once, in inference mode.

        Args:
            model: what ``load`` returned.
            data: a table or tensor for a model of one input; else tensors by name.

        Returns:
            What ``model.predict`` returns, as arrays; of several outputs, by name.

        Raises:
            InvalidFeaturesError: inputs or shapes are not the model's; or a cell is missing or
                infinite, for which compiled layers answer with a number in silence.
        """
        return self._known(model).ask(model, data)

    def signature(self, model: Any) -> Signature:
        """The width of its one input, or the names of inputs that are columns."""
        return signature_of(self._known(model).inputs)

    def save(self, model: Any, model_dir: Path) -> Path:
        """Write a model in Keras's own format.

        Returns:
            The file: the declared one, else ``model.keras``.

        Raises:
            DeclarationError: the file would be of another format, or a layer lives in
                ``__main__``, which no other process can import, or holds code.
        """
        path = place(model_dir, self.file, _FILE)
        if path.suffix != ".keras":
            raise DeclarationError(f"{path.name!r} must end in .keras")
        for layer in [model, *getattr(model, "layers", ())]:
            if type(layer).__module__ == "__main__":
                raise DeclarationError(
                    f"the class {type(layer).__qualname__} lives in __main__, which no other"
                    " process can import: move it from the script that runs into a module"
                )
        model.save(path)
        strange = sorted(set(_unsafe_in(_read_config(path)[1])))
        if strange and _LAMBDA not in self.trusted:
            path.unlink()
            raise DeclarationError(
                f"the model holds code ({', '.join(strange)}), which would need"
                f" trusted=[{_LAMBDA!r}] to be read back"
            )
        return path

    def _read(self, keras: Any, path: Path, *, is_safe: bool) -> Any:
        try:
            with tensorflow_device(keras, self.device):
                return keras.saving.load_model(_named(path), compile=False, safe_mode=is_safe)
        except ModelLoadError:
            raise
        except Exception as error:  # a damaged file can fail anywhere in keras
            text = str(error)
            cause = text.rpartition("Exception encountered: ")[2].strip().partition("\n")[0]
            raise ModelLoadError(f"{path} cannot be read: {cause[:500]}") from error


class _Known:
    """What never changes about a loaded model."""

    def __init__(self, model: Any) -> None:
        keras = require("keras", extra="keras")
        self.inputs = [_input(each) for each in getattr(model, "inputs", None) or ()]
        self._names: list[str] = list(getattr(model, "output_names", None) or ())
        self._compiled: Any = None
        is_plain = len(self.inputs) == 1 and self.inputs[0].dtype != "object"
        if is_plain and keras.backend.backend() == "tensorflow":
            self._compiled = _compile(model, self.inputs[0])

    def ask(self, model: Any, data: Any) -> Any:
        import numpy as np

        feed: Any = named_inputs(data, self.inputs) if self.inputs else _as_given(data)
        for cells in feed.values() if isinstance(feed, dict) else (feed,):
            refuse_not_finite(cells)
        if isinstance(feed, dict) and len(feed) == 1:
            feed = next(iter(feed.values()))
        try:
            found = self._compiled(feed) if self._compiled else model.predict_on_batch(feed)
        except Exception as error:
            if type(error).__name__ == "InvalidArgumentError":  # of TensorFlow
                raise refusal_of(error) from error
            raise
        if isinstance(found, dict):
            return {name: np.asarray(part) for name, part in found.items()}
        if not isinstance(found, (list, tuple)):
            return np.asarray(found)
        is_told = len(set(self._names)) == len(found)
        names = self._names if is_told else [f"output_{place}" for place in range(len(found))]
        return {name: np.asarray(part) for name, part in zip(names, found, strict=True)}


def _as_given(data: Any) -> Any:
    """For a model that does not say what it takes."""
    import numpy as np

    return data if isinstance(data, (np.ndarray, dict)) else as_matrix(data)


def _compile(model: Any, described: Input) -> Any:
    """One graph for any number of rows, as ``predict`` makes; it is called at once.

    It holds the model weakly, as all that is remembered of a model must.
    """
    import weakref

    tensorflow = require("tensorflow", extra="tensorflow")
    reference = weakref.ref(model)
    spec = tensorflow.TensorSpec((None, *(described.shape or ())[1:]), described.dtype)

    def forward(cells: Any) -> Any:
        alive: Any = reference()
        return alive(cells, training=False)

    graph = tensorflow.function(forward, input_signature=[spec]).get_concrete_function()
    return lambda cells: _arrays(graph(tensorflow.constant(cells)))


def _arrays(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: part.numpy() for name, part in found.items()}
    if isinstance(found, (list, tuple)):
        return [part.numpy() for part in found]
    return found.numpy()


def _input(described: Any) -> Input:
    kind = str(described.dtype)
    shape = tuple(described.shape)
    return Input(described.name, "object" if kind == "string" else kind, (None, *shape[1:]))


def _named(path: Path) -> str:
    """The path, which keras tells formats apart by.

    Raises:
        ValueError: its suffix is not that of its content.
    """
    suffixes = (".keras",) if look(path).form == "keras" else (".h5", ".hdf5")
    if path.suffix not in suffixes:
        raise ValueError(f"keras reads it only where its name ends in {suffixes[0]}")
    return str(path)


def _read_config(path: Path) -> tuple[str | None, Any]:
    """The release that wrote a model, and what it is made of."""
    try:
        if look(path).form == "keras":
            with zipfile.ZipFile(path) as archive:
                metadata: Any = json.loads(archive.read("metadata.json"))
                return _text(metadata.get("keras_version")), json.loads(archive.read("config.json"))
        h5py = require("h5py", extra="keras")
        with h5py.File(path, "r") as file:
            attributes = dict(file.attrs)
        return _text(attributes.get("keras_version")), json.loads(attributes["model_config"])
    except Exception as error:  # each kind of damage to an archive has an error of its own
        raise ModelLoadError(f"{path} cannot be read: {error}") from error


def _text(release: Any) -> str | None:
    """A release as text, which files of old keep as bytes."""
    return release.decode() if isinstance(release, bytes) else release and str(release)


def _unsafe_in(config: Any) -> Iterator[str]:
    """The classes of a model that are code, or call any function by its name."""
    todo = [config]
    while todo:
        each = todo.pop()
        if isinstance(each, dict):
            if each.get("class_name") in _UNSAFE_CLASSES:
                yield str(each["class_name"])
            todo.extend(each.values())
        elif isinstance(each, list):
            todo.extend(each)
