"""Bars where somebody watches; silence where a log is kept."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


def progress(files: Sequence[Path], name: str) -> Iterable[Path]:
    """The same files, with a bar over their bytes in a terminal that has tqdm."""
    if not sys.stderr.isatty():
        return files
    try:
        from tqdm import tqdm
    except ModuleNotFoundError:
        return files
    return _with_bar(tqdm, files, name)


def _with_bar(tqdm: type, files: Sequence[Path], name: str) -> Iterable[Path]:
    total = sum(path.stat().st_size for path in files)
    with tqdm(total=total, desc=name, unit="B", unit_scale=True, leave=False) as bar:
        for path in files:
            yield path
            bar.update(path.stat().st_size)
