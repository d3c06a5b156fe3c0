"""What a model of xgboost tells of itself, read once."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from scriptmode._imports import require
from scriptmode.errors import DeclarationError, ModelLoadError
from scriptmode.models.arrays import as_matrix
from scriptmode.models.base import Signature
from scriptmode.models.booster_calls import direct_call
from scriptmode.models.categories import encode

if TYPE_CHECKING:
    from numpy.typing import NDArray

_CATEGORY = "c"


class BoosterFacts:
    """What never changes about a loaded model.

    Args:
        model: a booster or a scikit-learn wrapper; it is not kept.
    """

    def __init__(self, model: Any) -> None:
        xgboost = require("xgboost", extra="xgboost")
        booster = booster_of(model)
        learner = json.loads(booster.save_config())["learner"]
        names, types = booster.feature_names, booster.feature_types
        self.dmatrix = xgboost.DMatrix
        self.is_wrapper = not isinstance(model, xgboost.Booster)
        kind = learner["gradient_booster"]["name"]
        self.has_trees = kind != "gblinear"
        self.in_place = kind == "gbtree"  # of dart it sums in another order than DMatrix
        self.direct = direct_call(booster) if self.in_place and not self.is_wrapper else None
        self.threads = int(learner["generic_param"].get("nthread", 0)) or None
        self.objective: str = learner["objective"]["name"]
        self.class_count = int(learner["learner_model_param"].get("num_class", 0))
        self.is_multi_target = int(learner["learner_model_param"].get("num_target", 1)) > 1
        self.has_categories = _CATEGORY in (types or ())
        self.signature = Signature(
            tuple(names) if names else None,
            booster.num_features(),
            tuple(types) if types else None,
            _categories(booster, types) if self.has_categories else None,
            self.objective,
            self._classes(model),
        )
        self.has_contribs = not self.is_multi_target or _answers_contribs(booster)

    def matrix(self, data: Any) -> Any:
        """A table as the numbers that the booster knows, ``(rows, features)``.

        A sparse one stays sparse: to xgboost, what is absent is missing.

        Raises:
            InvalidFeaturesError: a cell is neither a number nor a known category.
        """
        if isinstance(data, self.dmatrix):
            return data  # of a hand-written input_fn
        if self.has_categories:
            return encode(data, self.signature.categories or ())
        return data.tocsr() if hasattr(data, "tocsr") else as_matrix(data)

    def to_dmatrix(self, matrix: NDArray[Any]) -> Any:
        """The same cells as a ``DMatrix``; categories are told apart from numbers."""
        if isinstance(matrix, self.dmatrix):
            return matrix
        if not self.has_categories:
            return self.dmatrix(matrix, nthread=self.threads)
        types = list(self.signature.types or ())
        return self.dmatrix(
            matrix, feature_types=types, enable_categorical=True, nthread=self.threads
        )

    def _classes(self, model: Any) -> tuple[Any, ...] | None:
        if self.is_wrapper:
            classes = getattr(model, "classes_", None)
            return None if classes is None else tuple(classes.tolist())
        if self.class_count > 1:
            return tuple(range(self.class_count))
        is_binary = self.objective.startswith("binary:") and not self.is_multi_target
        return (0, 1) if is_binary else None


def booster_of(model: Any) -> Any:
    """The booster itself, or the one within a scikit-learn wrapper."""
    return model.get_booster() if hasattr(model, "get_booster") else model


def as_booster(model: Any) -> Any:
    """A booster that answers what the model answers.

    Returns:
        A wrapper's own, cut to the rounds that it predicts with after early stopping.

    Raises:
        DeclarationError: the wrapper takes another value than NaN for a missing cell.
    """
    booster = booster_of(model)
    if booster is model:
        return booster
    missing = getattr(model, "missing", None)
    if missing is not None and missing == missing:  # noqa: PLR0124 - only NaN differs from itself
        raise DeclarationError(
            f"the model takes {missing} for a missing cell, which a booster does not keep: train it"
            " on NaN"
        )
    best = best_iteration(model)
    if best is None or best + 1 >= booster.num_boosted_rounds():
        return booster
    return booster[: best + 1]


def best_iteration(model: Any) -> int | None:
    """Where early stopping found the best round; wrappers predict with the rounds up to it."""
    try:
        return int(model.best_iteration)
    except AttributeError:  # trained without early stopping
        return None


def _answers_contribs(booster: Any) -> bool:
    """Whether this release answers contributions for trees whose leaves are vectors."""
    import numpy as np

    xgboost = require("xgboost", extra="xgboost")
    row = xgboost.DMatrix(np.zeros((1, booster.num_features())), nthread=1)
    try:
        booster.predict(row, pred_contribs=True, validate_features=False)
    except xgboost.core.XGBoostError:
        return False
    return True


def _categories(booster: Any, types: list[str]) -> tuple[tuple[Any, ...] | None, ...]:
    """What xgboost 3.1 and later keep of the categories that they were trained on."""
    model = json.loads(bytes(booster.save_raw("json")))["learner"]["gradient_booster"]
    model = model.get("gbtree", model)["model"]  # dart keeps its trees one floor down
    kept = model.get("cats", {}).get("enc", [])
    return tuple(
        None if kind != _CATEGORY else _values(kept[index]) if index < len(kept) else ()
        for index, kind in enumerate(types)
    )


def _values(column: dict[str, Any]) -> tuple[Any, ...]:
    """One column's categories: numbers as they are, text as signed bytes.

    Raises:
        ModelLoadError: text beyond ASCII, whose offsets xgboost counts in characters and cuts
            in bytes.
    """
    values = column["values"]
    if "offsets" not in column:
        return tuple(values)
    if any(value < 0 for value in values):
        raise ModelLoadError(
            "the model has categories beyond ASCII, which xgboost does not keep as they are: train"
            " on their numbers, and declare these as Literal[0, 1, ...] in features"
        )
    raw, offsets = bytes(values), column["offsets"]
    return tuple(raw[start:end].decode() for start, end in pairwise(offsets))
