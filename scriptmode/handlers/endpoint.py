"""One loaded script that answers requests; every host and test drives this."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scriptmode.codings import decode_content
from scriptmode.errors import (
    MalformedBodyError,
    ModelLoadError,
)
from scriptmode.handlers.composition import composition_of
from scriptmode.handlers.context import RequestContext
from scriptmode.handlers.loading import replay
from scriptmode.handlers.reports import JSON_TYPE, Report, is_answered
from scriptmode.handlers.response import Response, check_type, response_of
from scriptmode.media import unless_any
from scriptmode.models.base import MANIFEST
from scriptmode.serializers.base import as_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scriptmode.handlers.handler import Handler
    from scriptmode.handlers.inference import Inference
    from scriptmode.serializers.base import Decoder, Encoder

MAX_UNPACKED = 64 * 2**20
"""The most bytes that a compressed body unpacks to, unless a host says otherwise."""

_CODINGS = "accept-encoding"

# The content types whose bodies the serving stacks hand to scripts as text, to the letter.
_AS_TEXT = ("application/json", "text/csv")


@dataclass
class Request:
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
    context: RequestContext = field(default_factory=RequestContext)


class Endpoint:
    """The four functions around one model.

    Args:
        handler: composed or hand-written functions, or a mixture. Hand-written ones are called
            as the SageMaker toolkits call them: text for bodies of exactly ``text/csv`` or
            ``application/json``, ``application/json`` in place of an absent Accept, and a
            context only where the function takes one more parameter.
        max_unpacked: the most bytes that a compressed body may unpack to.

    Attributes:
        handler: the functions as they were given.
        model: what the script's ``model_fn`` returned; None before it was asked.
    """

    def __init__(self, handler: Handler, *, max_unpacked: int = MAX_UNPACKED) -> None:
        self.handler, self._max_unpacked = handler, max_unpacked
        self._model_fn = _with_context(handler.model_fn, 1)
        self._input_fn = _with_context(handler.input_fn, 2)
        self._predict_fn = _with_context(handler.predict_fn, 2)
        self._output_fn = _with_context(handler.output_fn, 2)
        self._reader = composition_of(handler.input_fn)
        self._writer = composition_of(handler.output_fn)
        self.model: Any = None

    def load(self, model_dir: str) -> None:
        """Load the model; to be called before the first request.

        Raises:
            Exception: whatever the script's ``model_fn`` raises.
        """
        self.model = self._model_fn(str(model_dir), RequestContext(model_dir=str(model_dir)))

    def adopt(self, model: Any) -> None:
        """Take a model that an endpoint of the same loader has loaded.

        Raises:
            ModelLoadError: it contradicts the declaration.
        """
        if self.inference is not None:
            self.inference.bind(model)
        self.model = model

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
            self.model,
            folder,
        )

    def openapi(self) -> dict[str, Any]:
        """The endpoint as an OpenAPI document, with the columns that its model knows.

        Raises:
            DeclarationError: the script is written by hand, and declares nothing.
        """
        return self.handler.openapi(self.model)

    def invoke(self, request: Request) -> Response:
        """Answer one request; what goes wrong is part of the response, and nothing is raised."""
        try:
            return self.encode(self.predict(request), request).whole()
        except BaseException as error:  # noqa: BLE001 - a script may raise anything, or exit
            return self.fail(error)

    def predict(self, request: Request) -> Any:
        """The prediction behind an answer, before it is encoded.

        Raises:
            Exception: whatever the script's functions raise.
        """
        return self.ask(self.decode(request), request.context)

    def decode(self, request: Request) -> Any:
        """What ``input_fn`` makes of a request.

        Raises:
            RequestError: the body is not in the coding that it claims to be.
            Exception: whatever ``input_fn`` raises.
        """
        body, content_type, context = request.body, request.content_type, request.context
        if coding := context.headers.get("content-encoding"):
            body = decode_content(as_bytes(body), coding, self._max_unpacked)
        if self._reader is not None:
            return self._reader.decode(body, content_type)
        if content_type in _AS_TEXT:
            body = _to_text(body)
        return self._input_fn(body, content_type, context)

    def decode_many(self, bodies: Sequence[bytes], content_type: str | None) -> list[Any] | None:
        """What :meth:`decode` makes of several bodies that are in no coding.

        Args:
            bodies: of different requests.
            content_type: that all of them have.

        Returns:
            None where they must be decoded one by one.
        """
        composed = self._reader
        return None if composed is None else composed.intake.decode_many(bodies, content_type)

    def ask(self, data: Any, context: RequestContext) -> Any:
        """What ``predict_fn`` answers.

        Raises:
            Exception: whatever ``predict_fn`` raises.
        """
        return self._predict_fn(data, self.model, context)

    def encode(self, prediction: Any, request: Request) -> Response:
        """What ``output_fn`` makes of a prediction.

        Raises:
            PredictionError: it returned what is no answer.
            Exception: whatever ``output_fn`` raises.
        """
        accept, context = request.accept, request.context
        if self._writer is not None:
            answer: Any = self._writer.encode(prediction, accept)
        else:
            accept = unless_any(accept) or JSON_TYPE
            answer = self._output_fn(prediction, accept, context)
        response = response_of(answer, accept or JSON_TYPE)
        accepted, said = context.headers.get(_CODINGS), context.said
        return response.compressed(accepted) if said is None else response.as_said(said, accepted)

    def encode_many(
        self, predictions: Sequence[Any], requests: Sequence[Request]
    ) -> list[Response] | None:
        """What :meth:`encode` makes of the predictions for several requests.

        Returns:
            None where they must be encoded one by one.

        Raises:
            Exception: whatever the encoder raises.
        """
        composed, accept = self._writer, requests[0].accept
        if composed is None or not all(
            each.accept == accept and each.context.said is None for each in requests
        ):
            return None
        written = composed.encode_many(predictions, accept)
        if written is None or len(written[0]) != len(requests):
            return None
        bodies, content_type = written
        check_type(content_type)
        return [
            Response(200, content_type, body).compressed(each.context.headers.get(_CODINGS))
            for body, each in zip(bodies, requests, strict=True)
        ]

    @staticmethod
    def fail(error: BaseException) -> Response:
        """What a caller is told of what a step raised.

        Raises:
            BaseException: the error itself, where it ends the process.
        """
        if not is_answered(error):
            raise error
        report = Report.of(error)
        return Response(report.status, JSON_TYPE, report.body, error)

    @property
    def inference(self) -> Inference | None:
        """What is behind ``predict_fn``; None where that is written by hand."""
        composed = composition_of(self.handler.predict_fn)
        return None if composed is None else composed.inference

    @property
    def decoders(self) -> tuple[Decoder, ...]:
        """What is behind ``input_fn``; empty where that is written by hand."""
        return () if self._reader is None else self._reader.intake.decoders

    @property
    def encoders(self) -> tuple[Encoder, ...]:
        """What is behind ``output_fn``; empty where that is written by hand."""
        writers = () if self._writer is None else self._writer.writers
        return tuple(each for each, kind in writers if kind == each.media_types[0])

    @property
    def is_composed(self) -> bool:
        """Whether none of the four functions is written by hand."""
        return all(map(_is_composed, self.handler))


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
    return composition_of(function) is not None


def _to_text(body: bytes | bytearray | memoryview | str) -> str:
    if isinstance(body, str):
        return body
    try:
        return bytes(body).decode()
    except UnicodeDecodeError as error:
        raise MalformedBodyError(f"byte {error.start + 1} of the body is not UTF-8") from None
