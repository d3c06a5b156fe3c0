"""What the process environment overrides in a declaration."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from scriptmode.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Collection

PREFIX = "SCRIPTMODE_"
_ELSEWHERE = ("plugins",)  # read by the registries
# Injected into every pod of a namespace with a Service that is called "scriptmode".
_OF_KUBERNETES = re.compile(rf"{PREFIX}(SERVICE|PORT)(_|$)")
_SINGLE = ("model", "label", "extra")
_STRUCTURED = ("options",)  # no list of names: only files and keywords can declare it


def from_environment(fields: Collection[str]) -> dict[str, str | list[str]]:
    """The declaration's fields that are set as ``SCRIPTMODE_<FIELD>``, lists split at commas.

    Args:
        fields: the fields that can be declared.

    Raises:
        UnknownNameError: a variable with our prefix that names no field: a typo would
            otherwise change nothing, in silence.
    """
    known = [name for name in (*fields, *_ELSEWHERE) if name not in _STRUCTURED]
    found: dict[str, str | list[str]] = {}
    for variable, value in os.environ.items():
        if not variable.startswith(PREFIX) or _OF_KUBERNETES.match(variable):
            continue
        field = variable.removeprefix(PREFIX).lower()
        if field not in known:
            names = [PREFIX + name.upper() for name in known]
            raise UnknownNameError("environment variable", variable, names)
        if field in _SINGLE:
            found[field] = value
        elif field not in _ELSEWHERE:
            found[field] = [item.strip() for item in value.split(",") if item.strip()]
    return found
