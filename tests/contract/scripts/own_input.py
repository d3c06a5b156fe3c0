import numpy as np

from scriptmode import compose

model_fn, input_fn, predict_fn, output_fn = compose("xgboost")


def input_fn(body, content_type, context=None):  # noqa: F811 - by hand
    text = body if isinstance(body, str) else bytes(body).decode()
    return np.array([[float(cell) for cell in line.split(";")] for line in text.splitlines()])
