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
from scriptmode.handlers.examples import example_requests, example_row
from scriptmode.handlers.schema import request_schema, table_schemas
from scriptmode.serializers.json import JSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scriptmode.handlers.composition import Composition
    from scriptmode.handlers.feature import Feature

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

    features = composition.inference.contract.features or ()
    if model is not None and (alignment := composition.inference.bind(model)) is not None:
        features = alignment.features
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
        "requestBody": {"required": True, "content": _requests(composition, features)},
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


def _requests(composition: Composition, features: Sequence[Feature]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for decoder in composition.intake.decoders:
        described: dict[str, Any] = {}
        inner = decoder.inner if isinstance(decoder, RequestEnvelope) else decoder
        if isinstance(inner, JSON):
            described = _json_request(composition, decoder, inner, features)
        elif decoder.media_types[0].startswith("text/"):
            described = {"schema": {"type": "string"}, **_csv_example(decoder, features)}
        content[decoder.media_types[0]] = described
    return content


def _json_request(
    composition: Composition, decoder: Any, inner: JSON, features: Sequence[Feature]
) -> dict[str, Any]:
    contract = composition.inference.contract
    path: Sequence[str] = getattr(decoder, "path", ())
    parameters: Sequence[str] = getattr(decoder, "parameters", ())
    tables = table_schemas(features, contract.label, extra=contract.extra == "ignore")
    examples = example_requests(features, inner.layout, path)
    described: dict[str, Any] = {"schema": request_schema(tables, inner.layout, path, parameters)}
    if examples:
        described["examples"] = {
            f"example {number}": {"value": json.loads(example)}
            for number, example in enumerate(examples, 1)
        }
    return described


def _csv_example(decoder: Any, features: Sequence[Feature]) -> dict[str, Any]:
    row = example_row(features)
    if decoder.media_types[0] != "text/csv" or not row:
        return {}
    header = f"{','.join(row)}\n" if getattr(decoder, "header", False) is True else ""
    cells = (str(cell).lower() if isinstance(cell, bool) else str(cell) for cell in row.values())
    return {"example": f"{header}{','.join(cells)}\n"}


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
