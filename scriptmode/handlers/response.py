"""What goes back to a caller."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from scriptmode.codings import encode_content
from scriptmode.errors import PredictionError
from scriptmode.handlers.reports import JSON_TYPE
from scriptmode.serializers.plain import dump_json

if TYPE_CHECKING:
    from scriptmode.handlers.context import ResponseHead

_FIRST, _LAST = 200, 599
_BODILESS = (204, 205, 304)


class Response(NamedTuple):
    """An answer, on whichever way it goes.

    Args:
        status: as in HTTP.
        content_type: of the body.
        body: the prediction, or an error as a JSON object.
        error: what went wrong, for the host's log and for tests; never sent.
        coding: the Content-Encoding of the body; None where it is as written.
        headers: further ones, which the script has set.
        pieces: what follows the body, as the script makes it; None where the body is whole.
    """

    status: int
    content_type: str
    body: bytes
    error: BaseException | None = None
    coding: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})
    pieces: Iterator[bytes] | None = None

    def whole(self) -> Response:
        """The same with all its pieces, for hosts that cannot send them one by one."""
        if self.pieces is None:
            return self
        return self._replace(body=b"".join((self.body, *self.pieces)), pieces=None)

    def compressed(self, accepted: str | None) -> Response:
        """The same, compressed where the Accept-Encoding header allows it and it is worth it."""
        if accepted is None or self.pieces is not None:
            return self
        body, coding = encode_content(self.body, accepted)
        return self if coding is None else self._replace(body=body, coding=coding)

    def as_said(self, head: ResponseHead, accepted: str | None) -> Response:
        """The same with the status and the headers that a script has set.

        Args:
            head: these; a script that names a coding has encoded the body itself.
            accepted: the Accept-Encoding header.

        Raises:
            PredictionError: a header is no text, or the status cannot have a body.
        """
        if not all(type(part) is str for pair in head.headers.items() for part in pair):
            raise PredictionError("the script set a header that is no text")
        is_encoded = "content-encoding" in map(str.lower, head.headers)
        response = self if is_encoded else self.compressed(accepted)
        status = response.status if head.status is None else head.status
        if status in _BODILESS or not _FIRST <= status <= _LAST:
            raise PredictionError(
                f"the script said status {status}: expected {_FIRST} to {_LAST}, and none of"
                f" {', '.join(map(str, _BODILESS))}, which have no body"
            )
        return response._replace(status=status, headers=head.headers)


def failure(
    status: int, report: Mapping[str, object], error: BaseException | None = None
) -> Response:
    """An error as a caller gets it: a JSON object with ``code`` and ``message``."""
    return Response(status, JSON_TYPE, json.dumps(report).encode(), error)


def response_of(answer: Any, accept: str) -> Response:
    """What ``output_fn`` may return: a body, or a body and its content type."""
    if isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], str):  # noqa: PLR2004
        body, content_type = answer
    else:
        body, content_type = answer, accept
    check_type(content_type)
    if type(body) is bytes:
        return Response(200, content_type, body)
    if isinstance(body, str):
        body = body.encode()
    elif isinstance(body, Iterator):
        return Response(200, content_type, b"", pieces=_as_pieces(body))
    elif body is answer and isinstance(body, (dict, list, int, float, type(None))):
        body, content_type = dump_json(body), JSON_TYPE
    if isinstance(body, (bytes, bytearray)):
        return Response(200, content_type, bytes(body))
    raise PredictionError(
        f"output_fn returned {type(answer).__name__}; return (bytes, content type)"
    )


def check_type(content_type: str) -> None:
    """Refuse a content type that no header can hold.

    Raises:
        PredictionError: it is one.
    """
    if not (content_type.isascii() and content_type.isprintable()):
        raise PredictionError("output_fn returned a content type that no header can hold")


def _as_pieces(found: Iterator[Any]) -> Iterator[bytes]:
    """What an ``output_fn`` yields, as bytes."""
    for piece in found:
        if not isinstance(piece, (str, bytes, bytearray)):
            raise PredictionError(f"output_fn yielded {type(piece).__name__}; yield bytes or text")
        yield piece.encode() if isinstance(piece, str) else bytes(piece)
