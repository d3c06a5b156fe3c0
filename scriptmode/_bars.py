"""Bars where somebody watches; silence where a log is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TextIO


def bar_on(stream: TextIO, **options: Any) -> Any:
    """A bar of tqdm on a stream; None where that is no terminal, or tqdm is not installed.

    Args:
        stream: where it is drawn.
        options: of ``tqdm.tqdm``.
    """
    if not stream.isatty():
        return None
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        return None
    return tqdm(file=stream, leave=False, **options)
