"""The device that a model is put on."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import Any

from scriptmode._imports import require
from scriptmode.errors import DeclarationError, ModelLoadError

_DEVICE = re.compile(r"cpu|mps|(auto|cuda)(:\d{1,3})?")


def check_device(device: Any) -> None:
    """Refuse a device that there cannot be.

    Raises:
        DeclarationError: none of ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:1``. A number
            after ``auto`` is that of the accelerator to take where there are several.
    """
    if not isinstance(device, str) or not _DEVICE.fullmatch(device):
        raise DeclarationError(
            f"device={device!r}: expected 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'"
        )


def torch_device(declared: str) -> Any:
    """The device that a declaration stands for.

    Returns:
        ``torch.device``; for ``auto`` an accelerator where there is one, else the processor.

    Raises:
        ModelLoadError: there is no such device.
    """
    torch = require("torch", extra="torch")
    has_cuda, has_mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    kind, _, number = declared.partition(":")
    if kind == "auto" and has_cuda:
        return torch.device("cuda", int(number or 0) % torch.cuda.device_count())
    if kind == "auto":
        return torch.device("mps" if has_mps else "cpu")
    device = torch.device(declared)
    count = {"cpu": 1, "mps": int(has_mps), "cuda": torch.cuda.device_count() if has_cuda else 0}
    if (device.index or 0) >= count[device.type]:
        raise ModelLoadError(
            f"device={declared!r}: there are {count[device.type]} of {device.type!r} here; declare"
            " device='auto' to fall back on the processor"
        )
    return device


def tensorflow_device(library: Any, declared: str) -> Any:
    """A context in which TensorFlow or Keras puts what it makes on a device.

    Args:
        library: ``tensorflow`` or ``keras``, which both have a ``device``.
        declared: as declarations have it; ``auto`` leaves it to the library.

    Raises:
        ModelLoadError: there is no such device, where TensorFlow itself would go on without.
    """
    kind, _, number = declared.partition(":")
    if kind == "auto" and not number:
        return nullcontext()
    if kind == "cpu":
        return library.device("/CPU:0" if hasattr(library, "constant") else "cpu:0")
    tensorflow = require("tensorflow", extra="tensorflow")
    found = tensorflow.config.list_physical_devices("GPU")
    if kind == "auto":
        return library.device(f"gpu:{int(number) % len(found)}") if found else nullcontext()
    if kind != "cuda" or int(number or 0) >= len(found):
        raise ModelLoadError(
            f"device={declared!r}: there are {len(found)} accelerators here; declare"
            " device='auto' to fall back on the processor"
        )
    return library.device(f"gpu:{number or 0}")
