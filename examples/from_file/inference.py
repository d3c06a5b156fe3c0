from scriptmode import compose_from

model_fn, input_fn, predict_fn, output_fn = compose_from(__file__)
