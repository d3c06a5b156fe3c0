"""Apache Parquet: typed columns with names, compressed."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode.errors import BodyTooLargeError, MalformedBodyError, NotAcceptableError
from scriptmode.serializers.arrow_tables import describe, from_arrow, to_arrow
from scriptmode.serializers.base import Body, as_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

_BATCH_ROWS = 2**16  # of columns whose cells have any length
_MOST_ROWS = 2**20  # of others: in one piece they need not be copied together
_MANY = 2**16  # cells, from which reading on all cores is quicker


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
        source = pyarrow.BufferReader(as_bytes(body))
        try:
            file = parquet.ParquetFile(source)
            columns = describe(file.schema_arrow)
            if not columns.are_primitive and (words := _text_columns(file.schema_arrow)):
                # A word that stands in many rows is kept once until its length is known.
                file = parquet.ParquetFile(source, read_dictionary=words)
            table = self._read(file, _MOST_ROWS if columns.are_primitive else _BATCH_ROWS)
            table.validate(full=not columns.are_primitive)
        except (pyarrow.ArrowException, OSError, ValueError, MemoryError) as error:
            raise MalformedBodyError(f"not a Parquet file: {_first_line(error)}") from None
        return from_arrow(table, columns, self.limit)

    def _read(self, file: Any, rows_at_once: int) -> Any:
        metadata = file.metadata
        cells = metadata.num_rows * metadata.num_columns
        groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
        if max(cells * 8, sum(group.total_byte_size for group in groups)) > self.limit:
            raise self._too_large()
        rows = size = 0
        batches: list[Any] = []
        # Batch by batch: the footer may lie, and counts a word once that stands in many rows.
        for batch in file.iter_batches(rows_at_once, use_threads=cells > _MANY):
            rows += batch.num_rows
            size += batch.get_total_buffer_size()
            if size > self.limit:
                raise self._too_large()
            if rows > metadata.num_rows:
                raise MalformedBodyError(f"the Parquet file announces {metadata.num_rows} rows")
            batches.append(batch)
        schema = batches[0].schema if batches else file.schema_arrow
        return require("pyarrow", extra="arrow").Table.from_batches(batches, schema=schema)

    def _too_large(self) -> BodyTooLargeError:
        return BodyTooLargeError(f"the Parquet file unpacks to more than {self.limit} bytes")

    def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
        """Write columns under their names; those of an array are called ``0``, ``1`` and so on.

        Raises:
            NotAcceptableError: the value is no table.
        """
        pyarrow, target = require("pyarrow", extra="arrow"), io.BytesIO()
        try:
            _parquet().write_table(to_arrow(value), target)
        except pyarrow.ArrowException as error:
            problem = f"Parquet cannot carry the prediction: {_first_line(error)}"
            raise NotAcceptableError(problem) from error
        return target.getvalue()


def _text_columns(schema: Any) -> list[str]:
    types = require("pyarrow.types", extra="arrow")
    return [field.name for field in schema if types.is_string(field.type)]


def _parquet() -> Any:
    return require("pyarrow.parquet", extra="arrow")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
