"""A mutator that knows lengths, numbers and the tokens of a format; equal seed, equal bodies.

It is used by `python -m benchmarks.fuzz`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

LONGEST = 2**19
_NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NUMBERS = (
    *(
        b"0",
        b"-0",
        b"-0.0",
        b"1",
        b"-1",
        b"007",
        b"+1",
        b".5",
        b"5.",
        b"1e999",
        b"-1e999",
        b"1e-999",
    ),
    *(
        b"9007199254740993",
        b"18446744073709551615",
        b"18446744073709551616",
        b"-9223372036854775809",
    ),
    *(b"2147483646", b"2147483647", b"4294967296", b"1e308", b"5e-324", b"0.1", b"1" * 320),
    *(b"nan", b"inf", b"-Infinity", b"NaN", b"null", b"true", b"", b"1e", b"1E+2", b"0x1", b"1_0"),
)
_EXTREMES = (0, 1, 127, 128, 255, 256, 2**15 - 1, 2**15, 2**16 - 1, 2**24, 2**29 - 1, 2**29)
_HUGE = (2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
_MOST_STEPS = 6
_RARE = 150
_TEXT = (
    b",",
    b"\n",
    b"\r\n",
    b"\r",
    b'"',
    b"\t",
    b" ",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
)


class Mutator:
    """Bodies out of bodies.

    Args:
        random: the only source of chance.
        tokens: pieces that mean something in the format.
    """

    def __init__(self, random: Random, tokens: Sequence[bytes] = ()) -> None:
        self._random = random
        self._tokens = (*tokens, *_TEXT)
        self._steps: tuple[Callable[[bytes], bytes], ...] = (
            *(self._flip, self._overwrite, self._insert, self._delete, self._truncate),
            *(self._duplicate, self._swap, self._extreme, self._number, self._number),
            *(self._token, self._token),
        )

    def mutate(self, body: bytes, other: bytes) -> bytes:
        """One to six mutations; now and then a splice with another body, or a much longer one."""
        if not self._random.randrange(4):
            body = self._splice(body, other)
        for _ in range(self._random.randint(1, _MOST_STEPS)):
            body = self._random.choice(self._steps)(body)[:LONGEST]
        return self._swell(body) if not self._random.randrange(_RARE) else body

    def _place(self, body: bytes) -> int:
        return self._random.randrange(len(body) + 1)

    def _span(self, body: bytes) -> tuple[int, int]:
        start = self._place(body)
        return start, min(len(body), start + int(2 ** (self._random.random() * 10)))

    def _flip(self, body: bytes) -> bytes:
        if not body:
            return body
        place = self._random.randrange(len(body))
        flipped = body[place] ^ (1 << self._random.randrange(8))
        return body[:place] + bytes([flipped]) + body[place + 1 :]

    def _overwrite(self, body: bytes) -> bytes:
        start = self._place(body)
        piece = self._random.randbytes(self._random.randint(1, 4))
        return body[:start] + piece + body[start + len(piece) :]

    def _insert(self, body: bytes) -> bytes:
        start = self._place(body)
        return body[:start] + self._random.randbytes(self._random.randint(1, 8)) + body[start:]

    def _delete(self, body: bytes) -> bytes:
        start, end = self._span(body)
        return body[:start] + body[end:]

    def _truncate(self, body: bytes) -> bytes:
        return body[: self._place(body)] if not self._random.randrange(4) else body[:-1]

    def _duplicate(self, body: bytes) -> bytes:
        start, end = self._span(body)
        return body[:end] + body[start:end] * self._random.choice((1, 1, 2, 8)) + body[end:]

    def _swap(self, body: bytes) -> bytes:
        first, middle = self._span(body)
        end = min(len(body), middle + middle - first)
        return body[:first] + body[middle:end] + body[first:middle] + body[end:]

    def _extreme(self, body: bytes) -> bytes:
        width = self._random.choice((1, 2, 4, 8))
        value = self._random.choice(_EXTREMES + _HUGE) & ((1 << 8 * width) - 1)
        start = self._place(body)
        if self._random.randrange(2):
            start -= start % width
        piece = value.to_bytes(width, "little" if self._random.randrange(2) else "big")
        return body[:start] + piece + body[start + width :]

    def _number(self, body: bytes) -> bytes:
        found = list(_NUMBER.finditer(body[:4096]))
        if not found:
            return body
        start, end = self._random.choice(found).span()
        return body[:start] + self._random.choice(_NUMBERS) + body[end:]

    def _token(self, body: bytes) -> bytes:
        start = self._place(body)
        over = self._random.choice((0, 0, 1))
        return body[:start] + self._random.choice(self._tokens) + body[start + over :]

    def _splice(self, body: bytes, other: bytes) -> bytes:
        if self._random.randrange(2):
            return body[: self._place(body)] + other[self._place(other) :]
        start, end = self._span(other)
        place = self._place(body)
        return body[:place] + other[start:end] + body[place:]

    def _swell(self, body: bytes) -> bytes:
        start, end = self._span(body)
        piece = body[start:end] or self._random.choice(self._tokens)
        length = self._random.choice((2**12, 2**14, 2**16, 2**18))
        return (body[:end] + piece * (length // len(piece)) + body[end:])[:LONGEST]
