"""Holding a request to the columns that the model was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from scriptmode._memo import Memo
from scriptmode.errors import InvalidFeaturesError
from scriptmode.handlers.checks import MatrixCheck
from scriptmode.handlers.conversion import convert
from scriptmode.handlers.feature import Feature
from scriptmode.models.arrays import as_dense, as_matrix
from scriptmode.values import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from scriptmode.handlers.contract import Contract

_MOST_NAMED = 5
_LONGEST_NAMES = 10_000  # characters: callers choose them, and they are remembered
_NOT_NUMBERS = ("text", "datetime")


class _Order(NamedTuple):
    """Where each of the model's columns stands in a request."""

    places: list[int | None]
    indices: NDArray[Any] | None  # the same for numpy, where no column is absent


class Alignment:
    """Puts requests into the model's columns, and checks their cells.

    Args:
        contract: the declaration.
        width: how many columns the model has.
        features: the columns in the model's order; None when nobody knows their names.
        names: what the model itself calls them.
        keeps_names: whether a matrix is handed on with these names.
    """

    def __init__(
        self,
        contract: Contract,
        width: int,
        features: tuple[Feature, ...] | None,
        names: tuple[str, ...] | None,
        *,
        keeps_names: bool = False,
    ) -> None:
        import numpy as np

        self._contract, self.width, self._names = contract, width, names
        self._keeps_names = keeps_names and names is not None
        self.features = features or ()
        self._places = {
            alias: index for index, each in enumerate(self.features) for alias in each.names
        }
        self._places.update({name: index for index, name in enumerate(names or ())})
        self._orders = Memo(self._order)
        self._array = np.ndarray
        checked = self.described
        numeric = [i for i, each in enumerate(checked) if each.kind not in _NOT_NUMBERS]
        self._is_checked = any(each.is_checked for each in checked)
        self._is_plain = not (self._is_checked or self._keeps_names)
        self._is_numeric = len(numeric) == width
        # In a data frame, a column of which nothing is known may hold anything.
        self._described = [index for index in numeric if checked[index].kind != "any"]
        self._check = MatrixCheck([checked[i] for i in numeric], numeric) if numeric else None
        described = [checked[index] for index in self._described]
        self._frame_check = MatrixCheck(described, self._described) if described else None

    @property
    def described(self) -> tuple[Feature, ...]:
        """One feature a column, also where nobody knows their names."""
        missing = self._contract.missing
        return self.features or tuple(
            Feature(f"column {number}", required=missing.cells == "error", fill=missing.value)
            for number in range(1, self.width + 1)
        )

    def __call__(self, data: Any) -> Any:
        """The same rows in the model's columns.

        Args:
            data: a neutral value (see :mod:`scriptmode.values`); others pass.

        Returns:
            An array ``(rows, columns)``, or a data frame where some columns are not numbers; a
            :class:`scriptmode.values.Table` for models that read names.

        Raises:
            InvalidFeaturesError: a column is missing or extra, columns have names that nobody
                can check, there are no rows, too few or many columns, or a cell is not what
                its feature says; names row and field.
        """
        if self._is_plain and self._fits(data):
            return data
        if not _is_neutral(data):
            return data  # what a hand-written function made is the loader's affair
        if isinstance(data, dict):
            data = _columns(data)
        if isinstance(data, Table):
            data = self._arrange_table(data)
        elif (sent := _frame_names(data)) is not None:
            data = self._arrange_frame(data, sent)
        else:
            data = self._arrange_unnamed(data)
        if data.shape[0] == 0:
            raise InvalidFeaturesError("the body holds no rows")
        if self._is_checked:
            data = self._checked(data)
        elif _is_numeric(data):
            data = as_matrix(data)
        if self._keeps_names and not hasattr(data, "columns"):
            return Table(self._names or (), as_matrix(data))
        return data

    def _fits(self, data: Any) -> bool:
        """Whether it is a matrix in the model's columns, as most requests are."""
        return type(data) is self._array and data.shape[1:] == (self.width,) and len(data) > 0

    def _arrange_table(self, table: Table) -> NDArray[Any] | pd.DataFrame:
        if table.names == self._names:
            return table.values
        indices = self._placed(table.names).indices
        if indices is None:
            return self._arrange_frame(table.to_pandas(), table.names)
        return table.values.take(indices, axis=1)

    def _arrange_frame(self, frame: pd.DataFrame, sent: tuple[str, ...]) -> pd.DataFrame:
        if sent == self._names:
            return frame
        import pandas as pd

        columns = [
            pd.Series([None] * len(frame), index=frame.index)
            if place is None
            else frame.iloc[:, place]
            for place in self._placed(sent).places
        ]
        return pd.concat(columns, axis=1, keys=list(self._names or ()))

    def _arrange_unnamed(self, data: Any) -> Any:
        if len(data.shape) != 2:  # noqa: PLR2004 - a table
            raise InvalidFeaturesError(
                f"expected a table of {self.width} columns, got an array of shape {data.shape}"
            )
        if getattr(data, "is_open", False):
            data = self._widened(data)
        rows, width = data.shape
        label = self._contract.label
        if isinstance(label, int) and width == self.width + 1:
            kept = [index for index in range(width) if index != label]
            data = data.iloc[:, kept] if hasattr(data, "iloc") else data[:, kept]
        elif rows and width != self.width:
            known = f" ({_list(self._names)})" if self._names else ""
            raise InvalidFeaturesError(
                f"the model has {self.width} features{known}; each row of the body has {width}"
            )
        elif not rows:
            return data
        if hasattr(data, "columns") and self._names:
            data = data.set_axis(list(self._names), axis=1)
        return data

    def _widened(self, data: Any) -> Any:
        """A sparse table as wide as the model: its last columns may be absent from every row."""
        rows, width = data.shape
        if width >= self.width:
            return data
        widened = data.copy()
        widened.resize(rows, self.width)
        return widened

    def _placed(self, sent: tuple[str, ...]) -> _Order:
        """As ``_order``, remembered; but not the names of a caller who sends very many."""
        is_modest = len(sent) <= self.width + 1 and sum(map(len, sent)) <= _LONGEST_NAMES
        return self._orders[sent] if is_modest else self._order(sent)

    def _order(self, sent: tuple[str, ...]) -> _Order:
        if not self.features:
            raise InvalidFeaturesError(
                f"the columns are named ({_list(sent)}), but the model has no names to put them"
                " in order by; send rows without names, or declare features=[...]"
            )
        order: list[int | None] = [None] * self.width
        extra: list[str] = []
        for index, name in enumerate(sent):
            place = self._places.get(name)
            if place is None:
                extra.append(name)
            elif order[place] is not None:
                raise InvalidFeaturesError(f"column {name!r} is sent under two names", field=name)
            else:
                order[place] = index
        for name in extra:
            if name in self._contract.reserved:
                raise InvalidFeaturesError(
                    f"{name!r} is a parameter: send it beside the rows, in JSON", field=name
                )
        if self._contract.extra == "ignore":
            extra = []
        missing = [
            each.name
            for each, place in zip(self.features, order, strict=True)
            if place is None and each.default is None
        ]
        extra = [name for name in extra if name != self._contract.label]
        if missing or extra:
            raise _unlike(missing, extra)
        import numpy as np

        return _Order(order, None if None in order else np.array(order))

    def _checked(self, data: Any) -> Any:
        if hasattr(data, "tocsr"):
            data = as_dense(data)
        if not hasattr(data, "columns"):
            if self._is_numeric and self._check is not None:
                return self._check(as_matrix(data))
            import pandas as pd

            data = pd.DataFrame(data, columns=list(self._names or ()))
        return self._checked_frame(data)

    def _checked_frame(self, frame: pd.DataFrame) -> Any:
        import pandas as pd

        if not self.features:  # nobody knows the names, but every cell must be there
            return self._check(as_matrix(frame)) if self._check is not None else frame
        columns = {
            name: convert(frame.iloc[:, index], index, each, self._contract.missing.spellings)
            for index, (name, each) in enumerate(zip(self._names or (), self.features, strict=True))
        }
        frame = pd.DataFrame(columns)
        if self._frame_check is None:
            return frame
        numbers = self._frame_check(frame.iloc[:, self._described].to_numpy("float64"))
        return numbers if len(self._described) == self.width else frame


def _columns(tensors: dict[str, Any]) -> Table:
    """Named arrays of one cell a row, and of equal length, are a table."""
    import numpy as np

    tensors = {
        name: array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array  # noqa: PLR2004
        for name, array in tensors.items()
    }
    lengths = {len(array) if array.ndim == 1 else -1 for array in tensors.values()}
    if len(lengths) != 1 or -1 in lengths:
        raise InvalidFeaturesError("expected named arrays of one cell a row, and of equal length")
    return Table(tuple(tensors), np.column_stack(list(tensors.values())))


def _is_neutral(data: Any) -> bool:
    """Whether it is a table of ours."""
    if isinstance(data, dict):
        return bool(data) and all(hasattr(array, "ndim") for array in data.values())
    return hasattr(data, "shape")


def _frame_names(data: Any) -> tuple[str, ...] | None:
    """A data frame's column names; a body without names leaves it numbered from 0.

    Raises:
        InvalidFeaturesError: names that are neither.
    """
    columns = getattr(data, "columns", None)
    if columns is None or list(columns) == list(range(len(columns))):
        return None
    if not all(isinstance(name, str) for name in columns):
        raise InvalidFeaturesError(
            f"the columns {_list([str(name) for name in columns])} are named otherwise than by text"
        )
    return tuple(columns)


def _is_numeric(data: Any) -> bool:
    """Whether a data frame holds numbers only; then it is handed on as a matrix."""
    return hasattr(data, "dtypes") and all(kind.kind in "fiub" for kind in data.dtypes)


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
