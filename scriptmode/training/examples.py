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
        label_name: of the column that it was; None where it has none.
    """

    features: Any
    label: NDArray[Any] | None
    label_name: str | None = None

    @property
    def names(self) -> list[str] | None:
        """The names of the features; None where the files name no columns."""
        found = getattr(self.features, "names", getattr(self.features, "columns", None))
        return None if found is None else [str(name) for name in found]
