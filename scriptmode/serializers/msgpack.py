"""MessagePack: the layouts of JSON, in binary."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode.errors import MalformedBodyError, NotAcceptableError
from scriptmode.serializers.base import Body, as_bytes
from scriptmode.serializers.flat import pack
from scriptmode.serializers.layouts import Layout, check_layout, read_layout
from scriptmode.serializers.msgpack_numbers import read_doubles
from scriptmode.serializers.plain import (
    as_records,
    as_rows,
    check_unique,
    densify,
    holds_dates,
    is_missing,
    to_python_dates,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


_DEEPEST = 32
_SCALARS = {int, float, bool, str, bytes, type(None)}
_KINDS = {int, float, bool, str, list, dict, type(None)}


@dataclass(frozen=True)
class MsgPack:
    """Tables, tensors and free-form values as MessagePack.

    Args:
        layout: as of ``JSON``: the one layout to read, or ``"auto"``.
    """

    layout: Layout = "auto"

    media_types: ClassVar[tuple[str, ...]] = (
        "application/msgpack",
        "application/x-msgpack",
        "application/vnd.msgpack",
    )

    def __post_init__(self) -> None:
        check_layout(self.layout)

    def decode(self, body: Body, params: Mapping[str, str]) -> Any:
        """Read one value, in the layouts of JSON.

        Returns:
            float64 ``(rows, columns)``, a ``Table``, a data frame, or a plain value if ``raw``.

        Raises:
            MalformedBodyError: not MessagePack, a name that stands twice, an extension type, or
                no table.
            MissingExtraError: msgpack is not installed.
        """
        raw = as_bytes(body)
        if self.layout in ("auto", "rows") and (matrix := read_doubles(raw)) is not None:
            return matrix
        return self._read_carefully(raw)

    def _read_carefully(self, raw: bytes) -> Any:
        msgpack = require("msgpack", extra="msgpack")
        try:
            value = msgpack.unpackb(raw, object_pairs_hook=_unique, ext_hook=_refuse_extension)
        except msgpack.StackError:
            raise MalformedBodyError("the MessagePack is nested too deeply") from None
        except (ValueError, msgpack.UnpackException, UnicodeDecodeError, TypeError) as error:
            problem = str(error) or "it ends too early"
            raise MalformedBodyError(f"not MessagePack: {problem[:200]}") from None
        if self.layout in ("auto", "rows") and (matrix := _matrix(value)) is not None:
            return matrix
        if not _is_modest(value, _DEEPEST):
            raise MalformedBodyError(f"the MessagePack is nested deeper than {_DEEPEST}")
        if self.layout == "raw":
            return value
        return read_layout(value, self.layout, has_text=_has_text(value))

    def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
        """Write an array as (nested) arrays, named columns as maps, else the plain value.

        Raises:
            NotAcceptableError: the value holds something that MessagePack has no form for.
        """
        msgpack = require("msgpack", extra="msgpack")
        if isinstance(value, dict):
            check_unique([str(name) for name in value])
            value = {str(name): part for name, part in value.items()}
        try:
            packed: bytes = msgpack.packb(value, default=_plain)
        except (TypeError, ValueError, OverflowError) as error:
            raise NotAcceptableError(f"MessagePack cannot carry the prediction: {error}") from error
        return packed


def _is_modest(value: Any, depth: int) -> bool:
    """Whether lists and maps are nested no deeper than that.

    Raises:
        MalformedBodyError: a timestamp, which msgpack makes of an extension type by itself.
    """
    if type(value).__name__ == "Timestamp":
        raise MalformedBodyError("extension type -1 is not read")
    if not isinstance(value, (dict, list)):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(
        _is_modest(part, depth - 1) for part in inner if type(part) not in _SCALARS
    )


def _matrix(value: Any) -> NDArray[Any] | None:
    """The commonest body, rows of numbers; None sends it down the careful road."""
    if not isinstance(value, list) or set(map(type, value)) != {list}:
        return None
    width = len(value[0])
    if not width or set(map(len, value)) != {width}:  # ragged: let the careful road say where
        return None
    return pack(chain.from_iterable(value), len(value), width)


def _has_text(value: Any) -> bool:
    """Whether a cell may be text.

    Raises:
        MalformedBodyError: a cell is binary, or a name is no text.
    """
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    kinds = set(map(type, inner))
    if not kinds <= _KINDS or (isinstance(value, dict) and not set(map(type, value)) <= {str}):
        raise MalformedBodyError("a cell of the MessagePack is binary, or a name is no text")
    parts = [_has_text(part) for part in inner if isinstance(part, (dict, list))]  # looks at each
    return str in kinds or any(parts)


def _unique(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one map")
    return found


def _refuse_extension(code: int, _: bytes) -> Any:
    raise ValueError(f"extension type {code} is not read")


def _plain(value: Any) -> Any:
    if is_missing(value):
        return None
    if hasattr(value, "columns") or hasattr(value, "names"):
        return as_records(value)
    value = densify(value)
    if holds_dates(value):
        found = to_python_dates(value)
        return found if isinstance(found, (list, str)) else _plain(found)
    if hasattr(value, "tolist"):
        return as_rows(value)[1] if getattr(value, "shape", ()) else value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in MessagePack")
