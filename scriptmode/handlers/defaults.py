"""What stands in for the functions that a hand-written script leaves out."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from scriptmode.errors import ModelLoadError, UnknownNameError
from scriptmode.handlers.composition import Composition
from scriptmode.handlers.inference import Inference
from scriptmode.handlers.registries import DEFAULT
from scriptmode.models.arrays import as_matrix, refuse_names
from scriptmode.models.base import Signature, Signed
from scriptmode.values import Table

if TYPE_CHECKING:
    from pathlib import Path

    from scriptmode.models.base import Loader


class AnyModel:
    """Asks a model of whichever framework: through its loader where there is one."""

    name = "any"

    def load(self, model_dir: Path) -> Any:
        """Refused: the script's own ``model_fn`` loads."""
        raise ModelLoadError(f"{model_dir}: the script must define model_fn")

    def predict(self, model: Any, data: Any) -> Any:
        """Ask the framework's loader, else ``model.predict``, else the model itself.

        What a hand-written ``input_fn`` made, and is no table of ours, reaches the model as it is.
        """
        import numpy as np

        is_table = isinstance(data, (np.ndarray, Table))
        loader = _loader_of(type(model).__module__.partition(".")[0])
        if loader is not None and (is_table or hasattr(data, "columns")):
            return loader.predict(model, data)
        if is_table:
            refuse_names(data)
            data = as_matrix(data)
        return model.predict(data) if hasattr(model, "predict") else model(data)

    def signature(self, model: Any) -> Signature:
        """What the framework's loader reads from the model, if there is one."""
        loader = _loader_of(type(model).__module__.partition(".")[0])
        return loader.signature(model) if isinstance(loader, Signed) else Signature()


@lru_cache(maxsize=16)
def _loader_of(framework: str) -> Loader[Any] | None:
    try:
        return DEFAULT.loaders.get(framework)
    except UnknownNameError:
        return None


def stand_in() -> Composition:
    """Functions that read and write JSON, CSV and npy, as the serving stacks' own defaults do."""
    formats: list[Any] = [DEFAULT.serializers.get(name) for name in ("json", "csv", "npy")]
    return Composition.of(Inference(AnyModel(), rows="free"), formats, formats)
