"""Declare a model server's four functions instead of writing them.

The front door; nothing behind it is imported before it is used::

    from scriptmode import compose

    model_fn, input_fn, predict_fn, output_fn = compose("xgboost")
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers read it as true; typing alone would double our import time
if TYPE_CHECKING:
    from scriptmode.errors import (
        DeclarationError,
        ModelLoadError,
        PredictionError,
        RequestError,
        ScriptmodeError,
    )
    from scriptmode.handlers.compose import compose
    from scriptmode.handlers.declaration import compose_from
    from scriptmode.handlers.handler import Handler
    from scriptmode.handlers.registries import register_loader, register_serializer

    __version__: str

__all__ = [
    "DeclarationError",
    "Handler",
    "ModelLoadError",
    "PredictionError",
    "RequestError",
    "ScriptmodeError",
    "compose",
    "compose_from",
    "register_loader",
    "register_serializer",
]

_HOMES = {
    "DeclarationError": "errors",
    "Handler": "handlers.handler",
    "ModelLoadError": "errors",
    "PredictionError": "errors",
    "RequestError": "errors",
    "ScriptmodeError": "errors",
    "compose": "handlers.compose",
    "compose_from": "handlers.declaration",
    "register_loader": "handlers.registries",
    "register_serializer": "handlers.registries",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("scriptmode")
        except PackageNotFoundError:  # its folder was copied beside a script
            return "0+unknown"
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
