"""What a person sees of a job while it runs."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scriptmode._bars import bar_on

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from scriptmode.training.metrics import Metrics


@contextmanager
def display(
    name: str, metrics: Metrics, *, logs: bool
) -> Generator[Callable[[str], None], None, None]:
    """Show each line, and below them in a terminal the time and the latest metrics.

    Args:
        name: of the job.
        metrics: reads the lines.
        logs: whether lines are shown.

    Yields:
        What takes the lines.
    """
    # A line that stays below the others.
    bar = bar_on(sys.stdout, bar_format="{desc} {elapsed}{postfix}", desc=name)

    def on_line(line: str) -> None:
        metrics.read(line)
        if logs:
            (bar.write if bar is not None else _print)(line)
        if bar is not None:
            latest = metrics.latest().items()
            bar.set_postfix_str("  ".join(f"{key} {value:g}" for key, value in latest))

    try:
        yield on_line
    finally:
        if bar is not None:
            bar.close()


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
