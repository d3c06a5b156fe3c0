"""The four generated functions."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from scriptmode.errors import (
    DeclarationError,
    LayoutError,
    MalformedBodyError,
    NotAcceptableError,
    PredictionError,
)
from scriptmode.handlers.context import RequestContext
from scriptmode.handlers.edge import stack_of
from scriptmode.handlers.intake import Intake
from scriptmode.handlers.loading import Checks, load
from scriptmode.handlers.refusal import Refusal, Unloaded
from scriptmode.handlers.reports import JSON_TYPE, Report, is_answered
from scriptmode.media import Offers, unless_any
from scriptmode.serializers.base import Composite, as_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scriptmode.handlers.edge import Stack
    from scriptmode.handlers.inference import Inference
    from scriptmode.serializers.base import Body, Decoder, Encoder


F = TypeVar("F", bound="Callable[..., Any]")


def _counted(function: F) -> F:
    """With its signature made once: the toolkits since 1.6 ask for it four times a request."""
    function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
    return function


@dataclass(frozen=True)
class Composition:
    """A declaration with every name resolved; its bound methods are the script's functions.

    The parameter counts are a contract: serving stacks count them to decide whether to pass a
    context, so there is exactly one optional parameter and nothing variadic.

    Args:
        inference: asks the model, within what is declared of the columns.
        intake: chooses the decoder.
        offers: chooses among ``writers``.
        writers: for each offer, the encoder and the media type it will answer with.
        checks: what is made sure of while a model is loaded.
        accept: what a request without an Accept header is taken to accept; None for the first
            of ``offers``.
    """

    inference: Inference
    intake: Intake
    offers: Offers
    writers: tuple[tuple[Encoder, str], ...]
    checks: Checks = Checks()  # noqa: RUF009 - frozen
    accept: str | None = None

    @classmethod
    def of(
        cls,
        inference: Inference,
        decoders: Sequence[Decoder],
        encoders: Sequence[Encoder],
        checks: Checks = Checks(),  # noqa: B008 - frozen
        accept: str | None = None,
    ) -> Composition:
        """Compose resolved parts; see :func:`scriptmode.handlers.compose.compose`.

        Raises:
            DeclarationError: two decoders read the same content type, or nothing that ``accept``
                allows can be written.
        """
        # Every encoder's canonical type goes before all aliases: the order decides ties.
        canonical = [(encoder, encoder.media_types[0]) for encoder in encoders]
        aliases = [(encoder, alias) for encoder in encoders for alias in encoder.media_types[1:]]
        writers = tuple(canonical + aliases)
        understood = [frozenset(getattr(encoder, "parameters", ())) for encoder, _ in writers]
        offers = Offers([media_type for _, media_type in writers], understood, len(canonical))
        alone = Intake([each for each in decoders if not isinstance(each, Composite)] or decoders)
        whole = [each.reading(alone) if isinstance(each, Composite) else each for each in decoders]
        try:
            offers.choose(accept)
        except NotAcceptableError as error:
            raise DeclarationError(f"without an Accept header: {error}") from None
        return cls(inference, Intake(whole), offers, writers, checks, accept)

    @_counted
    def model_fn(self, model_dir: str, context: Any = None) -> Any:
        """Load the model.

        Args:
            model_dir: the folder that holds the artefact.
            context: what the serving stack tells about itself, if it does.

        Returns:
            The framework's own object; of a bundle, the parts by name.

        Raises:
            ModelLoadError: none, several, a damaged one, or one that contradicts the declaration
                or its manifest.
            UntrustedFormatError: loading it could execute code that nobody trusted.
        """
        stack = stack_of(context)
        accelerator = RequestContext.of(context).device
        try:
            return self._load(model_dir, accelerator)
        except BaseException as error:
            if stack is None or stack.is_told_of_failed_loads or not is_answered(error):
                raise
            Report.of(error)  # which logs it
            return Unloaded(error, partial(self._load, model_dir, accelerator))

    @_counted
    def input_fn(self, body: Body, content_type: str | None, context: Any = None) -> Any:
        """Decode a request.

        Args:
            body: the body, as bytes or as text decoded already.
            content_type: the Content-Type header, verbatim; None when there was none.
            context: what the serving stack tells about the request, if it does.

        Returns:
            A neutral value (see :mod:`scriptmode.values`).

        Raises:
            RequestError: the body cannot be read as what it claims to be. In a serving stack it
                is returned, as a ``Refusal``.
        """
        stack = stack_of(context)
        if stack is None:
            return self.decode(body, content_type)
        try:
            return self.decode(stack.body(body), stack.content_type(content_type))
        except BaseException as error:
            if not is_answered(error):
                raise
            return stack.refuse(error)

    def decode(self, body: Body, content_type: str | None) -> Any:
        """What ``input_fn`` answers outside of serving stacks."""
        decoder, params = self.intake.reader(content_type)
        if isinstance(body, str) and "charset" in params:  # somebody has decoded it already
            params = {name: value for name, value in params.items() if name != "charset"}
        try:
            return decoder.decode(as_bytes(body), params)
        except LayoutError as error:
            raise LayoutError(error.problem, self._examples(decoder)) from None
        except ValueError as error:  # of a decoder that does not know our errors
            raise MalformedBodyError(
                f"the body is not valid {decoder.media_types[0]} ({type(error).__name__})"
            ) from error

    @_counted
    def predict_fn(self, data: Any, model: Any, context: Any = None) -> Any:
        """Hold the request to the model's columns, call the hooks, and ask the model.

        Args:
            data: what ``input_fn`` returned.
            model: what ``model_fn`` returned.
            context: what the serving stack tells about the request, if it does.

        Returns:
            One prediction a row, usually an array of shape ``(rows,)`` or ``(rows, outputs)``.

        Raises:
            InvalidFeaturesError: columns are missing, extra, too few or too many, or a cell is not
                what its feature says.
            PredictionError: another number of rows came out than in.
            Exception: whatever a hook or the model raises. In a serving stack any of these is
                returned, as a ``Refusal``.
        """
        stack = stack_of(context)
        if stack is None:
            return self.inference(data, model, context)
        if isinstance(data, Refusal):
            return data
        try:
            return self.inference(data, Unloaded.loaded(model), stack.context)
        except BaseException as error:
            if not is_answered(error):
                raise
            return stack.refuse(error)

    @_counted
    def output_fn(self, prediction: Any, accept: str | None, context: Any = None) -> Any:
        """Encode a response.

        Args:
            prediction: what ``predict_fn`` returned.
            accept: the Accept header, verbatim; None when there was none.
            context: what the serving stack tells about the request, if it does.

        Returns:
            The body and its content type; in a serving stack what that one needs.

        Raises:
            NotAcceptableError: nothing that Accept allows can be written, but something else
                can.
            PredictionError: no declared format can carry the prediction. In a serving stack
                either is an answer.
        """
        stack = stack_of(context)
        if stack is None:
            return self.encode(prediction, accept)
        if isinstance(prediction, Refusal):
            return _tell(stack, Refusal.error_of(prediction))
        try:
            body, content_type = self.encode(prediction, stack.accept(accept))
        except BaseException as error:
            if not is_answered(error):
                raise
            return _tell(stack, error)
        return stack.answer(HTTPStatus.OK, body, content_type)

    def encode(self, prediction: Any, accept: str | None) -> tuple[bytes, str]:
        """What ``output_fn`` answers outside of serving stacks."""
        offer, params = self.offers.choose(unless_any(accept) or self.accept)
        encoder, media_type = self.writers[offer]
        try:
            return encoder.encode(prediction, params), media_type
        except NotAcceptableError as error:
            if self._can_be_written(prediction, besides=encoder):
                raise
            raise PredictionError(
                f"no declared format can carry the prediction: {error}"
            ) from error

    def encode_many(
        self, predictions: Sequence[Any], accept: str | None
    ) -> tuple[list[bytes], str] | None:
        """What :meth:`encode` answers for several predictions.

        Args:
            predictions: for different requests.
            accept: the Accept header that all of them have.

        Returns:
            The bodies and their content type; None where each must be encoded by itself.

        Raises:
            NotAcceptableError: nothing that Accept allows can be written.
        """
        offer, params = self.offers.choose(unless_any(accept) or self.accept)
        encoder, media_type = self.writers[offer]
        write: Callable[..., list[bytes] | None] | None = getattr(encoder, "encode_many", None)
        bodies = None if write is None else write(predictions, params)
        return None if bodies is None else (bodies, media_type)

    def _load(self, model_dir: str, accelerator: int | None) -> Any:
        return load(self.inference, Path(model_dir), self.checks, accelerator)

    def _examples(self, decoder: Decoder) -> tuple[str, ...]:
        from scriptmode.handlers.examples import example_bodies

        return example_bodies(decoder, self.inference.columns())

    def _can_be_written(self, prediction: Any, besides: Encoder) -> bool:
        """Whether the caller has a choice: else it is the script that is wrong."""
        others = {id(encoder): encoder for encoder, _ in self.writers if encoder is not besides}
        return any(_carries(encoder, prediction) for encoder in others.values())


def composition_of(function: object) -> Composition | None:
    """What a function is part of; None where it is written by hand."""
    found = getattr(function, "__self__", None)
    return found if isinstance(found, Composition) else None


def _tell(stack: Stack, error: BaseException) -> Any:
    report = Report.of(error)
    return stack.answer(report.status, report.body, JSON_TYPE)


def _carries(encoder: Encoder, prediction: Any) -> bool:
    try:
        encoder.encode(prediction, {})
    except NotAcceptableError:
        return False
    return True
