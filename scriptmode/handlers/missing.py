"""What a missing cell is, and what becomes of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from scriptmode.errors import DeclarationError, suggestion

Cells: TypeAlias = Literal["allow", "error", "fill"]

_CELLS = ("allow", "error", "fill")
_LARGEST = sys.float_info.max
_KEYS = ("spellings", "cells", "value")


@dataclass(frozen=True)
class Missing:
    """How missing cells are spelled, and what becomes of those that no feature describes.

    Args:
        spellings: of a missing cell, in formats without types.
        cells: whether they reach the model as NaN, are an error, or are filled.
        value: the number that fills them.
    """

    spellings: tuple[str, ...] = ("",)
    cells: Cells = "allow"
    value: float | None = None


def read_missing(declared: Any) -> Missing:
    """What a declaration says of missing cells.

    Args:
        declared: the spellings, or a mapping with ``spellings``, ``cells`` and ``value``.

    Raises:
        DeclarationError: one string, an unknown key or policy, or a value that fills nothing.
    """
    if isinstance(declared, Missing):
        return declared
    if not isinstance(declared, Mapping):
        return Missing(_spellings(declared))
    for key in declared:
        if key not in _KEYS:
            raise DeclarationError(f"missing: no key {key!r}{suggestion(str(key), _KEYS)}")
    spellings = _spellings(declared.get("spellings", ("",)))
    cells, value = declared.get("cells", "allow"), declared.get("value")
    if cells not in _CELLS:
        raise DeclarationError(f"missing: cells={cells!r}: expected one of {', '.join(_CELLS)}")
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    is_finite = is_number and abs(value or 0) <= _LARGEST
    if (cells == "fill") != is_finite or not (is_finite or value is None):
        raise DeclarationError("missing: cells='fill' and value=<a finite number> go together")
    return Missing(spellings, cells, value)


def _spellings(declared: Any) -> tuple[str, ...]:
    is_list = hasattr(declared, "__iter__") and not isinstance(declared, (str, Mapping))
    found: list[Any] = list(declared) if is_list else [None]
    if not all(isinstance(spelling, str) for spelling in found):
        raise DeclarationError(f"missing={declared!r}: list the spellings, which are text")
    return tuple(found)
