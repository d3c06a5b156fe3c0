"""What each stage of a request costs, and the whole road beside hand-written code.

The hand-written code does the same work with nothing checked and everything hard-coded; its
decoders and encoders are the fastest ways we know. Both run in turn in this one process, so that
the ratio holds where the machine's speed drifts. Quote ratios, not microseconds.

    python -m benchmarks.stages
"""

import statistics
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import orjson
import xgboost as xgb

from benchmarks.timing import microseconds
from scriptmode import compose

FEATURES, TREES = 30, 100
SIZES = (1, 100, 10_000)
ROUNDS = 15


def train(folder: Path) -> None:
    random = np.random.default_rng(0)
    table = random.normal(size=(2000, FEATURES))
    label = table[:, 0] + np.sin(table[:, 1]) + random.normal(size=2000)
    model = xgb.train({"max_depth": 6, "nthread": 1}, xgb.DMatrix(table, label), TREES)
    (folder / "xgboost-model").write_bytes(model.save_raw("ubj"))


def bodies(rows: int) -> dict[str, bytes]:
    table = np.random.default_rng(1).normal(size=(rows, FEATURES)).round(4).tolist()
    csv = "".join(",".join(map(repr, row)) + "\n" for row in table)
    return {"text/csv": csv.encode(), "application/json": orjson.dumps(table)}


def hand_decode(body: bytes, content_type: str) -> Any:
    if content_type == "application/json":
        return np.array(orjson.loads(body))
    flat = orjson.loads(b"[%b]" % body[:-1].replace(b"\n", b","))
    return np.array(flat).reshape(-1, FEATURES)


def hand_predict(data: Any, model: Any) -> Any:
    return model.inplace_predict(data, validate_features=False)


def hand_encode(prediction: Any, accept: str) -> bytes:
    body = orjson.dumps(prediction, option=orjson.OPT_SERIALIZE_NUMPY)
    return body if accept == "application/json" else body[1:-1].replace(b",", b"\n") + b"\n"


def compare(ours: Callable[[], Any], theirs: Callable[[], Any]) -> tuple[float, float, float]:
    """Medians of both, and the median ratio of pairs run one right after the other."""
    pairs = [(microseconds(ours), microseconds(theirs)) for _ in range(ROUNDS)]
    ratios = [mine / other for mine, other in pairs]
    mine, other = (statistics.median(column) for column in zip(*pairs, strict=True))
    return mine, other, statistics.median(ratios)


def measure(handler: Any, model: Any, content_type: str, body: bytes) -> dict[str, Any]:
    data = handler.input_fn(body, content_type)
    prediction = handler.predict_fn(data, model)
    expected = hand_encode(hand_predict(hand_decode(body, content_type), model), content_type)
    assert handler.output_fn(prediction, content_type) == (expected, content_type)

    def road() -> Any:
        decoded = handler.input_fn(body, content_type)
        return handler.output_fn(handler.predict_fn(decoded, model), content_type)

    def hand() -> Any:
        predicted = hand_predict(hand_decode(body, content_type), model)
        return hand_encode(predicted, content_type), content_type

    return {
        "input_fn": compare(
            lambda: handler.input_fn(body, content_type), lambda: hand_decode(body, content_type)
        ),
        "predict_fn": compare(
            lambda: handler.predict_fn(data, model), lambda: hand_predict(data, model)
        ),
        "output_fn": compare(
            lambda: handler.output_fn(prediction, content_type),
            lambda: hand_encode(prediction, content_type),
        ),
        "whole road": compare(road, hand),
    }


def main() -> None:
    print(f"{'rows':>6} {'format':<17}{'stage':<12}{'ours µs':>10}{'by hand µs':>12}{'ratio':>8}")
    with TemporaryDirectory() as folder:
        train(Path(folder))
        handler = compose("xgboost")
        model = handler.model_fn(folder)
        model.set_param({"nthread": 1})  # two threads on two cores measure the neighbours
        for rows in SIZES:
            for content_type, body in bodies(rows).items():
                for stage, (ours, hand, ratio) in measure(
                    handler, model, content_type, body
                ).items():
                    print(
                        f"{rows:>6} {content_type:<17}{stage:<12}"
                        f"{ours:>10.1f}{hand:>12.1f}{ratio:>8.2f}"
                    )


if __name__ == "__main__":
    main()
