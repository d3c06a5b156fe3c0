"""Bytes to neutral values and back, one file a format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scriptmode.registry import Builtin, Registry

if TYPE_CHECKING:
    from scriptmode.serializers.base import Serializer

BUILTINS = {
    "arrow": Builtin(
        "scriptmode.serializers.arrow:ArrowStream",
        ("application/vnd.apache.arrow.stream",),
        requires="pyarrow",
        extra="arrow",
    ),
    "csv": Builtin("scriptmode.serializers.csv:CSV", ("text/csv", "application/csv")),
    "feather": Builtin(
        "scriptmode.serializers.arrow:ArrowFile",
        (
            "arrow-file",
            "application/vnd.apache.arrow.file",
            "application/x-feather",
            "application/feather",
        ),
        requires="pyarrow",
        extra="arrow",
    ),
    "form": Builtin("scriptmode.serializers.forms:Form", ("application/x-www-form-urlencoded",)),
    "image": Builtin(
        "scriptmode.serializers.images:Image",
        (
            "png",
            "jpeg",
            "image/png",
            "image/jpeg",
            "application/x-image",
            "image/webp",
            "image/bmp",
            "image/gif",
            "image/tiff",
        ),
        requires="PIL",
        extra="images",
    ),
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
    "libsvm": Builtin(
        "scriptmode.serializers.libsvm:LibSVM",
        ("text/libsvm", "text/x-libsvm"),
        requires="scipy",
        extra="sparse",
    ),
    "msgpack": Builtin(
        "scriptmode.serializers.msgpack:MsgPack",
        ("application/msgpack", "application/x-msgpack", "application/vnd.msgpack"),
        requires="msgpack",
        extra="msgpack",
    ),
    "multipart": Builtin(
        "scriptmode.serializers.forms:Multipart",
        ("multipart/form-data",),
        requires="python_multipart",
        extra="forms",
    ),
    "npy": Builtin("scriptmode.serializers.npy:NPY", ("application/x-npy", "application/npy")),
    "npz": Builtin("scriptmode.serializers.npz:NPZ", ("application/x-npz", "application/npz")),
    "octets": Builtin("scriptmode.serializers.octets:Octets", ("application/octet-stream",)),
    "parquet": Builtin(
        "scriptmode.serializers.parquet:Parquet",
        ("application/x-parquet", "application/vnd.apache.parquet", "application/parquet"),
        requires="pyarrow",
        extra="arrow",
    ),
    "recordio": Builtin(
        "scriptmode.serializers.recordio:RecordIO",
        ("recordio-protobuf", "application/x-recordio-protobuf"),
        requires="google.protobuf",
        extra="recordio",
    ),
    "text": Builtin("scriptmode.serializers.text:Text", ("text/plain",)),
    "tsv": Builtin("scriptmode.serializers.tsv:TSV", ("text/tab-separated-values", "text/tsv")),
}
"""A new format is one file and one row here; nothing is imported until it is asked for."""


def registry() -> Registry[Serializer]:
    """A registry of the built-in serializers and of what packages publish."""
    return Registry("serializer", BUILTINS, "scriptmode.serializers")
