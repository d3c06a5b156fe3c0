from scriptmode import compose


def after(prediction, context):
    """Another status, and a header."""
    context.set_response_status(code=203)
    context.response.headers["X-Amzn-SageMaker-Custom-Attributes"] = "said"
    return prediction


model_fn, input_fn, predict_fn, output_fn = compose("xgboost", returns=["json", "csv"], after=after)
