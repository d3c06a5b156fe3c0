"""The training half of a script: hyperparameters, channels, and a run that proves what it saves.

::

    from scriptmode.training import Hyperparameters, Job, run

The same script trains under SageMaker's training toolkit, under the drivers of its Python SDK 3,
under ``scriptmode train``, and by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scriptmode._imports import import_string

if TYPE_CHECKING:
    from scriptmode.training.channel import Channel
    from scriptmode.training.estimator import Estimator, XGBoost
    from scriptmode.training.examples import Examples
    from scriptmode.training.hyperparameters import Hyperparameters
    from scriptmode.training.inputs import TrainingInput
    from scriptmode.training.job import Job
    from scriptmode.training.main import Trained, run
    from scriptmode.training.predictor import Predictor

__all__ = [
    "Channel",
    "Estimator",
    "Examples",
    "Hyperparameters",
    "Job",
    "Predictor",
    "Trained",
    "TrainingInput",
    "XGBoost",
    "run",
]

_MODULES = {
    "Channel": "channel",
    "Estimator": "estimator",
    "Examples": "examples",
    "Hyperparameters": "hyperparameters",
    "Job": "job",
    "Predictor": "predictor",
    "Trained": "main",
    "TrainingInput": "inputs",
    "XGBoost": "estimator",
    "run": "main",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_string(f"{__name__}.{_MODULES[name]}:{name}")
