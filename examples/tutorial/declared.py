"""The script-mode XGBoost tutorial with both halves declared."""

from typing import Any

from pydantic import Field

from scriptmode import compose
from scriptmode.training import Examples, Hyperparameters, Job, run

handler = compose("xgboost", accepts=["csv", "json"], returns=["json", "csv"])
model_fn, input_fn, predict_fn, output_fn = handler


class Parameters(Hyperparameters):
    num_round: int = Field(30, ge=1, description="how many trees")
    max_depth: int = Field(3, ge=1, description="of each tree")
    eta: float = Field(0.2, gt=0, le=1, description="how much of each tree counts")
    objective: str = "reg:squarederror"


def train(parameters: Parameters, job: Job) -> tuple[Any, Any]:
    import xgboost as xgb

    def read(channel: str) -> tuple[xgb.DMatrix, Examples]:
        examples = job.channel(channel, default=f"build/demo/data/{channel}.csv").table(label=0)
        names = examples.names
        return xgb.DMatrix(examples.features, examples.label, feature_names=names), examples

    (training, examples), (validation, _) = read("train"), read("validation")
    watched = [(training, "train"), (validation, "validation")]
    booster = xgb.train(
        parameters.model_dump(exclude={"num_round"}), training, parameters.num_round, evals=watched
    )
    return booster, examples.features[:5]


if __name__ == "__main__":
    run(train, handler)
