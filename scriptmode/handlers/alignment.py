"""Holding a request to the columns that the model was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from scriptmode._memo import Memo
from scriptmode.errors import InvalidFeaturesError, ModelLoadError
from scriptmode.handlers.checks import MatrixCheck, convert
from scriptmode.handlers.feature import Feature
from scriptmode.models.arrays import as_matrix
from scriptmode.values import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from scriptmode.models.base import Signature

Extra: TypeAlias = Literal["error", "ignore"]
_MOST_NAMED = 5


@dataclass(frozen=True)
class Contract:
    """What a declaration says of the columns; empty where it says nothing.

    Args:
        features: the columns in the model's order.
        label: a column, by name, that requests may carry and that is dropped; a position from 0
            drops it from rows without names too.
        extra: whether further named columns are an error or ignored.
        missing: the spellings of a missing cell.
    """

    features: tuple[Feature, ...] | None = None
    label: str | int | None = None
    extra: Extra = "error"
    missing: tuple[str, ...] = ("",)

    def bind(self, signature: Signature) -> Alignment | None:
        """Join the declaration with what the artefact knows; None when neither knows anything.

        Raises:
            ModelLoadError: they contradict each other.
        """
        features, names = self.features, signature.names
        if features is None:
            features = tuple(map(Feature, names)) if names else None
            width = signature.width
        else:
            width = len(features)
            _agree(features, signature)
        if width is None:
            return None
        return Alignment(self, width, features or None, names or _names(features))


class Alignment:
    """Puts requests into the model's columns, and checks their cells.

    Args:
        contract: the declaration.
        width: how many columns the model has.
        features: the columns in the model's order; None when nobody knows their names.
        names: what the model itself calls them.
    """

    def __init__(
        self,
        contract: Contract,
        width: int,
        features: tuple[Feature, ...] | None,
        names: tuple[str, ...] | None,
    ) -> None:
        self._contract, self._width, self._names = contract, width, names
        self._features = features or ()
        self._places = {
            alias: index for index, each in enumerate(self._features) for alias in each.names
        }
        self._places.update({name: index for index, name in enumerate(names or ())})
        self._orders = Memo(self._order)
        numeric = [i for i, each in enumerate(self._features) if each.kind not in _NOT_NUMBERS]
        self._is_checked = any(each.kind != "any" for each in self._features)
        self._numeric = numeric if self._is_checked else []
        checked = [self._features[index] for index in self._numeric]
        self._check = MatrixCheck(checked, numeric) if checked else None

    def __call__(self, data: Any) -> Any:
        """The same rows in the model's columns.

        Args:
            data: a neutral value (see :mod:`scriptmode.values`); others pass.

        Returns:
            An array ``(rows, columns)``, or a data frame where some columns are not numbers.

        Raises:
            InvalidFeaturesError: a column is missing or extra, columns have names that nobody
                can check, there are no rows, too few or many columns, or a cell is not what
                its feature says; names row and field.
        """
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
        return self._checked(data) if self._is_checked else data

    def _arrange_table(self, table: Table) -> NDArray[Any] | pd.DataFrame:
        if table.names == self._names:
            return table.values
        order = self._placed(table.names)
        if None in order:
            return self._arrange_frame(table.to_pandas(), table.names)
        places: list[Any] = list(order)
        return table.values[:, places]

    def _arrange_frame(self, frame: pd.DataFrame, sent: tuple[str, ...]) -> pd.DataFrame:
        if sent == self._names:
            return frame
        import pandas as pd

        columns = [
            pd.Series([None] * len(frame), index=frame.index)
            if place is None
            else frame.iloc[:, place]
            for place in self._placed(sent)
        ]
        return pd.concat(columns, axis=1, keys=list(self._names or ()))

    def _arrange_unnamed(self, data: Any) -> Any:
        if len(data.shape) != 2:  # noqa: PLR2004 - a table
            raise InvalidFeaturesError(
                f"expected a table of {self._width} columns, got an array of shape {data.shape}"
            )
        rows, width = data.shape
        label = self._contract.label
        if isinstance(label, int) and width == self._width + 1:
            kept = [index for index in range(width) if index != label]
            data = data.iloc[:, kept] if hasattr(data, "iloc") else data[:, kept]
        elif rows and width != self._width:
            known = f" ({_list(self._names)})" if self._names else ""
            raise InvalidFeaturesError(
                f"the model has {self._width} features{known}; each row of the body has {width}"
            )
        elif not rows:
            return data
        if hasattr(data, "columns") and self._names:
            data = data.set_axis(list(self._names), axis=1)
        return data

    def _placed(self, sent: tuple[str, ...]) -> list[int | None]:
        """As ``_order``, remembered; but not the names of a caller who sends very many."""
        return self._orders[sent] if len(sent) <= self._width + 1 else self._order(sent)

    def _order(self, sent: tuple[str, ...]) -> list[int | None]:
        """Where each of the model's columns stands in the request; None where it is absent."""
        if not self._features:
            raise InvalidFeaturesError(
                f"the columns are named ({_list(sent)}), but the model has no names to put them"
                " in order by; send rows without names, or declare features=[...]"
            )
        order: list[int | None] = [None] * self._width
        extra: list[str] = []
        for index, name in enumerate(sent):
            place = self._places.get(name)
            if place is None:
                extra.append(name)
            elif order[place] is not None:
                raise InvalidFeaturesError(f"column {name!r} is sent under two names", field=name)
            else:
                order[place] = index
        if self._contract.extra == "ignore":
            extra = []
        missing = [
            each.name
            for each, place in zip(self._features, order, strict=True)
            if place is None and each.default is None
        ]
        extra = [name for name in extra if name != self._contract.label]
        if missing or extra:
            raise _unlike(missing, extra)
        return order

    def _checked(self, data: Any) -> Any:
        if not hasattr(data, "columns"):
            if self._check is not None and len(self._numeric) == self._width:
                return self._check(as_matrix(data))
            import pandas as pd

            data = pd.DataFrame(data, columns=list(self._names or ()))
        return self._checked_frame(data)

    def _checked_frame(self, frame: pd.DataFrame) -> Any:
        import pandas as pd

        columns = {
            name: convert(frame.iloc[:, index], index, each, self._contract.missing)
            for index, (name, each) in enumerate(
                zip(self._names or (), self._features, strict=True)
            )
        }
        frame = pd.DataFrame(columns)
        if self._check is None:
            return frame
        numbers = frame.iloc[:, self._numeric].to_numpy("float64")
        numbers = self._check(numbers)
        return numbers if len(self._numeric) == self._width else frame


_NOT_NUMBERS = ("any", "text", "datetime")


def _agree(features: Sequence[Feature], signature: Signature) -> None:
    names = signature.names
    if names is not None:
        alike = len(names) == len(features) and all(
            name in each.names for name, each in zip(names, features, strict=True)
        )
        if not alike:
            declared = [each.name for each in features]
            raise ModelLoadError(
                f"features= declares {declared}; the model was trained on {list(names)}"
            )
    elif signature.width not in (None, len(features)):
        raise ModelLoadError(
            f"features= declares {len(features)} columns; the model was trained on"
            f" {signature.width}"
        )


def _names(features: Sequence[Feature] | None) -> tuple[str, ...] | None:
    return None if features is None else tuple(each.name for each in features)


def _columns(tensors: dict[str, Any]) -> Table:
    """Named one-dimensional arrays of equal length are a table."""
    import numpy as np

    lengths = {len(array) if array.ndim == 1 else -1 for array in tensors.values()}
    if len(lengths) != 1 or -1 in lengths:
        raise InvalidFeaturesError("expected named one-dimensional arrays of equal length")
    return Table(tuple(tensors), np.column_stack(list(tensors.values())))


def _is_neutral(data: Any) -> bool:
    """Whether it is a table of ours."""
    if isinstance(data, dict):
        return bool(data) and all(hasattr(array, "ndim") for array in data.values())
    return hasattr(data, "shape")


def _frame_names(data: Any) -> tuple[str, ...] | None:
    """A data frame's column names; a body without names leaves it numbered."""
    columns = getattr(data, "columns", None)
    if columns is None or not all(isinstance(name, str) for name in columns):
        return None
    return tuple(columns)


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
