"""Neutral values as texts, for models of language."""

from __future__ import annotations

from typing import Any

from scriptmode.errors import InvalidFeaturesError

_EXPECTED = 'send texts, such as ["one", "two"], or records of one field, such as [{"text": "one"}]'


def as_texts(data: Any) -> list[str]:
    """One text a row.

    Args:
        data: one text, a list of them, or a table of one column.

    Raises:
        InvalidFeaturesError: something else; says what would be taken.
    """
    if isinstance(data, str):
        return [data]
    if hasattr(data, "columns") and len(data.columns) == 1:
        data = data.iloc[:, 0].tolist()
    if not isinstance(data, (list, tuple)):
        raise InvalidFeaturesError(f"the model reads texts: {_EXPECTED}")
    for row, text in enumerate(data, 1):
        if not isinstance(text, str):
            raise InvalidFeaturesError(f"row {row} is no text: {_EXPECTED}", row=row)
    return list(data)
