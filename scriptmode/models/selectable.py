"""Selectable inference: the outputs that SageMaker's XGBoost container names.

Contract: ``SAGEMAKER_INFERENCE_OUTPUT`` of aws/sagemaker-xgboost-container
(``algorithm_mode/serve_utils.py``). Its numbers are kept as they are, also where they say
little: the raw scores of ``multi:softmax`` are made of the class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

KEYS = (
    "predicted_label",
    "labels",
    "probability",
    "probabilities",
    "raw_score",
    "raw_scores",
    "predicted_score",
)
"""All keys, in the order in which the container's JSON has them."""

_LABELS, _SCORES = KEYS[:2], KEYS[4:6]
_ALL = KEYS[:6]
_KEYS_OF = {
    "reg:squarederror": KEYS[6:],
    "reg:logistic": KEYS[6:],
    "reg:gamma": KEYS[6:],
    "reg:absoluteerror": KEYS[6:],
    "reg:tweedie": KEYS[6:],
    "binary:logistic": _ALL,
    "binary:logitraw": _LABELS + _SCORES,
    "binary:hinge": _LABELS + _SCORES,
    "multi:softmax": _LABELS + _SCORES,
    "multi:softprob": _ALL,
}
_HALF = 0.5


def selectable_outputs(
    objective: str, class_count: int, value: Callable[[Any, Any], Any]
) -> dict[str, Callable[[Any, Any], Any]]:
    """The container's outputs that an objective allows.

    Args:
        objective: as xgboost names it.
        class_count: of a multi-class objective.
        value: the question whose answer they are made of.

    Returns:
        Each key to a function of the model and a matrix. Numbers are float64, as the
        container's Python floats are; lists are arrays of two dimensions.
    """

    def ask(key: str) -> Callable[[Any, Any], Any]:
        return lambda model, matrix: _READERS[key](value(model, matrix), objective, class_count)

    is_degenerate = objective.startswith("multi:") and class_count <= 1
    return {} if is_degenerate else {key: ask(key) for key in _KEYS_OF.get(objective, ())}


def _predicted_label(value: NDArray[Any], objective: str, _: int) -> NDArray[Any]:
    import numpy as np

    if objective == "multi:softprob":
        return np.asarray(value.argmax(axis=1))
    if objective == "binary:logistic":
        return np.asarray(value > _HALF, dtype=np.int64)
    if objective == "binary:logitraw":
        return np.asarray(value > 0, dtype=np.int64)
    return value.astype("float64")


def _labels(value: NDArray[Any], objective: str, class_count: int) -> NDArray[Any]:
    import numpy as np

    count = 2 if objective.startswith("binary:") else class_count
    return np.tile(np.arange(count), (len(value), 1))


def _score(value: NDArray[Any], *_: Any) -> NDArray[Any]:
    winner: NDArray[Any] = value if value.ndim == 1 else value.max(axis=1)
    return winner.astype("float64")


def _scores(value: NDArray[Any], *_: Any) -> NDArray[Any]:
    import numpy as np

    value = value.astype("float64")
    return value if value.ndim > 1 else np.column_stack((1.0 - value, value))


_READERS: dict[str, Callable[[NDArray[Any], str, int], NDArray[Any]]] = {
    "predicted_label": _predicted_label,
    "labels": _labels,
    "probability": _score,
    "probabilities": _scores,
    "raw_score": _score,
    "raw_scores": _scores,
    "predicted_score": _score,
}
