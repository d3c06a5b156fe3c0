"""A PyTorch module as something that arrays go into and come out of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from scriptmode._imports import require
from scriptmode.errors import InvalidFeaturesError
from scriptmode.models.arrays import refuse_names
from scriptmode.models.tensors import Input, as_tensor, named_inputs, refuse_unequal
from scriptmode.models.torch_inputs import (
    FAULTS,
    is_program,
    keywords_of,
    parameters_of,
    program_inputs,
    reason_of,
    refuse_other_names,
)

_LARGE = 1024  # cells; fewer are looked at by numpy more quickly


class Module:
    """What never changes about a loaded module.

    Args:
        model: the module; it is not kept.
        dtype: of what it is given; None for the type of its parameters.
    """

    def __init__(self, model: Any, dtype: str | None) -> None:
        import numpy as np

        torch = require("torch", extra="torch")
        tensors = [*model.parameters(), *model.buffers()]
        floats = [each.dtype for each in tensors if each.dtype.is_floating_point]
        self._torch = torch
        self._array, self._double = np.ndarray, np.dtype("float64")
        self._has_modes = not is_program(model)
        self._device = tensors[0].device if tensors else torch.device("cpu")
        self._is_on_cpu = self._device.type == "cpu"
        self._unreadable = torch.bfloat16  # a type that numpy has not
        kind = str(floats[0]).removeprefix("torch.") if floats else "float32"
        self._cast = floats[0] if not dtype and self._unreadable in floats[:1] else None
        self._input = Input("x", dtype or (kind if self._cast is None else "float32"), None)
        self._names = parameters_of(model)
        self.inputs = program_inputs(model, self._names, dtype)
        self._keywords = keywords_of(model) if self.inputs else frozenset()
        # What a program says of its inputs is looked at another way.
        is_float = self._input.dtype == "float32" and not self.inputs
        self._is_narrow = self._is_on_cpu and self._cast is None and is_float
        self.width = _width(torch, model)

    def ask(self, model: Any, data: Any) -> Any:
        """What the module answers, as arrays; it is in evaluation mode then, whoever made it.

        Raises:
            InvalidFeaturesError: what the module says it takes is something else, or it fails for
                the sizes, the type or the range of what it is given.
        """
        if self._has_modes and model.training:
            model.eval()
        with self._torch.inference_mode():
            try:
                return self._arrays(self._answer(model, data))
            except FAULTS as error:
                if (reason := reason_of(error)) is None:
                    raise
                raise InvalidFeaturesError(f"the module cannot take it: {reason}") from error

    def _answer(self, model: Any, data: Any) -> Any:
        if (tensor := self._narrowed(data)) is not None:
            return model(tensor)
        if self.inputs:
            feed = named_inputs(data, self.inputs)
            tensors = {name: self._placed(cells) for name, cells in feed.items()}
            by_name = {name: tensors.pop(name) for name in self._keywords}
            return model(*tensors.values(), **by_name)
        if isinstance(data, dict):
            refuse_other_names(data, self._names)
            cells = {name: as_tensor(part, self._input) for name, part in data.items()}
            many = [name for name, part in cells.items() if part.ndim and len(part) != 1]
            refuse_unequal(cells, many)  # the others stand beside all rows
            return model(**{name: self._placed(part) for name, part in cells.items()})
        refuse_names(data)
        return model(self._placed(as_tensor(data, self._input)))

    def _placed(self, cells: Any) -> Any:
        import numpy as np

        if not (cells.flags.writeable and cells.flags.c_contiguous):
            cells = np.array(cells)  # torch warns of what it must not write to
        tensor = self._torch.from_numpy(cells)
        if self._cast is not None:
            tensor = tensor.to(self._cast)
        return tensor if self._is_on_cpu else tensor.to(self._device)

    def _narrowed(self, data: Any) -> Any:
        """A large table of float64 as float32, by torch, whose memory is warm then; else None.

        A sum that is finite has no cell that is missing, infinite, or beyond float32.
        """
        if not self._is_narrow or type(data) is not self._array or data.dtype is not self._double:
            return None
        flags = data.flags
        if data.size < _LARGE or not (flags.writeable and flags.c_contiguous):
            return None
        tensor = self._torch.from_numpy(data).float()
        return tensor if math.isfinite(tensor.sum().item()) else None

    def _arrays(self, found: Any) -> Any:
        if isinstance(found, self._torch.Tensor):
            if found.dtype is self._unreadable:
                found = found.float()
            return found.numpy() if self._is_on_cpu else found.cpu().numpy()
        if isinstance(found, Mapping):
            return {str(name): self._arrays(part) for name, part in found.items()}
        if isinstance(found, (tuple, list)) and len(found) == 1:
            return self._arrays(found[0])
        return {f"output_{place}": self._arrays(part) for place, part in enumerate(found)}


def _width(torch: Any, model: Any) -> int | None:
    """How many columns a sequence of layers takes, where its first says so."""
    first = model
    while isinstance(first, torch.nn.Sequential) and len(first):
        first = first[0]
    is_known = isinstance(model, torch.nn.Sequential) and isinstance(first, torch.nn.Linear)
    return int(first.in_features) if is_known else None
