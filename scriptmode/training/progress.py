"""How far the files of a channel are read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from scriptmode._bars import bar_on

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def progress(files: Sequence[Path], name: str) -> Iterator[Path]:
    """The same files, with a bar over their bytes in a terminal."""
    total = sum(path.stat().st_size for path in files)
    bar = bar_on(sys.stderr, total=total, desc=name, unit="B", unit_scale=True)
    if bar is None:
        yield from files
        return
    with bar:
        for path in files:
            yield path
            bar.update(path.stat().st_size)
