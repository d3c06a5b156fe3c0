"""What a job's ``requirements.txt`` asks for, and this environment has not."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from scriptmode._imports import require

if TYPE_CHECKING:
    from pathlib import Path


def missing_requirements(file: Path) -> list[str]:
    """The lines of a requirements file that are not met; those with options are not looked at.

    Args:
        file: may be absent, and then asks for nothing.

    Raises:
        MissingExtraError: there is such a file, and packaging is not installed.
    """
    if not file.is_file():
        return []
    packaging = require("packaging.requirements", extra="train")
    found: list[str] = []
    for line in file.read_text().splitlines():
        text = line.partition(" #")[0].strip()
        if not text or text.startswith(("#", "-")):
            continue
        try:
            wanted = packaging.Requirement(text)
        except packaging.InvalidRequirement:  # a path, or an address
            continue
        if not _is_met(wanted):
            found.append(text)
    return found


def _is_met(wanted: object) -> bool:
    marker = getattr(wanted, "marker", None)
    if marker is not None and not marker.evaluate():
        return True
    try:
        installed = metadata.version(getattr(wanted, "name", ""))
    except metadata.PackageNotFoundError:
        return False
    return bool(getattr(wanted, "specifier").contains(installed, prereleases=True))  # noqa: B009
