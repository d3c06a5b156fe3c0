"""Functions by hand, with as many parameters as in every tutorial, around composed ones."""

from scriptmode import compose

made = compose("xgboost")


def model_fn(model_dir):
    return made.model_fn(model_dir)


def input_fn(body, content_type):
    return made.input_fn(body, content_type)


def predict_fn(data, model):
    return made.predict_fn(data, model)


def output_fn(prediction, accept):
    return made.output_fn(prediction, accept)
