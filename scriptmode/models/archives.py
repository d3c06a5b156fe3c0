"""What archives of a model folder hold: zip files, tar files and compressed ones."""

from __future__ import annotations

import bz2
import lzma
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TAR = b"ustar"
_UNPACK = "a zip archive that was not unpacked"
_PEEK = 512  # bytes: a tar's first header
_COMPRESSED: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"]\x00\x00", "lzma"),
    (b"\x04\x22M\x18", "lz4"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    (b"x\x01", "zlib"),
    (b"x\x5e", "zlib"),
    (b"x\x9c", "zlib"),
    (b"x\xda", "zlib"),
)


class Content(NamedTuple):
    """What an archive holds.

    Args:
        form: the form of a model that such an archive is; None for what is none.
        words: the same for people.
    """

    form: str | None
    words: str


def look_into_archive(path: Path, head: bytes) -> Content | None:
    """What is in an archive; None where the file is none.

    Args:
        path: the file.
        head: its first bytes.
    """
    if head.startswith(b"PK\x03\x04"):
        return _look_into_zip(path)
    if head[257:262] == _TAR:
        return Content(None, "a tar archive that was not unpacked")
    for magic, name in _COMPRESSED:
        if head.startswith(magic):
            return _look_into_compressed(name, head)
    return None


def _look_into_zip(path: Path) -> Content:
    names = _members(path)
    if names is None:
        return Content(None, "a zip archive that is damaged or ends too early")
    if "schema.json" in names:
        return Content("skops", "a skops file")
    if {"config.json", "metadata.json"} <= set(names):
        return Content("keras", "a Keras model")
    inner = {name.partition("/")[2] for name in names}
    if "archive_format" in inner and any(name.startswith("models/") for name in inner):
        return Content("pt2", "a program of torch.export")
    if "data.pkl" in inner:
        is_script = "constants.pkl" in inner
        return Content("torchscript" if is_script else "torch", "a file of torch")
    is_npz = bool(names) and all(name.endswith(".npy") for name in names)
    return Content(None, "an npz file of arrays" if is_npz else _UNPACK)


def _members(path: Path) -> list[str] | None:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return None


def _look_into_compressed(name: str, head: bytes) -> Content | None:
    start = _unpack_start(name, head)
    if start is None:
        return None if name in ("zlib", "lzma") else Content(None, f"a {name} file")
    if start[257:262] == _TAR:
        return Content(None, f"a tar archive in {name} that was not unpacked")
    if start.startswith(b"\x80"):
        return Content("joblib", f"a joblib file in {name}")
    return Content(None, f"a {name} file that was not unpacked")


def _unpack_start(name: str, head: bytes) -> bytes | None:
    """The first bytes of what was compressed; None where it cannot be read."""
    makers: dict[str, Callable[[], Any]] = {
        "gzip": lambda: zlib.decompressobj(31),
        "zlib": zlib.decompressobj,
        "bzip2": bz2.BZ2Decompressor,
        "xz": lzma.LZMADecompressor,
        "lzma": lzma.LZMADecompressor,
    }
    if name not in makers:
        return None
    try:
        start: bytes = makers[name]().decompress(head, _PEEK)
    except (zlib.error, OSError, EOFError, lzma.LZMAError, ValueError):
        return None
    return start
