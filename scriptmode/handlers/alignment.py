"""Holding a request to the columns that the model was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptmode.errors import InvalidFeaturesError, ModelLoadError
from scriptmode.models.base import Signature
from scriptmode.values import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_NAMED = 5


def agree(declared: Sequence[str] | None, signature: Signature) -> Signature:
    """What the declaration and the artefact together say about the columns.

    Raises:
        ModelLoadError: they contradict each other.
    """
    if declared is None:
        return signature
    names = tuple(declared)
    if signature.names is not None and signature.names != names:
        raise ModelLoadError(
            f"features= declares {list(names)}; the model was trained on {list(signature.names)}"
        )
    if signature.width not in (None, len(names)):
        raise ModelLoadError(
            f"features= declares {len(names)} columns; the model was trained on {signature.width}"
        )
    return Signature(names, len(names))


def align(data: Any, signature: Signature) -> Any:
    """Put named columns into the model's order; demand the exact count of unnamed ones.

    Args:
        data: a neutral value (see :mod:`scriptmode.values`); others pass.
        signature: the model's columns; an empty one lets everything through.

    Returns:
        The same rows: an array or data frame whose columns are the model's, in its order.

    Raises:
        InvalidFeaturesError: a column is missing or extra, columns have names that the model
            cannot check, there are no rows, or too few or many columns.
    """
    if signature.width is None or not _is_neutral(data):
        return data
    aligned = _align(_columns(data) if isinstance(data, dict) else data, signature)
    if not len(aligned):
        raise InvalidFeaturesError("the body holds no rows")
    return aligned


def _align(data: Any, signature: Signature) -> Any:
    if isinstance(data, Table):
        order = _order(data.names, signature)
        return data.values if order is None else data.values[:, order]
    names = _frame_names(data)
    if names is not None:
        order = _order(names, signature)
        return data if order is None else data.iloc[:, order]
    _check_count(data, signature)
    return data


def _is_neutral(data: Any) -> bool:
    """Whether it is a table of ours; what a hand-written function made is the loader's affair."""
    if isinstance(data, dict):
        return bool(data) and all(hasattr(array, "ndim") for array in data.values())
    return hasattr(data, "shape")


def _columns(tensors: dict[str, Any]) -> Table:
    """Named one-dimensional arrays of equal length are a table."""
    import numpy as np

    lengths = {len(array) if array.ndim == 1 else -1 for array in tensors.values()}
    if len(lengths) != 1 or -1 in lengths:
        raise InvalidFeaturesError("expected named one-dimensional arrays of equal length")
    return Table(tuple(tensors), np.column_stack(list(tensors.values())))


def _frame_names(data: Any) -> tuple[str, ...] | None:
    """A data frame's column names; a body without names leaves it numbered."""
    columns = getattr(data, "columns", None)
    if columns is None or not all(isinstance(name, str) for name in columns):
        return None
    return tuple(columns)


def _order(names: tuple[str, ...], signature: Signature) -> list[int] | None:
    """Where each of the model's columns stands in the request; None when already in order."""
    expected = signature.names
    if expected is None:
        raise InvalidFeaturesError(
            f"the columns are named ({_list(names)}), but the model has no names to put them in"
            " order by; send rows without names, or declare features=[...]"
        )
    if names == expected:
        return None
    place = {name: index for index, name in enumerate(names)}
    missing = [name for name in expected if name not in place]
    known = set(expected)
    extra = [name for name in names if name not in known]
    if missing or extra:
        raise _unlike(missing, extra)
    return [place[name] for name in expected]


def _unlike(missing: list[str], extra: list[str]) -> InvalidFeaturesError:
    problems = [
        f"{problem} column{'s' * (len(names) > 1)} {_list(names)}"
        for problem, names in (("missing", missing), ("unexpected", extra))
        if names
    ]
    return InvalidFeaturesError(" and ".join(problems), field=(missing or extra)[0])


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED} more"


def _check_count(data: Any, signature: Signature) -> None:
    if len(data.shape) != 2:  # noqa: PLR2004 - a table
        raise InvalidFeaturesError(
            f"expected a table of {signature.width} columns, got an array of shape {data.shape}"
        )
    if data.shape[0] and data.shape[1] != signature.width:
        hint = f" ({_list(signature.names)})" if signature.names else ""
        raise InvalidFeaturesError(
            f"the model has {signature.width} features{hint};"
            f" each row of the body has {data.shape[1]}"
        )
