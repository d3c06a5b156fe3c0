"""What the files of an artefact are, to the byte."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from scriptmode.models.base import MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 2**20


def digest_files(written: Path, model_dir: Path) -> dict[str, str]:
    """The SHA-256 of a file, or of every file in a folder.

    Args:
        written: the file or folder.
        model_dir: the folder that names are relative to.

    Returns:
        Paths with forward slashes, sorted, to hexadecimal digests.
    """
    names = digest_names(written, model_dir)
    return {name: digest(model_dir / name) for name in names}


def digest_names(written: Path, model_dir: Path) -> list[str]:
    """The names of a file, or of every file in a folder, as :func:`digest_files` has them."""
    files = [written] if written.is_file() else [path for path in written.rglob("*") if _is(path)]
    return [path.relative_to(model_dir).as_posix() for path in sorted(files)]


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal; read in pieces."""
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def _is(path: Path) -> bool:
    return path.is_file() and path.name != MANIFEST and "__pycache__" not in path.parts
