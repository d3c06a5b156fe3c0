import os

import xgboost

from scriptmode import compose

model_fn, input_fn, predict_fn, output_fn = compose("xgboost")


def model_fn(model_dir):  # noqa: F811 - by hand
    return xgboost.Booster(model_file=os.path.join(model_dir, "model.json"))
