"""libsvm (svmlight): sparse rows as ``label index:value index:value``."""

from __future__ import annotations

import math
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode.errors import DeclarationError, MalformedBodyError, NotAcceptableError
from scriptmode.serializers.base import Body, as_text, as_utf8
from scriptmode.serializers.libsvm_numbers import LARGEST_COLUMN, read_plain
from scriptmode.serializers.plain import as_rows, is_missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_LARGEST = sys.float_info.max
_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|nan"
_LABEL = re.compile(rf"(?:{_NUMBER})(?::(?:{_NUMBER}))?", re.IGNORECASE)
_CELL = re.compile(rf"([0-9]{{1,10}}):({_NUMBER})", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\x0b\x0c]+")


@dataclass(frozen=True)
class LibSVM:
    """Sparse rows. Cells that are not written are absent, never zero.

    A label, with its weight after a colon, may stand first and is dropped, as are ``qid:`` and
    what follows ``#``.

    Args:
        base: the number of the first column, 0 or 1. It is never guessed from a body: the first
            column may be absent from it, and every other would move by one.
        labelled: whether every line begins with a label; a line may begin with one where this is
            not set.

    Raises:
        DeclarationError: the base is neither.
    """

    base: int = 0
    labelled: bool | None = None

    media_types: ClassVar[tuple[str, ...]] = ("text/libsvm", "text/x-libsvm")

    def __post_init__(self) -> None:
        if self.base not in (0, 1):
            raise DeclarationError(f"LibSVM(base={self.base!r}): columns count from 0 or from 1")

    def decode(self, body: Body, params: Mapping[str, str]) -> Any:
        """Read one row a line; an empty line is a row without cells.

        Returns:
            ``scipy.sparse.csr_matrix``, float64, as wide as its highest column, and open.

        Raises:
            MalformedBodyError: a cell that is no ``index:value``, or indices that do not rise;
                names the line.
            MissingExtraError: scipy is not installed.
        """
        raw = as_utf8(body, params)
        if not raw:
            raise MalformedBodyError("the body is empty")
        plain = self._read_plain(raw)
        return self._read_carefully(raw) if plain is None else plain

    def labels(self, body: Body, params: Mapping[str, str]) -> NDArray[Any]:
        """See :class:`scriptmode.serializers.base.Labelled`; one with a weight is refused."""
        import numpy as np

        lines = as_utf8(body, params).removesuffix(b"\n").split(b"\n")
        firsts = [line.partition(b"#")[0].split(None, 1)[:1] for line in lines]
        try:
            return np.array([float(first[0]) for first in firsts])
        except (IndexError, ValueError):
            number = next(n for n, first in enumerate(firsts, 1) if not _is_label(first))
            raise MalformedBodyError(
                f"line {number} has no label, or one with a weight, which is not read", line=number
            ) from None

    def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
        """Write rows of cells that are there, without labels; missing cells are left out.

        Raises:
            NotAcceptableError: the value is no table of numbers.
        """
        return "".join(f"{line}\n" for line in self._lines(value)).encode()

    def _read_plain(self, raw: bytes) -> Any:
        plain = read_plain(raw, labelled=self.labelled)
        if plain is None:
            return None
        values, columns, starts = plain
        if self.base:
            if len(columns) and not columns.min():
                return None
            columns -= self.base
        return _sparse(values, columns, starts)

    def _read_carefully(self, raw: bytes) -> Any:
        import numpy as np

        values: list[float] = []
        indices: list[int] = []
        starts = [0]
        lines = as_text(raw, {}).removesuffix("\n").removesuffix("\r").split("\n")
        for number, line in enumerate(lines, 1):
            parts = _BLANKS.split(line.partition("#")[0].strip(" \t\r"))
            self._read_line([part for part in parts if part], number, values, indices)
            starts.append(len(values))
        return _sparse(np.array(values, dtype=float), np.array(indices, dtype=int), starts)

    def _read_line(
        self, parts: list[str], number: int, values: list[float], indices: list[int]
    ) -> None:
        if self.labelled is True and not (parts and _LABEL.fullmatch(parts[0])):
            raise MalformedBodyError(f"line {number} has no label", line=number)
        if self.labelled is not False and parts and self._is_label(parts[0]):
            parts = parts[1:]
        if parts and parts[0].startswith("qid:"):
            parts = parts[1:]
        last = -1
        for part in parts:
            found = _CELL.fullmatch(part)
            if found is None:
                raise MalformedBodyError(
                    f"line {number}: {part[:40]!r} is not of the form index:value", line=number
                )
            index = int(found[1]) - self.base
            if index < 0 or index > LARGEST_COLUMN or index <= last:
                raise MalformedBodyError(
                    f"line {number}: column {found[1]} is {self._order_broken(index)}", line=number
                )
            value = float(found[2])
            if math.isinf(value):
                raise MalformedBodyError(
                    f"line {number}: {found[2][:40]} is no number that float64 can hold",
                    line=number,
                )
            last = index
            indices.append(index)
            values.append(value)

    def _is_label(self, part: str) -> bool:
        """Whether the first part of a line is a label; ``1:0.5`` is one only where declared."""
        return bool(_LABEL.fullmatch(part)) and (self.labelled is True or ":" not in part)

    def _order_broken(self, index: int) -> str:
        if index < 0:
            return f"below {self.base}, from which columns are declared to count"
        return "out of range" if index > LARGEST_COLUMN else "not above the one before it"

    def _lines(self, value: Any) -> list[str]:
        if hasattr(value, "tocsr"):
            matrix = value.tocsr().copy()
            matrix.sum_duplicates()
            ends = zip(matrix.indptr, matrix.indptr[1:], strict=False)
            return [
                self._line(matrix.indices[a:b].tolist(), matrix.data[a:b].tolist()) for a, b in ends
            ]
        rows = [row if isinstance(row, list) else [row] for row in as_rows(value)[1]]
        return [self._line(range(len(row)), row) for row in rows]

    def _line(self, indices: Any, cells: Any) -> str:
        written: list[str] = []
        for index, cell in zip(indices, cells, strict=True):
            if cell is None or is_missing(cell) or (isinstance(cell, float) and math.isnan(cell)):
                continue
            if not isinstance(cell, (int, float)) or abs(cell) > _LARGEST:
                shown = str(cell)[:40] if isinstance(cell, float) else type(cell).__name__
                raise NotAcceptableError(f"libsvm carries finite numbers, and no {shown}")
            digits = repr(float(cell))
            if digits != "-0.0":  # whose sign JSON parsers drop without the fraction
                digits = digits.removesuffix(".0")
            written.append(f"{index + self.base}:{digits}")
        return " ".join(written)


def _is_label(first: list[bytes]) -> bool:
    try:
        float(first[0])
    except (IndexError, ValueError):
        return False
    return True


def _sparse(values: NDArray[Any], indices: NDArray[Any], starts: Any) -> Any:
    sparse = require("scipy.sparse", extra="sparse")
    width = int(indices.max()) + 1 if len(indices) else 0
    matrix = sparse.csr_matrix((values, indices, starts), shape=(len(starts) - 1, width))
    matrix.is_open = True
    return matrix
