"""What a JSON request may be, as JSON Schema (2020-12)."""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from scriptmode.handlers.checks import breaks
from scriptmode.serializers.layouts import ENVELOPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scriptmode.handlers.feature import Feature

Schema = dict[str, Any]

_SCALARS = ["number", "string", "boolean"]
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_TEXT = {"pattern": "pattern", "min_length": "minLength", "max_length": "maxLength"}
_WORDS = r"^\s*([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|0|1)\s*$"
_DATE = (
    r"^\s*\d{4}-\d{2}-\d{2}"
    r"([T ]\d{2}(:\d{2}(:\d{2}(\.\d{3}(\d{3})?)?)?)?(Z|[+-]\d{2}:\d{2})?)?\s*$"
)
_SCALAR: Schema = {"type": [*_SCALARS, "null"]}
# What `serializers.layouts` takes for an envelope or a split table, and never for a record.
_NO_RECORD: list[Schema] = [
    *({"required": [name]} for name in ENVELOPES),
    {"required": ["columns", "data"], "maxProperties": 2},
    {"required": ["columns", "data", "index"], "maxProperties": 3},
]
_DEEPEST = 3


class Columns(NamedTuple):
    """What is known of the columns of a request.

    Args:
        features: one for each, in order; none where nobody knows them.
        named: whether they may be sent by name.
        label: a further column that may be sent.
        extra: whether any further named column may be sent.
        missing: the spellings of a missing cell.
    """

    features: Sequence[Feature]
    named: bool
    label: str | int | None
    extra: bool
    missing: Sequence[str]


_ANY_TEXT: Schema = {"type": "string"}
_TEXT_RECORD: Schema = {
    "type": "object",
    "additionalProperties": _ANY_TEXT,
    "minProperties": 1,
    "maxProperties": 1,
}
_TEXTS: list[Schema] = [
    _ANY_TEXT,
    {"type": "array", "items": _ANY_TEXT},
    {"type": "array", "items": _TEXT_RECORD, "minItems": 1},
]


def request_schema(
    columns: Columns, layout: str, path: Sequence[str], parameters: Sequence[str]
) -> Schema:
    """A whole JSON body.

    Args:
        columns: what is known of them.
        layout: the one that is read, ``auto`` for all, ``raw`` for any value.
        path: the members that lead to the rows.
        parameters: further members of the outermost object.
    """
    if layout == "raw":
        return {}
    tables = {**_tables(columns), "texts": _TEXTS}
    if layout == "auto":
        chosen = [table for name, group in tables.items() if name != "texts" for table in group]
    else:
        chosen = tables[layout]
    if path:
        schema: Schema = {"anyOf": chosen}
        for name in reversed(path):
            schema = _object({name: schema}, [name])
        schema["properties"].update({name: {} for name in parameters})
        return schema
    inner = {"anyOf": list(chosen)}
    chosen = [*chosen, *(_object({name: inner}, [name]) for name in ENVELOPES)]
    return {"anyOf": [_with_parameters(table, parameters) for table in chosen]}


def cell_schema(feature: Feature, missing: Sequence[str]) -> Schema:
    """One cell; a missing one is ``null``, or one of the spellings where text is none."""
    allowed = [_present(feature), *_truth_values(feature)]
    if not feature.required:
        spellings = missing if feature.kind not in ("any", "text") else ()
        allowed.append({"enum": [None, *spellings]})
    schema: Schema = allowed[0] if len(allowed) == 1 else {"anyOf": allowed}
    schema = {"title": feature.name, **schema}
    filler = feature.filler
    if isinstance(filler, (int, str)) or (isinstance(filler, float) and math.isfinite(filler)):
        schema["default"] = filler
    return schema


def _present(feature: Feature) -> Schema:
    if feature.choices is not None:
        return {"enum": list(feature.choices)}
    if feature.kind == "boolean":
        return {"anyOf": [{"enum": [0, 1]}, {"type": "string", "pattern": _WORDS}]}
    if feature.kind == "datetime":
        return {"type": "string", "pattern": _DATE}
    if feature.kind == "text":
        limits = {keyword: getattr(feature, part) for part, keyword in _TEXT.items()}
        return {"type": "string", **{key: each for key, each in limits.items() if each is not None}}
    if feature.kind == "any":
        return {"type": _SCALARS}
    bounds = {_BOUNDS[limit]: bound for limit, bound in feature.bounds if math.isfinite(bound)}
    return {"type": feature.kind, **bounds}


def _truth_values(feature: Feature) -> list[Schema]:
    """True is 1 and false is 0 where a number may be; JSON Schema tells them apart."""
    if feature.kind not in ("number", "integer", "boolean"):
        return []
    allowed = [
        value
        for value in (True, False)
        if (feature.choices is None or value in feature.choices)
        and not any(breaks(limit, value, bound) for limit, bound in feature.bounds)
    ]
    return [{"enum": allowed}] if allowed else []


def _tables(columns: Columns) -> dict[str, list[Schema]]:
    """The layouts' names to the schemas of what each of them reads."""
    if not columns.features:
        return _any_tables()
    rows = _rows(columns)
    tables = {"rows": [_list_of(rows), rows]}
    if columns.named:
        record, cells = _record(columns), _by_column(columns)
        tables["records"] = [_list_of(record), {**record, "not": {"anyOf": _NO_RECORD}}]
        tables["columns"] = [{**cells, "not": {"anyOf": _NO_RECORD}}]
        tables["split"] = [_split()]
    return {layout: tables.get(layout, []) for layout in ("rows", "records", "columns", "split")}


def _any_tables() -> dict[str, list[Schema]]:
    """Where nobody knows the columns."""
    nested = _SCALAR
    for _ in range(_DEEPEST):
        nested = {"anyOf": [_SCALAR, {"type": "array", "items": nested}]}
    record = {"type": "object", "additionalProperties": _SCALAR, "minProperties": 1}
    cells = {
        "type": "object",
        "additionalProperties": {"type": "array", "items": _SCALAR},
        "minProperties": 1,
    }
    refused = {"not": {"anyOf": _NO_RECORD}}
    return {
        "rows": [{"type": "array", "items": nested}],
        "records": [_list_of(record), {**record, **refused}],
        "columns": [{**cells, **refused}],
        "split": [_split()],
    }


def _rows(columns: Columns) -> Schema:
    cells = [cell_schema(feature, columns.missing) for feature in columns.features]
    row = _tuple(cells)
    if not isinstance(columns.label, int):
        return row
    place = columns.label
    return {"anyOf": [row, _tuple([*cells[:place], _SCALAR, *cells[place:]])]}


def _tuple(cells: list[Schema]) -> Schema:
    count = len(cells)
    return {
        "type": "array",
        "prefixItems": cells,
        "items": False,
        "minItems": count,
        "maxItems": count,
    }


def _record(columns: Columns) -> Schema:
    cells = {each.name: cell_schema(each, columns.missing) for each in columns.features}
    return _named(columns, cells, _SCALAR)


def _by_column(columns: Columns) -> Schema:
    cells: dict[str, Schema] = {
        each.name: {"type": "array", "items": cell_schema(each, columns.missing), "minItems": 1}
        for each in columns.features
    }
    return _named(columns, cells, {"type": "array", "items": _SCALAR, "minItems": 1})


def _named(columns: Columns, cells: dict[str, Schema], further: Schema) -> Schema:
    """An object of columns under any of their names, but under one each."""
    properties = {name: cells[each.name] for each in columns.features for name in each.names}
    if isinstance(columns.label, str):
        properties[columns.label] = further
    rules: list[Schema] = []
    for each in columns.features:
        if each.default is None:
            rules.append({"anyOf": [{"required": [name]} for name in each.names]})
        pairs = combinations(each.names, 2)
        rules += [{"not": {"required": list(pair)}} for pair in pairs]
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": further if columns.extra else False,
        "minProperties": 1,
        **({"allOf": rules} if rules else {}),
    }


def _split() -> Schema:
    rows = {"type": "array", "items": {"type": "array"}, "minItems": 1}
    names = {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 1}
    return _object({"columns": names, "data": rows, "index": {}}, ["columns", "data"])


def _list_of(item: Schema) -> Schema:
    return {"type": "array", "items": item, "minItems": 1}


def _with_parameters(table: Schema, parameters: Sequence[str]) -> Schema:
    if table.get("type") != "object" or not parameters:
        return table
    further: Schema = {name: {} for name in parameters}
    return {**table, "properties": {**table.get("properties", {}), **further}}


def _object(properties: Schema, required: list[str]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
