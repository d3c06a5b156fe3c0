"""The four functions of a script, ours or hand-written, as one value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from scriptmode.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

    from scriptmode.handlers.composition import Composition

NAMES = ("model_fn", "input_fn", "predict_fn", "output_fn")


class ModelFn(Protocol):
    """Loads the model."""

    def __call__(self, model_dir: str, context: Any = None, /) -> Any:
        """Return the model in a folder."""
        ...


class InputFn(Protocol):
    """Decodes a request."""

    def __call__(self, body: Any, content_type: str | None, context: Any = None, /) -> Any:
        """Return what ``predict_fn`` takes."""
        ...


class PredictFn(Protocol):
    """Asks the model."""

    def __call__(self, data: Any, model: Any, context: Any = None, /) -> Any:
        """Return what ``output_fn`` takes."""
        ...


class OutputFn(Protocol):
    """Encodes a response."""

    def __call__(self, prediction: Any, accept: str | None, context: Any = None, /) -> Any:
        """Return the body, or the body and its content type."""
        ...


class Handler(NamedTuple):
    """The four functions that every script-mode serving stack looks up by name.

    Unpack it into a script's global names::

        model_fn, input_fn, predict_fn, output_fn = compose("xgboost")
    """

    model_fn: ModelFn
    input_fn: InputFn
    predict_fn: PredictFn
    output_fn: OutputFn

    def save(
        self,
        model: Any,
        model_dir: str | Path,
        *,
        sample: Any = None,
        prove: Callable[[Path], object] | None = None,
    ) -> Path:
        """Write a model as the serving half expects it, with its manifest ``scriptmode.json``.

        Args:
            model: what the framework made; of a bundle, the parts by name.
            model_dir: the folder to write to, made where there is none.
            sample: up to 1000 rows as requests have them: an array or a data frame. They are
                kept with their predictions, for ``replay`` and ``scriptmode.testing.check``.
            prove: asked with the folder that was written, before it takes its place; whatever it
                raises goes on, and nothing is left.

        Returns:
            The manifest's path.

        Raises:
            DeclarationError: ``model_fn`` is not a composed one, or the model cannot be written
                so that another process reads it back and answers alike.
            ModelLoadError: what was written contradicts the declaration.
        """
        from pathlib import Path

        from scriptmode.handlers.saving import save

        return save(self.composition().inference, model, Path(model_dir), sample, prove)

    def openapi(self, model: Any = None, *, title: str = "scriptmode") -> dict[str, Any]:
        """The endpoint as an OpenAPI 3.1 document, with the JSON Schema of its requests.

        Args:
            model: what ``model_fn`` returned; its own columns are described where none are
                declared.
            title: what the document calls the endpoint.

        Raises:
            DeclarationError: ``model_fn`` is not a composed one.
        """
        from scriptmode.handlers.openapi import openapi

        return openapi(self.composition(), model, title)

    def composition(self) -> Composition:
        """The declaration behind ``model_fn``.

        Raises:
            DeclarationError: ``model_fn`` is written by hand.
        """
        from scriptmode.handlers.composition import Composition

        found = getattr(self.model_fn, "__self__", None)
        if isinstance(found, Composition):
            return found
        raise DeclarationError("model_fn is written by hand: only a composed one declares anything")

    @classmethod
    def of(cls, script: Handler | ModuleType) -> Handler:
        """The four functions of a script, composed or written by hand.

        A script may leave out ``input_fn``, ``predict_fn`` or ``output_fn``, as it may in the
        serving stacks: what stands in reads and writes JSON, CSV and npy, and calls the model.

        Args:
            script: an imported script, or its functions already gathered.

        Raises:
            DeclarationError: there is no ``model_fn``, or one of the names is not a function.
        """
        if isinstance(script, Handler):
            return script
        functions = {name: getattr(script, name) for name in NAMES if hasattr(script, name)}
        for name, function in functions.items():
            if not callable(function):
                raise DeclarationError(f"{name} of {_name(script)} is not a function")
        if "model_fn" not in functions:
            raise DeclarationError(_no_model_fn(script))
        if len(functions) < len(NAMES):
            from scriptmode.handlers.defaults import stand_in

            made = stand_in()
            functions = {name: functions.get(name, getattr(made, name)) for name in NAMES}
        return cls(**functions)


def _name(script: ModuleType) -> str:
    return getattr(script, "__file__", None) or script.__name__


def _no_model_fn(script: ModuleType) -> str:
    if hasattr(script, "transform_fn"):
        return (
            f"{_name(script)} defines transform_fn, which hides decoding and encoding:"
            " split it into input_fn, predict_fn and output_fn"
        )
    return f"{_name(script)} defines no model_fn"
