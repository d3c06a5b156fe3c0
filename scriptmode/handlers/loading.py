"""Reading a model folder, held to its manifest where it has one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scriptmode.errors import DeclarationError, ModelLoadError, RequestError
from scriptmode.handlers.resolution import with_option
from scriptmode.models.artifacts import require_folder
from scriptmode.models.base import MANIFEST
from scriptmode.models.versions import VersionPolicy, check_policy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scriptmode.handlers.inference import Inference
    from scriptmode.handlers.manifest import Manifest


@dataclass(frozen=True)
class Checks:
    """What is made sure of while a model is loaded.

    Args:
        versions: what becomes of an artefact that another release wrote.
        replay: whether the manifest's golden sample must be answered as when it was saved.

    Raises:
        DeclarationError: no such policy, or ``replay`` is no boolean.
    """

    versions: VersionPolicy = "error"
    replay: bool = False

    def __post_init__(self) -> None:
        check_policy(self.versions)
        if self.replay not in (True, False):
            raise DeclarationError(f"replay={self.replay!r}: expected True or False")


def load(
    inference: Inference, model_dir: Path, checks: Checks, accelerator: int | None = None
) -> Any:
    """The model of a folder.

    Args:
        inference: the declaration.
        model_dir: the folder.
        checks: what is made sure of.
        accelerator: the number of the one that the host gave this worker; None without one.

    Raises:
        ModelLoadError: there is none, several, or a damaged one; it contradicts the declaration or
            the manifest; or it answers otherwise than when it was saved.
        UntrustedFormatError: loading it could execute code that nobody trusted.
    """
    require_folder(model_dir)
    loader = _placed(inference.loader, accelerator)
    if not (model_dir / MANIFEST).is_file():
        if checks.replay:
            raise ModelLoadError(f"replay=True, but there is no {MANIFEST} in {model_dir}")
        model = loader.load(model_dir)
        inference.bind(model)
        return model
    from scriptmode.handlers.manifest import read_manifest

    manifest = read_manifest(model_dir)
    manifest.check_files(inference.loader, model_dir, checks.versions)
    model = loader.load(model_dir)
    alignment = inference.bind(model)
    names = [each.name for each in alignment.features] if alignment else []
    manifest.check_columns(names or None, inference.signature(model).classes, model_dir)
    if checks.replay:
        replay(manifest, inference, model, model_dir)
    return model


def _placed(loader: Any, accelerator: int | None) -> Any:
    """The loader that puts a model on the worker's own accelerator, where it may choose."""
    if accelerator is None:
        return loader
    chosen = f"auto:{accelerator}"
    return with_option(loader, "device", lambda own: chosen if own == "auto" else own) or loader


def replay(
    manifest: Manifest, predict: Callable[[Any, Any], Any], model: Any, model_dir: Path
) -> int:
    """Ask for the golden sample again.

    Args:
        manifest: what was written when the model was saved.
        predict: from decoded data and the model to a prediction.
        model: what was loaded.
        model_dir: where it was loaded from, for the message.

    Returns:
        How many rows were answered alike.

    Raises:
        ModelLoadError: there is no sample, or some row is answered otherwise; says which.
    """
    from scriptmode.handlers.golden import difference, read_sample, write_prediction

    if manifest.golden is None:
        raise ModelLoadError(f"{model_dir / MANIFEST} has no golden sample: save with sample=...")
    try:
        data = read_sample(manifest.golden.data)
        found = write_prediction(predict(data, model))
    except RequestError as error:
        raise ModelLoadError(
            f"the golden sample of {model_dir} cannot be asked any more: {error}"
        ) from error
    problem = difference(manifest.golden.prediction, found)
    if problem:
        raise ModelLoadError(f"the golden sample of {model_dir} is answered otherwise: {problem}")
    return len(data)
