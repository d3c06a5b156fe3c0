"""One loaded script that answers requests; every host and test drives this."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scriptmode.codings import decode_content, encode_content
from scriptmode.errors import (
    MalformedBodyError,
    ModelLoadError,
    PredictionError,
)
from scriptmode.handlers.composition import Composition
from scriptmode.handlers.context import RequestContext
from scriptmode.handlers.loading import replay
from scriptmode.handlers.reports import JSON_TYPE, Report, is_answered
from scriptmode.models.base import MANIFEST
from scriptmode.serializers.base import as_bytes
from scriptmode.serializers.plain import dump_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scriptmode.handlers.handler import Handler

MAX_UNPACKED = 64 * 2**20
"""The most bytes that a compressed body unpacks to, unless a host says otherwise."""

# The content types whose bodies the serving stacks hand to scripts as text, to the letter.
_AS_TEXT = ("application/json", "text/csv")


class Request(NamedTuple):
    """A request, whichever way it came.

    Args:
        body: the whole body.
        content_type: the Content-Type header, verbatim.
        accept: the Accept header, verbatim.
        context: for functions that take one.
    """

    body: bytes | bytearray | memoryview | str
    content_type: str | None = None
    accept: str | None = None
    context: RequestContext = RequestContext()


class Response(NamedTuple):
    """An answer, on whichever way it goes.

    Args:
        status: as in HTTP.
        content_type: of the body.
        body: the prediction, or an error as a JSON object.
        error: what went wrong, for the host's log and for tests; never sent.
        coding: the Content-Encoding of the body; None where it is as written.
    """

    status: int
    content_type: str
    body: bytes
    error: BaseException | None = None
    coding: str | None = None


class Endpoint:
    """The four functions around one model.

    Args:
        handler: composed or hand-written functions, or a mixture. Hand-written ones are called
            as the SageMaker toolkits call them: text for bodies of exactly ``text/csv`` or
            ``application/json``, ``application/json`` in place of an absent Accept, and a
            context only where the function takes one more parameter.
        max_unpacked: the most bytes that a compressed body may unpack to.
    """

    def __init__(self, handler: Handler, *, max_unpacked: int = MAX_UNPACKED) -> None:
        self._handler, self._max_unpacked = handler, max_unpacked
        self._model_fn = _with_context(handler.model_fn, 1)
        self._input_fn = _with_context(handler.input_fn, 2)
        self._predict_fn = _with_context(handler.predict_fn, 2)
        self._output_fn = _with_context(handler.output_fn, 2)
        self._decodes_text = not _is_composed(handler.input_fn)
        self._needs_accept = not _is_composed(handler.output_fn)
        self._model: Any = None

    @property
    def model(self) -> Any:
        """What the script's ``model_fn`` returned; None before it was asked."""
        return self._model

    def load(self, model_dir: str) -> None:
        """Load the model; to be called before the first request.

        Raises:
            Exception: whatever the script's ``model_fn`` raises.
        """
        self._model = self._model_fn(str(model_dir), RequestContext(model_dir=str(model_dir)))

    def check(self, model_dir: str) -> int:
        """Load a model, and ask for the golden sample of its manifest again.

        Returns:
            How many rows were answered alike.

        Raises:
            ModelLoadError: there is no manifest or sample, the folder is not what was saved, or
                some row is answered otherwise.
        """
        from scriptmode.handlers.manifest import read_manifest

        folder = Path(model_dir)
        if not (folder / MANIFEST).is_file():
            raise ModelLoadError(f"there is no {MANIFEST} in {folder}: write it by Handler.save")
        manifest = read_manifest(folder)
        manifest.check_digests(folder)  # which a hand-written model_fn does not
        self.load(str(folder))
        context = RequestContext(model_dir=str(folder))
        return replay(
            manifest,
            lambda data, model: self._predict_fn(data, model, context),
            self._model,
            folder,
        )

    def openapi(self) -> dict[str, Any]:
        """The endpoint as an OpenAPI document, with the columns that its model knows.

        Raises:
            DeclarationError: the script is written by hand, and declares nothing.
        """
        return self._handler.openapi(self._model)

    def invoke(self, request: Request) -> Response:
        """Answer one request; what goes wrong is part of the response, and nothing is raised."""
        try:
            return _compress(_respond(*self._answer(request)), request.context)
        except BaseException as error:  # a script may raise anything, or exit
            if not is_answered(error):
                raise
            report = Report.of(error)
            return Response(report.status, JSON_TYPE, report.body, error)

    def predict(self, request: Request) -> Any:
        """The prediction behind an answer, before it is encoded.

        Raises:
            Exception: whatever the script's functions raise.
        """
        body, content_type, _, context = request
        if coding := context.headers.get("content-encoding"):
            body = decode_content(as_bytes(body), coding, self._max_unpacked)
        if self._decodes_text and content_type in _AS_TEXT:
            body = _to_text(body)
        data = self._input_fn(body, content_type, context)
        return self._predict_fn(data, self._model, context)

    def _answer(self, request: Request) -> tuple[Any, str]:
        prediction = self.predict(request)
        accept = request.accept
        if self._needs_accept and (accept is None or accept.strip() in ("", "*/*")):
            accept = JSON_TYPE
        return self._output_fn(prediction, accept, request.context), accept or JSON_TYPE


def failure(
    status: int, report: Mapping[str, object], error: BaseException | None = None
) -> Response:
    """An error as a caller gets it: a JSON object with ``code`` and ``message``."""
    return Response(status, JSON_TYPE, json.dumps(report).encode(), error)


def _with_context(function: Callable[..., Any], count: int) -> Callable[..., Any]:
    """Decide once, by the number of parameters, whether a function takes a context.

    The rule is sagemaker_inference.transformer.Transformer._run_handler_function's.
    """
    if _is_composed(function):
        return function
    try:
        takes_context = len(inspect.signature(function).parameters) == count + 1
    except ValueError:  # some callables written in C have no signature
        takes_context = False
    if takes_context:
        return function
    return lambda *arguments: function(*arguments[:count])


def _is_composed(function: object) -> bool:
    return isinstance(getattr(function, "__self__", None), Composition)


def _to_text(body: bytes | bytearray | memoryview | str) -> str:
    if isinstance(body, str):
        return body
    try:
        return bytes(body).decode()
    except UnicodeDecodeError as error:
        raise MalformedBodyError(f"byte {error.start + 1} of the body is not UTF-8") from None


def _respond(answer: Any, accept: str) -> Response:
    """What ``output_fn`` may return: a body, or a body and its content type."""
    if isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], str):  # noqa: PLR2004
        body, content_type = answer
    else:
        body, content_type = answer, accept
    if isinstance(body, str):
        body = body.encode()
    elif body is answer and isinstance(body, (dict, list, int, float, type(None))):
        body, content_type = dump_json(body), JSON_TYPE
    if isinstance(body, (bytes, bytearray)) and content_type.isascii():
        return Response(200, content_type, bytes(body))
    raise PredictionError(
        f"output_fn returned {type(answer).__name__}; return (bytes, content type)"
    )


def _compress(response: Response, context: RequestContext) -> Response:
    body, coding = encode_content(response.body, context.headers.get("accept-encoding"))
    return response if coding is None else response._replace(body=body, coding=coding)
