"""Content codings (RFC 9110 section 8.4): what a body was compressed with on its way."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any

from scriptmode._imports import require
from scriptmode.errors import (
    BodyTooLargeError,
    MalformedBodyError,
    MissingExtraError,
    UnsupportedMediaTypeError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_CODINGS = 2
_CHUNK = 2**16
_PIECE = 2**12
_LEVEL = 1  # half the size at a tenth of the time of the best
_SMALLEST = 1024  # bytes, below which compressing costs more than it saves
_PLAIN = ("", "identity")
_ZSTD_WINDOW = 2**23  # bytes; what every decoder must support (RFC 8878 section 3.1.1.1.2)
_ZSTD_PIECE = 256  # bytes, which unpack to 8 MiB at most


def decode_content(body: bytes, coding: str, limit: int) -> bytes:
    """A body as it was before it was compressed.

    Args:
        body: as sent.
        coding: the Content-Encoding header: ``gzip``, ``deflate``, ``br``, ``zstd``, or a list of
            them in the order in which they were applied.
        limit: the most bytes that it may unpack to.

    Raises:
        UnsupportedMediaTypeError: an unknown coding, one whose library is not installed, or more
            of them than anybody applies.
        BodyTooLargeError: it unpacks to more than ``limit``.
        MalformedBodyError: it is not in that coding, or ends too early.
    """
    names = [name.strip().lower() for name in coding.split(",")]
    names = [name for name in names if name not in _PLAIN]
    if len(names) > MOST_CODINGS or not all(name in _DECODERS for name in names):
        raise UnsupportedMediaTypeError(
            f"Content-Encoding {coding[:40]!r} is not supported", supported=sorted(_NAMES)
        )
    for name in reversed(names):
        body = _inflate(body, name, limit)
    return body


def encode_content(body: bytes, accepted: str | None) -> tuple[bytes, str | None]:
    """A response's body, compressed where that was asked for and is worth it.

    Args:
        body: as written.
        accepted: the Accept-Encoding header.

    Returns:
        The body, and its coding; None where it is as written.
    """
    if len(body) < _SMALLEST or accepted is None or not _accepts_gzip(accepted):
        return body, None
    packed = gzip.compress(body, _LEVEL, mtime=0)
    return (packed, "gzip") if len(packed) < len(body) else (body, None)


def _accepts_gzip(header: str) -> bool:
    """Whether gzip has a quality above zero, by its own name or by the wildcard."""
    qualities: dict[str, bool] = {}
    for item in header.lower().split(","):
        name, _, weight = item.partition(";")
        value = weight.strip().removeprefix("q=").strip(" \t") or "1"
        qualities[name.strip()] = value.strip("0.") != ""
    return qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", False)))


def _inflate(body: bytes, name: str, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        for chunk in _DECODERS[name](body):
            size += len(chunk)
            if size > limit:
                raise BodyTooLargeError(f"the {name} body unpacks to more than {limit} bytes")
            chunks.append(chunk)
    except MissingExtraError as error:
        raise UnsupportedMediaTypeError(
            f"this server cannot read Content-Encoding {name!r}", supported=_NAMES[:2]
        ) from error
    except (zlib.error, ValueError, EOFError) as error:
        raise MalformedBodyError(f"the body is not {name}: {error}") from None
    return b"".join(chunks)


def _zlib(body: bytes, window: int) -> Iterator[bytes]:
    """Every member of a gzip stream, or the one of a zlib or bare deflate stream."""
    position = 0
    while True:
        stream = zlib.decompressobj(window)
        while not stream.eof:
            # In pieces: what is left over is copied, however much it is.
            piece = stream.unconsumed_tail or body[position : position + _PIECE]
            position += 0 if stream.unconsumed_tail else len(piece)
            if not piece:
                raise EOFError("it ends too early")
            yield stream.decompress(piece, _CHUNK)
        position -= len(stream.unused_data)
        if position == len(body):
            return
        if window != _GZIP:
            raise ValueError("something follows it")


def _deflate(body: bytes) -> Iterator[bytes]:
    """Zlib's format, as RFC 9110 says, or the bare stream that some clients send."""
    is_zlib = len(body) > 1 and body[0] & 15 == 8 and (body[0] * 256 + body[1]) % 31 == 0  # noqa: PLR2004 - RFC 1950
    return _zlib(body, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)


def _brotli(body: bytes) -> Iterator[bytes]:
    brotli = require("brotli", extra="codings")
    stream: Any = brotli.Decompressor()
    try:
        yield stream.process(body, output_buffer_limit=_CHUNK)
        while not stream.is_finished():
            chunk = stream.process(b"", output_buffer_limit=_CHUNK)
            if not chunk and not stream.is_finished():
                raise EOFError("it ends too early")
            yield chunk
    except brotli.error as error:
        raise ValueError(str(error)) from None


def _zstd(body: bytes) -> Iterator[bytes]:
    """Every frame, fed in small pieces: the library has no other bound to what one gives."""
    zstandard = require("zstandard", extra="codings")
    decompressor: Any = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    stream, position = decompressor.decompressobj(), 0
    try:
        while position < len(body) or not stream.eof:
            if position >= len(body):
                raise EOFError("it ends too early")
            if stream.eof:
                stream = decompressor.decompressobj()
            piece = body[position : position + _ZSTD_PIECE]
            yield stream.decompress(piece)
            position += len(piece) - len(stream.unused_data)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from None


_GZIP = 16 + zlib.MAX_WBITS
_DECODERS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": lambda body: _zlib(body, _GZIP),
    "x-gzip": lambda body: _zlib(body, _GZIP),
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
_NAMES = ("gzip", "deflate", "br", "zstd")
