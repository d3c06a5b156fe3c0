"""Nothing is composed: what each stack makes of a function that raises."""

import json


def model_fn(model_dir):
    return len


def input_fn(body, content_type):
    if content_type != "application/json":
        raise ValueError("unsupported: " + content_type)
    return json.loads(body)


def predict_fn(data, model):
    return [model(row) for row in data]


def output_fn(prediction, accept):
    return json.dumps(prediction)
