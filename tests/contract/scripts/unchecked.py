"""The same by hand, for speed: nothing is checked, negotiated or put in order."""

import os
import sys

import numpy as np
import orjson
import xgboost

IS_HUGGING_FACE = "sagemaker_huggingface_inference_toolkit.handler_service" in sys.modules


def model_fn(model_dir):
    return xgboost.Booster(model_file=os.path.join(model_dir, "model.json"))


def input_fn(body, content_type):
    if content_type == "application/json":
        return np.array(orjson.loads(body), dtype=np.float64)
    text = body if isinstance(body, str) else bytes(body).decode()
    return np.array([line.split(",") for line in text.splitlines()], dtype=np.float64)


def predict_fn(data, model):
    return model.inplace_predict(data, validate_features=False)


def output_fn(prediction, accept):
    body = orjson.dumps(prediction, option=orjson.OPT_SERIALIZE_NUMPY)
    return body if IS_HUGGING_FACE else (body, "application/json")
