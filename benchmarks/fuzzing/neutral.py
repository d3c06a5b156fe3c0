"""Whether a value is neutral (scriptmode/values.py), how large it is, and whether two are equal.

It is used by `python -m benchmarks.fuzz`.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from scriptmode.values import Enveloped, Table

_PLAIN = (str, int, float, bool, bytes, type(None))
_NUMBERS = "fiubc"


def flaw(value: Any) -> str | None:  # noqa: PLR0911 - a line a kind
    """What keeps a value from being neutral; None where nothing does."""
    if isinstance(value, Enveloped):
        return flaw(value.data) or _plain_flaw(dict(value.parameters))
    if isinstance(value, np.ndarray):
        return _array_flaw(value, least=2)
    if isinstance(value, Table):
        return _table_flaw(value)
    if isinstance(value, pd.DataFrame):
        return _frame_flaw(value)
    if sparse.issparse(value):
        return _sparse_flaw(value)
    if isinstance(value, dict) and any(isinstance(part, np.ndarray) for part in value.values()):
        return next(filter(None, map(_array_flaw, value.values())), None)
    return _plain_flaw(value)


def _array_flaw(array: Any, least: int = 0) -> str | None:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in _NUMBERS:
        return f"an array of {getattr(array, 'dtype', type(array))}"
    return f"an array of {array.ndim} dimensions" if array.ndim < least else None


def _table_flaw(table: Table) -> str | None:
    if not all(isinstance(name, str) for name in table.names) or not table.names:
        return f"names {table.names!r:.80}"
    if len(set(table.names)) != len(table.names):
        return "two columns of one name"
    if table.values.ndim != 2 or table.values.shape[1] != len(table.names):  # noqa: PLR2004
        return f"{len(table.names)} names over cells of shape {table.values.shape}"
    return _array_flaw(table.values)


def _frame_flaw(frame: pd.DataFrame) -> str | None:
    if not frame.columns.is_unique:
        return "a frame with two columns of one name"
    return None if isinstance(frame.index, pd.RangeIndex) else f"the index {type(frame.index)}"


def _sparse_flaw(matrix: Any) -> str | None:
    if matrix.format != "csr" or matrix.dtype.kind not in _NUMBERS:
        return f"a matrix {matrix.format} of {matrix.dtype}"
    try:
        matrix.check_format(full_check=True)
    except ValueError as error:
        return f"a broken matrix: {error}"
    return None


def _plain_flaw(value: Any) -> str | None:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            waiting += [*part, *part.values()]
        elif isinstance(part, list):
            waiting += part
        elif not isinstance(part, _PLAIN):
            return f"a part of type {type(part).__name__}"
    return None


def size(value: Any) -> int:
    """The bytes that a value takes."""
    if isinstance(value, Enveloped):
        return size(value.data) + size(dict(value.parameters))
    if isinstance(value, np.ndarray):
        return int(value.nbytes)
    if isinstance(value, Table):
        return int(value.values.nbytes) + sum(map(sys.getsizeof, value.names))
    if isinstance(value, pd.DataFrame):
        return int(value.memory_usage(deep=True, index=False).sum())
    if sparse.issparse(value):
        return int(value.data.nbytes + value.indices.nbytes + value.indptr.nbytes)
    return _plain_size(value)


def _plain_size(value: Any) -> int:
    total, waiting = 0, [value]
    while waiting:
        part = waiting.pop()
        total += part.nbytes if isinstance(part, np.ndarray) else sys.getsizeof(part)
        if isinstance(part, dict):
            waiting += [*part, *part.values()]
        elif isinstance(part, list):
            waiting += part
    return total


def difference(found: Any, expected: Any) -> str | None:  # noqa: PLR0911 - a line a kind
    """How two neutral values differ: kind, names, shape, dtype or the bits of a cell."""
    if type(found) is not type(expected):
        return f"{_brief(found)} is not {_brief(expected)}"
    if isinstance(expected, np.ndarray):
        return _array_difference(found, expected)
    if isinstance(expected, Table):
        if found.names != expected.names:
            return f"names {found.names!r:.200} are not {expected.names!r:.200}"
        return _array_difference(found.values, expected.values)
    if isinstance(expected, pd.DataFrame):
        return _frame_difference(found, expected)
    if sparse.issparse(expected):
        return _sparse_difference(found, expected)
    if isinstance(expected, dict) and any(isinstance(x, np.ndarray) for x in expected.values()):
        return _dict_difference(found, expected)
    if isinstance(expected, Enveloped):
        return difference(found.data, expected.data) or difference(
            dict(found.parameters), dict(expected.parameters)
        )
    return None if _plain_equal(found, expected) else f"{found!r:.200} is not {expected!r:.200}"


def _brief(value: Any) -> str:
    return f"{type(value).__name__}{getattr(value, 'shape', '')}"


def _array_difference(found: Any, expected: Any) -> str | None:
    if (found.dtype, found.shape) != (expected.dtype, expected.shape):
        return f"{found.dtype}{found.shape} is not {expected.dtype}{expected.shape}"
    left, right = np.ascontiguousarray(found).ravel(), np.ascontiguousarray(expected).ravel()
    if expected.dtype.kind == "c":
        part = f"f{expected.dtype.itemsize // 2}"
        left, right = left.view(part), right.view(part)
    if left.dtype.kind != "f":
        places = np.flatnonzero(left != right)
    else:
        absent = np.isnan(right)
        bits = f"u{left.dtype.itemsize}"
        unlike = np.where(absent, ~np.isnan(left), left.view(bits) != right.view(bits))
        places = np.flatnonzero(unlike)
    if not len(places):
        return None
    return f"cell {places[0]}: {left[places[0]]!r} is not {right[places[0]]!r}"


def _frame_difference(found: Any, expected: Any) -> str | None:
    if list(found.columns) != list(expected.columns) or found.shape != expected.shape:
        return f"{found.shape} {list(found)!r:.200} is not {expected.shape} {list(expected)!r:.200}"
    for name in expected.columns:
        left, right = found[name], expected[name]
        if left.dtype != right.dtype:
            return f"column {name!r:.40} of {left.dtype} is not of {right.dtype}"
        for one, other in zip(left.tolist(), right.tolist(), strict=True):
            if not _cells_equal(one, other):
                return f"column {name!r:.40}: {one!r:.80} is not {other!r:.80}"
    return None


def _cells_equal(one: Any, other: Any) -> bool:
    if one is None or other is None or pd.isna(one) or pd.isna(other):
        return bool(pd.isna(one) and pd.isna(other))
    return type(one) is type(other) and bool(one == other)


def _sparse_difference(found: Any, expected: Any) -> str | None:
    if found.shape != expected.shape:
        return f"{found.shape} is not {expected.shape}"
    for part in ("indptr", "indices", "data"):
        problem = _array_difference(getattr(found, part), getattr(expected, part))
        if problem:
            return f"{part}: {problem}"
    return None


def _dict_difference(found: Any, expected: Any) -> str | None:
    if list(found) != list(expected):
        return f"names {list(found)!r:.200} are not {list(expected)!r:.200}"
    for name, part in expected.items():
        if problem := difference(found[name], part):
            return f"{name!r:.40}: {problem}"
    return None


def _plain_equal(found: Any, expected: Any) -> bool:
    waiting = [(found, expected)]
    while waiting:
        left, right = waiting.pop()
        if type(left) is not type(right):
            return False
        if isinstance(right, (list, dict)) and len(left) != len(right):
            return False
        if isinstance(right, dict):
            waiting += [*zip(left, right, strict=True)]
            waiting += [*zip(left.values(), right.values(), strict=True)]
        elif isinstance(right, list):
            waiting += [*zip(left, right, strict=True)]
        elif left != right and not (left != left and right != right):  # noqa: PLR0124 - NaN
            return False
    return True
