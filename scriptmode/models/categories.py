"""Categories as the numbers that a booster keeps them under."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptmode.errors import InvalidFeaturesError
from scriptmode.models.arrays import as_matrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def encode(data: Any, categories: Sequence[tuple[Any, ...] | None]) -> NDArray[Any]:
    """A table with each category as its place among those that are known.

    Args:
        data: ``(rows, features)``, a data frame or numbers.
        categories: those of each feature, as :class:`scriptmode.models.base.Signature` has them.

    Returns:
        float64 ``(rows, features)``; NaN is a missing cell.

    Raises:
        InvalidFeaturesError: a cell is neither a number nor a known category.
    """
    import pandas as pd

    frame = data.copy() if hasattr(data, "iloc") else pd.DataFrame(as_matrix(data))
    columns = {
        index: _codes(frame.iloc[:, index], index, known)
        for index, known in enumerate(categories)
        if known
    }
    for index, codes in columns.items():
        frame.isetitem(index, codes)
    return as_matrix(frame)


def _codes(column: Any, index: int, known: tuple[Any, ...]) -> NDArray[Any]:
    """Each cell's place among the known categories; NaN where it is missing."""
    import numpy as np
    import pandas as pd

    places = pd.Index(known).get_indexer(pd.Index(column))
    unseen = (places < 0) & column.notna().to_numpy()
    if unseen.any():
        row = int(np.flatnonzero(unseen)[0])
        name = column.name if isinstance(column.name, str) else None
        place = f"field {name!r}" if name else f"column {index + 1}"
        raise InvalidFeaturesError(
            f"row {row + 1}, {place}: {str(column.iloc[row])[:40]!r} is none of the categories"
            f" {', '.join(map(str, known[:20]))}",
            row=row + 1,
            column=index + 1,
            field=name,
        )
    return np.where(places < 0, np.nan, places)
