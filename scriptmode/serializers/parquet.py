"""Apache Parquet: typed columns with names, compressed."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode.errors import BodyTooLargeError, MalformedBodyError
from scriptmode.serializers.arrow_tables import from_arrow, to_arrow
from scriptmode.serializers.base import Body, as_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Parquet:
    """One Parquet file.

    Args:
        limit: how many bytes its columns together may take once decompressed.
    """

    limit: int = 256 * 2**20

    media_types: ClassVar[tuple[str, ...]] = (
        "application/x-parquet",
        "application/vnd.apache.parquet",
        "application/parquet",
    )

    def decode(self, body: Body, params: Mapping[str, str]) -> Any:
        """Read every column.

        Returns:
            A ``Table`` where all columns are numbers, else a data frame.

        Raises:
            MalformedBodyError: not a Parquet file, or columns that no table holds.
            BodyTooLargeError: more than ``limit`` bytes once decompressed.
            MissingExtraError: pyarrow is not installed.
        """
        pyarrow, parquet = require("pyarrow", extra="arrow"), _parquet()
        try:
            file = parquet.ParquetFile(pyarrow.BufferReader(as_bytes(body)))
            metadata = file.metadata
            size = sum(
                metadata.row_group(index).total_byte_size
                for index in range(metadata.num_row_groups)
            )
            if max(size, metadata.num_rows * metadata.num_columns) > self.limit:
                raise BodyTooLargeError(f"the Parquet file unpacks to more than {self.limit} bytes")
            table = file.read(use_threads=False)
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise MalformedBodyError(f"not a Parquet file: {_first_line(error)}") from None
        return from_arrow(table, self.limit)

    def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
        """Write columns under their names; those of an array are called ``0``, ``1`` and so on.

        Raises:
            NotAcceptableError: the value is no table.
        """
        target = io.BytesIO()
        _parquet().write_table(to_arrow(value), target)
        return target.getvalue()


def _parquet() -> Any:
    return require("pyarrow.parquet", extra="arrow")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
