"""What a model of xgboost can be asked for, by its objective."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from scriptmode.models.booster import BoosterFacts, best_iteration, booster_of
from scriptmode.models.selectable import selectable_outputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Ask: TypeAlias = "Callable[[Any, NDArray[Any]], Any]"
"""A question to a model about a matrix, ``(rows, features)``."""

_HALF = 0.5


def booster_outputs(facts: BoosterFacts) -> dict[str, Ask]:
    """What this model answers; every name to a function of the model and a matrix.

    Classes and probabilities are those of xgboost's own scikit-learn wrappers
    (``XGBClassifier.predict`` and ``predict_proba``), but for ``binary:logitraw``: its scores
    are margins, so that the label is their sign.
    """
    if facts.is_wrapper:
        return _wrapper_outputs(facts)

    direct = facts.direct

    def value(model: Any, matrix: NDArray[Any]) -> Any:
        if direct is not None and direct.takes(matrix):
            return direct(matrix)
        if facts.in_place and not isinstance(matrix, facts.dmatrix):
            return model.inplace_predict(matrix, validate_features=False)
        return _predict(facts, model, matrix)

    def ask(**options: Any) -> Ask:
        def answer(model: Any, matrix: NDArray[Any]) -> Any:
            return _predict(facts, model, matrix, **options)

        return answer

    margin = ask(output_margin=True)
    found: dict[str, Ask] = {"value": value, "margin": margin}
    if facts.has_contribs:
        found["contribs"] = ask(pred_contribs=True)
    if facts.has_trees:
        found["leaf"] = ask(pred_leaf=True)
    found |= _class_outputs(facts, value, margin)
    if not facts.is_multi_target:
        found |= selectable_outputs(facts.objective, facts.class_count, value)
    return found


def _predict(facts: BoosterFacts, model: Any, matrix: Any, **options: Any) -> Any:
    """Through a ``DMatrix``, whose names are looked at where a hand-written input_fn gave some."""
    is_given = isinstance(matrix, facts.dmatrix)
    table = facts.to_dmatrix(matrix)
    return model.predict(table, validate_features=is_given, **options)


def _class_outputs(facts: BoosterFacts, value: Ask, margin: Ask) -> dict[str, Ask]:
    import numpy as np

    def binary_proba(model: Any, matrix: NDArray[Any]) -> Any:
        positive = value(model, matrix)
        if positive.ndim > 1:  # one probability for each of several targets
            return positive
        return np.vstack((1.0 - positive, positive)).transpose()

    def softmax_proba(model: Any, matrix: NDArray[Any]) -> Any:
        from scipy.special import softmax

        return softmax(margin(model, matrix), axis=1)

    labels: dict[str, Callable[[Any], Any]] = {
        "binary:logistic": lambda answer: answer > _HALF,
        "binary:logitraw": lambda answer: answer > 0,
        "binary:hinge": lambda answer: answer,
        "multi:softmax": lambda answer: answer,
        "multi:softprob": lambda answer: answer.argmax(axis=1),
    }
    probabilities: dict[str, Ask] = {
        "binary:logistic": binary_proba,
        "multi:softmax": softmax_proba,
        "multi:softprob": value,
    }
    found: dict[str, Ask] = {}
    if facts.objective.startswith("multi:") and facts.class_count <= 1:
        return found
    if decide := labels.get(facts.objective):
        found["label"] = lambda model, matrix: decide(value(model, matrix)).astype(np.int64)
    if facts.objective in probabilities:
        found["proba"] = probabilities[facts.objective]
    return found


def _wrapper_outputs(facts: BoosterFacts) -> dict[str, Ask]:
    from scriptmode.models.arrays import as_frame

    names = facts.signature.names

    def ask(method: str, **options: Any) -> Ask:
        def answer(model: Any, matrix: NDArray[Any]) -> Any:
            data = matrix if names is None else as_frame(matrix, names)
            return getattr(model, method)(data, **options)

        return answer

    def contribs(model: Any, matrix: NDArray[Any]) -> Any:
        data = facts.dmatrix(matrix, missing=model.missing)
        rounds = (0, best + 1) if (best := best_iteration(model)) is not None else (0, 0)
        return booster_of(model).predict(
            data, pred_contribs=True, validate_features=False, iteration_range=rounds
        )

    found = {"value": ask("predict"), "margin": ask("predict", output_margin=True)}
    if facts.has_contribs:
        found["contribs"] = contribs
    if facts.has_trees:
        found["leaf"] = ask("apply")
    if facts.signature.classes is not None:
        found["label"] = ask("predict")
        if facts.objective in ("binary:logistic", "multi:softmax", "multi:softprob"):
            found["proba"] = ask("predict_proba")
    return found
