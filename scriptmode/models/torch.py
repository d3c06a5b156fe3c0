"""PyTorch: state dicts with the factory of their module, TorchScript, and exported programs."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import import_string, require
from scriptmode._memo import PerObject
from scriptmode.errors import DeclarationError, ModelLoadError
from scriptmode.models.artifacts import place
from scriptmode.models.base import Signature
from scriptmode.models.devices import check_device, torch_device
from scriptmode.models.forks import make_forks_safe
from scriptmode.models.looks import look
from scriptmode.models.stored import Trusting
from scriptmode.models.tensors import signature_of
from scriptmode.models.threads import check_threads, threads_of
from scriptmode.models.torch_files import read_program, read_state, without_prefix
from scriptmode.models.torch_module import Module
from scriptmode.models.trust import require_trust
from scriptmode.models.versions import Library

if TYPE_CHECKING:
    from pathlib import Path

_FILE = "model.safetensors"
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Torch(Trusting):
    """Loads a module, and answers what it answers in evaluation and inference mode.

    Args:
        file: see :class:`scriptmode.models.stored.Stored`.
        versions: likewise; only exported programs say which release wrote them.
        trusted: ``torchscript`` and ``pt2``, which can write files or execute code while they are
            read; ``torch-pickle``, a whole module in a pickle; see :mod:`scriptmode.models.trust`.
        factory: makes the module that a state dict belongs to, without arguments: a function, or
            its name as ``module:function``.
        device: ``auto`` is an accelerator where there is one, else the processor; or ``cpu``,
            ``cuda``, ``cuda:1``, ``mps``.
        threads: of this process; see :func:`scriptmode.models.threads.threads_of`.
        dtype: of what the module is given, where that is not the type of its parameters, such
            as ``int64``.
    """

    factory: str | Callable[[], Any] | None = None
    device: str = "auto"
    threads: int | None = None
    dtype: str | None = None
    _known: PerObject[Module] = field(init=False, repr=False, compare=False)

    name: ClassVar[str] = "torch"
    library: ClassVar[Library] = Library("torch")
    forms: ClassVar[tuple[str, ...]] = ("safetensors", "torch", "torch-legacy")
    unsafe_forms: ClassVar[tuple[str, ...]] = ("torchscript", "pt2", "torch-pickle")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_device(self.device)
        check_threads(self.threads)
        object.__setattr__(self, "_known", PerObject(self._describe))

    def load(self, model_dir: Path) -> Any:
        """Read the module, in evaluation mode, on its device.

        Returns:
            ``torch.nn.Module``, of which no parameter asks for a gradient.

        Raises:
            ModelLoadError: none or several candidates, a damaged one, one of another release, a
                state dict that is not the factory's, or a program that was exported for training.
            UntrustedFormatError: reading it could execute code that nobody trusted.
        """
        path = self._find(model_dir)
        torch = require("torch", extra="torch")
        torch.set_num_threads(threads_of(self.threads))
        make_forks_safe()
        device = torch_device(self.device)
        module = self._read(path, look(path).form, device)
        for parameter in module.parameters():
            parameter.requires_grad_(requires_grad=False)
        return module

    def predict(self, model: Any, data: Any) -> Any:
        """Ask the module for all rows at once.

        Args:
            model: what ``load`` returned.
            data: a table or tensor for its first input; or tensors by the names of its inputs.

        Returns:
            Its output as an array; several by name, or as ``output_0``, ``output_1``.

        Raises:
            InvalidFeaturesError: not numbers, or a cell that the module's type cannot hold.
        """
        return self._known(model).ask(model, data)

    def signature(self, model: Any) -> Signature:
        """What an exported program says of its inputs, or a sequence of its first layer."""
        known = self._known(model)
        return signature_of(known.inputs) if known.inputs else Signature(width=known.width)

    def save(self, model: Any, model_dir: Path) -> Path:
        """Write a module's state as safetensors; TorchScript and programs where these are trusted.

        Returns:
            The file: the declared one, else ``model.safetensors``, ``model.pt`` or ``model.pt2``.

        Raises:
            DeclarationError: no factory is declared to read it back with, or the form is not
                trusted.
        """
        torch = require("torch", extra="torch")
        if isinstance(model, torch.export.ExportedProgram):
            self._demand_trust("pt2")
            path = place(model_dir, self.file, "model.pt2")
            torch.export.save(model, path)
            return path
        if isinstance(model, torch.jit.ScriptModule):
            self._demand_trust("torchscript")
            path = place(model_dir, self.file, "model.pt")
            model.save(str(path))
            return path
        if self.factory is None:
            raise DeclarationError("a module's state is read back with factory=...: declare it")
        path = place(model_dir, self.file, _FILE)
        # Tied weights share memory, which the format has no form for.
        state = {name: each.detach().cpu().clone() for name, each in model.state_dict().items()}
        require("safetensors.torch", extra="torch").save_file(state, path)
        return path

    def _describe(self, model: Any) -> Module:
        return Module(model, self.dtype)

    def _demand_trust(self, form: str) -> None:
        if form not in self.trusted:
            raise DeclarationError(
                f"it would be written as {form}, which can execute code when it is read: declare"
                f" trusted=[{form!r}], or give a module and factory=..."
            )

    def _read(self, path: Path, form: str | None, device: Any) -> Any:
        if form == "torchscript":
            require_trust(self.trusted, form, path)
            return _read_script(path, device)
        if form == "pt2":
            require_trust(self.trusted, form, path)
            return read_program(path, device, self.library, self.versions)
        state = read_state(path, form, self.trusted)
        if not isinstance(state, Mapping):
            return state.to(device).eval()
        return self._fill(path, state).to(device).eval()

    def _fill(self, path: Path, state: Mapping[str, Any]) -> Any:
        if self.factory is None:
            raise ModelLoadError(
                f"{path} holds the state of a module, not the module: declare factory=..., a"
                " function that makes one"
            )
        declared: Any = self.factory
        make = import_string(declared) if isinstance(declared, str) else declared
        module = make()
        try:
            module.load_state_dict(without_prefix(state, module.state_dict().keys()))
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise ModelLoadError(
                f"{path} is not the state of a {type(module).__name__}: {reason}"
            ) from error
        return module


def _read_script(path: Path, device: Any) -> Any:
    torch = require("torch", extra="torch")
    try:
        # It asks to move to torch.export, which is for whoever trains the model to do.
        with _ONE_AT_A_TIME, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return torch.jit.load(str(path), map_location=device).eval()
    except (RuntimeError, NotImplementedError, ValueError) as error:
        raise ModelLoadError(f"{path} cannot be read: {error}") from error
