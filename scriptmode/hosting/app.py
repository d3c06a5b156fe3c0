"""An ASGI application with the two routes that SageMaker asks of a container.

Contract: "Use Your Own Inference Code with Hosting Services", Amazon SageMaker Developer Guide.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeAlias

from scriptmode.errors import BodyTooLargeError, DeclarationError
from scriptmode.handlers.context import RequestContext
from scriptmode.handlers.endpoint import Endpoint, Request, Response, failure

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_BODY = 6 * 2**20
"""The largest body of SageMaker's InvokeEndpoint, in bytes."""

MAX_WAITING = 64
"""How many requests are read and queued at once: a queue without a bound is a queue of bodies."""

_DRAIN_BYTES, _DRAIN_SECONDS = 64 * 2**20, 5.0
_LOG = logging.getLogger("scriptmode")


class _ClientGoneError(Exception):
    """The connection closed before the whole body came."""


class _Route(NamedTuple):
    method: str
    answer: Callable[[Scope, Receive], Awaitable[Response]]


class App:
    """``GET /ping`` and ``POST /invocations`` for one script and one model.

    The model is loaded in the background, so that ``/ping`` can say that it is not ready yet.
    Requests are answered by one thread, one at a time: no loader need be thread-safe, and the
    event loop stays free to answer pings.

    Args:
        endpoint: the script's functions; the model is loaded when the server starts.
        model_dir: the folder that holds the artefact.
        max_body: the largest request body, in bytes.
        max_waiting: how many requests may be under way; further ones are told to come back.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        model_dir: str,
        *,
        max_body: int = MAX_BODY,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._endpoint, self._model_dir, self._max_body = endpoint, model_dir, max_body
        self._max_waiting, self._waiting = max_waiting, 0
        self._worker = ThreadPoolExecutor(1, "scriptmode")
        self._not_ready: str | None = "the model is being loaded"
        self._routes = {
            "/ping": _Route("GET", self._ping),
            "/invocations": _Route("POST", self._invocations),
            "/openapi.json": _Route("GET", self._openapi),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry point."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            try:
                response = await self._route(scope, receive)
            except _ClientGoneError:
                return
            await _send(response, receive, send, scope)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            event = (await receive())["type"]
            if event == "lifespan.startup":
                self._worker.submit(self._load)
            else:
                self._worker.shutdown(wait=False, cancel_futures=True)
            await send({"type": f"{event}.complete"})
            if event == "lifespan.shutdown":
                return

    def _load(self) -> None:
        try:
            self._endpoint.load(self._model_dir)
        except BaseException as error:  # noqa: BLE001 - a script may raise anything, or exit
            _LOG.exception("the model of %s cannot be loaded", self._model_dir)
            self._not_ready = f"the model cannot be loaded: {type(error).__name__}"
        else:
            self._not_ready = None
            _LOG.info("the model of %s is loaded", self._model_dir)

    async def _route(self, scope: Scope, receive: Receive) -> Response:
        route = self._routes.get(scope["path"])
        if route is None:
            known = ", ".join(f"{route.method} {path}" for path, route in self._routes.items())
            return failure(404, {"code": "not_found", "message": f"the routes are {known}"})
        if scope["method"] != route.method:
            message = f"{scope['path']} takes {route.method}, not {scope['method']}"
            return failure(405, {"code": "method_not_allowed", "message": message})
        return await route.answer(scope, receive)

    async def _ping(self, scope: Scope, receive: Receive) -> Response:
        if self._not_ready is None:
            return Response(200, "application/json", b"")
        return failure(503, {"code": "not_ready", "message": self._not_ready})

    async def _openapi(self, scope: Scope, receive: Receive) -> Response:
        try:
            document = self._endpoint.openapi()
        except DeclarationError as error:
            return failure(404, {"code": "not_found", "message": str(error)})
        return Response(200, "application/json", json.dumps(document).encode())

    async def _invocations(self, scope: Scope, receive: Receive) -> Response:
        if self._not_ready is not None:
            return failure(503, {"code": "not_ready", "message": self._not_ready})
        if self._waiting >= self._max_waiting:
            return failure(503, {"code": "busy", "message": "too many requests are under way"})
        self._waiting += 1
        try:
            return await self._answer(_headers(scope), receive)
        except BodyTooLargeError as error:
            return failure(error.status, error.to_dict(), error)
        finally:
            self._waiting -= 1

    async def _answer(self, headers: dict[str, str], receive: Receive) -> Response:
        body = await self._read(headers, receive)
        context = RequestContext(headers, model_dir=self._model_dir)
        request = Request(body, headers.get("content-type"), headers.get("accept"), context)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, self._endpoint.invoke, request)

    async def _read(self, headers: dict[str, str], receive: Receive) -> bytes:
        """The whole body, given up as soon as it is known to be too large."""
        announced = headers.get("content-length", "0")
        if int(announced) > self._max_body:
            raise self._too_large(f"{announced} bytes are announced")
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _ClientGoneError
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._max_body:
                raise self._too_large("more came")
            chunks.append(chunk)
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _too_large(self, found: str) -> BodyTooLargeError:
        return BodyTooLargeError(
            f"the largest body is {self._max_body} bytes, {found}; npy and npz are more compact"
            " than text, and the server's --max-body raises the limit"
        )


def _headers(scope: Scope) -> dict[str, str]:
    """By lower-cased name; what is sent repeatedly is one list (RFC 9110 section 5.3)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def _send(response: Response, receive: Receive, send: Send, scope: Scope) -> None:
    headers = [
        (b"content-type", response.content_type.encode("latin-1")),
        (b"content-length", str(len(response.body)).encode()),
    ]
    if response.coding is not None:
        headers += [
            (b"content-encoding", response.coding.encode()),
            (b"vary", b"accept-encoding"),
        ]
    if response.status == 405:  # noqa: PLR2004 - RFC 9110 section 15.5.6 asks for Allow
        headers.append((b"allow", b"POST" if scope["path"] == "/invocations" else b"GET"))
    if response.status == 503:  # noqa: PLR2004 - loading, or busy
        headers.append((b"retry-after", b"1"))
    is_unread = response.status == 413  # noqa: PLR2004 - the rest of the body is on its way
    if is_unread:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body, "more_body": is_unread})
    if is_unread:
        await _drain(receive)
        await send({"type": "http.response.body", "body": b""})


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
