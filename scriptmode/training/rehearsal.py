"""Asking what was saved through the four functions, before anybody else does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scriptmode.errors import NotAcceptableError, TrainingError
from scriptmode.handlers.composition import Composition
from scriptmode.handlers.endpoint import Endpoint, Request
from scriptmode.handlers.envelope import RequestEnvelope
from scriptmode.handlers.golden import difference, plain, read_sample, write_prediction
from scriptmode.handlers.manifest import read_manifest
from scriptmode.serializers.base import Encoder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scriptmode.handlers.handler import Handler
    from scriptmode.handlers.manifest import Golden


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
    model = handler.model_fn(str(model_dir))
    rows = read_sample(golden.data)
    endpoint = Endpoint(handler)
    endpoint.load(str(model_dir))
    for content_type, body in _bodies(handler, rows, golden):
        response = endpoint.invoke(Request(body, content_type))
        if response.error is not None:
            raise TrainingError(
                f"what was saved cannot be asked in {content_type}: {response.error}"
            ) from response.error
        answer = handler.predict_fn(handler.input_fn(body, content_type), model)
        problem = difference(golden.prediction, write_prediction(answer))
        if problem:
            raise TrainingError(f"asked in {content_type}, it answers otherwise: {problem}")
    return model


def _bodies(handler: Handler, rows: Any, golden: Golden) -> Iterator[tuple[str, bytes]]:
    """The sample in each declared content type that has a writer, or as the JSON it is kept as."""
    composition = getattr(handler.input_fn, "__self__", None)
    decoders = composition.intake.decoders if isinstance(composition, Composition) else ()
    for decoder in decoders:
        content_type = decoder.media_types[0]
        if isinstance(decoder, RequestEnvelope):
            document: Any = golden.data
            for name in reversed(decoder.path):
                document = {name: document}
            yield content_type, json.dumps(document).encode()
        elif isinstance(decoder, Encoder):
            try:
                yield (
                    content_type,
                    decoder.encode(plain(rows) if isinstance(rows, list) else rows, {}),
                )
            except NotAcceptableError:  # such as texts in CSV
                continue
