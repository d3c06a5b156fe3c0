"""What ASGI hands over, and how a response goes back.

Contract: the ASGI specification, version 2.3 of its HTTP part (https://asgi.readthedocs.io).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from scriptmode.errors import BodyTooLargeError
from scriptmode.handlers.response import Response

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

Headers: TypeAlias = list[tuple[bytes, bytes]]

_FRAMING = ("content-length", "transfer-encoding", "connection")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")  # RFC 9110 section 5.1
_BREAKS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_DRAIN_BYTES, _DRAIN_SECONDS = 64 * 2**20, 5.0


class ClientGoneError(Exception):
    """The connection closed before the whole body came."""


class Call(NamedTuple):
    """One request of HTTP.

    Args:
        scope: what the server knows of it.
        receive: gives the pieces of its body.
        send: takes the pieces of the answer.
        headers: by lower-cased name.
        names: what stands in the path where its route leaves a place.
        change: what becomes of a response before it is sent.
    """

    scope: Scope
    receive: Receive
    send: Send
    headers: dict[str, str]
    names: Mapping[str, str] = MappingProxyType({})
    change: Callable[[Response], Response] | None = None

    @classmethod
    def of(cls, scope: Scope, receive: Receive, send: Send) -> Call:
        """The request of an ASGI call."""
        return cls(scope, receive, send, headers_of(scope["headers"]))

    async def body(self, limit: int) -> bytes:
        """The whole body, given up as soon as it is known to be too large.

        Args:
            limit: the most bytes that it may have.

        Raises:
            BodyTooLargeError: it has more.
            ClientGoneError: nobody is there to be answered.
        """
        announced = self.headers.get("content-length", "0")
        if int(announced) > limit:
            raise too_large(limit, f"{announced} bytes are announced")
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            piece = message.get("body", b"")
            size += len(piece)
            if size > limit:
                raise too_large(limit, "more came")
            pieces.append(piece)
            if not message.get("more_body", False):
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def answer(self, response: Response, headers: Headers, *, is_unread: bool = False) -> int:
        """Send a response that is whole.

        Args:
            response: what to send.
            headers: further ones.
            is_unread: whether the body of the request is still on its way.

        Returns:
            How many bytes the body has.
        """
        if self.change is not None:
            response = self.change(response)
        is_unread = is_unread or response.status == 413  # noqa: PLR2004 - it was too much
        if is_unread:
            headers = [*headers, (b"connection", b"close")]
        await self.start(response, headers)
        body = response.body
        await self.send({"type": "http.response.body", "body": body, "more_body": is_unread})
        if is_unread:
            await _drain(self.receive)
            await self.send({"type": "http.response.body", "body": b""})
        return len(body)

    async def start(self, response: Response, headers: Headers) -> None:
        """Send all but the body."""
        found = head_of(response, headers)
        await self.send(
            {"type": "http.response.start", "status": response.status, "headers": found}
        )


def headers_of(pairs: Collection[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-cased name; what is sent repeatedly is one list (RFC 9110 section 5.3)."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}
    if len(headers) == len(pairs):
        return headers
    headers.clear()
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def head_of(response: Response, headers: Headers) -> Headers:
    """All headers of a response.

    Args:
        response: without ``pieces`` the length of its body is among them.
        headers: further ones of the server's; those that the script has set win.
    """
    found = [(b"content-type", response.content_type.encode("latin-1")), *headers]
    if response.pieces is None:
        found.append((b"content-length", b"%d" % len(response.body)))
    if response.coding is not None:
        found.append((b"content-encoding", response.coding.encode()))
        found.append((b"vary", b"accept-encoding"))
    if not response.headers:
        return found
    own = _encoded(response.headers)
    names = {name for name, _ in own}
    return [each for each in found if each[0] not in names] + own


def json_response(status: int, document: object) -> Response:
    """A response that is JSON."""
    return Response(status, "application/json", json.dumps(document).encode())


def _encoded(headers: Mapping[str, str]) -> Headers:
    """What a script has set; what frames the body is the server's own."""
    pairs = [(name.lower(), str(value)) for name, value in headers.items()]
    return [
        (name.encode("latin-1"), _BREAKS.sub(" ", value).encode("latin-1", "replace"))
        for name, value in pairs
        if name not in _FRAMING and _NAME.fullmatch(name)
    ]


def too_large(limit: int, found: str) -> BodyTooLargeError:
    """A body beyond the limit.

    Args:
        limit: in bytes.
        found: what shows that it is.
    """
    return BodyTooLargeError(
        f"the largest body is {limit} bytes, {found}; npy and npz are more compact"
        " than text, and the server's --max-body raises the limit"
    )


async def _drain(receive: Receive) -> None:
    """Take in the rest of a refused body for a while.

    A connection that is closed on a client that is still sending is reset, and many clients
    then never look at the answer.
    """

    async def discard() -> None:
        size = 0
        while size < _DRAIN_BYTES:
            message = await receive()
            size += len(message.get("body", b""))
            if message["type"] == "http.disconnect" or not message.get("more_body", False):
                return

    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(discard(), _DRAIN_SECONDS)
