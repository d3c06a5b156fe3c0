"""What a JSON request may be, as JSON Schema (2020-12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scriptmode.handlers.feature import Feature

_TYPES = {"number": "number", "integer": "integer", "boolean": "boolean", "datetime": "string"}
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_TEXT = {"pattern": "pattern", "min_length": "minLength", "max_length": "maxLength"}
_ENVELOPES = ("instances", "inputs")


def cell_schema(feature: Feature) -> dict[str, Any]:
    """One cell; a missing one is ``null``."""
    schema: dict[str, Any] = {"title": feature.name}
    if feature.choices is not None:
        choices: list[Any] = list(feature.choices)
        schema["enum"] = choices if feature.required else [*choices, None]
    elif feature.kind == "boolean":
        schema["enum"] = [True, False, 0, 1, *(() if feature.required else (None,))]
    else:
        kinds = {"any": ["number", "string", "boolean"], "text": ["string"]}
        named = kinds.get(feature.kind) or [_TYPES[feature.kind]]
        schema["type"] = named if feature.required else [*named, "null"]
    schema.update({_BOUNDS[limit]: bound for limit, bound in feature.bounds})
    for part, keyword in _TEXT.items():
        if getattr(feature, part) is not None:
            schema[keyword] = getattr(feature, part)
    if feature.kind == "datetime":
        schema["format"] = "date-time"
    if feature.filler is not None and isinstance(feature.filler, (int, float, str)):
        schema["default"] = feature.filler
    return schema


def table_schemas(
    features: Sequence[Feature], label: str | int | None, *, extra: bool
) -> dict[str, Any]:
    """Every layout of a table.

    Args:
        features: the columns; none where nobody knows them.
        label: a further column that may be sent.
        extra: whether any further named column may be sent.

    Returns:
        The layouts' names to their schemas.
    """
    if not features:
        cell = {"type": ["number", "string", "boolean", "null"]}
        row = {"type": "array", "items": cell, "minItems": 1}
        record = {"type": "object", "additionalProperties": cell, "minProperties": 1}
        columns = {"type": "object", "additionalProperties": {"type": "array", "items": cell}}
    else:
        row, record, columns = (
            _row(features),
            _record(features, label, extra=extra),
            _columns(features, label, extra=extra),
        )
    rows = {"type": "array", "items": row, "minItems": 1}
    split = {
        "type": "object",
        "properties": {
            "columns": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            "data": {"type": "array", "items": {"type": "array"}, "minItems": 1},
            "index": {},
        },
        "required": ["columns", "data"],
        "additionalProperties": False,
    }
    records = {"type": "array", "items": record, "minItems": 1}
    return {"rows": rows, "records": records, "columns": columns, "split": split}


def request_schema(
    tables: dict[str, Any], layout: str, path: Sequence[str], parameters: Sequence[str]
) -> dict[str, Any]:
    """A whole JSON body.

    Args:
        tables: what :func:`table_schemas` made.
        layout: the one that is read, ``auto`` for all, ``raw`` for any value.
        path: the members that lead to the rows.
        parameters: further members of the outermost object.
    """
    if layout == "raw":
        schema: dict[str, Any] = {}
    elif layout != "auto":
        schema = tables[layout]
    else:
        single = [tables["rows"]["items"], tables["records"]["items"]]
        schema = {"anyOf": [*tables.values(), *single]}
    if layout == "auto" and not path:
        envelopes = [_object({name: schema}, [name]) for name in _ENVELOPES]
        schema = {"anyOf": [*schema["anyOf"], *envelopes]}
    for name in reversed(path):
        schema = _object({name: schema}, [name])
    if parameters and path:
        schema["properties"].update({name: {} for name in parameters})
    return schema


def _row(features: Sequence[Feature]) -> dict[str, Any]:
    count = len(features)
    cells = [cell_schema(feature) for feature in features]
    return {
        "type": "array",
        "prefixItems": cells,
        "items": False,
        "minItems": count,
        "maxItems": count,
    }


def _record(features: Sequence[Feature], label: str | int | None, *, extra: bool) -> dict[str, Any]:
    cells = {feature.name: cell_schema(feature) for feature in features}
    return _named(features, cells, label, extra=extra)


def _columns(
    features: Sequence[Feature], label: str | int | None, *, extra: bool
) -> dict[str, Any]:
    cells = {
        feature.name: {"type": "array", "items": cell_schema(feature), "minItems": 1}
        for feature in features
    }
    return _named(features, cells, label, extra=extra)


def _named(
    features: Sequence[Feature], cells: dict[str, Any], label: str | int | None, *, extra: bool
) -> dict[str, Any]:
    required = [each.name for each in features if each.default is None and not each.aliases]
    aliases = {alias: cells[each.name] for each in features for alias in each.aliases}
    further: dict[str, Any] = {label: {}} if isinstance(label, str) else {}
    return {**_object({**cells, **aliases, **further}, required), "additionalProperties": extra}


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
