"""What the process environment overrides in a declaration."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from scriptmode.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Collection

PREFIX = "SCRIPTMODE_"
_ELSEWHERE = ("model", "plugins")  # read by compose_from and by the registries


def from_environment(fields: Collection[str]) -> dict[str, list[str]]:
    """The declaration's fields that are set as ``SCRIPTMODE_<FIELD>``, split at commas.

    Args:
        fields: the fields that can be declared.

    Raises:
        UnknownNameError: a variable with our prefix that names no field: a typo would
            otherwise change nothing, in silence.
    """
    known = [*fields, *_ELSEWHERE]
    found: dict[str, list[str]] = {}
    for variable, value in os.environ.items():
        if not variable.startswith(PREFIX):
            continue
        field = variable.removeprefix(PREFIX).lower()
        if field not in known or field == "options":
            names = [PREFIX + name.upper() for name in known if name != "options"]
            raise UnknownNameError("environment variable", variable, names)
        if field in fields:
            found[field] = [item.strip() for item in value.split(",") if item.strip()]
    return found
