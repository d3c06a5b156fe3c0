"""What stands in for the functions that a hand-written script leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptmode.errors import ModelLoadError, UnknownNameError
from scriptmode.handlers.composition import Composition
from scriptmode.handlers.registries import DEFAULT
from scriptmode.models.arrays import as_matrix
from scriptmode.models.base import Signature, Signed

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
        """Ask the framework's loader, else ``model.predict``, else the model itself."""
        loader = self._loader(model)
        if loader is not None:
            return loader.predict(model, data)
        return model.predict(as_matrix(data)) if hasattr(model, "predict") else model(data)

    def signature(self, model: Any) -> Signature:
        """What the framework's loader reads from the model, if there is one."""
        loader = self._loader(model)
        return loader.signature(model) if isinstance(loader, Signed) else Signature()

    def _loader(self, model: Any) -> Loader[Any] | None:
        try:
            return DEFAULT.loaders.get(type(model).__module__.partition(".")[0])
        except UnknownNameError:
            return None


def stand_in() -> Composition:
    """Functions that read and write JSON, CSV and npy, as the serving stacks' own defaults do."""
    formats: list[Any] = [DEFAULT.serializers.get(name) for name in ("json", "csv", "npy")]
    return Composition.of(AnyModel(), formats, formats)
