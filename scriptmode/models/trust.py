"""Permission to read what can execute code, given by name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from scriptmode.errors import DeclarationError, UntrustedFormatError, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

Trusted: TypeAlias = "Collection[str] | Mapping[str, str]"
"""Names of formats (``pickle``) or, with dots, of types that a skops file may hold; or a mapping
from each name to the SHA-256 of the only file to trust for it."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


def check_trusted(trusted: Trusted, known: Iterable[str]) -> None:
    """Refuse a declaration of trust that does not name formats.

    Args:
        trusted: the declaration.
        known: the names of the unsafe formats that the loader can read; names with dots are
            types, which only the file can tell.

    Raises:
        DeclarationError: a boolean, one string, an unknown format or a malformed digest.
    """
    known = list(known)
    if isinstance(trusted, (bool, str)):
        raise DeclarationError(
            f"trusted={trusted!r}: list the formats that may execute code, such as ['pickle']"
        )
    for name in trusted:
        if name not in known and "." not in name:
            raise DeclarationError(f"no unsafe format named {name!r}{suggestion(name, known)}")
    if isinstance(trusted, Mapping):
        for name, digest in trusted.items():
            if not (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
                raise DeclarationError(f"trusted[{name!r}] is not a SHA-256 in 64 hex digits")


def require_trust(trusted: Trusted, name: str, path: Path, *, holds: str = "") -> None:
    """Refuse to go on unless a name, and this very file where a digest is given, is trusted.

    Args:
        trusted: the declaration.
        name: of the format, as declarations have it.
        path: the file.
        holds: what in it is not trusted, for the message.

    Raises:
        UntrustedFormatError: it is not; says how to trust it.
    """
    if name not in trusted:
        raise UntrustedFormatError(
            f"{path} holds {name}{holds and f' ({holds})'}: reading that can execute code. Save the"
            f" model in a safe format, or declare trusted=[{name!r}] if you know who wrote it"
        )
    if isinstance(trusted, Mapping):
        digest = _digest(path)
        if digest != trusted[name]:
            raise UntrustedFormatError(
                f"{path} has the SHA-256 {digest}; the one trusted is {trusted[name]}"
            )


def _digest(path: Path) -> str:
    """The SHA-256 of a file; of a folder, that of its files' names and digests, sorted."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    files = sorted(each for each in path.rglob("*") if each.is_file())
    lines = (f"{_digest(each)}  {each.relative_to(path).as_posix()}\n" for each in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
