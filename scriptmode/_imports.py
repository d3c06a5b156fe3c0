"""Importing what a name or an extra stands for, with errors that say what to do."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from scriptmode.errors import DeclarationError, MissingExtraError

if TYPE_CHECKING:
    from types import ModuleType

_REQUIRED: dict[str, ModuleType] = {}


def import_string(reference: str) -> Any:
    """The object that ``"package.module:attribute"`` names.

    Raises:
        DeclarationError: the reference is malformed, or there is no such module or attribute.
            A module that exists and fails while it is imported raises its own error instead.
    """
    module_name, colon, attribute = reference.partition(":")
    if not (module_name and colon and attribute) or module_name.startswith("."):
        raise DeclarationError(f"{reference!r} is not of the form 'package.module:attribute'")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise DeclarationError(f"no module named {error.name!r} (for {reference!r})") from error
    try:
        return attrgetter(attribute)(found)
    except AttributeError as error:
        raise DeclarationError(f"{module_name!r} has no {attribute!r}") from error


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional library, or say how to install it.

    Args:
        module: the import name, such as ``"xgboost"``.
        extra: the extra of this package that brings it.

    Raises:
        MissingExtraError: the library is not installed.
        DeclarationError: a file of the script's own has its name.
    """
    found = _REQUIRED.get(module)  # importlib takes its locks again each time
    if found is not None:
        return found
    try:
        found = _REQUIRED[module] = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        raise _missing(module, extra) from error
    file = getattr(found, "__file__", None)
    if "." not in module and file is not None and not hasattr(found, "__version__"):
        del _REQUIRED[module]
        raise DeclarationError(
            f"import {module} finds {file}, which hides the library: rename that file"
        )
    return found


def require_installed(module: str, *, extra: str) -> None:
    """As :func:`require`, without paying for the import: for checks made at declaration.

    Raises:
        MissingExtraError: the library is not installed.
    """
    try:
        found = sys.modules.get(module) is not None or importlib.util.find_spec(module) is not None
    except ModuleNotFoundError as error:  # of the package around it
        raise _missing(module, extra) from error
    if not found:
        raise _missing(module, extra)


def _missing(module: str, extra: str) -> MissingExtraError:
    return MissingExtraError(
        f"{module!r} is not installed; install it with: pip install 'scriptmode[{extra}]'",
        name=module,
    )
