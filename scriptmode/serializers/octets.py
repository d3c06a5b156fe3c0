"""Bytes that only the model understands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode.errors import NotAcceptableError
from scriptmode.serializers.base import Body, as_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Octets:
    """The body, untouched, in both directions."""

    media_types: ClassVar[tuple[str, ...]] = ("application/octet-stream",)

    def decode(self, body: Body, params: Mapping[str, str]) -> bytes:
        """The body as bytes."""
        return as_bytes(body)

    def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
        """Bytes as they are.

        Raises:
            NotAcceptableError: the prediction is not bytes.
        """
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value)
        raise NotAcceptableError(
            f"application/octet-stream carries bytes, not {type(value).__name__}"
        )
