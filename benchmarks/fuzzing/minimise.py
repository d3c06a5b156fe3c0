"""Smaller bodies that break the same invariant; used by `python -m benchmarks.fuzz`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_FILLERS = (b"0", b"a", b"\x00")


def minimise(body: bytes, breaks: Callable[[bytes], bool], seconds: float) -> bytes:
    """Cut pieces of halving length, then write one byte for what need not be as it is.

    Args:
        body: breaks it.
        breaks: whether another body does too.
        seconds: after which the smallest so far is given.
    """
    deadline = time.monotonic() + seconds
    length = max(1, len(body) // 2)
    while length and time.monotonic() < deadline:
        shorter = _cut(body, length, breaks, deadline)
        if len(shorter) == len(body):
            length //= 2
        body, length = shorter, min(length, max(1, len(shorter) // 2) if shorter else 0)
    return _fill(body, breaks, deadline)


def _cut(body: bytes, length: int, breaks: Callable[[bytes], bool], deadline: float) -> bytes:
    place = len(body) - length
    while place > -length and time.monotonic() < deadline:
        start = max(place, 0)
        candidate = body[:start] + body[start + length :]
        if breaks(candidate):
            body = candidate
        place -= length
    return body


def _fill(body: bytes, breaks: Callable[[bytes], bool], deadline: float) -> bytes:
    for place in range(min(len(body), 400)):
        for filler in _FILLERS:
            if body[place : place + 1] == filler or time.monotonic() > deadline:
                break
            candidate = body[:place] + filler + body[place + 1 :]
            if breaks(candidate):
                body = candidate
                break
    return body
