"""Whose request it is, across services.

Contract: W3C Trace Context, https://www.w3.org/TR/trace-context/.
"""

from __future__ import annotations

import re
from random import getrandbits
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPELLING = re.compile(
    r"(?!ff)(?!00.{53}.)[0-9a-f]{2}"  # the first version ends where it ends
    r"-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
_IDS = ("x-amzn-sagemaker-inference-id", "x-request-id", "x-ms-client-request-id")
_PARENT = "traceparent"
_NAMES = frozenset((*_IDS, _PARENT))
_LONGEST = 128  # characters of an id that a caller chose
_UNSEEN = re.compile(r"[^\x20-\x7e]")
_SAMPLED = "01"


class Trace(NamedTuple):
    """The names under which a request is found again.

    Args:
        request_id: what the caller calls it; else the trace's id.
        trace_id: 32 hexadecimal digits, of all that one user's action caused.
        span_id: 16 digits, of this part of it.
        parent_id: the caller's part; None where it told none.
        flags: two digits; ``01`` where the caller records its part.
    """

    request_id: str
    trace_id: str
    span_id: str
    parent_id: str | None
    flags: str

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Trace:
        """The trace that the headers name, else a new one."""
        made = getrandbits(192).to_bytes(24, "big").hex()
        trace_id, span_id = made[:32], made[32:]
        if _NAMES.isdisjoint(headers):
            return cls(trace_id, trace_id, span_id, None, _SAMPLED)
        parent = headers.get(_PARENT)
        found = None if parent is None else _SPELLING.fullmatch(parent.strip())
        if found is None:
            return cls(_request_id(headers) or trace_id, trace_id, span_id, None, _SAMPLED)
        return cls(_request_id(headers) or found[1], found[1], span_id, found[2], found[3])


def _request_id(headers: Mapping[str, str]) -> str | None:
    for name in _IDS:
        if name in headers and (told := headers[name]):
            return _UNSEEN.sub("?", told[:_LONGEST])
    return None
