"""The protobuf message that SageMaker's algorithms exchange: ``aialgs.data.Record``.

Contract: "Common Data Formats for Training", Amazon SageMaker Developer Guide. The message is
declared here field by field, so that whichever protobuf a serving image has reads it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from scriptmode._imports import require

_PACKAGE = "aialgs.data"
_TENSORS = {
    "Float32Tensor": "TYPE_FLOAT",
    "Float64Tensor": "TYPE_DOUBLE",
    "Int32Tensor": "TYPE_INT32",
}
_VALUES = {"float32_tensor": 2, "float64_tensor": 3, "int32_tensor": 7, "bytes": 9}
_TYPES = {
    "float32_tensor": "Float32Tensor",
    "float64_tensor": "Float64Tensor",
    "int32_tensor": "Int32Tensor",
    "bytes": "Bytes",
}


@cache
def record_class() -> Any:
    """The class of the message.

    Raises:
        MissingExtraError: protobuf is not installed.
    """
    descriptor_pool = require("google.protobuf.descriptor_pool", extra="recordio")
    message_factory = require("google.protobuf.message_factory", extra="recordio")
    pool = descriptor_pool.DescriptorPool()  # of its own: others declare the same message
    pool.Add(_file())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Record"))


def _file() -> Any:
    descriptor_pb2 = require("google.protobuf.descriptor_pb2", extra="recordio")
    file = descriptor_pb2.FileDescriptorProto(
        name="scriptmode/record.proto", package=_PACKAGE, syntax="proto2"
    )
    for name, kind in _TENSORS.items():
        message = file.message_type.add(name=name)
        for number, (field, of) in enumerate(
            (("values", kind), ("keys", "TYPE_UINT64"), ("shape", "TYPE_UINT64")), 1
        ):
            added = _field(descriptor_pb2, message, field, number, of, repeated=True)
            added.options.packed = True
    content = file.message_type.add(name="Bytes")
    _field(descriptor_pb2, content, "value", 1, "TYPE_BYTES", repeated=True)
    _field(descriptor_pb2, content, "content_type", 2, "TYPE_STRING")
    value = file.message_type.add(name="Value")
    value.oneof_decl.add(name="value")
    for name, number in _VALUES.items():
        added = _field(descriptor_pb2, value, name, number, "TYPE_MESSAGE")
        added.type_name, added.oneof_index = f".{_PACKAGE}.{_TYPES[name]}", 0
    record = file.message_type.add(name="Record")
    for number, name in enumerate(("features", "label"), 1):
        _map(descriptor_pb2, record, name, number)
    for number, name in enumerate(("uid", "metadata", "configuration"), 3):
        _field(descriptor_pb2, record, name, number, "TYPE_STRING")
    return file


def _map(descriptor_pb2: Any, record: Any, name: str, number: int) -> None:
    """A map field, which is a repeated message of key and value."""
    entry = record.nested_type.add(name=f"{name.title()}Entry")
    entry.options.map_entry = True
    _field(descriptor_pb2, entry, "key", 1, "TYPE_STRING")
    _field(descriptor_pb2, entry, "value", 2, "TYPE_MESSAGE").type_name = f".{_PACKAGE}.Value"
    added = _field(descriptor_pb2, record, name, number, "TYPE_MESSAGE", repeated=True)
    added.type_name = f".{_PACKAGE}.Record.{entry.name}"


def _field(  # noqa: PLR0913 - what a field is
    descriptor_pb2: Any, message: Any, name: str, number: int, kind: str, *, repeated: bool = False
) -> Any:
    fields = descriptor_pb2.FieldDescriptorProto
    label = fields.LABEL_REPEATED if repeated else fields.LABEL_OPTIONAL
    return message.field.add(name=name, number=number, type=getattr(fields, kind), label=label)
