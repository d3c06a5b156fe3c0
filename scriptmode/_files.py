"""Files below folders, links followed, as copying them to the cloud would."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def visible_files(folder: Path) -> list[Path]:
    """Every file below a folder, sorted; hidden ones are left out, links that lead nowhere not."""
    found = (Path(inner, name) for inner, names in walk(folder) for name in names)
    return sorted(path for path in found if not _is_hidden(path.relative_to(folder)))


def walk(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Every folder below one and the names of its files; a link that leads back is left out.

    Args:
        folder: where to begin; may be a link itself.

    Yields:
        The path of a folder, that of ``folder`` before it, and its files, sorted.
    """
    seen = {os.path.realpath(folder)}
    for inner, folders, files in os.walk(folder, followlinks=True):
        kept: list[str] = []
        for name in sorted(folders):
            real = os.path.realpath(f"{inner}/{name}")
            if real not in seen:
                seen.add(real)
                kept.append(name)
        folders[:] = kept
        yield inner, sorted(files)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
