"""Asking a script in this process: no server, no container, no network."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptmode.codings import decode_content
from scriptmode.handlers.context import RequestContext
from scriptmode.handlers.endpoint import MAX_UNPACKED, Endpoint, Request
from scriptmode.handlers.handler import Handler
from scriptmode.handlers.script import import_script

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

_SHOWN = 200


@dataclass(frozen=True)
class Reply:
    """What came back, with what an assertion wants to know of it.

    Args:
        status: as in HTTP.
        content_type: of the body.
        body: the bytes that a caller would receive.
        error: the exception behind a status other than 200, with its traceback.
    """

    status: int
    content_type: str
    body: bytes
    error: BaseException | None = None

    @property
    def ok(self) -> bool:
        """Whether the request was answered."""
        return self.status == 200  # noqa: PLR2004 - OK

    @property
    def text(self) -> str:
        """The body as UTF-8 text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as strict JSON.

        Raises:
            ValueError: it is not.
        """
        return json.loads(self.body, parse_constant=_refuse_constant)

    def raise_for_status(self) -> Reply:
        """This reply if the request was answered.

        Raises:
            Exception: the one behind the status, if there is one.
        """
        if self.error is not None:
            raise self.error
        return self

    def __repr__(self) -> str:
        shown = self.body[:_SHOWN]
        more = f" and {len(self.body) - _SHOWN} more bytes" if len(self.body) > _SHOWN else ""
        return f"<Reply {self.status} {self.content_type} {shown!r}{more}>"


def invoke(  # noqa: PLR0913 - a request has this many parts
    script: str | Path | ModuleType | Handler,
    body: bytes | bytearray | memoryview | str,
    *,
    content_type: str | None = None,
    accept: str | None = None,
    model_dir: str | Path,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Load the model and send one request through the four functions.

    Args:
        script: an entry script's path, the module, or its functions.
        body: what a caller would send.
        content_type: the Content-Type header.
        accept: the Accept header.
        model_dir: the folder that holds the artefact.
        headers: further headers, for functions that take a context.

    Returns:
        The reply; a caller's mistake is a status, as it would be over HTTP.

    Raises:
        DeclarationError: the script is wrong.
        ModelLoadError: the artefact is wrong.
    """
    if isinstance(script, (str, Path)):
        script = import_script(script)
    endpoint = Endpoint(Handler.of(script))
    endpoint.load(str(model_dir))
    sent = {"content-type": content_type, "accept": accept, **(headers or {})}
    lowered = {name.lower(): value for name, value in sent.items() if value is not None}
    context = RequestContext(lowered, model_dir=str(model_dir))
    response = endpoint.invoke(Request(body, content_type, accept, context))
    answer = response.body
    if response.coding is not None:  # as every HTTP client does
        answer = decode_content(answer, response.coding, MAX_UNPACKED)
    return Reply(response.status, response.content_type, answer, response.error)


def _refuse_constant(token: str) -> Any:
    raise ValueError(f"{token} is not JSON")
