"""Writing a model folder that the serving half can hold itself to."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import PicklingError
from typing import TYPE_CHECKING, Any, cast

from scriptmode.errors import DeclarationError, ModelLoadError, RequestError
from scriptmode.handlers.golden import (
    difference,
    plain,
    read_sample,
    write_prediction,
    write_sample,
)
from scriptmode.handlers.manifest import Golden, Manifest, describe, write_manifest
from scriptmode.models.base import MANIFEST, Saver
from scriptmode.models.bundle import Bundle

if TYPE_CHECKING:
    from collections.abc import Callable

    from scriptmode.handlers.inference import Inference


def save(
    inference: Inference,
    model: Any,
    model_dir: Path,
    sample: Any = None,
    prove: Callable[[Path], object] | None = None,
) -> Path:
    """Write a model and its manifest, and read it back.

    Everything is written and tried beside the folder first: a folder never holds an artefact that
    was not tried, nor one that another process finds half written.

    Args:
        inference: the declaration that will serve it.
        model: what the framework made; the parts by name, of a bundle.
        model_dir: the folder to write to, made where there is none.
        sample: some rows as requests have them, kept with their predictions.
        prove: asked with the folder that was written, before it takes its place.

    Returns:
        The manifest's path.

    Raises:
        DeclarationError: the loader cannot write, the model's class lives in ``__main__``, the
            sample is no table, or the model that is read back answers otherwise.
        ModelLoadError: what was written cannot be read back, or contradicts the declaration.
    """
    _refuse_local(model)
    model_dir.mkdir(parents=True, exist_ok=True)
    with _draft_of(model_dir) as draft:
        written = _write(inference, model, draft)
        manifest = _describe(inference, model, draft, written, sample)
        write_manifest(manifest, draft)
        if prove is not None:
            prove(draft)
        for path in _roots(draft, written):
            _replace(path, model_dir / path.relative_to(draft))
    manifest.check_files(inference.loader, model_dir, "ignore")
    return model_dir / MANIFEST


@contextmanager
def _draft_of(folder: Path) -> Generator[Path, None, None]:
    """A folder that goes again, and that errors call by the name of the one it stands for."""
    with tempfile.TemporaryDirectory(prefix=".scriptmode-", dir=folder) as draft:
        try:
            yield Path(draft)
        except (DeclarationError, ModelLoadError) as error:
            error.args = (str(error).replace(draft, str(folder)),)
            raise


def _describe(
    inference: Inference, model: Any, folder: Path, written: Mapping[str, Path], sample: Any
) -> Manifest:
    loaded = inference.loader.load(folder)
    alignment, known = inference.bind(loaded), inference.signature(loaded)
    names = [each.name for each in alignment.features] if alignment else []
    return Manifest(
        **describe(inference.loader, written, folder),
        features=names or None,
        objective=known.objective,
        classes=None if known.classes is None else plain(list(known.classes)),
        golden=None if sample is None else _answer(inference, model, loaded, sample),
    )


def _roots(draft: Path, written: Mapping[str, Path]) -> list[Path]:
    """What is to be moved: each artefact, then the manifest that vouches for it."""
    paths = [
        child
        for path in written.values()
        for child in (sorted(path.iterdir()) if path == draft else [path])
        if child.name != MANIFEST
    ]
    return [*paths, draft / MANIFEST]


def _replace(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir():
        shutil.rmtree(target)
    source.replace(target)


def _write(inference: Inference, model: Any, model_dir: Path) -> Mapping[str, Path]:
    loader = inference.loader
    if isinstance(loader, Bundle):
        return loader.save_parts(model, model_dir)
    refuse_unsavable(inference)
    try:
        return {"model": cast("Saver[Any]", loader).save(model, model_dir)}
    except (AttributeError, TypeError, ValueError, PicklingError) as error:
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        raise DeclarationError(
            f"the loader {loader.name!r} cannot write a {kind}: {error}"
        ) from error


def _answer(inference: Inference, model: Any, loaded: Any, sample: Any) -> Golden:
    data = write_sample(sample)
    try:
        prediction = write_prediction(inference(read_sample(data), loaded))
    except RequestError as error:
        raise DeclarationError(f"the sample: {error}") from error
    if is_comparable(inference, model, loaded):
        before = write_prediction(inference(read_sample(data), model))
        problem = difference(before, prediction)
        if problem:
            raise DeclarationError(f"the model that is read back answers otherwise: {problem}")
    return Golden(data=data, prediction=prediction)


def is_comparable(inference: Inference, model: Any, loaded: Any) -> bool:
    """Whether a model and what is read back of it are asked alike."""
    asked = inference.outputs.names.values()
    # A wrapper of xgboost is read back as its booster, whose value is another.
    is_wrapper = hasattr(model, "get_booster") and asked and "value" not in asked
    return type(loaded) is type(model) or bool(is_wrapper)


def refuse_unsavable(inference: Inference) -> None:
    """Refuse a declaration whose models cannot be written.

    Raises:
        DeclarationError: its loader, or that of a part, only reads.
    """
    loader = inference.loader
    parts = loader.parts.values() if isinstance(loader, Bundle) else (loader,)
    for each in parts:
        if not isinstance(each, Saver):
            raise DeclarationError(f"the loader {each.name!r} cannot write a model")


def _refuse_local(model: Any) -> None:
    """Classes of the script that runs are not there when another process reads the model."""
    for part in model.values() if isinstance(model, Mapping) else (model,):
        if type(part).__module__ == "__main__":
            raise DeclarationError(
                f"the class {type(part).__qualname__} lives in __main__, which no other process can"
                " import: move it from the script that runs into a module"
            )
