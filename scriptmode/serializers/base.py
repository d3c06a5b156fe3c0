"""What a serializer is: any object with ``media_types`` and ``decode`` and/or ``encode``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeAlias, runtime_checkable

from scriptmode.errors import MalformedBodyError, UnsupportedMediaTypeError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from numpy.typing import NDArray

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


@runtime_checkable
class Typable(Protocol):
    """A decoder of a format without types, which must be told what its cells are."""

    def typed(
        self,
        names: Sequence[str],
        words: Collection[str],
        missing: Collection[str],
        read: Collection[str] | None,
    ) -> Decoder:
        """The same decoder, told about the columns.

        Args:
            names: the columns' names in order, for bodies that do not name them; empty when
                nobody knows.
            words: those that hold words rather than numbers, under all their names.
            missing: the spellings of a missing cell.
            read: the names of all columns that are looked at, where others may stand beside
                them and hold anything; None where there are no others.
        """
        ...


@runtime_checkable
class Composite(Protocol):
    """A decoder of bodies that hold others, each of a content type of its own."""

    def reading(self, read: Callable[[bytes, str | None], Any]) -> Decoder:
        """The same decoder, told how to read the inner bodies.

        Args:
            read: from a body and its content type to a neutral value.
        """
        ...


@runtime_checkable
class FileDecoder(Protocol):
    """A decoder that need not hold the whole of a file."""

    def decode_file(self, file: BinaryIO, params: Mapping[str, str]) -> Any:
        """As ``decode`` of what the file holds, at whose beginning it stands.

        Raises:
            RequestError: as ``decode`` does.
        """
        ...


@runtime_checkable
class ManyDecoder(Protocol):
    """A decoder that reads several short bodies at once, quicker than one by one."""

    def decode_many(self, bodies: Sequence[bytes], params: Mapping[str, str]) -> list[Any] | None:
        """What ``decode`` makes of each, whatever the others are.

        Returns:
            None where they must be read one by one, for an error's sake among others.
        """
        ...


@runtime_checkable
class ManyEncoder(Protocol):
    """An encoder that writes several short predictions at once, quicker than one by one."""

    def encode_many(self, values: Sequence[Any], params: Mapping[str, str]) -> list[bytes] | None:
        """What ``encode`` makes of each, whatever the others are.

        Args:
            values: predictions for different requests; or one array of them, of as many rows each.
            params: the media type's parameters.

        Returns:
            None where they must be written one by one, for an error's sake among others.
        """
        ...


@runtime_checkable
class Labelled(Protocol):
    """A decoder of a format that has a place for each row's label, which serving drops."""

    @property
    def media_types(self) -> Sequence[str]:
        """The content types it reads, the canonical one first."""
        ...

    def labels(self, body: bytes, params: Mapping[str, str]) -> NDArray[Any]:
        """The labels alone.

        Returns:
            float64 ``(rows,)``.

        Raises:
            MalformedBodyError: a row has none, or it is no number; names the row.
        """
        ...


Serializer: TypeAlias = "Decoder | Encoder"


# Python knows more codecs: escapes, the encodings of domain names, compression. Some take
# quadratic time, and every unknown name that is asked for stays in its cache for ever.
_CHARSETS = re.compile(
    r"utf-?8(-sig)?|utf-?(16|32)(-?[lb]e)?|(us-)?ascii|latin-?1|iso-8859-(1[0-6]|[1-9])|(windows|cp)-?125[0-8]"
    r"|cp(437|850|932)|koi8-[ru]|shift[-_]jis|euc-(jp|kr)|gbk|gb2312|gb18030|big5",
    re.IGNORECASE,
)


BOM = b"\xef\xbb\xbf"
"""What some programs of Windows begin a text with."""


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
    raw = body if type(body) is bytes else as_bytes(body)
    if not params:
        return raw.removeprefix(BOM)
    charset = params.get("charset", "utf-8") if not isinstance(body, str) else "utf-8"
    if charset.lower() not in ("utf-8", "utf8"):
        raw = _transcode(raw, charset)
    return raw.removeprefix(BOM)


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
    if not _CHARSETS.fullmatch(charset):
        message = f"charset {charset[:40]!r} is unknown"
        raise UnsupportedMediaTypeError(message, supported=["utf-8"])
    try:
        return raw.decode(charset).encode()
    except UnicodeError as error:
        raise MalformedBodyError(f"the body is not {charset}: {error}") from None
