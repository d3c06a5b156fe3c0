"""What a serializer is: any object with ``media_types`` and ``decode`` and/or ``encode``."""

from __future__ import annotations

from codecs import lookup
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from scriptmode.errors import MalformedBodyError, UnsupportedMediaTypeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Body: TypeAlias = "bytes | bytearray | memoryview | str"
"""A request's body in any of the forms that serving stacks hand over."""


@runtime_checkable
class Decoder(Protocol):
    """Reads requests."""

    @property
    def media_types(self) -> Sequence[str]:
        """The content types it reads, the canonical one first."""
        ...

    def decode(self, body: bytes, params: Mapping[str, str]) -> Any:
        """Turn a body into a neutral value (see :mod:`scriptmode.values`).

        Args:
            body: the whole body; text that a serving stack has decoded comes as UTF-8 again.
            params: the media type's parameters, names lower-cased.

        Raises:
            RequestError: the body is not what its content type says; names the place.
        """
        ...


@runtime_checkable
class Encoder(Protocol):
    """Writes responses."""

    @property
    def media_types(self) -> Sequence[str]:
        """The content types it writes, the canonical one first."""
        ...

    def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
        """Turn a prediction into a body.

        Args:
            value: what the model predicted.
            params: the parameters of the Accept range that chose this encoder.

        Raises:
            NotAcceptableError: this format cannot carry the value; says why.
        """
        ...


Serializer: TypeAlias = "Decoder | Encoder"


# Python's own escapes and the encodings of domain names; some take quadratic time.
_NO_CHARSETS = ("unicode_escape", "raw_unicode_escape", "punycode", "idna", "undefined", "utf_7")


def as_bytes(body: Body) -> bytes:
    """The body as bytes; text is encoded as UTF-8.

    Raises:
        MalformedBodyError: text with lone surrogates, which is no Unicode text.
    """
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        try:
            return body.encode()
        except UnicodeEncodeError as error:
            raise MalformedBodyError(f"the body is not Unicode text: {error.reason}") from None
    return bytes(body)


def as_utf8(body: Body, params: Mapping[str, str]) -> bytes:
    """The body of a textual format as UTF-8 without a byte order mark, not yet validated.

    Args:
        body: bytes in ``params["charset"]`` (UTF-8 when absent), or text decoded already.
        params: the media type's parameters.

    Raises:
        UnsupportedMediaTypeError: no such charset.
        MalformedBodyError: the bytes are not in that charset.
    """
    charset = params.get("charset", "utf-8") if not isinstance(body, str) else "utf-8"
    raw = as_bytes(body)
    if charset.lower() not in ("utf-8", "utf8"):
        raw = _transcode(raw, charset)
    return raw.removeprefix(b"\xef\xbb\xbf")


def as_text(body: Body, params: Mapping[str, str], line: int = 1) -> str:
    """As :func:`as_utf8`, validated and decoded; ``line`` is where it stands in a larger body.

    Raises:
        UnsupportedMediaTypeError: no such charset.
        MalformedBodyError: the bytes are not in that charset.
    """
    raw = as_utf8(body, params)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line += raw.count(b"\n", 0, error.start)
        message = f"byte {error.start + 1} of the body is not UTF-8; name the charset if it is not"
        raise MalformedBodyError(message, line=line) from None


def _transcode(raw: bytes, charset: str) -> bytes:
    try:
        codec = lookup(charset).name.replace("-", "_")
        # An unknown name sends what is no charset the way of what is no codec.
        return raw.decode("" if codec in _NO_CHARSETS else charset).encode()
    except UnicodeError as error:
        raise MalformedBodyError(f"the body is not {charset}: {error}") from None
    except (LookupError, ValueError):  # ValueError: a name with a NUL
        message = f"charset {charset!r} is unknown"
        raise UnsupportedMediaTypeError(message, supported=["utf-8"]) from None
