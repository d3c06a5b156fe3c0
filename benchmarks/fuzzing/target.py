"""What is fuzzed: a way from bytes to a neutral value, and what is known about it.

It is used by `python -m benchmarks.fuzz`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MIB = 2**20
JSON_TOKENS = (b"[", b"]", b"{", b"}", b":", b"[[", b"]]", b'"a":', b"null", b"],[", b'"\\u0061"')


def as_it_is(value: Any) -> Any:
    """The value."""
    return value


@dataclass(frozen=True, kw_only=True)
class Target:
    """One decoder with its options.

    Args:
        name: the codec, then its options.
        read: decodes.
        seeds: bodies to begin with.
        hostile: bodies that are meant to hurt.
        tokens: pieces that mean something in the format.
        write: encodes what was decoded; None where the format does not write, or not what it reads.
        again: decodes what was written, where that is another layout than ``read`` takes.
        roads: the ways to one value, where there are several; the last is the careful one.
        wrap: what stands around what is mutated: a frame, a sum, an archive.
        survives: what of a decoded value its own format can carry.
        ratio: bytes of a value for each of its body.
        peak: bytes of memory while decoding, for each of the body.
        limit: bytes that the format's own limit allows above that.
        spread: how many times the limit a value may take.
    """

    name: str
    read: Callable[[bytes], Any]
    seeds: Callable[[], Sequence[bytes]]
    hostile: Callable[[], Sequence[bytes]] = tuple
    tokens: Sequence[bytes] = ()
    write: Callable[[Any], bytes] | None = None
    again: Callable[[bytes], Any] | None = None
    roads: tuple[Callable[[bytes], Any], ...] = ()
    wrap: Callable[[bytes], bytes] = as_it_is
    survives: Callable[[Any], Any] = as_it_is
    ratio: float = 12
    peak: float = 100
    limit: int = 0
    spread: float = 1


def both(codec: Any, params: Mapping[str, str] | None = None) -> dict[str, Any]:
    """How a codec reads, and writes what it has read."""
    params = params or {}
    return {
        "read": lambda raw: codec.decode(raw, params),
        "write": lambda value: codec.encode(value, params),
    }
