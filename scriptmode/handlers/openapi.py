"""An endpoint in the words of OpenAPI 3.1."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from scriptmode.errors import (
    BodyTooLargeError,
    InvalidFeaturesError,
    MalformedBodyError,
    NotAcceptableError,
    PredictionError,
    UnsupportedMediaTypeError,
)
from scriptmode.handlers.envelope import RequestEnvelope, ResponseEnvelope
from scriptmode.handlers.examples import example_bodies
from scriptmode.handlers.schema import Columns, request_schema
from scriptmode.serializers.json import JSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scriptmode.handlers.alignment import Alignment
    from scriptmode.handlers.composition import Composition

_ERRORS = (
    MalformedBodyError,
    NotAcceptableError,
    BodyTooLargeError,
    UnsupportedMediaTypeError,
    InvalidFeaturesError,
    PredictionError,
)
_ERROR_SCHEMA = {
    "type": "object",
    "properties": {
        "code": {"type": "string"},
        "message": {"type": "string"},
        "where": {
            "type": "object",
            "properties": {
                "row": {"type": "integer"},
                "line": {"type": "integer"},
                "column": {"type": "integer"},
                "field": {"type": "string"},
            },
        },
        "supported": {"type": "array", "items": {"type": "string"}},
        "examples": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["code", "message"],
}


def openapi(
    composition: Composition, model: Any = None, title: str = "scriptmode"
) -> dict[str, Any]:
    """Describe ``/ping`` and ``/invocations``.

    Args:
        composition: the declaration.
        model: a loaded model, whose own columns are described where none are declared.
        title: what the document calls the endpoint.

    Returns:
        An OpenAPI document, as plain Python.
    """
    import scriptmode

    alignment = composition.inference.columns(model)
    errors = {
        str(kind.status): {
            "description": (kind.__doc__ or "").partition("\n")[0],
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for kind in _ERRORS
    }
    answer = {"description": "The predictions.", "content": _responses(composition)}
    invocation = {
        "summary": "Predict.",
        "operationId": "invoke",
        "requestBody": {"required": True, "content": _requests(composition, alignment)},
        "responses": {"200": answer, **errors},
    }
    ping = {
        "summary": "Whether the model is loaded.",
        "operationId": "ping",
        "responses": {"200": {"description": "It is."}, "503": {"description": "Not yet."}},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": scriptmode.__version__},
        "paths": {"/ping": {"get": ping}, "/invocations": {"post": invocation}},
        "components": {"schemas": {"Error": _ERROR_SCHEMA}},
    }


def _requests(composition: Composition, alignment: Alignment | None) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for decoder in composition.intake.decoders:
        described: dict[str, Any] = {}
        inner = decoder.inner if isinstance(decoder, RequestEnvelope) else decoder
        examples = example_bodies(decoder, alignment)
        if isinstance(inner, JSON) and inner.image is None:
            described["schema"] = _json_schema(composition, decoder, inner.layout, alignment)
            examples = tuple(map(json.loads, examples))
        elif decoder.media_types[0].startswith("text/"):
            described["schema"] = {"type": "string"}
        if examples and decoder.media_types[0].startswith("text/"):
            described["example"] = examples[0]
        elif examples:
            described["examples"] = {
                f"example {number}": {"value": example}
                for number, example in enumerate(examples, 1)
            }
        content[decoder.media_types[0]] = described
    return content


def _json_schema(
    composition: Composition, decoder: Any, layout: str, alignment: Alignment | None
) -> dict[str, Any]:
    contract = composition.inference.contract
    columns = Columns(
        features=() if alignment is None else alignment.described,
        named=alignment is None or bool(alignment.features),
        label=contract.label,
        extra=contract.extra == "ignore",
        missing=contract.missing.spellings,
    )
    path: Sequence[str] = getattr(decoder, "path", ())
    return request_schema(columns, layout, path, getattr(decoder, "parameters", ()))


def _responses(composition: Composition) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for encoder, media_type in composition.writers:
        if media_type != encoder.media_types[0]:
            continue
        described: dict[str, Any] = {}
        if isinstance(encoder, ResponseEnvelope) and isinstance(encoder.inner, JSON):
            described = {"schema": encoder.template.schema()}
        content[media_type] = described
    return content
