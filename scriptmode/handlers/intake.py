"""Which decoder reads a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from scriptmode._memo import Memo
from scriptmode.errors import DeclarationError, RequestError, UnsupportedMediaTypeError
from scriptmode.media import NO_PARAMS, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scriptmode.serializers.base import Decoder

_UNTYPED = "application/octet-stream"  # what clients send when nobody set a type


class Reader(NamedTuple):
    """A decoder, and the parameters of the content type that chose it."""

    decoder: Decoder
    params: Mapping[str, str]


class Intake:
    """Content types to decoders.

    Args:
        decoders: in the order of declaration; the first reads bodies without a type.

    Raises:
        DeclarationError: two of them read the same content type.
    """

    def __init__(self, decoders: Sequence[Decoder]) -> None:
        self.decoders = tuple(decoders)
        self._by_type: dict[str, Decoder] = {}
        for decoder in self.decoders:
            for media_type in decoder.media_types:
                self._add(str(parse(media_type)), decoder)
        self._readers = Memo(self._find)

    def reader(self, content_type: str | None) -> Reader:
        """The decoder for a Content-Type header.

        Raises:
            UnsupportedMediaTypeError: none reads it, or it is not a media type.
        """
        return self._readers[content_type]

    def __call__(self, body: bytes, content_type: str | None) -> Any:
        """Decode a body.

        Raises:
            RequestError: nothing reads that type, or the body is not of it.
        """
        decoder, params = self.reader(content_type)
        return decoder.decode(body, params)

    def decode_many(self, bodies: Sequence[bytes], content_type: str | None) -> list[Any] | None:
        """Decode several bodies of one content type at once; None where each must be by itself."""
        try:
            decoder, params = self.reader(content_type)
        except RequestError:
            return None
        # To ask whether it follows a protocol would take longer than to read most bodies.
        read: Callable[..., list[Any] | None] | None = getattr(decoder, "decode_many", None)
        return None if read is None else read(bodies, params)

    @property
    def media_types(self) -> tuple[str, ...]:
        """The canonical content type of each decoder."""
        return tuple(decoder.media_types[0] for decoder in self.decoders)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.decoders,)

    def _add(self, media_type: str, decoder: Decoder) -> None:
        other = self._by_type.setdefault(media_type, decoder)
        if other is not decoder:
            raise DeclarationError(
                f"accepts: both {type(other).__name__} and {type(decoder).__name__} read"
                f" {media_type}"
            )

    def _find(self, header: str | None) -> Reader:
        if header is None or not header.strip():
            return Reader(self.decoders[0], NO_PARAMS)
        try:
            media_type = parse(header)
        except UnsupportedMediaTypeError as error:
            raise UnsupportedMediaTypeError(str(error), supported=self.media_types) from None
        decoder = self._by_type.get(media_type.essence) or self._by_suffix(media_type.suffix)
        if decoder is None and media_type.essence == _UNTYPED:
            decoder = self.decoders[0]
        if decoder is None:
            raise UnsupportedMediaTypeError(
                f"Content-Type {media_type.essence!r} is not supported; send one of"
                f" {', '.join(self.media_types)}",
                supported=self.media_types,
            )
        return Reader(decoder, media_type.params)

    def _by_suffix(self, suffix: str | None) -> Decoder | None:
        """``application/geo+json`` is read as JSON (RFC 6838 section 4.2.8)."""
        if suffix is None:
            return None
        return self._by_type.get(f"application/{suffix}") or self._by_type.get(f"text/{suffix}")
