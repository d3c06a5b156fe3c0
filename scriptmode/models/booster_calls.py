"""XGBoost's documented C call for in-place prediction, with what it needs kept for each thread.

``Booster.inplace_predict`` makes a new proxy, JSON and Python objects for every call, which for one
row costs twice what the prediction does. The same call with these kept is bit-equal to it; see
docs/adr/0004. Contract: ``XGBoosterPredictFromDense`` and ``XGProxyDMatrixCreate`` of xgboost's C
API (https://xgboost.readthedocs.io/en/stable/c.html), the same since 1.7.
"""

from __future__ import annotations

import ctypes
import json
import math
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

from scriptmode._imports import require

if TYPE_CHECKING:
    from numpy.typing import NDArray

_INTERFACE = b'{"data":[%d,true],"shape":[%d,%d],"typestr":"%s","version":3}'
_CHECKED_ROWS = 16


def direct_call(booster: Any) -> DirectCall | None:
    """The direct call of a booster, once it has shown that it answers the same.

    Args:
        booster: of the kind ``gbtree``; it is not kept.

    Returns:
        None where this release, this booster or this machine is none that it works with.
    """
    try:
        call = DirectCall(booster)
        return call if _answers_alike(call, booster) else None
    except Exception:  # noqa: BLE001 - whatever is amiss, the library's own call remains
        return None


class DirectCall:
    """Predictions of one booster; threads may call it at the same time.

    Args:
        booster: it must live as long as this is called; it is not kept.
    """

    def __init__(self, booster: Any) -> None:
        import numpy as np

        self._library, self._array = _library(), np.ndarray
        booster.save_config()  # configures it, so that no first calls race for it
        self._handle: int = booster.handle.value
        self._width: int = booster.num_features()
        arguments = {
            "type": 0,
            "training": False,
            "iteration_begin": 0,
            "iteration_end": 0,
            "missing": float("nan"),
            "strict_shape": False,
            "cache_id": 0,
        }
        self._arguments = json.dumps(arguments).encode()
        self._types = {np.dtype(kind): np.dtype(kind).str.encode() for kind in ("f4", "f8")}
        self._kept = _Kept(self._library, self._width)

    def takes(self, matrix: Any) -> bool:
        """Whether it can answer this: some rows of float32 or float64, of the model's width."""
        is_array = type(matrix) is self._array
        return (
            is_array
            and matrix.dtype in self._types
            and matrix.shape[1] == self._width
            and len(matrix) > 0
        )

    def __call__(self, matrix: NDArray[Any]) -> NDArray[Any]:
        """Ask for all rows.

        Args:
            matrix: ``(rows, features)`` that it takes; NaN is a missing cell.

        Returns:
            float32 ``(rows,)`` or ``(rows, outputs)``, as ``Booster.predict`` answers.

        Raises:
            RuntimeError: xgboost refuses it.
        """
        kept, rows = self._kept, len(matrix)
        if rows == 1:
            kept.row[...] = matrix
            interface = kept.row_interface
        else:
            matrix = matrix if matrix.flags.c_contiguous else matrix.copy()
            kind = self._types[matrix.dtype]
            interface = _INTERFACE % (matrix.ctypes.data, rows, self._width, kind)
        failed = self._library.XGBoosterPredictFromDense(
            self._handle, interface, self._arguments, kept.proxy, *kept.places
        )
        if failed:
            raise RuntimeError(self._library.XGBGetLastError().decode("utf-8", "replace"))
        answer = kept.answer[:]
        if answer != kept.seen or rows != 1:  # of many rows the shape changes in its place
            kept.look_at(answer)
        return kept.view.copy()  # the next call of this thread overwrites it


class _Kept(threading.local):
    """What one thread keeps for one booster; it goes when either goes."""

    def __init__(self, library: ctypes.CDLL, width: int) -> None:  # once in every thread
        import numpy as np

        self._proxy = _Proxy(library)
        self.proxy = self._proxy.handle
        self.answer = (ctypes.c_uint64 * 3)()  # where the shape is, its length, where the cells are
        start = ctypes.addressof(self.answer)
        self.places = (start, start + 8, start + 16)
        self.row = np.zeros((1, width), np.float32)
        self.row_interface = _INTERFACE % (self.row.ctypes.data, 1, width, b"<f4")
        self.seen: list[int] = []
        self.view: NDArray[Any] = self.row

    def look_at(self, answer: list[int]) -> None:
        """Make an array of the cells that an answer points to."""
        import numpy as np

        shape_place, dimensions, cells = answer
        shape = tuple((ctypes.c_uint64 * dimensions).from_address(shape_place))
        flat: Any = (ctypes.c_float * math.prod(shape)).from_address(cells)
        self.view = np.frombuffer(flat, np.float32).reshape(shape)
        self.seen = answer if shape[0] == 1 else []


class _Proxy:
    """A proxy DMatrix, freed with this object."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._free = library.XGDMatrixFree
        self.handle: int | None = None
        made = ctypes.c_void_p()
        if library.XGProxyDMatrixCreate(ctypes.byref(made)):
            raise RuntimeError(library.XGBGetLastError().decode("utf-8", "replace"))
        self.handle = made.value

    def __del__(self) -> None:
        if self.handle is not None:
            self._free(self.handle)


@cache
def _library() -> ctypes.CDLL:
    """The library that xgboost itself has loaded, with types of our own for its functions."""
    path: str = require("xgboost.libpath", extra="xgboost").find_lib_path()[0]
    library = ctypes.CDLL(path)
    library.XGBGetLastError.restype = ctypes.c_char_p
    library.XGProxyDMatrixCreate.argtypes = [ctypes.c_void_p]
    library.XGDMatrixFree.argtypes = [ctypes.c_void_p]
    # Results are written to plain addresses, taken once, so that no pointer is made for a call.
    library.XGBoosterPredictFromDense.argtypes = [
        ctypes.c_void_p,
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    return library


def _answers_alike(call: DirectCall, booster: Any) -> bool:
    """Whether it answers what ``Booster.predict`` does, bit for bit, one by one and together."""
    import numpy as np

    xgboost = require("xgboost", extra="xgboost")
    chance = np.random.default_rng(0)
    rows = chance.normal(scale=10.0, size=(_CHECKED_ROWS, booster.num_features()))
    rows[1::2] = np.round(rows[1::2])
    rows[chance.random(rows.shape) < 0.2] = np.nan  # noqa: PLR2004
    types = booster.feature_types
    if "c" in (types or ()):
        rows = np.abs(np.round(rows))  # categories are numbers from 0, or NaN
    # One thread: those of OpenMP would be gone in a forked process, and waited for.
    table = xgboost.DMatrix(rows, feature_types=types, enable_categorical=True, nthread=1)
    expected = booster.predict(table, validate_features=False)
    alone = [call(rows[place : place + 1]) for place in range(len(rows))]
    found = (call(rows), np.concatenate(alone), call(rows.astype(np.float32)))
    return all(
        each.dtype == expected.dtype
        and each.shape == expected.shape
        and each.tobytes() == expected.tobytes()
        for each in found
    )
