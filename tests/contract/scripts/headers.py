from scriptmode import compose


def predict(model, data, context):
    """The names of the headers that have anything to do with the body."""
    return [",".join(sorted(name for name in context.headers if name == "body")) or "none"]


model_fn, input_fn, predict_fn, output_fn = compose("xgboost", predict=predict)
