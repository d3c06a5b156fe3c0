"""Rows to learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Examples(NamedTuple):
    """A table and what is to be learnt of each row.

    Args:
        features: a neutral value (see :mod:`scriptmode.values`) of shape ``(rows, columns)``.
        label: what is to be learnt, ``(rows,)``; None where none was asked for.
    """

    features: Any
    label: NDArray[Any] | None
