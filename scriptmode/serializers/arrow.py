"""Apache Arrow's own formats: the IPC stream, and the IPC file, which Feather is."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode.errors import BodyTooLargeError, MalformedBodyError
from scriptmode.serializers.arrow_messages import FILE_MAGIC, unpacked_bytes
from scriptmode.serializers.arrow_tables import describe, from_arrow, to_arrow
from scriptmode.serializers.base import Body, as_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class ArrowStream:
    """Record batches one after the other. The IPC file is read too, by its first bytes.

    Args:
        limit: how many bytes its columns together may take once unpacked.
    """

    limit: int = 256 * 2**20

    media_types: ClassVar[tuple[str, ...]] = ("application/vnd.apache.arrow.stream",)

    def decode(self, body: Body, params: Mapping[str, str]) -> Any:
        """Read every batch.

        Returns:
            A ``Table`` where all columns are numbers, else a data frame.

        Raises:
            MalformedBodyError: not Arrow IPC, or columns that no table holds.
            BodyTooLargeError: more than ``limit`` bytes once decompressed.
            MissingExtraError: pyarrow is not installed.
        """
        pyarrow, ipc = require("pyarrow", extra="arrow"), require("pyarrow.ipc", extra="arrow")
        raw = as_bytes(body)
        too_large = f"the Arrow data unpacks to more than {self.limit} bytes"
        try:
            if unpacked_bytes(raw) > self.limit:
                raise BodyTooLargeError(too_large)
            opened = ipc.open_file if raw.startswith(FILE_MAGIC) else ipc.open_stream
            reader = opened(pyarrow.BufferReader(raw))
            columns = describe(reader.schema)
            table = reader.read_all()
            # Cells of text point elsewhere in the body: a lie could point out of it.
            table.validate(full=not columns.are_primitive)
        except (pyarrow.ArrowException, OSError, ValueError, MemoryError) as error:
            problem = str(error).partition("\n")[0][:200]
            raise MalformedBodyError(f"not Arrow IPC: {problem}") from None
        return from_arrow(table, columns, self.limit)

    def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
        """Write columns under their names; those of an array are called ``0``, ``1`` and so on.

        Raises:
            NotAcceptableError: the value is no table.
        """
        return _write(value, "new_stream")


@dataclass(frozen=True)
class ArrowFile(ArrowStream):
    """The IPC file, which is Feather's second version. The stream is read too."""

    media_types: ClassVar[tuple[str, ...]] = (
        "application/vnd.apache.arrow.file",
        "application/x-feather",
        "application/feather",
    )

    def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
        """As :meth:`ArrowStream.encode`, as a file."""
        return _write(value, "new_file")


def _write(value: Any, writer: str) -> bytes:
    table, target = to_arrow(value), io.BytesIO()
    with getattr(require("pyarrow.ipc", extra="arrow"), writer)(target, table.schema) as stream:
        stream.write_table(table)
    return target.getvalue()
