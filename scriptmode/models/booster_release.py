"""Which release of xgboost wrote a booster."""

from __future__ import annotations

import re
import struct
from typing import Any

_END = re.compile(rb'"version"\s*:\s*\[\s*(\d{1,4})\s*,\s*(\d{1,4})\s*,\s*(\d{1,4})\s*\]\s*\}\s*\Z')
_LONGEST_END = 128
_VERSION_UBJ = re.compile(rb"version\[#L\x00{7}\x03i(.)i(.)i(.)", re.DOTALL)
_OBJECTIVES = (b"reg:", b"binary:", b"multi:", b"count:", b"rank:", b"survival:")
_NAME = 136  # where the objective's name follows the parameters of the binary form
_MOST_LOOKS = 64


def written_by(raw: bytes) -> str | None:
    """The release that wrote a booster: JSON, UBJSON, its old binary form, or what pickles hold.

    Returns:
        None where it does not say.
    """
    if is_binary(raw):
        start = 24 if raw.startswith(b"binf") else 20
        major, minor = struct.unpack_from("<II", raw, start)
        return f"{major}.{minor}" if 0 < major < 100 > minor else None  # noqa: PLR2004
    if raw[:1] == b"{" and raw[1:2] != b"L":
        found = _END.search(raw, max(0, len(raw) - _LONGEST_END))
        return b".".join(found.groups()).decode() if found else _version_of(raw)
    end = len(raw)
    for _ in range(_MOST_LOOKS):  # keys are sorted, so that the release is the last
        end = raw.rfind(b"version[#L", 0, end)
        if end < 0:
            break
        if found := _VERSION_UBJ.match(raw, end):
            return ".".join(str(part[0]) for part in found.groups())
    return None


def is_binary(raw: bytes) -> bool:
    """Whether it is the binary form of releases before 3.1, which has no magic."""
    raw = raw[:256].removeprefix(b"binf")
    if len(raw) < _NAME + 24:
        return False
    (length,) = struct.unpack_from("<Q", raw, _NAME)
    return length < len(raw) and raw[_NAME + 8 :].startswith(_OBJECTIVES)


def _version_of(raw: bytes) -> str | None:
    """For JSON in another order, and for what pickles before 1.6 hold."""
    import orjson

    try:
        document: Any = orjson.loads(raw)
        version = document.get("Model", document)["version"]
        return ".".join(str(int(part)) for part in version)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
