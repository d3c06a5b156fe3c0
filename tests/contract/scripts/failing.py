import sys

import numpy as np

from scriptmode import compose
from scriptmode.errors import InvalidFeaturesError, RequestError


class Odd(RequestError):
    """A status that HTTP has no phrase for."""

    status = 460


class Panic(BaseException):
    """As extensions in Rust raise."""


def predict(model, data, context):
    """The first cell says what goes wrong."""
    kind = int(data[0, 0])
    if kind == 1:
        raise ValueError("a secret of the script")
    if kind == 2:
        raise InvalidFeaturesError("the second column is odd", field="b", row=1)
    if kind == 3:
        sys.exit(3)
    if kind == 4:
        raise InvalidFeaturesError("that row is odd", row=np.int64(1))
    if kind == 5:
        raise Odd("of its own")
    if kind == 6:
        raise Panic
    return model.inplace_predict(data)[:-1]


model_fn, input_fn, predict_fn, output_fn = compose("xgboost", predict=predict)
