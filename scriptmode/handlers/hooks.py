"""The functions of a script's own that a declaration calls on the way."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from scriptmode._imports import import_string
from scriptmode.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Callable


def is_hook(declared: Any) -> bool:
    """Whether a declaration gives a function, as an object or as ``"module:function"``."""
    return callable(declared) or (isinstance(declared, str) and ":" in declared)


def read_hook(name: str, declared: Any, parameters: tuple[str, ...]) -> Callable[..., Any] | None:
    """The function that a declaration gives.

    Args:
        name: of the declaration's field.
        declared: the function, ``"module:function"``, or None.
        parameters: what it is called with.

    Raises:
        DeclarationError: no such function, or one that cannot be called so.
    """
    if declared is None:
        return None
    function = import_string(declared) if isinstance(declared, str) else declared
    shape = f"a function ({', '.join(parameters)})"
    if inspect.iscoroutinefunction(function):
        raise DeclarationError(f"{name}: {_title(function)} is async; hooks are plain functions")
    if not callable(function) or isinstance(function, type):
        raise DeclarationError(f"{name}={declared!r}: expected {shape}")
    try:
        inspect.signature(function).bind(*parameters)
    except TypeError:
        raise DeclarationError(f"{name}: {_title(function)} cannot be called as {shape}") from None
    except ValueError:  # some callables written in C have no signature
        pass
    found: Callable[..., Any] = function
    return found


def _title(function: Any) -> str:
    return getattr(function, "__qualname__", type(function).__name__)
