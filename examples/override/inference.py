"""One function by hand: plain Python, nothing to learn."""

from typing import Any

from scriptmode import compose

model_fn, input_fn, _, output_fn = compose("xgboost", accepts=["csv", "json"], returns="json")


def predict_fn(data: Any, model: Any) -> Any:
    return model.inplace_predict(data) > 150  # noqa: PLR2004 - the clinic's own threshold
