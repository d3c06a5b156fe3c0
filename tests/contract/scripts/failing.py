import sys

from scriptmode import compose
from scriptmode.errors import InvalidFeaturesError


def predict(model, data, context):
    """The first cell says what goes wrong."""
    kind = int(data[0, 0])
    if kind == 1:
        raise ValueError("a secret of the script")
    if kind == 2:
        raise InvalidFeaturesError("the second column is odd", field="b", row=1)
    if kind == 3:
        sys.exit(3)
    return model.inplace_predict(data)[:-1]


model_fn, input_fn, predict_fn, output_fn = compose("xgboost", predict=predict)
