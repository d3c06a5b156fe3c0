"""ONNX: whatever framework a model comes from, asked through ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode._memo import PerObject
from scriptmode.errors import DeclarationError, InvalidFeaturesError, ModelLoadError
from scriptmode.models.artifacts import place
from scriptmode.models.devices import check_device
from scriptmode.models.stored import Stored
from scriptmode.models.tensors import Input, named_inputs, signature_of
from scriptmode.models.threads import check_threads, threads_of
from scriptmode.models.versions import Library

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scriptmode.models.base import Signature

_FILE = "model.onnx"
_DTYPES = {
    "float": "float32",
    "double": "float64",
    "float16": "float16",
    "string": "object",
    "bool": "bool",
}
_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


@dataclass(frozen=True)
class Onnx(Stored):
    """Loads a session, and answers what ``InferenceSession.run`` answers.

    Args:
        file: see :class:`scriptmode.models.stored.Stored`.
        versions: likewise.
        threads: of the session; see :func:`scriptmode.models.threads.threads_of`.
        device: ``auto`` is an accelerator where there is one, else the processor; ``cpu``,
            ``cuda`` or ``cuda:1`` is that one.
    """

    threads: int | None = None
    device: str = "auto"
    _known: PerObject[_Known] = field(
        default_factory=lambda: PerObject(_Known), init=False, repr=False, compare=False
    )

    name: ClassVar[str] = "onnx"
    library: ClassVar[Library] = Library("onnxruntime")
    forms: ClassVar[tuple[str, ...]] = ("onnx",)
    output_names: ClassVar[tuple[str, ...]] = ("value", "label", "proba")
    fork_safe: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_threads(self.threads)
        check_device(self.device)

    def load(self, model_dir: Path) -> Any:
        """Make a session.

        Returns:
            ``onnxruntime.InferenceSession``.

        Raises:
            ModelLoadError: none or several candidates, a damaged one, one that is newer than the
                runtime, or there is no such device.
        """
        path = self._find(model_dir)
        runtime = require("onnxruntime", extra="onnx")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads_of(self.threads)
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # errors are raised, and need not be printed too
        providers = _providers(self.device, runtime.get_available_providers())
        try:
            return runtime.InferenceSession(str(path), options, providers=providers)
        except Exception as error:  # each reason is a class of its own, of no common kind
            raise ModelLoadError(
                f"{path} is not a model that onnxruntime {runtime.__version__} can read: {error}"
            ) from error

    def predict(self, model: Any, data: Any) -> Any:
        """Ask the session for all rows at once, or one by one where the model takes but one.

        Args:
            model: what ``load`` returned.
            data: ``(rows, features)`` or a tensor for a model of one input; for one of several,
                tensors by name, or a table with a column of that name for each.

        Returns:
            The model's output, an array of as many rows; of several, each by its name. Of a
            classifier (labels, then probabilities) the labels.

        Raises:
            InvalidFeaturesError: inputs are missing, or cells or shapes are not the model's.
        """
        known = self._known(model)
        answers = known.ask(model, data)
        return answers[0] if len(answers) == 1 or known.is_classifier else known.named(answers)

    def signature(self, model: Any) -> Signature:
        """The width of its one input, or the names of inputs that are columns."""
        return self._known(model).signature

    def outputs(self, model: Any) -> Mapping[str, Callable[[Any, Any], Any]]:
        """``label`` and ``proba`` of a classifier, as converters from scikit-learn write them."""
        known = self._known(model)
        found: dict[str, Callable[[Any, Any], Any]] = {"value": self.predict}
        if known.is_classifier:
            found["label"] = lambda model, data: known.ask(model, data)[0]
            found["proba"] = lambda model, data: _as_array(known.ask(model, data)[1])
        return found

    def save(self, model: Any, model_dir: Path) -> Path:
        """Write a model.

        Args:
            model: ``onnx.ModelProto``, its bytes, or the path of a file.
            model_dir: the folder to write to.

        Returns:
            The file: the declared one, else ``model.onnx``.

        Raises:
            DeclarationError: something else, such as a session, which cannot be written.
        """
        path = place(model_dir, self.file, _FILE)
        if isinstance(model, (str, Path)):
            model = Path(model).read_bytes()
        elif hasattr(model, "SerializeToString"):
            model = model.SerializeToString()
        if not isinstance(model, bytes):
            raise DeclarationError(
                f"a {type(model).__name__} cannot be written: give an onnx.ModelProto, its bytes"
                " or the path of a file"
            )
        path.write_bytes(model)
        return path


class _Known:
    """What never changes about a session."""

    def __init__(self, model: Any) -> None:
        self.inputs = [_input(each) for each in model.get_inputs()]
        self.output_names = [each.name for each in model.get_outputs()]
        self.is_classifier = _is_classifier(model.get_outputs())
        self.is_single_row = all(each.rows == 1 for each in self.inputs)
        self.signature = signature_of(self.inputs)

    def ask(self, model: Any, data: Any) -> list[Any]:
        """Every output."""
        feed = named_inputs(data, self.inputs)
        rows = len(next(iter(feed.values())))
        if not self.is_single_row or rows == 1:
            return self._run(model, feed)
        each = [
            self._run(model, {name: cells[row : row + 1] for name, cells in feed.items()})
            for row in range(rows)
        ]
        return [_joined(parts) for parts in zip(*each, strict=True)]

    def named(self, answers: list[Any]) -> dict[str, Any]:
        """Outputs by their names."""
        return dict(zip(self.output_names, answers, strict=True))

    def _run(self, model: Any, feed: dict[str, Any]) -> list[Any]:
        try:
            found: list[Any] = model.run(None, feed)
        except Exception as error:
            if type(error).__name__ == "InvalidArgument":  # of the runtime's own module
                raise InvalidFeaturesError(str(error).partition(" : INVALID_ARGUMENT : ")[2]) from (
                    error
                )
            raise
        return found


def _input(described: Any) -> Input:
    kind: str = described.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(size if isinstance(size, int) else None for size in described.shape or ())
    return Input(described.name, _DTYPES.get(kind, kind), shape or None)


def _is_classifier(outputs: list[Any]) -> bool:
    """Whether it answers a label a row and a probability a class, as converters write them."""
    if len(outputs) != 2:  # noqa: PLR2004
        return False
    labels, scores = outputs
    is_label = labels.type in ("tensor(int64)", "tensor(string)")
    is_one_a_row = len(labels.shape) == 1 or list(labels.shape[1:]) == [1]
    is_table = scores.type in ("tensor(float)", "tensor(double)") and len(scores.shape) == 2  # noqa: PLR2004
    return is_label and is_one_a_row and (is_table or scores.type.startswith("seq(map("))


def _providers(device: str, available: list[str]) -> list[Any]:
    kind, _, number = device.partition(":")
    if kind == "cpu" or (kind == "auto" and _CUDA not in available):
        return [_CPU]
    if kind != "auto" and _CUDA not in available:
        raise ModelLoadError(
            f"device={device!r}: this onnxruntime has {', '.join(available)}; install"
            " onnxruntime-gpu, or declare device='auto'"
        )
    return [(_CUDA, {"device_id": int(number or 0)}), _CPU]


def _as_array(probabilities: Any) -> Any:
    """Probabilities as ``(rows, classes)``, also where they are a mapping a row."""
    import numpy as np

    if isinstance(probabilities, list):
        return np.array([list(each.values()) for each in probabilities], dtype=np.float32)
    return probabilities


def _joined(parts: tuple[Any, ...]) -> Any:
    import numpy as np

    if isinstance(parts[0], list):
        return [row for part in parts for row in part]
    return np.concatenate(parts)
