"""A PyTorch module as something that arrays go into and come out of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scriptmode._imports import require
from scriptmode.models.arrays import refuse_names
from scriptmode.models.tensors import Input, as_tensor

_UNREADABLE = ("bfloat16",)  # types that numpy has not


class Module:
    """What never changes about a loaded module.

    Args:
        model: the module; it is not kept.
        dtype: of what it is given; None for the type of its parameters.
    """

    def __init__(self, model: Any, dtype: str | None) -> None:
        torch = require("torch", extra="torch")
        tensors = [*model.parameters(), *model.buffers()]
        floats = [each.dtype for each in tensors if each.dtype.is_floating_point]
        self._torch = torch
        self._has_modes = not _is_program(model)
        self._device = tensors[0].device if tensors else torch.device("cpu")
        self._is_on_cpu = self._device.type == "cpu"
        kind = str(floats[0]).removeprefix("torch.") if floats else "float32"
        self._cast = None if dtype or kind not in _UNREADABLE else floats[0]
        self._input = Input("x", dtype or (kind if self._cast is None else "float32"), None)
        self.width = _width(torch, model)

    def ask(self, model: Any, data: Any) -> Any:
        """What the module answers, as arrays; it is in evaluation mode then, whoever made it."""
        if self._has_modes and model.training:
            model.eval()
        with self._torch.inference_mode():
            if isinstance(data, dict):
                found = model(**{name: self._tensor(part) for name, part in data.items()})
            else:
                refuse_names(data)
                found = model(self._tensor(data))
            return self._arrays(found)

    def _tensor(self, data: Any) -> Any:
        import numpy as np

        cells = as_tensor(data, self._input)
        if cells is data and not (cells.flags.writeable and cells.flags.c_contiguous):
            cells = np.array(cells)  # torch warns of what it must not write to
        tensor = self._torch.from_numpy(cells)
        if self._cast is not None:
            tensor = tensor.to(self._cast)
        return tensor if self._is_on_cpu else tensor.to(self._device)

    def _arrays(self, found: Any) -> Any:
        if isinstance(found, self._torch.Tensor):
            if str(found.dtype).removeprefix("torch.") in _UNREADABLE:
                found = found.float()
            return found.numpy() if self._is_on_cpu else found.cpu().numpy()
        if isinstance(found, Mapping):
            return {str(name): self._arrays(part) for name, part in found.items()}
        if isinstance(found, (tuple, list)) and len(found) == 1:
            return self._arrays(found[0])
        return {f"output_{place}": self._arrays(part) for place, part in enumerate(found)}


def _is_program(model: Any) -> bool:
    """Whether it is the module of an exported program, which has one mode and knows no other."""
    return type(model).__module__.startswith("torch.fx.")


def _width(torch: Any, model: Any) -> int | None:
    """How many columns a sequence of layers takes, where its first says so."""
    first = model
    while isinstance(first, torch.nn.Sequential) and len(first):
        first = first[0]
    is_known = isinstance(model, torch.nn.Sequential) and isinstance(first, torch.nn.Linear)
    return int(first.in_features) if is_known else None
