"""What the process environment overrides in a declaration."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from scriptmode.errors import DeclarationError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Collection

PREFIX = "SCRIPTMODE_"
_ELSEWHERE = ("plugins",)  # read by the registries
# Injected into every pod of a namespace with a Service that is called "scriptmode".
_OF_KUBERNETES = re.compile(rf"{PREFIX}(SERVICE|PORT)(_|$)")
_SINGLE = ("model", "label", "extra", "before", "after", "rows", "request", "versions")
_STRUCTURED = ("options", "response")  # no list of names: only files and keywords can declare it
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_SELECTED = "SAGEMAKER_INFERENCE_OUTPUT"
_ACCEPT = "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"


def from_environment(fields: Collection[str]) -> dict[str, Any]:
    """The declaration's fields that are set as ``SCRIPTMODE_<FIELD>``, lists split at commas.

    Args:
        fields: the fields that can be declared.

    Raises:
        UnknownNameError: a variable with our prefix that names no field: a typo would
            otherwise change nothing, in silence.
        DeclarationError: a value that the field cannot have.
    """
    known = [name for name in (*fields, *_ELSEWHERE) if name not in _STRUCTURED]
    found: dict[str, Any] = {}
    for variable, value in os.environ.items():
        if not variable.startswith(PREFIX) or _OF_KUBERNETES.match(variable):
            continue
        field = variable.removeprefix(PREFIX).lower()
        if field not in known:
            names = [PREFIX + name.upper() for name in known]
            raise UnknownNameError("environment variable", variable, names)
        if field not in _ELSEWHERE:
            found[field] = _read(field, variable, value)
    return found


def selected_outputs() -> list[str] | None:
    """What ``SAGEMAKER_INFERENCE_OUTPUT`` asks of SageMaker's XGBoost container."""
    selected = os.environ.get(_SELECTED)
    return _split(selected.lower().replace(" ", "")) if selected else None


def default_accept() -> str | None:
    """What ``SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT`` takes an absent Accept header for."""
    return os.environ.get(_ACCEPT) or None


def _read(field: str, variable: str, value: str) -> Any:
    if field == "label" and value.isdecimal():
        return int(value)
    if field in _SINGLE or (field == "predict" and "," not in value):
        return value
    if field == "replay":
        if value.lower() not in _BOOLEANS:
            raise DeclarationError(f"{variable}={value!r}: expected true or false")
        return _BOOLEANS[value.lower()]
    return _split(value)


def _split(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]
