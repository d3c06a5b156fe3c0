"""Neutral values as the tensors that a model's inputs ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from scriptmode.errors import InvalidFeaturesError
from scriptmode.models.arrays import as_matrix, fits_float32, refuse_names
from scriptmode.models.base import Signature
from scriptmode.values import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_TABLE = 2  # dimensions
_SMALL = 1024  # cells


class Input(NamedTuple):
    """What a model says of one input.

    Args:
        name: as the model calls it.
        dtype: numpy's name of its type; ``object`` is text.
        shape: each size, the first that of rows, None where it is free; None where the model does
            not say.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None

    @property
    def rows(self) -> int | None:
        """How many rows it takes; None for any number."""
        return self.shape[0] if self.shape else None

    @property
    def width(self) -> int | None:
        """How many columns a table of it has; None where it takes none, or any."""
        return self.shape[1] if self.shape and len(self.shape) == _TABLE else None

    @property
    def is_column(self) -> bool:
        """Whether it takes one cell a row."""
        return self.shape is not None and (len(self.shape) == 1 or self.width == 1)


def named_inputs(data: Any, inputs: Sequence[Input]) -> dict[str, NDArray[Any]]:
    """What each input is to be given.

    Args:
        data: tensors by name; a table; or, for a model of one input, a tensor.
        inputs: what the model takes.

    Returns:
        By name, an array of the input's dtype and number of dimensions.

    Raises:
        InvalidFeaturesError: an input is missing or unknown, a shape is another, or a cell is not
            of the dtype.
    """
    if isinstance(data, dict):
        free = [each.name for each in inputs if each.rows is None]
        return refuse_unequal(_by_name(data, inputs), free)
    if len(inputs) == 1:
        if inputs[0].dtype != "object":  # texts have no order
            refuse_names(data)
        return {inputs[0].name: as_tensor(data, inputs[0])}
    are_columns = all(each.is_column for each in inputs)
    if are_columns and getattr(data, "shape", ())[1:] == (len(inputs),) and not _names(data):
        # In the inputs' order, which is what columns are put into by their names.
        data = Table([each.name for each in inputs], as_matrix(data))
    if not are_columns or _names(data) != [each.name for each in inputs]:
        raise InvalidFeaturesError(
            "the model has the inputs " + ", ".join(map(_told, inputs)) + "; send each by name"
        )
    return {each.name: as_tensor(_column(data, each.name), each) for each in inputs}


def signature_of(inputs: Sequence[Input]) -> Signature:
    """The width of the one input, or the names of several that are columns."""
    if len(inputs) == 1:
        width = inputs[0].width
        return Signature(width=width, types=(inputs[0].dtype,) * width if width else None)
    if not inputs or not all(each.is_column for each in inputs):
        return Signature()
    return Signature(
        tuple(each.name for each in inputs), len(inputs), tuple(each.dtype for each in inputs)
    )


def as_tensor(data: Any, described: Input) -> NDArray[Any]:
    """One input's tensor; see :func:`named_inputs`."""
    import numpy as np

    if described.dtype == "object":
        tensor = _as_text(data)
    elif isinstance(data, np.ndarray) and data.dtype.kind in "fiub":
        tensor = _cast(data, described.dtype)
    else:
        tensor = _cast(as_matrix(data), described.dtype)
    shape = described.shape
    if shape is None or tensor.ndim == len(shape):
        _check_sizes(tensor, described)
        return tensor
    if len(shape) == 1 and tensor.ndim == _TABLE and tensor.shape[1] == 1:
        return tensor[:, 0]
    raise InvalidFeaturesError(f"a tensor of shape {tensor.shape} is not {_told(described)}")


def _by_name(data: dict[str, Any], inputs: Sequence[Input]) -> dict[str, NDArray[Any]]:
    wanted = [each.name for each in inputs]
    for name in wanted:
        if name not in data:
            raise InvalidFeaturesError(f"the input {name!r} is missing", field=name)
    for name in data:
        if name not in wanted:
            raise InvalidFeaturesError(
                f"the model has no input {name!r}; it has {', '.join(wanted)}", field=name
            )
    return {each.name: as_tensor(data[each.name], each) for each in inputs}


def refuse_unequal(
    feed: dict[str, NDArray[Any]], free: Sequence[str] = ()
) -> dict[str, NDArray[Any]]:
    """The same, unless rows of some would find none of the others.

    Args:
        feed: a tensor for each input.
        free: the inputs that take any number of rows; where none is named, all do.

    Raises:
        InvalidFeaturesError: unequal numbers of rows, or none.
    """
    free = free or list(feed)
    counts = {name: len(feed[name]) if feed[name].ndim else 0 for name in free}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name!r}: {count}" for name, count in counts.items())
        raise InvalidFeaturesError(f"the inputs have unequal numbers of rows ({told})")
    if not all(counts.values()):
        raise InvalidFeaturesError("the inputs hold no rows")
    return feed


def refuse_not_finite(cells: NDArray[Any]) -> None:
    """Refuse what compiled layers answer with a number, in silence.

    Raises:
        InvalidFeaturesError: the first cell that is missing or infinite.
    """
    import numpy as np

    if cells.dtype.kind != "f" or np.isfinite(cells).all():
        return
    place = np.argwhere(~np.isfinite(cells))[0]
    row, column = int(place[0]) + 1, int(place[1]) + 1 if len(place) == _TABLE else None
    where = f"row {row}" if column is None else f"row {row}, column {column}"
    raise InvalidFeaturesError(
        f"{where} is missing or infinite: the model cannot take it", row=row, column=column
    )


def _names(data: Any) -> list[str]:
    names = data.names if isinstance(data, Table) else getattr(data, "columns", ())
    return [name for name in names if isinstance(name, str)]


def _column(data: Any, name: str) -> Any:
    if isinstance(data, Table):
        return data[name][:, None]
    return data[[name]]


def _as_text(data: Any) -> NDArray[Any]:
    import numpy as np

    cells = data.to_numpy(dtype=object) if hasattr(data, "iloc") else np.array(data, dtype=object)
    for place, cell in np.ndenumerate(cells):
        if not isinstance(cell, str):
            raise InvalidFeaturesError(
                f"row {place[0] + 1}: {cell!r} is not text", row=place[0] + 1
            )
    return cells if cells.ndim > 1 else cells[:, None]


def _cast(data: NDArray[Any], dtype: str) -> NDArray[Any]:
    """The same numbers in another type.

    Raises:
        InvalidFeaturesError: the first cell that the type cannot hold; says where.
    """
    import numpy as np

    if data.dtype == dtype:
        return data
    is_small = data.size <= _SMALL and data.dtype.kind == "f"
    if is_small and dtype == "float32" and fits_float32(data):  # else a look at each is quicker
        return data.astype(dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        cast = data.astype(dtype)
        if cast.dtype.kind == "f":
            if not np.can_cast(data.dtype, cast.dtype) and np.isinf(cast).any():
                _refuse_cell(data, np.isinf(cast), dtype)
            return cast
        # A number that wraps around comes back equal, but its sign was another.
        unlike = (cast.astype(data.dtype) != data) | ((cast < 0) != (data < 0))
    if unlike.any():
        _refuse_cell(data, unlike, dtype)
    return cast


def _refuse_cell(data: NDArray[Any], bad: NDArray[Any], dtype: str) -> None:
    import numpy as np

    for place in np.argwhere(bad)[:1]:
        where = [int(index) + 1 for index in place]
        is_table = len(where) == _TABLE
        column = where[1] if is_table else None
        told = f"row {where[0]}, column {column}" if is_table else f"row {where[0]}"
        raise InvalidFeaturesError(
            f"{told}: {data[tuple(place)]} is beyond {dtype}: the model cannot take it",
            row=where[0],
            column=column,
        )


def _check_sizes(tensor: NDArray[Any], described: Input) -> None:
    for axis, size in enumerate(described.shape or ()):
        if axis and size is not None and tensor.shape[axis] != size:
            raise InvalidFeaturesError(
                f"a tensor of shape {tensor.shape} is not {_told(described)}"
            )


def _told(described: Input) -> str:
    sizes = ("any" if size is None else size for size in described.shape or ("any",))
    return f"{described.name!r} of shape ({', '.join(map(str, sizes))})"
