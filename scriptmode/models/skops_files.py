"""What a skops file holds, before skops builds any of it."""

from __future__ import annotations

import json
import re
import zipfile
from typing import TYPE_CHECKING, Any

from scriptmode.models.booster_release import written_by
from scriptmode.models.pickled import Contents

if TYPE_CHECKING:
    from pathlib import Path

_SKLEARN = re.compile(r'"_sklearn_version": \{[^{}]*"content": "\\"(\d+\.\d+[\w.+-]*)\\""')


def inspect_skops(path: Path) -> Contents:
    """The root's class, and the releases that wrote it; nothing where the file is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            schema = archive.read("schema.json").decode()
            raw = [archive.read(name) for name in archive.namelist() if name.endswith(".bin")]
        root: Any = json.loads(schema)
        name = f"{root['__module__']}.{root['__class__']}"
    except Exception:  # noqa: BLE001 - each kind of damage to an archive has an error of its own
        return Contents((), {}, is_whole=False)
    releases: dict[str, str] = {}
    if found := _SKLEARN.search(schema):
        releases["sklearn"] = found[1]
    for written in filter(None, map(written_by, raw)):
        releases.setdefault("xgboost", written)
    return Contents((name,), releases, is_whole=True)
