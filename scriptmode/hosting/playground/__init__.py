"""A page to try an endpoint with, which reads what the endpoint says of itself.

It is made of three files beside this one, asks for nothing from elsewhere, and works offline.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from scriptmode.handlers.response import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scriptmode.hosting.asgi import Call
    from scriptmode.hosting.routing import Answer, Methods

_FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/playground.css": ("page.css", "text/css; charset=utf-8"),
    "/playground.js": ("page.js", "text/javascript; charset=utf-8"),
}
_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src data:; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
}


def playground_routes() -> Mapping[str, Methods]:
    """The page and what it is made of."""
    return {path: {"GET": _answer(*found)} for path, found in _FILES.items()}


def _answer(name: str, content_type: str) -> Answer:
    body = files(__name__).joinpath(name).read_bytes()
    response = Response(200, content_type, body, headers=_HEADERS)

    async def answer(_: Call) -> Response:
        return response

    return answer
