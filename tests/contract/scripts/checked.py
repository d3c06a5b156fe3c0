from scriptmode import compose

model_fn, input_fn, predict_fn, output_fn = compose("xgboost", accepts=["csv", "json"])
