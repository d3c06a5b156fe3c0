"""Jobs for the real training peers, and the script that tells what it was given."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.environments import ROOT, environment

BESIDE = (
    "numpy",
    "pandas",
    "scipy",
    "pydantic>=2.4",
    "orjson>=3.10.7",
    "packaging",
    "hatchling",
    "editables",
    "xgboost-cpu==3.2.0",
)
BOX = ROOT / "tests" / "contract" / "box.sh"
SCRIPTS = Path(__file__).parent / "scripts"

# Each is declared in scripts/told.py.
VALUES: dict[str, Any] = {
    "max_depth": 5,
    "n": 1,
    "learning-rate": 0.3,
    "negative": -4,
    "negative_float": -0.5,
    "large": 10**15,
    "tiny": 1e-12,
    "huge": 1e300,
    "zero": 0,
    "zero_float": 0.0,
    "whole_float": 2.0,
    "true": True,
    "false": False,
    "maybe": None,
    "maybe_text": None,
    "maybe_given": 7,
    "objective": "binary:logistic",
    "empty": "",
    "spaces": "a b  c",
    "quotes": 'say "so"',
    "dashes": "--max_depth",
    "dash": "-n",
    "equals": "a=b",
    "commas": "x,y,z",
    "brackets": "[not a list",
    "unicode": "größe ✓",
    "newline": "two\nlines",
    "backslash": "a\\b",
    "dollar": "$HOME",
    "star": "*",
    "semicolon": "a;b",
    "word_none": "None",
    "word_null": "nullable",
    "word_true": "truth",
    "numbers": [1, 2, 3],
    "floats": [0.1, 2.0],
    "words": ["a", "b c"],
    "nothing": [],
    "nested": [[1, 2], [3]],
    "flags": [True, False],
    "mapping": {"b": 2, "a": 1},
    "word_mapping": {"k": "v", "other": "w"},
    "deep": {"a": {"b": [1, None]}},
    "empty_mapping": {},
    "pair": [1, 2],
    "choice": "hist",
    "either": 3,
    "either_text": "three",
}
# What the drivers of the SDK 3 break: an apostrophe ends their job, "1.10" becomes a number.
TOOLKIT_ONLY: dict[str, Any] = {"apostrophe": "it's", "version": "1.10", "word_bool": "true"}


def toolkit_python() -> Path:
    """Python with the real training toolkit, and the SDK 2."""
    pins = ("setuptools<81", "wheel", "sagemaker==2.257.7", "sagemaker-training==5.1.4")
    return environment("sdk2", "3.11", (*BESIDE, *pins))


def drivers_python() -> Path:
    """Python with the SDK 3 and its training drivers."""
    return environment(
        "sdk3", "3.11", (*BESIDE, "sagemaker-core==2.27.0", "sagemaker-train==1.27.0")
    )


def run_toolkit(base: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """The real ``train`` on a job that is laid out below ``base``."""
    python = toolkit_python()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SM_")}
    environ = {
        **kept,
        "PATH": f"{python.parent}:{os.environ['PATH']}",
        "SAGEMAKER_BASE_DIR": str(base),
        "SM_STUDIO_LOCAL_MODE": "true",  # else it waits until the hosts' names are known
        "AWS_EC2_METADATA_DISABLED": "true",
        "TRAINING_JOB_NAME": json.loads(
            json.loads((base / "input/config/hyperparameters.json").read_text())[
                "sagemaker_job_name"
            ]
        ),
        **more,
    }
    return subprocess.run(
        [str(python.parent / "train")],
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def run_drivers(
    work: Path, source: Path, program: str, values: dict[str, Any], table: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """The real drivers of the SDK 3, in a box with an ``/opt/ml`` of its own.

    Each channel holds the table. ``output`` and ``model`` are copied to ``work`` at its end.
    """
    python = drivers_python()
    order = {"source": str(source), "program": program, "values": values, "out": str(work)}
    order["table"] = str(table or "")
    (work / "order.json").write_text(json.dumps(order))
    script = Path(__file__).parent / "driven.py"
    return subprocess.run(
        [
            "bash",
            str(BOX),
            str(python.parent.parent),
            "python",
            str(script),
            str(work / "order.json"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def copied(name: str, folder: Path) -> Path:
    """A script of ours in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy2(SCRIPTS / name, folder / name))
