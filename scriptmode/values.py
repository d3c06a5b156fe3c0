"""The neutral values: all that serializers produce and loaders consume.

The list is closed, so that N formats and M frameworks cost N + M:

- ``numpy.ndarray`` of numbers. A table is always 2-D, ``(rows, columns)``: one row is a table
  of one row. More dimensions are images and tensors.
- :class:`Table`, numeric columns with names; ``pandas.DataFrame``, columns of mixed types.
- ``scipy.sparse.csr_matrix``; with an attribute ``is_open = True`` where the format does not tell
  how many columns follow the last that is written.
- ``dict[str, numpy.ndarray]``, named tensors.
- plain Python (``dict``, ``list``, ``str``) for free-form bodies, and ``bytes``.
- :class:`Enveloped`, one of these with the parameters that a request declares beside its rows.

A missing cell is NaN (or ``None`` in a column of text), never 0, -1 or a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from scriptmode.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray


class Enveloped:
    """Rows with what was sent around them.

    Args:
        data: a neutral value.
        parameters: further members of the request, by name, as plain Python.
    """

    __slots__ = ("data", "parameters")

    def __init__(self, data: Any, parameters: Mapping[str, Any]) -> None:
        self.data, self.parameters = data, parameters

    def __repr__(self) -> str:
        return f"Enveloped(data={self.data!r}, parameters={self.parameters!r})"


class Table:
    """Numeric columns with names, without the cost of a data frame.

    Args:
        names: the columns' names, unique.
        values: the cells, shape ``(rows, len(names))``; NaN is a missing cell.
    """

    __slots__ = ("names", "values")

    def __init__(self, names: Sequence[str], values: NDArray[Any]) -> None:
        self.names, self.values = tuple(names), values

    @property
    def shape(self) -> tuple[int, ...]:
        """``(rows, columns)``."""
        return self.values.shape

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, key: str) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, key: slice | NDArray[Any]) -> Table: ...
    def __getitem__(self, key: str | slice | NDArray[Any]) -> NDArray[Any] | Table:
        """The column of a name, shape ``(rows,)``; or a table of the rows of a slice or mask.

        Raises:
            UnknownNameError: there is no column of that name.
        """
        if not isinstance(key, str):
            return Table(self.names, self.values[key])
        if key not in self.names:
            raise UnknownNameError("column", key, self.names)
        return self.values[:, self.names.index(key)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> ArrayLike:  # noqa: FBT001 - numpy's signature
        """The cells alone, for numpy; see ``numpy.ndarray.__array__``."""
        import numpy as np

        return np.array(self.values, dtype) if copy else np.asarray(self.values, dtype)

    def __repr__(self) -> str:
        return f"Table(names={self.names!r}, values={self.values!r})"

    def to_pandas(self) -> pd.DataFrame:
        """The same columns as a data frame."""
        import pandas as pd

        return pd.DataFrame(self.values, columns=list(self.names))
