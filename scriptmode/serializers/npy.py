"""NumPy's array file format (NEP 1), numbers only: nothing in it can be executed."""

from __future__ import annotations

import ast
import io
import math
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from scriptmode.errors import MalformedBodyError, NotAcceptableError
from scriptmode.serializers.base import Body, as_bytes
from scriptmode.serializers.plain import densify

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 10_000  # numpy.lib.format's own limit
_MOST_DIMENSIONS = 64  # numpy's own limit since 2.0
# Numbers of the widths that every platform has; some other spellings end the process.
_DESCR = re.compile(r"[<>|=]?(f[248]|[iu][1248]|b1|c8|c16)")


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


def read_npy(raw: bytes | memoryview) -> NDArray[Any]:
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
    try:
        array = cells.reshape(header.shape, order=order)
    except ValueError as error:  # no cells, but sizes or dimensions beyond numpy's
        raise MalformedBodyError(f"the npy header announces no possible shape: {error}") from None
    if not header.dtype.isnative:
        array = array.astype(header.dtype.newbyteorder("="))
        array.flags.writeable = False
    return array


def write_npy(value: Any) -> bytes:
    """Any value that is an array of numbers as an npy file.

    Raises:
        NotAcceptableError: see :meth:`NPY.encode`.
    """
    import numpy as np

    try:
        array = np.asarray(densify(value), order="C")
    except (ValueError, TypeError) as error:
        raise NotAcceptableError(f"npy cannot carry the prediction: {error}") from error
    if array.dtype.kind not in "fiubc":
        raise NotAcceptableError(f"npy carries numbers; the prediction is of dtype {array.dtype}")
    return _write_header(array.dtype.str, array.shape) + array.tobytes()


def _header_bytes(raw: bytes | memoryview) -> bytes:
    """All that stands before the cells."""
    if raw[:6] != _MAGIC:
        raise MalformedBodyError("not an npy file: it does not begin with \\x93NUMPY")
    if raw[6:7] not in (b"\x01", b"\x02", b"\x03"):
        raise MalformedBodyError("the npy file is of an unknown version")
    start = _header_start(raw)
    length = int.from_bytes(raw[8:start], "little")
    if length > _LONGEST_HEADER:
        raise MalformedBodyError(f"the npy header is longer than {_LONGEST_HEADER} bytes")
    if len(raw) < start + length:
        raise MalformedBodyError("the npy file ends within its header")
    return bytes(raw[: start + length])


def _header_start(raw: bytes | memoryview) -> int:
    return 10 if raw[6] == 1 else 12  # from version 2 on the header's length takes four bytes


@lru_cache(maxsize=64)
def _read_header(raw: bytes) -> _Header:
    import numpy as np

    try:
        fields = ast.literal_eval(raw[_header_start(raw) :].decode("latin-1").strip())
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or fields.keys() != {"descr", "fortran_order", "shape"}:
        raise MalformedBodyError("the npy header cannot be read")
    descr, fortran_order, shape = fields["descr"], fields["fortran_order"], fields["shape"]
    if not (isinstance(descr, str) and _DESCR.fullmatch(descr)):
        raise MalformedBodyError("only cells that are numbers are read from npy, never objects")
    if not isinstance(fortran_order, bool) or not _is_shape(shape):
        raise MalformedBodyError("the npy header announces no possible shape")
    try:
        return _Header(np.dtype(descr), fortran_order, shape, len(raw))
    except TypeError:
        raise MalformedBodyError(f"npy cells of dtype {descr!r} are unknown") from None


def _is_shape(shape: object) -> bool:
    """Whether it is a tuple of sizes, of which the product is worth computing."""
    if not isinstance(shape, tuple) or len(shape) > _MOST_DIMENSIONS:
        return False
    return all(type(size) is int and 0 <= size <= sys.maxsize for size in shape)


@lru_cache(maxsize=256)
def _write_header(descr: str, shape: tuple[int, ...]) -> bytes:
    from numpy.lib import format as npy_format

    header = io.BytesIO()
    fields = {"descr": descr, "fortran_order": False, "shape": shape}
    npy_format.write_array_header_1_0(header, fields)
    return header.getvalue()
