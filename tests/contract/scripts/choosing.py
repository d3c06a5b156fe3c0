"""What a caller sends is overridden by hand."""

from scriptmode import compose

made = compose("xgboost", accepts=["json", "csv"])
model_fn, predict_fn = made.model_fn, made.predict_fn


def input_fn(body, content_type, context=None):
    return made.input_fn(body, "text/csv", context)


def output_fn(prediction, accept, context=None):
    return made.output_fn(prediction, "text/csv", context)
