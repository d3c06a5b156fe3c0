"""Results of statsmodels that were fitted with a formula, which reads columns by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptmode.errors import InvalidFeaturesError

if TYPE_CHECKING:
    from collections.abc import Callable

_QUOTED = "returned by patsy is:"  # within an error of statsmodels, which advises what was done


def apply_formula(ask: Callable[[Any], Any], fitted: Any, data: Any) -> Any:
    """What results answer for columns with names.

    Args:
        ask: from a data frame to the answer.
        fitted: the data frame that the model was fitted on; None where it was not kept.
        data: a table.

    Raises:
        InvalidFeaturesError: the columns have no names, the formula lacks one of them, or its
            cells are of another kind than those it was fitted on.
    """
    frame = data.to_pandas() if hasattr(data, "to_pandas") else data
    if not hasattr(frame, "columns"):
        raise InvalidFeaturesError(
            "the model was fitted with a formula, which reads columns by name: send records,"
            " or declare features=[...]"
        )
    try:
        return ask(frame)
    except Exception as error:  # of whatever the formula calls
        kind = type(error).__name__
        reason = str(error).rpartition(_QUOTED)[2].strip().partition("\n")[0]
        if kind in ("PatsyError", "FactorEvaluationError", "KeyError"):
            raise InvalidFeaturesError(f"the formula cannot be applied: {reason}") from error
        name = _other_kind(frame, fitted) if kind in ("AttributeError", "TypeError") else None
        if name is None:
            raise
        raise InvalidFeaturesError(
            f"field {name!r} holds {frame[name].dtype}; the model was fitted on"
            f" {fitted[name].dtype}",
            field=name,
        ) from error


def _other_kind(frame: Any, fitted: Any) -> str | None:
    """The first column that is numbers in one table and something else in the other."""
    for name in getattr(fitted, "columns", ()):
        # What was true or false may come as a number, but no number as what is true or false.
        was_truth = fitted[name].dtype.kind == "b"
        if name in frame and not was_truth and _is_number(frame[name]) != _is_number(fitted[name]):
            return str(name)
    return None


def _is_number(column: Any) -> bool:
    return column.dtype.kind in "fiu"
