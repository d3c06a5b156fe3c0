import os
import subprocess
import sys
from typing import Any

import pytest

from scriptmode.errors import DeclarationError
from scriptmode.models.catboost import CatBoost
from scriptmode.models.lightgbm import LightGBM
from scriptmode.models.onnx import Onnx
from scriptmode.models.threads import threads_of
from scriptmode.models.xgboost import XGBoost

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@pytest.mark.parametrize(
    ("workers", "expected"),
    [(None, CORES), ("1", CORES), (str(CORES), 1), (str(CORES * 4), 1), ("", CORES), ("x", CORES)],
)
def test_cores_are_shared_among_the_workers(workers: str | None, expected: int) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "SAGEMAKER_MODEL_SERVER_WORKERS"}
    if workers is not None:
        environment["SAGEMAKER_MODEL_SERVER_WORKERS"] = workers
    script = "from scriptmode.models.threads import threads_of; print(threads_of(None))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == str(expected), done.stderr


def test_what_is_declared_counts() -> None:
    assert threads_of(7) == 7


@pytest.mark.parametrize("loader", [CatBoost, LightGBM, Onnx, XGBoost])
@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True])
def test_a_number_that_there_cannot_be_is_a_mistake_of_the_script(
    loader: Any, threads: Any
) -> None:
    with pytest.raises(DeclarationError, match="expected a number from 1"):
        loader(threads=threads)


@pytest.mark.parametrize("loader", [LightGBM, XGBoost])
def test_with_one_thread_a_process_may_be_forked(loader: Any) -> None:
    assert loader(threads=1).fork_safe
    assert not loader(threads=2).fork_safe
