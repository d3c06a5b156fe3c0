"""Reading what PyTorch writes, with as little trust as it allows."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

from scriptmode._imports import require
from scriptmode.errors import ModelLoadError, UntrustedFormatError
from scriptmode.models.pickled import inspect_stream
from scriptmode.models.trust import require_trust

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from scriptmode.models.trust import Trusted
    from scriptmode.models.versions import Library, VersionPolicy

_PREFIXES = ("module.", "_orig_mod.")  # of DataParallel, and of torch.compile
_DRAWS = ("aten.bernoulli", "aten.rrelu_with_noise")  # what dropout is made of
_WITHIN = ("state_dict", "model_state_dict", "model")
_TENSORS = ("collections.OrderedDict", "torch._utils._rebuild", "torch.storage", "torch._tensor")


def read_state(path: Path, form: str | None, trusted: Trusted) -> Any:
    """The tensors of a state dict by name; or the whole module of a trusted pickle.

    Raises:
        UntrustedFormatError: it holds more than tensors, which nobody trusted.
        ModelLoadError: it is damaged, or no state dict.
    """
    torch = require("torch", extra="torch")
    try:
        if form == "safetensors":
            found = require("safetensors.torch", extra="torch").load_file(path)
        else:
            strange = [] if form != "torch" else _classes_besides_tensors(path)
            if strange:
                require_trust(trusted, "torch-pickle", path, holds=", ".join(strange[:3]))
            found = torch.load(path, map_location="cpu", weights_only=not strange)
    except UntrustedFormatError:
        raise
    except Exception as error:  # a damaged file can fail anywhere in torch
        raise ModelLoadError(f"{path} cannot be read: {_first_line(error)}") from error
    if hasattr(found, "forward"):
        return found
    return _named_tensors(path, found)


def read_program(path: Path, device: Any, library: Library, versions: VersionPolicy) -> Any:
    """The module of an exported program.

    Raises:
        ModelLoadError: it cannot be read, another release wrote it, or it was exported for
            training, so that its dropout can never be turned off.
    """
    torch = require("torch", extra="torch")
    if written := _release(path):
        library.check(written, path, versions)
    try:
        program = torch.export.load(path)
        if device.type != "cpu":
            passes = require("torch.export.passes", extra="torch")
            program = passes.move_to_device_pass(program, device)
    except Exception as error:  # each part of it has errors of its own
        raise ModelLoadError(f"{path} cannot be read: {_first_line(error)}") from error
    for module in program.graph_module.modules():
        for node in getattr(getattr(module, "graph", None), "nodes", ()):
            if _is_training(node):
                raise ModelLoadError(
                    f"{path} was exported in training mode ({node.target}): export model.eval()"
                )
    return program.module()


def _is_training(node: Any) -> bool:
    """Whether a step of a program behaves as it does while a model is trained."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return False
    for place, argument in enumerate(schema.arguments):
        if argument.name in ("train", "training"):
            given = node.args[place] if place < len(node.args) else argument.default_value
            return bool(node.kwargs.get(argument.name, given))
    return str(node.target).startswith(_DRAWS)


def _classes_besides_tensors(path: Path) -> list[str]:
    """What a pickle within a file of torch.save refers to, other than tensors and their types."""
    with zipfile.ZipFile(path) as archive:
        inner = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        contents = inspect_stream(BytesIO(archive.read(inner)))
    return [
        name
        for name in contents.classes
        if not name.startswith(_TENSORS) and not _is_tensor_type(name)
    ]


def _is_tensor_type(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    is_storage = module == "torch" and attribute.endswith("Storage")
    return is_storage or name in ("torch.device", "torch.Size", "torch.nn.parameter.Parameter")


def _named_tensors(path: Path, found: Any) -> dict[str, Any]:
    torch = require("torch", extra="torch")
    if isinstance(found, Mapping):
        inner = [found[key] for key in _WITHIN if isinstance(found.get(key), Mapping)]
        state = inner[0] if len(inner) == 1 else found
        if state and all(isinstance(each, torch.Tensor) for each in state.values()):
            return dict(state)
        kinds = ", ".join(
            f"{key!r}: {type(each).__name__}" for key, each in list(state.items())[:5]
        )
        raise ModelLoadError(f"{path} is no state dict: it holds {{{kinds}}}")
    raise ModelLoadError(f"{path} is no state dict: it holds a {type(found).__name__}")


def without_prefix(state: Mapping[str, Any], names: AbstractSet[str]) -> Mapping[str, Any]:
    """A state by the names that the module itself has, which wrappers put words before.

    Args:
        state: tensors by name.
        names: those of the module.
    """
    for prefix in _PREFIXES * 2:
        if not names & state.keys() and all(name.startswith(prefix) for name in state):
            state = {name[len(prefix) :]: tensor for name, tensor in state.items()}
    return state


def _release(path: Path) -> str | None:
    """The release of torch that exported a program."""
    import orjson

    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if "/models/" in f"/{name}"]
            document = orjson.loads(archive.read(next(n for n in names if n.endswith(".json"))))
        return str(document["torch_version"])
    except (StopIteration, KeyError, ValueError, TypeError, zipfile.BadZipFile):
        return None


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
