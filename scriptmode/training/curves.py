"""Learning curves, drawn."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from scriptmode._imports import require
from scriptmode.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scriptmode.training.metrics import Metric


def draw(metrics: Sequence[Metric], title: str) -> Any:
    """Each metric over its steps; those of one kind (``train:rmse``) share their axes.

    Args:
        metrics: in the order they were logged.
        title: above all axes.

    Returns:
        A figure of matplotlib.

    Raises:
        TrainingError: there are none.
        MissingExtraError: matplotlib is not installed.
    """
    if not metrics:
        raise TrainingError("the log told no metrics: give metric_definitions=[...]")
    require("matplotlib", extra="train")
    figures: Any = require("matplotlib.figure", extra="train")

    class Curves(figures.Figure):  # type: ignore[misc]
        """A figure that a notebook shows, whether or not it was told to show figures."""

        def _repr_png_(self) -> bytes:
            target = io.BytesIO()
            self.savefig(target)
            return target.getvalue()

    kinds = list(dict.fromkeys(_kind(each.name) for each in metrics))
    figure = Curves(figsize=(6.4, 3.2 * len(kinds)), layout="constrained")
    figure.suptitle(title)
    for place, kind in enumerate(kinds, 1):
        axes = figure.add_subplot(len(kinds), 1, place)
        for name in dict.fromkeys(each.name for each in metrics if _kind(each.name) == kind):
            values = [each.value for each in metrics if each.name == name]
            axes.plot(range(1, len(values) + 1), values, label=name)
        axes.set_xlabel("step")
        axes.set_ylabel(kind)
        axes.legend()
    return figure


def _kind(name: str) -> str:
    return name.rpartition(":")[2]
