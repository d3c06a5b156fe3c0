"""Bytes to neutral values and back, one file a format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptmode.registry import Builtin, Registry

if TYPE_CHECKING:
    from scriptmode.serializers.base import Serializer

BUILTINS = {
    "csv": Builtin("scriptmode.serializers.csv:CSV", ("text/csv", "application/csv")),
    "json": Builtin("scriptmode.serializers.json:JSON", ("application/json", "text/json")),
    "jsonlines": Builtin(
        "scriptmode.serializers.jsonlines:JSONLines",
        (
            "jsonl",
            "ndjson",
            "application/jsonlines",
            "application/x-jsonlines",
            "application/jsonl",
            "application/x-ndjson",
            "application/ndjson",
        ),
    ),
    "npy": Builtin("scriptmode.serializers.npy:NPY", ("application/x-npy", "application/npy")),
    "npz": Builtin("scriptmode.serializers.npz:NPZ", ("application/x-npz", "application/npz")),
    "octets": Builtin("scriptmode.serializers.octets:Octets", ("application/octet-stream",)),
    "text": Builtin("scriptmode.serializers.text:Text", ("text/plain",)),
}
"""A new format is one file and one row here; nothing is imported until it is asked for."""


def registry() -> Registry[Serializer]:
    """A registry of the built-in serializers and of what packages publish."""
    return Registry("serializer", BUILTINS, "scriptmode.serializers")
