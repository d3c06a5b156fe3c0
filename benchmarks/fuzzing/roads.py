"""The fast and the careful way through a decoder that has both.

They are used by `python -m benchmarks.fuzz`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptmode.errors import MalformedBodyError
from scriptmode.serializers import json as json_module
from scriptmode.serializers import json_numbers, jsonlines, recordio
from scriptmode.serializers.csv import CSV
from scriptmode.serializers.libsvm import LibSVM
from scriptmode.serializers.tsv import TSV

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

Read = "Callable[[bytes], Any]"


class CarefulCSV(CSV):
    """Every cell is looked at."""

    def _read_numbers(self, raw: bytes) -> None:
        return None


class CarefulTSV(TSV):
    """Every cell is looked at."""

    def _read_numbers(self, raw: bytes) -> None:
        return None


class CarefulLibSVM(LibSVM):
    """Every cell is looked at."""

    def _is_plain(self, text: str) -> bool:
        return False


def delimited(fast: Any, careful: Any, params: Mapping[str, str]) -> tuple[Any, Any]:
    """The same options, with the fast road and without."""
    return (lambda raw: fast.decode(raw, params), lambda raw: careful.decode(raw, params))


def json_roads(codec: Any, params: Mapping[str, str]) -> tuple[Any, Any]:
    """JSON and JSON Lines try the fast road from a length on."""
    module = json_module if isinstance(codec, json_module.JSON) else jsonlines
    return (
        _from_length(module, -1, lambda raw: codec.decode(raw, params)),
        _from_length(module, 2**62, lambda raw: codec.decode(raw, params)),
    )


def recordio_roads() -> tuple[Any, Any]:
    """Records that are laid out alike, and any."""
    return recordio.RecordIO().decode, _read_each


def open_fast_roads() -> None:
    """Let the fast road for JSON records begin at short bodies, as fuzzed ones are."""
    setattr(json_numbers, "_SMALL_RECORDS", 0)  # noqa: B010 - mypy knows it as a constant


def _from_length(
    module: ModuleType, length: int, read: Callable[[bytes], Any]
) -> Callable[[bytes], Any]:
    def decode(raw: bytes) -> Any:
        before = vars(module)["SMALL"]
        vars(module)["SMALL"] = length
        try:
            return read(raw)
        finally:
            vars(module)["SMALL"] = before

    return decode


def _read_each(raw: bytes) -> Any:
    if not raw:
        raise MalformedBodyError("the body is empty")
    return recordio._read_each(raw)  # noqa: SLF001 - the road itself
