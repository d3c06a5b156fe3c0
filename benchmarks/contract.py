"""What holding a request to the model's columns costs, beside the decoding of the same body.

Numeric JSON records with names in the model's order, in another order, and under a pydantic model
whose every field has bounds; in one process, the stages in turn. Quote shares, not microseconds.

    python -m benchmarks.contract
"""

import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, create_model

from benchmarks.timing import microseconds
from scriptmode import compose

COLUMNS = 30
SIZES = (1, 100, 10_000)
ROUNDS = 15
NAMES = [f"f{index}" for index in range(COLUMNS)]
BOUNDED: Any = create_model(
    "Bounded",
    **{name: (float, Field(ge=-100, le=100)) for name in NAMES},  # type: ignore[call-overload]
)


class Nothing:
    """A model that costs nothing, so that only the road to it is timed."""

    name = "nothing"

    def load(self, model_dir: Path) -> str:
        return "model"

    def predict(self, model: str, data: Any) -> Any:
        return data


def main() -> None:
    print(f"{'rows':>6} {'features':<24}{'decode µs':>11}{'contract µs':>13}{'share':>8}")
    for rows in SIZES:
        table = np.random.default_rng(0).normal(size=(rows, COLUMNS)).round(4).tolist()
        records = [dict(zip(NAMES, row, strict=True)) for row in table]
        shuffled = [dict(reversed(record.items())) for record in records]
        for title, features, body in [
            ("names, in order", NAMES, records),
            ("names, in another order", NAMES, shuffled),
            ("bounds, in order", BOUNDED, records),
            ("bounds, in another order", BOUNDED, shuffled),
        ]:
            show(rows, title, compose(Nothing(), features=features), json.dumps(body).encode())


def show(rows: int, title: str, handler: Any, body: bytes) -> None:
    data = handler.input_fn(body, "application/json")
    pairs = [
        (
            microseconds(lambda: handler.input_fn(body, "application/json")),
            microseconds(lambda: handler.predict_fn(data, "model")),
        )
        for _ in range(ROUNDS)
    ]
    decode, contract = (statistics.median(column) for column in zip(*pairs, strict=True))
    share = statistics.median(mine / (mine + other) for other, mine in pairs)
    print(f"{rows:>6} {title:<24}{decode:>11.1f}{contract:>13.1f}{share:>8.0%}")


if __name__ == "__main__":
    main()
