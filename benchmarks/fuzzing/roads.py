"""The fast and the careful way through a decoder that has both.

They are used by `python -m benchmarks.fuzz`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptmode.errors import MalformedBodyError
from scriptmode.serializers import flat, json_numbers, jsonlines, numbers, recordio
from scriptmode.serializers import json as json_module
from scriptmode.serializers.base import as_utf8

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Read = Callable[[bytes], Any]

# Bodies that are fuzzed are short: with these they take the roads of long ones.
_LENGTHS: tuple[tuple[Any, str, int], ...] = (
    (flat, "BLOCK", 32),
    (numbers, "BLOCK", 32),
    (numbers, "_MANY", 0),
    (flat, "_FEW", 0),
    (json_module, "SMALL", -1),
    (jsonlines, "SMALL", -1),
)


def of_text(codec: Any, params: Mapping[str, str]) -> tuple[Read, ...]:
    """The road of short bodies, that of long ones, and the careful one."""
    return (
        lambda raw: codec.decode(raw, params),
        _as_if_long(lambda raw: codec.decode(raw, params)),
        _carefully(codec, params),
    )


def of_csv(codec: Any, params: Mapping[str, str]) -> tuple[Read, ...]:
    """As :func:`of_text`; the careful road has to be told whether there is a header."""
    header = codec._header(params)  # noqa: SLF001 - the roads themselves
    careful = _carefully(codec, params, header)
    return (*of_text(codec, params)[:2], careful)


def of_msgpack(codec: Any) -> tuple[Read, ...]:
    """Rows of doubles, and any value."""
    return (lambda raw: codec.decode(raw, {}), codec._read_carefully)  # noqa: SLF001


def of_recordio() -> tuple[Read, ...]:
    """Records that are laid out alike, and any."""
    codec = recordio.RecordIO()
    return (lambda raw: codec.decode(raw, {}), _filled(recordio._read_each))  # noqa: SLF001


def open_fast_roads() -> None:
    """Let the fast road for JSON records begin at short bodies, as fuzzed ones are."""
    setattr(json_numbers, "_SMALL_RECORDS", 0)  # noqa: B010 - mypy knows it as a constant


def _carefully(codec: Any, params: Mapping[str, str], *options: Any) -> Read:
    read = _filled(lambda raw: codec._read_carefully(raw, *options))  # noqa: SLF001
    return lambda raw: read(as_utf8(raw, params))


def _filled(read: Read) -> Read:
    """Roads begin where it is known that there is a body."""

    def decode(raw: bytes) -> Any:
        if not raw:
            raise MalformedBodyError("the body is empty")
        return read(raw)

    return decode


def _as_if_long(read: Read) -> Read:
    def decode(raw: bytes) -> Any:
        before = [vars(module)[name] for module, name, _ in _LENGTHS]
        for module, name, length in _LENGTHS:
            vars(module)[name] = length
        try:
            return read(raw)
        finally:
            for (module, name, _), length in zip(_LENGTHS, before, strict=True):
                vars(module)[name] = length

    return decode
