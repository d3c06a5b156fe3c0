"""NumPy's array file format (NEP 1), numbers only: nothing in it can be executed."""

from __future__ import annotations

import ast
import io
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from scriptmode.errors import MalformedBodyError, NotAcceptableError
from scriptmode.serializers.base import Body, as_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 10_000  # numpy.lib.format's own limit


@dataclass(frozen=True)
class NPY:
    """One array of numbers, as ``numpy.save`` writes it."""

    media_types: ClassVar[tuple[str, ...]] = ("application/x-npy", "application/npy")

    def decode(self, body: Body, params: Mapping[str, str]) -> NDArray[Any]:
        """Read one array, without copying its cells.

        Returns:
            The array, read-only, in its own dtype; a 1-D array as one row, ``(1, n)``.

        Raises:
            MalformedBodyError: not an npy file, cells that are no numbers (pickled objects
                among them), or a length that is not the header's.
        """
        array = read_npy(as_bytes(body))
        return array.reshape(1, -1) if array.ndim <= 1 else array

    def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
        """Write an array in its own shape and dtype.

        Raises:
            NotAcceptableError: the value's cells are not numbers.
        """
        return write_npy(value)


class _Header(NamedTuple):
    dtype: np.dtype[Any]
    fortran_order: bool
    shape: tuple[int, ...]
    start: int


def read_npy(raw: bytes) -> NDArray[Any]:
    """The array in an npy file, in the file's own shape.

    Raises:
        MalformedBodyError: see :meth:`NPY.decode`.
    """
    import numpy as np

    header = _read_header(_header_bytes(raw))
    expected = math.prod(header.shape) * header.dtype.itemsize
    if len(raw) - header.start != expected:
        raise MalformedBodyError(
            f"the npy header announces {expected} bytes of cells, {len(raw) - header.start} follow"
        )
    cells = np.frombuffer(raw, header.dtype, offset=header.start)
    order: Any = "F" if header.fortran_order else "C"
    array = cells.reshape(header.shape, order=order)
    return array if header.dtype.isnative else array.astype(header.dtype.newbyteorder("="))


def write_npy(value: Any) -> bytes:
    """Any value that is an array of numbers as an npy file.

    Raises:
        NotAcceptableError: see :meth:`NPY.encode`.
    """
    import numpy as np

    try:
        array = np.asarray(value, order="C")
    except ValueError as error:
        raise NotAcceptableError(f"npy cannot carry the prediction: {error}") from error
    if array.dtype.kind not in "fiubc":
        raise NotAcceptableError(f"npy carries numbers; the prediction is of dtype {array.dtype}")
    return _write_header(array.dtype.str, array.shape) + array.tobytes()


def _header_bytes(raw: bytes) -> bytes:
    """All that stands before the cells."""
    if raw[:6] != _MAGIC or len(raw) < 12:  # noqa: PLR2004 - the longest fixed part
        raise MalformedBodyError("not an npy file: it does not begin with \\x93NUMPY")
    wide = raw[6] > 1  # from version 2 on the header's length takes four bytes
    length = int.from_bytes(raw[8 : 12 if wide else 10], "little")
    if length > _LONGEST_HEADER:
        raise MalformedBodyError(f"the npy header is longer than {_LONGEST_HEADER} bytes")
    return raw[: (12 if wide else 10) + length]


@lru_cache(maxsize=64)
def _read_header(raw: bytes) -> _Header:
    import numpy as np

    try:
        fields = ast.literal_eval(raw[12 if raw[6] > 1 else 10 :].decode("latin-1").strip())
        descr, fortran_order, shape = fields["descr"], fields["fortran_order"], fields["shape"]
        dtype = np.dtype(descr) if isinstance(descr, str) else None
        shape = tuple(int(size) for size in shape)
    except (ValueError, TypeError, KeyError, SyntaxError, MemoryError, RecursionError):
        raise MalformedBodyError("the npy header cannot be read") from None
    if dtype is None or dtype.kind not in "fiubc":
        raise MalformedBodyError(
            f"npy cells of dtype {descr!r} are refused: only numbers are read, never objects"
        )
    if any(size < 0 for size in shape):
        raise MalformedBodyError(f"the npy header announces the shape {shape}")
    return _Header(dtype, bool(fortran_order), shape, len(raw))


@lru_cache(maxsize=256)
def _write_header(descr: str, shape: tuple[int, ...]) -> bytes:
    from numpy.lib import format as npy_format

    header = io.BytesIO()
    fields = {"descr": descr, "fortran_order": False, "shape": shape}
    npy_format.write_array_header_1_0(header, fields)
    return header.getvalue()
