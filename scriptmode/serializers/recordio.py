"""SageMaker's RecordIO-protobuf: one ``Record`` message a row, dense or sparse."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode.errors import MalformedBodyError, NotAcceptableError
from scriptmode.serializers.base import Body, as_bytes
from scriptmode.serializers.dense_records import HEAD, KEY, LONGEST, MAGIC, read_alike
from scriptmode.serializers.plain import as_rows, check_unique, encode_text
from scriptmode.serializers.records import record_class

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_WIDEST = 2**31 - 1  # what sparse matrices hold
_FIELD_OF = {"f4": "float32_tensor", "f8": "float64_tensor", "i8": "int32_tensor"}
_DTYPES = {"float32_tensor": "f4", "float64_tensor": "f8", "int32_tensor": "i4"}


@dataclass(frozen=True)
class RecordIO:
    """Rows as SageMaker's own algorithms read and write them. Labels are dropped."""

    media_types: ClassVar[tuple[str, ...]] = ("application/x-recordio-protobuf",)

    def decode(self, body: Body, params: Mapping[str, str]) -> Any:
        """Read one row a record, from the feature ``values``.

        Returns:
            ``(rows, columns)`` of float32, float64 or int32; ``scipy.sparse.csr_matrix`` where the
            records have keys.

        Raises:
            MalformedBodyError: no such records, or rows that differ in width or kind; names
                the row.
            MissingExtraError: protobuf (or, for sparse records, scipy) is not installed.
        """
        raw = as_bytes(body)
        if not raw:
            raise MalformedBodyError("the body is empty")
        matrix = read_alike(raw)
        return _read_each(raw) if matrix is None else matrix

    def labels(self, body: Body, params: Mapping[str, str]) -> NDArray[Any]:
        """See :class:`scriptmode.serializers.base.Labelled`; that under the name ``values``."""
        import numpy as np

        rows = enumerate(_split(as_bytes(body)), 1)
        found = [_label(record, row) for row, record in rows]
        return np.array(found, dtype=float)

    def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
        """Write a record a row, byte for byte as SageMaker's Python SDK does.

        An array's row is the feature ``values``; named outputs are labels under their names, as
        the algorithms answer.

        Raises:
            NotAcceptableError: the value is no table of numbers.
        """
        if isinstance(value, dict):
            return _write_named(value)
        if hasattr(value, "tocsr"):
            matrix = value.tocsr().copy()
            matrix.sum_duplicates()
            return _write_sparse(matrix)
        return _write_dense(_matrix(value))


def _read_each(raw: bytes) -> Any:
    import numpy as np

    tensors = [_tensor(record, row) for row, record in enumerate(_split(raw), 1)]
    kinds = {kind for _, kind in tensors}
    if len(kinds) > 1:
        row = next(row for row, (_, kind) in enumerate(tensors, 1) if kind != tensors[0][1])
        raise MalformedBodyError(
            f"row {row} is of {tensors[row - 1][1]} where row 1 is of {tensors[0][1]}", row=row
        )
    dtype = np.dtype(_DTYPES[tensors[0][1]])
    if any(tensor.keys or (tensor.shape and not tensor.values) for tensor, _ in tensors):
        return _sparse([tensor for tensor, _ in tensors], dtype)
    width = len(tensors[0][0].values)
    for row, (tensor, _) in enumerate(tensors, 1):
        if tensor.shape and math.prod(tensor.shape) != len(tensor.values):
            raise MalformedBodyError(
                f"row {row} has {len(tensor.values)} cells, and announces {list(tensor.shape)[:4]}",
                row=row,
            )
        if len(tensor.values) != width:
            raise MalformedBodyError(
                f"row {row} has {len(tensor.values)} cells where row 1 has {width}", row=row
            )
    matrix = np.empty((len(tensors), width), dtype=dtype)
    for index, (tensor, _) in enumerate(tensors):
        matrix[index] = tensor.values
    return matrix


def _split(raw: bytes) -> list[bytes]:
    """The records, without what frames them."""
    records: list[bytes] = []
    position = 0
    while position < len(raw):
        row = len(records) + 1
        if position + HEAD.size > len(raw):
            raise MalformedBodyError(f"row {row}: the record ends within its head", row=row)
        magic, length = HEAD.unpack_from(raw, position)
        if magic != MAGIC:
            raise MalformedBodyError(f"row {row} does not begin as a RecordIO record", row=row)
        if length > LONGEST:
            raise MalformedBodyError(f"row {row}: records in several parts are not read", row=row)
        start = position + HEAD.size
        position = start + length + -length % 4
        if position > len(raw):
            raise MalformedBodyError(
                f"row {row}: the record announces {length} bytes, {len(raw) - start} follow",
                row=row,
            )
        records.append(raw[start : start + length])
    return records


def _record(raw: bytes, row: int) -> Any:
    message = require("google.protobuf.message", extra="recordio")
    record = record_class()()
    try:
        record.ParseFromString(raw)
    except message.DecodeError:
        raise MalformedBodyError(f"row {row} is no protobuf Record", row=row) from None
    return record


def _label(raw: bytes, row: int) -> float:
    record = _record(raw, row)
    is_there = KEY in record.label  # asking for what is absent would make it
    value: Any = record.label[KEY] if is_there else None
    kind = value.WhichOneof("value") if is_there else None
    cells: Any = getattr(value, kind).values if kind in _DTYPES else ()
    if len(cells) != 1:
        raise MalformedBodyError(f"row {row} has no label that is one number", row=row)
    return float(cells[0])


def _tensor(raw: bytes, row: int) -> tuple[Any, str]:
    """The features of one record, and the name of their kind."""
    record = _record(raw, row)
    if KEY not in record.features:
        known = ", ".join(sorted(map(str, record.features))[:5]) or "none"
        raise MalformedBodyError(
            f"row {row} has no feature {KEY!r}; its features are: {known}", row=row
        )
    value = record.features[KEY]
    kind = value.WhichOneof("value")
    if kind not in _DTYPES:
        raise MalformedBodyError(f"row {row}: the feature {KEY!r} holds no numbers", row=row)
    return getattr(value, kind), kind


def _sparse(tensors: list[Any], dtype: Any) -> Any:
    import numpy as np

    sparse = require("scipy.sparse", extra="sparse")
    shape = list(tensors[0].shape)
    for row, tensor in enumerate(tensors, 1):
        if list(tensor.shape) != shape or len(shape) > 1 or max(shape, default=0) > _WIDEST:
            raise MalformedBodyError(
                f"row {row} announces the shape {list(tensor.shape)[:4]}, row 1 {shape[:4]}",
                row=row,
            )
    widest = max((max(tensor.keys, default=-1) for tensor in tensors), default=-1) + 1
    width = shape[0] if shape else widest
    for row, tensor in enumerate(tensors, 1):
        keys = list(tensor.keys)
        if len(keys) != len(tensor.values):
            raise MalformedBodyError(
                f"row {row} has {len(keys)} keys and {len(tensor.values)} values", row=row
            )
        if len(set(keys)) != len(keys) or max(keys, default=-1) >= min(width, 2**31 - 1):
            raise MalformedBodyError(f"row {row}: its keys are not those of columns", row=row)
    counts = [len(tensor.keys) for tensor in tensors]
    indices = np.array([key for tensor in tensors for key in tensor.keys], dtype=np.int64)
    values = np.array([value for tensor in tensors for value in tensor.values], dtype=dtype)
    matrix = sparse.csr_matrix(
        (values, indices, np.concatenate(([0], np.cumsum(counts)))), shape=(len(tensors), width)
    )
    matrix.sort_indices()
    matrix.is_open = not shape
    return matrix


def _matrix(value: Any) -> NDArray[Any]:
    import numpy as np

    _, rows = as_rows(value) if not isinstance(value, np.ndarray) else (None, value)
    try:
        matrix = np.asarray(rows)
    except ValueError:
        matrix = np.empty(0, dtype=object)
    if hasattr(value, "columns") and matrix.dtype == object:
        matrix = _with_nan(matrix)
    if matrix.dtype.kind not in "fiub" or matrix.ndim not in (1, 2):
        raise NotAcceptableError("RecordIO carries tables of numbers; accept JSON")
    return matrix.reshape(len(matrix), -1 if matrix.size else math.prod(matrix.shape[1:]))


def _with_nan(matrix: NDArray[Any]) -> NDArray[Any]:
    """A data frame's cells, whose missing ones are None; as they are where some is no number."""
    import numpy as np

    if not all(cell is None or isinstance(cell, (int, float)) for cell in matrix.ravel().tolist()):
        return matrix
    return matrix.astype(np.float64)


def _native(array: NDArray[Any]) -> tuple[NDArray[Any], str]:
    """The array in one of the three types of the message, and the field that holds it."""
    import numpy as np

    name = f"{array.dtype.kind}{array.dtype.itemsize}"
    if array.dtype.kind == "c":
        raise NotAcceptableError("RecordIO carries real numbers only")
    if array.dtype.kind in "iub":
        if array.size and (array.min() < -(2**31) or array.max() >= 2**31):
            raise NotAcceptableError("RecordIO has whole numbers of 32 bits only; accept JSON")
        array, name = array.astype(np.int64), "i8"
    elif name == "f2":
        array, name = array.astype(np.float32), "f4"
    return array, _FIELD_OF.get(name, "float64_tensor")


def _write_dense(matrix: NDArray[Any]) -> bytes:
    matrix, field = _native(matrix)
    framed = []
    for row in matrix:
        record = record_class()()  # clearing one that has maps ends the process in protobuf 4.22
        getattr(record.features[KEY], field).values.extend(row.tolist())
        framed.append(_frame(record.SerializeToString()))
    return b"".join(framed)


def _write_sparse(matrix: Any) -> bytes:
    values, field = _native(matrix.data)
    framed = []
    for start, end in zip(matrix.indptr[:-1], matrix.indptr[1:], strict=True):
        record = record_class()()
        tensor = getattr(record.features[KEY], field)
        tensor.values.extend(values[start:end].tolist())
        tensor.keys.extend(matrix.indices[start:end].tolist())
        tensor.shape.append(matrix.shape[1])
        framed.append(_frame(record.SerializeToString()))
    return b"".join(framed)


def _write_named(outputs: dict[str, Any]) -> bytes:
    """As SageMaker's algorithms answer: each output a label of its row, of float32."""
    names = [encode_text(str(name)).decode() for name in outputs]
    check_unique(names)
    if not names:
        raise NotAcceptableError("the prediction has no outputs")
    columns = {str(name): _narrow(_matrix(part), str(name)) for name, part in outputs.items()}
    if len({len(column) for column in columns.values()}) > 1:
        raise NotAcceptableError(f"the outputs {', '.join(columns)} differ in their rows")
    framed = []
    for row in range(len(next(iter(columns.values()), ()))):
        record = record_class()()
        for name, column in columns.items():
            record.label[name].float32_tensor.values.extend(column[row].tolist())
        framed.append(_frame(record.SerializeToString(deterministic=True)))
    return b"".join(framed)


def _narrow(column: NDArray[Any], name: str) -> NDArray[Any]:
    import numpy as np

    with np.errstate(over="ignore"):
        narrow = column.astype(np.float32)
    if (np.isinf(narrow) & np.isfinite(column)).any():
        raise NotAcceptableError(f"the output {name!r} is beyond float32; accept JSON")
    return narrow


def _frame(record: bytes) -> bytes:
    return HEAD.pack(MAGIC, len(record)) + record + bytes(-len(record) % 4)
