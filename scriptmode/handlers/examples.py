"""Requests that would be accepted, made from what is known of the columns, and tried."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from datetime import date
from typing import TYPE_CHECKING, Any

from scriptmode.errors import RequestError
from scriptmode.handlers.checks import breaks
from scriptmode.handlers.envelope import RequestEnvelope
from scriptmode.serializers.csv import CSV
from scriptmode.serializers.json import JSON
from scriptmode.serializers.layouts import EXAMPLES
from scriptmode.values import Enveloped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scriptmode.handlers.alignment import Alignment
    from scriptmode.handlers.feature import Feature

_WORDS = ("a", "A", "abc", "1", "A1", "word")
_DATE = "2026-01-31T12:00:00"


def example_bodies(decoder: Any, alignment: Alignment | None) -> tuple[str, ...]:
    """Bodies of one row that a decoder reads and the columns allow.

    Args:
        decoder: of JSON or CSV; for others there are none.
        alignment: what requests are held to; None where nobody knows the columns.

    Returns:
        None where a column allows nothing that can be guessed, such as a pattern.
    """
    inner = decoder.inner if isinstance(decoder, RequestEnvelope) else decoder
    if isinstance(inner, CSV):
        bodies = _csv_bodies(inner, alignment)
    elif isinstance(inner, JSON) and inner.layout != "raw" and inner.image is None:
        path = decoder.path if isinstance(decoder, RequestEnvelope) else ()
        bodies = _json_bodies(inner.layout, path, alignment)
    else:
        bodies = []
    return tuple(body for body in bodies if _is_accepted(body, decoder, alignment))


def example_cell(feature: Feature) -> Any:
    """A cell that a feature allows, as JSON; None where none can be guessed."""
    given = [*feature.examples, *(feature.choices or ())]
    for cell in (*given, feature.filler):
        is_lost = isinstance(cell, float) and not math.isfinite(cell)
        if cell not in (None, "") and not is_lost:
            return cell.isoformat() if isinstance(cell, date) else cell
    if feature.kind == "datetime":
        return _DATE
    if feature.kind == "boolean":
        return True
    return _word(feature) if feature.kind == "text" else _number(feature)


def _json_bodies(layout: str, path: Sequence[str], alignment: Alignment | None) -> list[str]:
    if alignment is None:
        return [json.dumps(within(json.loads(example), path)) for example in EXAMPLES[layout]]
    cells = _row(alignment)
    names = [each.name for each in alignment.features]
    if cells is None:
        return []
    tables: dict[str, Any] = {"rows": [cells]}
    if names:
        tables = {
            "records": [dict(zip(names, cells, strict=True))],
            "rows": [cells],
            "columns": {name: [cell] for name, cell in zip(names, cells, strict=True)},
            "split": {"columns": names, "data": [cells]},
        }
    chosen = ("records", "rows") if layout == "auto" else (layout,)
    return [
        json.dumps(within(tables[each], path), default=str) for each in chosen if each in tables
    ]


def _csv_bodies(decoder: CSV, alignment: Alignment | None) -> list[str]:
    cells = None if alignment is None else _row(alignment)
    if cells is None or alignment is None:
        return []
    target = io.StringIO()
    writer = csv.writer(target, delimiter=decoder.delimiter, lineterminator="\n")
    if decoder.header is not False and alignment.features:
        writer.writerow(each.name for each in alignment.features)
    writer.writerow(str(cell).lower() if isinstance(cell, bool) else cell for cell in cells)
    return [target.getvalue()]


def _row(alignment: Alignment) -> list[Any] | None:
    """A cell for each column; None where none can be guessed for some column."""
    if not alignment.features:
        return [1.0] * alignment.width
    cells = [example_cell(feature) for feature in alignment.features]
    return None if any(cell is None for cell in cells) else cells


def _is_accepted(body: str, decoder: Any, alignment: Alignment | None) -> bool:
    try:
        data = decoder.decode(body.encode(), {})
        data = data.data if isinstance(data, Enveloped) else data
        if alignment is not None:
            alignment(data)
    except (RequestError, ValueError):
        return False
    return True


def _number(feature: Feature) -> float | int | None:
    bounds = [bound for _, bound in feature.bounds if math.isfinite(bound)]
    middle = sum(bounds) / len(bounds) if bounds else 1.0
    near = [step + bound for bound in bounds for step in (0, 1, -1)]
    for candidate in (1.0, 0.0, middle, *near):
        number = float(round(candidate)) if feature.kind == "integer" else candidate
        if not any(breaks(limit, number, bound) for limit, bound in feature.bounds):
            return int(number) if feature.kind == "integer" else number
    return None


def _word(feature: Feature) -> str | None:
    shortest = feature.min_length or 0
    for word in _WORDS:
        candidate = word.ljust(shortest, word[-1])
        fits = feature.max_length is None or len(candidate) <= feature.max_length
        if fits and (feature.pattern is None or re.search(feature.pattern, candidate)):
            return candidate
    return None


def within(table: Any, path: Sequence[str]) -> Any:
    """A table where a request's path leads to."""
    for name in reversed(path):
        table = {name: table}
    return table
