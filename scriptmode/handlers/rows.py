"""As many rows out as in."""

from __future__ import annotations

from typing import Any

from scriptmode.errors import PredictionError


def refuse_other_count(rows: int | None, answer: Any, *, may_be_document: bool = False) -> None:
    """Refuse an answer of fewer or more rows than the request.

    Args:
        rows: how many the request has; None where it is no table.
        answer: a prediction, or outputs by name.
        may_be_document: whether what has no rows at all, such as an object around them, passes.

    Raises:
        PredictionError: another count; says both.
    """
    if rows is None:
        return
    shape = getattr(answer, "shape", None)
    if shape and shape[0] == rows:
        return
    if isinstance(answer, dict) and answer:
        if may_be_document and not all(getattr(part, "shape", ()) for part in answer.values()):
            return
        counts = [count_rows(part) for part in answer.values()]
        wrong = next((count for count in counts if count != rows), rows)
    else:
        wrong = count_rows(answer)
    if wrong == rows or (wrong is None and may_be_document):
        return
    found = "no rows" if wrong is None else f"{wrong} predictions"
    raise PredictionError(
        f"{rows} rows came in and {found} came out; declare rows='free' if that is meant"
    )


def count_rows(value: Any) -> int | None:
    """How many rows a table, tensor or list has; None for what has none."""
    shape = getattr(value, "shape", None)
    if shape is not None:
        return int(shape[0]) if len(shape) else None
    if isinstance(value, (list, tuple)):
        return len(value)
    if isinstance(value, dict) and value and all(hasattr(part, "shape") for part in value.values()):
        return count_rows(next(iter(value.values())))
    return None
