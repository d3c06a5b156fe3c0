"""Requests that would be accepted, made from what is known of the columns."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from scriptmode.handlers.checks import breaks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scriptmode.handlers.feature import Feature

_WORDS = ("a", "A", "abc", "1", "A1", "word")
_DATE = "2026-01-31T12:00:00"


def example_requests(
    features: Sequence[Feature], layout: str, path: Sequence[str]
) -> tuple[str, ...]:
    """JSON bodies of one row.

    Args:
        features: the columns.
        layout: the one that is read, or ``auto``.
        path: the members that lead to the rows.

    Returns:
        None where a column allows nothing that can be guessed, such as a pattern.
    """
    row = example_row(features)
    if row is None or not features:
        return ()
    names, cells = list(row), list(row.values())
    tables: dict[str, Any] = {
        "records": [row],
        "rows": [cells],
        "columns": {name: [cell] for name, cell in row.items()},
        "split": {"columns": names, "data": [cells]},
    }
    chosen = [tables["records"], tables["rows"]] if layout == "auto" else [tables.get(layout, row)]
    return tuple(json.dumps(_within(table, path)) for table in chosen)


def example_row(features: Sequence[Feature]) -> dict[str, Any] | None:
    """A cell for each column; None where none can be guessed for some column."""
    row = {feature.name: example_cell(feature) for feature in features}
    return None if None in row.values() else row


def example_cell(feature: Feature) -> Any:
    """A cell that a feature allows; None where none can be guessed."""
    given = [*feature.examples, *(feature.choices or ())]
    if given:
        return given[0]
    if feature.filler is not None:
        return feature.filler.isoformat() if feature.kind == "datetime" else feature.filler
    if feature.kind == "datetime":
        return _DATE
    if feature.kind == "boolean":
        return True
    if feature.kind == "text":
        return _word(feature)
    return _number(feature)


def _number(feature: Feature) -> float | int | None:
    bounds = [bound for _, bound in feature.bounds]
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


def _within(table: Any, path: Sequence[str]) -> Any:
    for name in reversed(path):
        table = {name: table}
    return table
