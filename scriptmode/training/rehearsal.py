"""Asking what was saved through the four functions, before anybody else does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scriptmode.errors import NotAcceptableError, RequestError, TrainingError
from scriptmode.handlers.endpoint import Endpoint, Request
from scriptmode.handlers.envelope import RequestEnvelope
from scriptmode.handlers.examples import within
from scriptmode.handlers.golden import difference, plain, read_sample, write_prediction
from scriptmode.handlers.manifest import read_manifest
from scriptmode.handlers.reports import JSON_TYPE
from scriptmode.serializers.base import Decoder, Encoder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from scriptmode.handlers.handler import Handler
    from scriptmode.handlers.manifest import Golden
    from scriptmode.handlers.response import Response


def rehearse(handler: Handler, model_dir: Path, predictions: Any = None) -> Any:
    """Load a model folder, and send it its golden sample in every content type that can carry it.

    Args:
        handler: the four functions.
        model_dir: what ``Handler.save`` wrote, with a sample.
        predictions: what the model answered for the sample in memory; None where saving compared
            it already.

    Returns:
        The model that was read back.

    Raises:
        TrainingError: a request is refused, or answered otherwise than the model in memory did.
    """
    golden = read_manifest(model_dir).golden
    if golden is None:
        raise TrainingError(f"{model_dir} was saved without a sample")
    if predictions is not None:
        problem = difference(write_prediction(predictions), golden.prediction)
        if problem:
            raise TrainingError(f"what was saved answers otherwise than the model did: {problem}")
    endpoint = Endpoint(handler)
    endpoint.load(str(model_dir))
    bodies = list(_bodies(endpoint.decoders, golden))
    for content_type, body in bodies:
        _refuse(endpoint.invoke(Request(body, content_type)), f"in {content_type}")
        answer = endpoint.predict(Request(body, content_type))
        problem = difference(golden.prediction, write_prediction(answer))
        if problem:
            raise TrainingError(f"asked in {content_type}, it answers otherwise: {problem}")
    for content_type, body in bodies[:1]:
        for encoder in endpoint.encoders:
            accept = encoder.media_types[0]
            response = endpoint.invoke(Request(body, content_type, accept))
            if isinstance(response.error, NotAcceptableError):
                continue  # such as words in npy, which a caller is told
            _refuse(response, f"for {accept}")
            _compare(encoder, response.body, golden.prediction, accept)
    return endpoint.model


def _refuse(response: Response, how: str) -> None:
    if response.error is not None:
        raise TrainingError(
            f"what was saved cannot be asked {how}: {response.error}"
        ) from response.error


def _compare(encoder: Encoder, body: bytes, prediction: Any, accept: str) -> None:
    """Hold what was written to the numbers that were predicted, where it can be read back.

    A template may write more of them than were predicted.
    """
    expected = sorted(_numbers(prediction))
    try:
        if accept == JSON_TYPE:
            written = json.loads(body)
        else:
            written = plain(encoder.decode(body, {})) if isinstance(encoder, Decoder) else None
    except (RequestError, ValueError):  # answers need not be requests
        return
    found = sorted(_numbers(written))
    is_less = len(found) < len(expected) and written is not None
    if is_less or (len(found) == len(expected) and difference(expected, found)):
        raise TrainingError(f"what is written as {accept} is not what was predicted")


def _numbers(value: Any) -> Iterator[float]:
    """Every number within a value, as JSON has it."""
    if isinstance(value, (list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _numbers(part)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield float(value)


def _bodies(decoders: Sequence[Decoder], golden: Golden) -> Iterator[tuple[str, bytes]]:
    """The sample in each declared content type that has a writer, or as the JSON it is kept as."""
    rows = read_sample(golden.data)
    for decoder in decoders:
        content_type = decoder.media_types[0]
        if isinstance(decoder, RequestEnvelope):
            yield content_type, json.dumps(within(golden.data, decoder.path)).encode()
        elif isinstance(decoder, Encoder):
            try:
                body = decoder.encode(rows, {})
            except NotAcceptableError:  # such as texts in CSV
                continue
            yield content_type, body
