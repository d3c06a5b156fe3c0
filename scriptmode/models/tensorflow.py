"""TensorFlow: SavedModel folders, which are programs and need trust."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode._memo import PerObject
from scriptmode.errors import ModelLoadError
from scriptmode.models.artifacts import place
from scriptmode.models.devices import check_device, tensorflow_device
from scriptmode.models.protobuf import find_text
from scriptmode.models.stored import Trusting
from scriptmode.models.tensorflow_faults import refusal_of
from scriptmode.models.tensorflow_program import checked_program
from scriptmode.models.tensors import Input, named_inputs, refuse_not_finite, signature_of
from scriptmode.models.trust import require_trust
from scriptmode.models.versions import Library

if TYPE_CHECKING:
    from pathlib import Path

    from scriptmode.models.base import Signature

_FOLDER = "saved_model"
_FORM = "saved-model"
_RELEASE = (2, 1, 5)  # meta_graphs, meta_info_def, tensorflow_version


@dataclass(frozen=True)
class TensorFlow(Trusting):
    """Loads a SavedModel, and answers what one of its signatures answers.

    Args:
        file: the folder; see :class:`scriptmode.models.stored.Stored`.
        versions: likewise; the folder says which release wrote it.
        trusted: ``saved-model``: the operations of such a folder may read and write files, and
            some run while it is loaded (TensorFlow's SECURITY.md: "models are programs").
        device: ``auto`` leaves the choice to TensorFlow; or ``cpu``, ``cuda``, ``cuda:1``.
        endpoint: the signature that is asked.
    """

    device: str = "auto"
    endpoint: str = "serving_default"
    _known: PerObject[_Known] = field(init=False, repr=False, compare=False)

    name: ClassVar[str] = "tensorflow"
    library: ClassVar[Library] = Library("tensorflow")
    unsafe_forms: ClassVar[tuple[str, ...]] = (_FORM,)
    is_folder: ClassVar[bool] = True
    fork_safe: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_device(self.device)
        object.__setattr__(self, "_known", PerObject(self._describe))

    def load(self, model_dir: Path) -> Any:
        """Read the folder.

        Returns:
            What ``tf.saved_model.load`` returns.

        Raises:
            ModelLoadError: none or several candidates, a damaged one, one of another release, or
                there is no such endpoint.
            UntrustedFormatError: ``saved-model`` is not trusted.
        """
        path = self._find(model_dir)
        require_trust(self.trusted, _FORM, path)
        if written := find_text(path / "saved_model.pb", _RELEASE):
            self.library.check(written, path, self.versions)
        tensorflow = require("tensorflow", extra="tensorflow")
        try:
            with tensorflow_device(tensorflow, self.device):
                model = tensorflow.saved_model.load(str(path))
        except Exception as error:  # a damaged folder can fail anywhere
            reason = str(error).strip().partition("\n")[0]
            raise ModelLoadError(f"{path} cannot be read: {reason}") from error
        if self.endpoint not in model.signatures:
            raise ModelLoadError(
                f"{path} has no endpoint {self.endpoint!r}; it has {', '.join(model.signatures)}"
            )
        self._known(model)
        return model

    def predict(self, model: Any, data: Any) -> Any:
        """Ask the endpoint for all rows at once.

        Args:
            model: what ``load`` returned.
            data: a table or tensor for an endpoint of one input; else tensors by name, or a table
                with a column for each.

        Returns:
            Its output as an array; several by name, in the order of their names.

        Raises:
            InvalidFeaturesError: inputs or shapes are not the endpoint's; or a cell is missing or
                infinite.
        """
        return self._known(model).ask(model, data)

    def signature(self, model: Any) -> Signature:
        """The width of the endpoint's one input, or the names of inputs that are columns."""
        return signature_of(self._known(model).inputs)

    def save(self, model: Any, model_dir: Path) -> Path:
        """Write a Keras model or a ``tf.Module`` as a SavedModel.

        Returns:
            The folder: the declared one, else ``saved_model``.
        """
        path = place(model_dir, self.file, _FOLDER)
        if hasattr(model, "export"):
            model.export(str(path), verbose=False)
        else:
            tensorflow = require("tensorflow", extra="tensorflow")
            tensorflow.saved_model.save(model, str(path))
        return path

    def _describe(self, model: Any) -> _Known:
        return _Known(model, self.endpoint)


class _Known:
    """What never changes about an endpoint."""

    def __init__(self, model: Any, endpoint: str) -> None:
        self._tensorflow = require("tensorflow", extra="tensorflow")
        self._endpoint = endpoint
        specs = model.signatures[endpoint].structured_input_signature[1]
        self.inputs = [_input(name, spec) for name, spec in specs.items()]
        self._program = checked_program(self._tensorflow, model.signatures[endpoint], self.inputs)

    def ask(self, model: Any, data: Any) -> Any:
        refused = self._tensorflow.errors.InvalidArgumentError
        if self._program is not None:
            with suppress(refused):  # which the longer way says better
                if (found := self._program(data)) is not None:
                    return found
        try:
            return self._ask_plainly(model, data)
        except refused as error:
            raise refusal_of(error) from error

    def _ask_plainly(self, model: Any, data: Any) -> Any:
        constant = self._tensorflow.constant
        feed = named_inputs(data, self.inputs)
        for cells in feed.values():
            refuse_not_finite(cells)
        found = model.signatures[self._endpoint](
            **{name: constant(cells) for name, cells in feed.items()}
        )
        # The folder keeps them in no order, and each process would have another.
        arrays = {name: found[name].numpy() for name in sorted(found)}
        return next(iter(arrays.values())) if len(arrays) == 1 else arrays


def _input(name: str, spec: Any) -> Input:
    kind = spec.dtype.name
    shape = None if spec.shape.rank is None else tuple(spec.shape.as_list())
    return Input(name, "object" if kind == "string" else kind, shape)
