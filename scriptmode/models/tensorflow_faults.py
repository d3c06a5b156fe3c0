"""What TensorFlow's errors say of the cells that were given."""

from __future__ import annotations

from scriptmode.errors import InvalidFeaturesError

_PLACES = ("[[", "Detected at", "Graph execution error", "File ", "Stack trace")


def refusal_of(fault: BaseException) -> InvalidFeaturesError:
    """The caller's mistake, of an ``InvalidArgumentError``: an operation refused its arguments."""
    lines = (line.strip() for line in reversed(str(fault).splitlines()))
    reason = next((line for line in lines if line and not line.startswith(_PLACES)), "")
    return InvalidFeaturesError(f"the model cannot take it: {reason.partition(' [Op:')[0]}")
