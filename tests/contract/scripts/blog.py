"""Both halves in one file, as people write it in blogs."""

import argparse
import os

import xgboost

from scriptmode import compose

model_fn, input_fn, predict_fn, output_fn = compose("xgboost")

if __name__ == "__main__":
    os.environ["trained"] = "yes"
    parser = argparse.ArgumentParser()
    parser.add_argument("--max_depth", type=int, default=3)
    parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
    arguments = parser.parse_args()
    table = xgboost.DMatrix(os.path.join(arguments.train, "train.csv?format=csv&label_column=0"))
    booster = xgboost.train({"max_depth": arguments.max_depth}, table)
    booster.save_model(os.path.join(os.environ["SM_MODEL_DIR"], "model.json"))
