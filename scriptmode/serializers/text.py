"""Plain text, one string a body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode.errors import NotAcceptableError
from scriptmode.serializers.base import Body, as_text
from scriptmode.serializers.plain import as_rows, encode_text

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Text:
    """The body as it is, decoded."""

    media_types: ClassVar[tuple[str, ...]] = ("text/plain",)

    def decode(self, body: Body, params: Mapping[str, str]) -> str:
        """Read the whole body as one string.

        Raises:
            MalformedBodyError: the bytes are not in ``params["charset"]`` (UTF-8 when absent).
            UnsupportedMediaTypeError: an unknown charset.
        """
        return as_text(body, params).lstrip("\ufeff")  # or writing it again would lose one

    def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
        """Write a string as UTF-8, or a sequence of scalars one a line.

        Raises:
            NotAcceptableError: rows of several cells, or an item that holds a line break.
        """
        if isinstance(value, str):
            return encode_text(value)
        _, rows = as_rows(value)
        lines = [str(row) for row in rows]
        if any(isinstance(row, (list, tuple, dict, bytes)) for row in rows):
            raise NotAcceptableError("plain text carries one value a row; accept CSV or JSON")
        if any(len(f"{line}.".splitlines()) > 1 for line in lines):
            raise NotAcceptableError("plain text cannot carry items with line breaks; accept JSON")
        return encode_text("".join(f"{line}\n" for line in lines))
