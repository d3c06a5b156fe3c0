"""The columns of a request, as a declaration names or describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scriptmode.errors import DeclarationError
from scriptmode.handlers.feature import Feature


def read_features(declared: Any) -> tuple[Feature, ...] | None:
    """What a declaration says of the columns.

    Args:
        declared: a pydantic model, the columns' names in the model's order, or None.

    Raises:
        DeclarationError: a type or constraint that cannot be checked on whole columns, a name
            that stands twice, or something else than a model or names.
    """
    if declared is None:
        return None
    if hasattr(declared, "model_fields"):
        from scriptmode.handlers.features import read_model

        features = read_model(declared)
    elif isinstance(declared, (str, type, Mapping)) or not hasattr(declared, "__iter__"):
        raise DeclarationError(f"features={declared!r}: list the names, or give a pydantic model")
    else:
        features = tuple(Feature(_name(name)) for name in declared)
    if not features:
        raise DeclarationError("features=[]: name the columns, or leave it out")
    seen: set[str] = set()
    for name in (name for feature in features for name in feature.names):
        if name in seen:
            raise DeclarationError(f"features: {name!r} stands twice (or a comma is missing)")
        seen.add(name)
    return features


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise DeclarationError(f"features: {name!r} is not a name")
    return name
