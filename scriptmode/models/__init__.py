"""How each framework's model is found, loaded and asked, one file a framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptmode.registry import Builtin, Registry

if TYPE_CHECKING:
    from scriptmode.models.base import Loader

BUILTINS = {
    "json": Builtin("scriptmode.models.documents:Document"),
    "path": Builtin("scriptmode.models.paths:Paths"),
    "sklearn": Builtin(
        "scriptmode.models.sklearn:Sklearn", ("scikit-learn",), requires="sklearn", extra="sklearn"
    ),
    "xgboost": Builtin("scriptmode.models.xgboost:XGBoost", requires="xgboost", extra="xgboost"),
}
"""A new framework is one file and one row here; nothing is imported until it is asked for."""


def registry() -> Registry[Loader[Any]]:
    """A registry of the built-in loaders and of what packages publish."""
    return Registry("model loader", BUILTINS, "scriptmode.loaders")
