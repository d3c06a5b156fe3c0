"""Tables as lines of comma-separated cells."""

from __future__ import annotations

import csv
import io
import json
import math
from datetime import date, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from scriptmode.errors import NotAcceptableError
from scriptmode.serializers.plain import dump_json, encode_text, is_missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SCALARS = (str, int, float, Decimal, date, time)


def write_numbers(numbers: NDArray[Any]) -> bytes:
    """The JSON of the array, its brackets turned into line breaks: 20 times a loop over cells."""
    import numpy as np

    lines = dump_json(numbers)
    lines = lines[1:-1].replace(b",", b"\n") if numbers.ndim == 1 else lines[2:-2]
    lines = lines.replace(b"],[", b"\n") + b"\n"
    if b"null" not in lines:
        return lines
    if np.isinf(numbers).any():  # JSON has no infinity, CSV has
        cells = np.where(np.isnan(numbers), "", numbers.astype(str))
        return write_cells(cells.reshape(len(numbers), -1).tolist())
    return lines.replace(b"null", b"")


def write_cells(rows: list[Any], delimiter: str = ",", *, nested: bool = False) -> bytes:
    """Rows of cells, quoted where they must be; missing cells are empty.

    Args:
        rows: lists of cells.
        delimiter: between cells.
        nested: whether a cell may be a list, which is written as JSON.

    Raises:
        NotAcceptableError: a cell is no scalar, or holds what is no Unicode text.
    """
    target = io.StringIO()
    options: Any = {"delimiter": delimiter, "lineterminator": "\n"}
    plain, quoting = (
        csv.writer(target, quoting=style, **options) for style in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)
    )
    for row in rows:
        cells = [_list_cell(cell) if nested else _plain_cell(cell) for cell in row]
        # Before Python 3.13 the writer left a lone carriage return bare, which ends a line.
        # A mark at the very beginning would be taken for the body's own.
        must_quote = any(
            "\r" in cell or cell.startswith("\ufeff") for cell in cells if isinstance(cell, str)
        )
        try:
            (quoting if must_quote else plain).writerow(cells)
        except csv.Error as error:  # NUL, before Python 3.11
            raise NotAcceptableError(f"CSV cannot carry a cell: {error}; accept JSON") from None
    return encode_text(target.getvalue())


def _list_cell(cell: Any) -> Any:
    return json.dumps(_finite(cell)) if isinstance(cell, list) else _plain_cell(cell)


def _finite(cell: Any) -> Any:
    if isinstance(cell, list):
        return [_finite(part) for part in cell]
    if isinstance(cell, (bool, int)):
        return cell
    if cell is None or is_missing(cell) or (isinstance(cell, float) and not math.isfinite(cell)):
        return None
    return _plain_cell(cell)


def _plain_cell(cell: Any) -> Any:
    if cell is None or is_missing(cell) or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()  # as JSON spells it, and the fast road
    if isinstance(cell, _SCALARS):
        return cell
    raise NotAcceptableError(f"CSV cannot carry a cell of type {type(cell).__name__}; accept JSON")
