"""MLflow model folders: their native artefact by our own loaders, anything else when trusted."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode._memo import PerObject
from scriptmode.errors import DeclarationError, InvalidFeaturesError, ModelLoadError
from scriptmode.models.arrays import as_frame, as_matrix
from scriptmode.models.base import Signature
from scriptmode.models.stored import Trusting
from scriptmode.models.trust import require_trust
from scriptmode.models.versions import Library

if TYPE_CHECKING:
    from pathlib import Path

_FORM = "mlflow"
_FOLDER = "mlflow_model"


@dataclass(frozen=True)
class MLflow(Trusting):
    """Loads a model folder as ``mlflow.pyfunc`` does, and answers what its ``predict`` answers.

    A folder names a Python module to load it with, and may carry code; its own list of what to
    trust is its own. So it must be trusted. Where it holds a native model of a framework,
    ``compose("xgboost", ...)`` with ``file="model.ubj"`` reads that without trust, and without
    MLflow.

    Args:
        file: the folder; see :class:`scriptmode.models.stored.Stored`.
        versions: likewise; the folder says which release wrote it.
        trusted: ``mlflow``; see :mod:`scriptmode.models.trust`.
    """

    _known: PerObject[Signature] = field(
        default_factory=lambda: PerObject(_read_signature), init=False, repr=False, compare=False
    )

    name: ClassVar[str] = "mlflow"
    library: ClassVar[Library] = Library("mlflow")
    unsafe_forms: ClassVar[tuple[str, ...]] = (_FORM,)
    is_folder: ClassVar[bool] = True

    def load(self, model_dir: Path) -> Any:
        """Read the folder.

        Returns:
            ``mlflow.pyfunc.PyFuncModel``.

        Raises:
            ModelLoadError: none or several candidates, a damaged one, or one of another release.
            UntrustedFormatError: ``mlflow`` is not trusted; says where its native model is.
        """
        path = self._find(model_dir)
        require_trust(self.trusted, _FORM, path, holds=_described(path))
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # a server calls nobody
        pyfunc = require("mlflow.pyfunc", extra="mlflow")
        written = _field(path, "mlflow_version")
        if written:
            self.library.check(written, path, self.versions)
        try:
            return pyfunc.load_model(str(path))
        except Exception as error:  # it runs the folder's own code, which may raise anything
            reason = str(error).strip().partition("\n")[0]
            raise ModelLoadError(f"{path} cannot be read: {reason}") from error

    def predict(self, model: Any, data: Any) -> Any:
        """Ask the model for all rows at once.

        Args:
            model: what ``load`` returned.
            data: a table; of a model with named inputs a data frame of these.

        Returns:
            What ``PyFuncModel.predict`` returns.

        Raises:
            InvalidFeaturesError: the table is not what the model's schema says.
        """
        names = self._known(model).names
        table = as_matrix(data) if names is None else as_frame(data, names)
        try:
            return model.predict(table)
        except require("mlflow.exceptions", extra="mlflow").MlflowException as error:
            reason = str(error).strip().partition("\n")[0]
            raise InvalidFeaturesError(f"the model's schema: {reason}") from error

    def signature(self, model: Any) -> Signature:
        """The names and types of its schema."""
        return self._known(model)

    def save(self, model: Any, model_dir: Path) -> Path:
        """Write a ``mlflow.pyfunc.PythonModel``.

        Returns:
            The folder: the declared one, else ``mlflow_model``.

        Raises:
            DeclarationError: ``mlflow`` is not trusted.
        """
        if _FORM not in self.trusted:
            raise DeclarationError("an MLflow folder may carry code: declare trusted=['mlflow']")
        from scriptmode.models.artifacts import place

        path = place(model_dir, self.file, _FOLDER)
        require("mlflow.pyfunc", extra="mlflow").save_model(str(path), python_model=model)
        return path


def _read_signature(model: Any) -> Signature:
    schema = model.metadata.get_input_schema()
    if schema is None or schema.is_tensor_spec():
        return Signature()
    columns: Any = json.loads(schema.to_json())
    names = tuple(each.get("name") for each in columns)
    types = tuple(str(each["type"]) for each in columns)
    return Signature(names if all(names) else None, len(names), types)


def _field(path: Path, name: str) -> str | None:
    """One line of ``MLmodel``, which is YAML, at its outermost level."""
    for line in (path / "MLmodel").read_text("utf-8", "replace").splitlines():
        if line.startswith(f"{name}:"):
            return line.partition(":")[2].strip().strip("'\"")
    return None


def _described(path: Path) -> str:
    native = [each.name for each in sorted(path.iterdir()) if each.name.startswith("model.")]
    if not native:
        return "code of its own"
    return f"of which {native[0]} may be a framework's own model, for that framework's loader"
