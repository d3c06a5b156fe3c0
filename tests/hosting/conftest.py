"""A model that most of the tests of servers ask."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from tests.hosting.served import Server, serving

MINIMAL = Path(__file__).parents[2] / "examples/minimal/inference.py"
ROWS = np.random.default_rng(0).normal(size=(20, 5))


@pytest.fixture(scope="session")
def booster() -> Any:
    return xgb.train({"nthread": 1}, xgb.DMatrix(ROWS, ROWS.sum(axis=1)), 5)


@pytest.fixture(scope="session")
def model_dir(booster: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    (folder / "xgboost-model").write_bytes(booster.save_raw("ubj"))
    return folder


@pytest.fixture(scope="module")
def server(model_dir: Path) -> Iterator[Server]:
    """The smallest script with the usual options; for tests that change nothing of it."""
    with serving(MINIMAL, model_dir) as server:
        server.wait_until_ready()
        yield server
