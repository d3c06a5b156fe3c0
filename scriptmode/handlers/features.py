"""Reading a pydantic model as columns: pydantic describes, numpy checks."""

from __future__ import annotations

import enum
from dataclasses import replace
from datetime import date, datetime
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AliasChoices, BaseModel

from scriptmode.errors import DeclarationError
from scriptmode.handlers.checks import breaks
from scriptmode.handlers.feature import Feature, Kind

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_KINDS: dict[Any, Kind] = {
    float: "number",
    int: "integer",
    bool: "boolean",
    str: "text",
    datetime: "datetime",
    date: "datetime",
}
_BOUNDS = ("ge", "gt", "le", "lt")
_LENGTHS = ("pattern", "min_length", "max_length")


def read_model(model: type[BaseModel]) -> tuple[Feature, ...]:
    """The fields of a pydantic model as columns, in their order.

    Raises:
        DeclarationError: a validator, type or constraint that cannot be checked on whole columns.
    """
    decorators = model.__pydantic_decorators__
    for kind in ("field_validators", "model_validators", "validators", "root_validators"):
        for name in getattr(decorators, kind):
            raise DeclarationError(
                f"{model.__name__}.{name}: validators see one row at a time, and whole columns"
                " are checked; use types and Field constraints"
            )
    return tuple(_read_field(name, field) for name, field in model.model_fields.items())


def _read_field(name: str, field: FieldInfo) -> Feature:
    annotation, optional, metadata = _unwrap(field.annotation, list(field.metadata))
    feature = replace(
        _read_type(name, annotation),
        aliases=_aliases(name, field),
        examples=tuple(field.examples or ()),
    )
    if not field.is_required():
        default = field.get_default(call_default_factory=True)
        value: Any = default.value if isinstance(default, enum.Enum) else default
        feature = replace(feature, default=value)
    feature = replace(feature, required=not optional and feature.default is None)
    for constraint in metadata:
        feature = _constrain(feature, constraint)
    _check_default(feature)
    return feature


def _check_default(feature: Feature) -> None:
    """Refuse a default that the field itself would refuse: callers would be blamed for it."""
    default = feature.default
    if default is None:
        return
    broken = feature.choices is not None and default not in feature.choices
    if feature.kind in ("number", "integer"):
        number = float(default)
        broken = broken or any(breaks(limit, number, bound) for limit, bound in feature.bounds)
    if broken:
        raise DeclarationError(
            f"features: {feature.name!r} has the default {default!r}, which it does not allow"
        )


def _unwrap(annotation: Any, metadata: list[Any]) -> tuple[Any, bool, list[Any]]:
    """The type behind Optional and Annotated."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        # Field() within Annotated carries constraints of its own.
        parts = [part for each in more for part in getattr(each, "metadata", [each])]
        return _unwrap(inner, [*metadata, *parts])
    if get_origin(annotation) in (Union, UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        if len(members) == 1:
            inner, _, metadata = _unwrap(members[0], metadata)
            return inner, True, metadata
    return annotation, False, metadata


def _read_type(name: str, annotation: Any) -> Feature:
    choices: tuple[Any, ...] | None = None
    if get_origin(annotation) is Literal:
        choices = get_args(annotation)
    elif isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        choices = tuple(member.value for member in annotation)
    if choices is None:
        if annotation not in _KINDS:
            raise DeclarationError(f"features: {name!r} has the type {annotation!r}; {_types()}")
        return Feature(name, _KINDS[annotation])
    if all(isinstance(choice, str) for choice in choices):
        return Feature(name, "text", choices=choices)
    if all(type(choice) in (int, float) for choice in choices):
        return Feature(name, "number", choices=choices)
    raise DeclarationError(f"features: the choices of {name!r} must be all text or all numbers")


def _types() -> str:
    names = ", ".join(kind.__name__ for kind in _KINDS)
    return f"a column is one of {names}, Literal, an Enum, or one of these or None"


def _aliases(name: str, field: FieldInfo) -> tuple[str, ...]:
    found: list[str] = []
    for alias in (field.alias, field.validation_alias):
        choices: list[Any] = alias.choices if isinstance(alias, AliasChoices) else [alias]
        for choice in choices:
            if choice is not None and not isinstance(choice, str):
                raise DeclarationError(f"features: an alias of {name!r} is a path, not a name")
            if choice is not None and choice not in (name, *found):
                found.append(choice)
    return tuple(found)


def _constrain(feature: Feature, constraint: Any) -> Feature:
    """Take over the parts of one pydantic or annotated_types constraint."""
    bounds = [
        (limit, float(getattr(constraint, limit)))
        for limit in _BOUNDS
        if isinstance(getattr(constraint, limit, None), (int, float))
    ]
    lengths = {
        part: getattr(constraint, part)
        for part in _LENGTHS
        if getattr(constraint, part, None) is not None
    }
    takes = (bounds and feature.kind in ("number", "integer")) or (
        lengths and feature.kind == "text"
    )
    if not takes:
        raise DeclarationError(
            f"features: {feature.name!r} has a constraint that cannot be checked on columns:"
            f" {constraint!r}"
        )
    return replace(feature, bounds=(*feature.bounds, *bounds), **lengths)
