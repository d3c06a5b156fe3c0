from scriptmode import compose

model_fn, input_fn, predict_fn, output_fn = compose("xgboost")


def output_fn(prediction, accept):  # noqa: F811 - by hand
    return ",".join(map(str, prediction.tolist()))
