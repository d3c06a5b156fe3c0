"""The same tutorial as people write it today; it serves here unchanged, and stays a warning.

Its content types are compared to the letter, a bad body is a 500, one row must be reshaped by
hand, and its model is a pickle.
"""

import argparse
import json
import os
import pickle

import numpy as np
import xgboost as xgb


def model_fn(model_dir):
    with open(os.path.join(model_dir, "xgboost-model"), "rb") as f:
        return pickle.load(f)


def input_fn(request_body, request_content_type):
    if request_content_type == "text/csv":
        rows = [line.split(",") for line in request_body.strip().split("\n")]
        return xgb.DMatrix(np.array(rows, dtype=float))
    if request_content_type == "application/json":
        return xgb.DMatrix(np.array(json.loads(request_body), dtype=float))
    raise ValueError(f"Content type {request_content_type} is not supported.")


def predict_fn(input_data, model):
    return model.predict(input_data)


def output_fn(prediction, accept):
    if accept == "text/csv":
        return "".join(f"{value}\n" for value in prediction.tolist()), accept
    if accept == "application/json":
        return json.dumps(prediction.tolist()), accept
    raise ValueError(f"Accept type {accept} is not supported.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--num_round", type=int, default=30)
    parser.add_argument("--max_depth", type=int, default=3)
    parser.add_argument("--eta", type=float, default=0.2)
    parser.add_argument("--objective", type=str, default="reg:squarederror")
    parser.add_argument("--train", type=str, default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--validation", type=str, default=os.environ.get("SM_CHANNEL_VALIDATION"))
    parser.add_argument("--model_dir", type=str, default=os.environ.get("SM_MODEL_DIR"))
    args = parser.parse_args()

    train = np.loadtxt(os.path.join(args.train, "train.csv"), delimiter=",")
    validation = np.loadtxt(os.path.join(args.validation, "validation.csv"), delimiter=",")
    dtrain = xgb.DMatrix(train[:, 1:], train[:, 0])
    dvalidation = xgb.DMatrix(validation[:, 1:], validation[:, 0])
    params = {"max_depth": args.max_depth, "eta": args.eta, "objective": args.objective}
    bst = xgb.train(
        params,
        dtrain,
        args.num_round,
        evals=[(dtrain, "train"), (dvalidation, "validation")],
        verbose_eval=10,
    )
    with open(os.path.join(args.model_dir, "xgboost-model"), "wb") as f:
        pickle.dump(bst, f)
