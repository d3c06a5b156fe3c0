"""How each framework's model is found, loaded and asked, one file a framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptmode.registry import Builtin, Registry

if TYPE_CHECKING:
    from scriptmode.models.base import Loader

BUILTINS = {
    "catboost": Builtin(
        "scriptmode.models.catboost:CatBoost", requires="catboost", extra="catboost"
    ),
    "json": Builtin("scriptmode.models.documents:Document"),
    "keras": Builtin("scriptmode.models.keras:Keras", requires="keras", extra="keras"),
    "lightgbm": Builtin(
        "scriptmode.models.lightgbm:LightGBM", requires="lightgbm", extra="lightgbm"
    ),
    "mlflow": Builtin("scriptmode.models.mlflow:MLflow", requires="mlflow", extra="mlflow"),
    "onnx": Builtin(
        "scriptmode.models.onnx:Onnx", ("onnxruntime",), requires="onnxruntime", extra="onnx"
    ),
    "path": Builtin("scriptmode.models.paths:Paths"),
    "pickle": Builtin("scriptmode.models.pickle:Pickle"),
    "sklearn": Builtin(
        "scriptmode.models.sklearn:Sklearn", ("scikit-learn",), requires="sklearn", extra="sklearn"
    ),
    "spacy": Builtin("scriptmode.models.spacy:Spacy", requires="spacy", extra="spacy"),
    "statsmodels": Builtin(
        "scriptmode.models.statsmodels:Statsmodels", requires="statsmodels", extra="statsmodels"
    ),
    "tensorflow": Builtin(
        "scriptmode.models.tensorflow:TensorFlow", requires="tensorflow", extra="tensorflow"
    ),
    "torch": Builtin(
        "scriptmode.models.torch:Torch", ("pytorch",), requires="torch", extra="torch"
    ),
    "transformers": Builtin(
        "scriptmode.models.transformers:Transformers",
        ("huggingface",),
        requires="transformers",
        extra="transformers",
    ),
    "xgboost": Builtin("scriptmode.models.xgboost:XGBoost", requires="xgboost", extra="xgboost"),
}
"""A new framework is one file and one row here; nothing is imported until it is asked for."""


def registry() -> Registry[Loader[Any]]:
    """A registry of the built-in loaders and of what packages publish."""
    return Registry("model loader", BUILTINS, "scriptmode.loaders")
