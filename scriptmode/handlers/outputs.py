"""What is asked of the model: one output or several by name, or a function of the script's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scriptmode.errors import DeclarationError, ModelLoadError, UnknownNameError, suggestion
from scriptmode.models.base import Selective
from scriptmode.models.selectable import KEYS

if TYPE_CHECKING:
    from collections.abc import Callable

    from scriptmode.models.base import Loader


@dataclass(frozen=True)
class Outputs:
    """The outputs that a declaration names.

    Args:
        names: each output under the name it has in the answer; empty where nothing is declared
            and the loader's ``predict`` answers.
        is_single: whether the answer is one output's, without names.
    """

    names: Mapping[str, str]
    is_single: bool

    @property
    def is_selectable_inference(self) -> bool:
        """Whether they are those of SageMaker's XGBoost container, which lays them out its way."""
        return bool(self.names) and not self.is_single and set(self.names.values()) <= set(KEYS)

    def check(self, loader: Loader[Any]) -> None:
        """Refuse what the loader can never answer.

        Raises:
            DeclarationError: it answers nothing but its value.
            UnknownNameError: none of its models has such an output; suggests the nearest.
        """
        if self.names and not isinstance(loader, Selective):
            raise DeclarationError(
                f"predict={list(self.names.values())}: the loader {loader.name!r} answers one"
                " thing; give a function (model, data, context)"
            )
        for name in self.names.values():
            known = getattr(loader, "output_names", ())
            if name not in known:
                raise UnknownNameError(f"output of {loader.name!r}", name, known)

    def bind(self, loader: Loader[Any], model: Any) -> Callable[[Any, Any], Any]:
        """How this model is asked.

        Returns:
            A function of the model and aligned data.

        Raises:
            ModelLoadError: the model has no such output, given what it was trained for.
        """
        if not isinstance(loader, Selective):
            return loader.predict
        known = loader.outputs(model)
        for name in self.names.values() or ("value",):
            if name not in known:
                raise ModelLoadError(
                    f"predict={name!r}: a model of this kind ({_kind(loader, model)}) has no such"
                    f" output{suggestion('', known)}"
                )
        if not self.names:
            return loader.predict
        asks = {name: known[output] for name, output in self.names.items()}
        if self.is_single:
            return next(iter(asks.values()))
        return lambda model, data: {name: ask(model, data) for name, ask in asks.items()}


def read_outputs(declared: Any) -> Outputs:
    """What a declaration asks of the model.

    Args:
        declared: None, an output's name, several, or a mapping from names in the answer to outputs.

    Raises:
        DeclarationError: none of these, an empty list, or a name that stands twice.
    """
    if declared is None:
        return Outputs({}, is_single=True)
    if isinstance(declared, str):
        return Outputs({declared: declared}, is_single=True)
    if isinstance(declared, Mapping):
        names = {str(name): output for name, output in declared.items()}
    else:
        listed = list(declared) if hasattr(declared, "__iter__") else []
        names = {name: name for name in listed}
        if len(names) != len(listed):
            raise DeclarationError(f"predict={listed}: a name stands twice")
    if not names or not all(isinstance(output, str) for output in names.values()):
        raise DeclarationError(f"predict={declared!r}: name at least one output")
    return Outputs(names, is_single=False)


def _kind(loader: Any, model: Any) -> str:
    known = loader.signature(model) if hasattr(loader, "signature") else None
    return getattr(known, "objective", None) or type(model).__name__
