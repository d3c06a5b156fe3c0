"""Asking a script in this process: no server, no container, no network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scriptmode.codings import decode_content
from scriptmode.handlers.context import RequestContext
from scriptmode.handlers.endpoint import MAX_UNPACKED, Endpoint, Request
from scriptmode.handlers.handler import Handler
from scriptmode.handlers.script import import_script
from scriptmode.serializers.base import as_bytes
from scriptmode.testing.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType


def invoke(  # noqa: PLR0913 - a request has this many parts
    script: str | Path | ModuleType | Handler,
    body: bytes | bytearray | memoryview | str,
    *,
    content_type: str | None = None,
    accept: str | None = None,
    model_dir: str | Path,
    headers: Mapping[str, str] | None = None,
    family: str | None = None,
) -> Reply:
    """Load the model and send one request through the four functions.

    Args:
        script: an entry script's path, the module, or its functions.
        body: what a caller would send.
        content_type: the Content-Type header.
        accept: the Accept header.
        model_dir: the folder that holds the artefact.
        headers: further headers, for functions that take a context.
        family: the serving stack of AWS to answer as, one of
            ``scriptmode.testing.dialects.FAMILIES``; None answers as our own server does.

    Returns:
        The reply; a caller's mistake is a status, as it would be over HTTP.

    Raises:
        DeclarationError: the script is wrong.
        ModelLoadError: the artefact is wrong, and no family is asked for.
        ValueError: there is no such family.
    """
    if isinstance(script, (str, Path)):
        script = import_script(script)
    handler = Handler.of(script)
    sent = {"Content-Type": content_type, "Accept": accept, **(headers or {})}
    if family is not None:
        from scriptmode.testing.dialects import emulate

        given = {name: value for name, value in sent.items() if value is not None}
        return emulate(handler, family, str(model_dir), as_bytes(body), given)
    endpoint = Endpoint(handler)
    endpoint.load(str(model_dir))
    lowered = {name.lower(): value for name, value in sent.items() if value is not None}
    context = RequestContext(lowered, model_dir=str(model_dir))
    response = endpoint.invoke(Request(body, content_type, accept, context))
    answer = response.body
    if response.coding is not None:  # as every HTTP client does
        answer = decode_content(answer, response.coding, MAX_UNPACKED)
    return Reply(response.status, response.content_type, answer, response.error)
