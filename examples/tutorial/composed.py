"""The script-mode XGBoost tutorial: train under the main guard, serve by declaration."""

import argparse
import os
from pathlib import Path

from scriptmode import compose

model_fn, input_fn, predict_fn, output_fn = compose(
    "xgboost", accepts=["csv", "json"], returns=["json", "csv"]
)


def train(options: argparse.Namespace) -> None:
    import numpy as np
    import xgboost as xgb

    table = np.loadtxt(Path(options.train) / "train.csv", delimiter=",")
    label, features = table[:, 0], table[:, 1:]
    parameters = {
        "max_depth": options.max_depth,
        "eta": options.eta,
        "objective": options.objective,
    }
    fold_of_row = np.arange(len(table)) % options.K
    for fold in range(options.K):
        kept = fold_of_row != fold
        training = xgb.DMatrix(features[kept], label[kept])
        validation = xgb.DMatrix(features[~kept], label[~kept])
        xgb.train(
            parameters,
            training,
            options.num_round,
            evals=[(training, f"fold{fold}_train"), (validation, f"fold{fold}_validation")],
            verbose_eval=options.num_round - 1,
        )
    model = xgb.train(parameters, xgb.DMatrix(features, label), options.num_round)
    (Path(options.model_dir) / "xgboost-model").write_bytes(model.save_raw("ubj"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--num_round", type=int, default=30)
    parser.add_argument("--max_depth", type=int, default=3)
    parser.add_argument("--eta", type=float, default=0.2)
    parser.add_argument("--objective", default="reg:squarederror")
    parser.add_argument("--K", type=int, default=5)
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN", "data"))
    parser.add_argument("--model_dir", default=os.environ.get("SM_MODEL_DIR", "model"))
    train(parser.parse_args())
