"""The environment that SageMaker's training toolkit gives a script.

Written after what ``sagemaker_training`` 5.1.4 was seen to set; ``tests/training/test_parity.py``
runs both on the same script.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from scriptmode.training.hyperparameters import decoded
from scriptmode.training.spelling import as_arguments, as_variable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scriptmode.training.layout import Layout

# What the toolkit takes for itself; others of that prefix are for the framework around it.
_OWN = (
    "sagemaker_program",
    "sagemaker_submit_directory",
    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_region",
    "sagemaker_container_log_level",
    "sagemaker_job_name",
    "default_user_module_name",
    "_tuning_objective_metric",
    "sagemaker_s3_output",
)
_INFO = 20


class Described:
    """A job as its three configuration files describe it.

    Args:
        layout: the folders that hold them.
    """

    def __init__(self, layout: Layout) -> None:
        files = {
            name: json.loads((layout.config / f"{name}.json").read_bytes())
            for name in ("hyperparameters", "resourceconfig", "inputdataconfig")
        }
        values = {name: decoded(value) for name, value in files["hyperparameters"].items()}
        self.layout = layout
        # What the toolkit is told beside what the script is, such as ``sagemaker_program``.
        self.own = {name: value for name, value in values.items() if _is_own(name)}
        self.hyperparameters = {n: value for n, value in values.items() if n not in self.own}
        self.resources: Mapping[str, Any] = files["resourceconfig"]
        self.inputs: Mapping[str, Any] = files["inputdataconfig"]

    @property
    def program(self) -> str:
        """The script, relative to the folder of the code."""
        return str(self.own["sagemaker_program"])

    @property
    def arguments(self) -> list[str]:
        """The script's command line."""
        return as_arguments(self.hyperparameters)

    def variables(self) -> dict[str, str]:
        """Every ``SM_*`` variable, and those that stand beside them."""
        told = self._told()
        named = {f"channel_{name}": str(self.layout.channel(name)) for name in self.inputs}
        named |= {f"hp_{name}": value for name, value in self.hyperparameters.items()}
        values = {**told, "training_env": self._training_env(told), **named}
        found = {f"SM_{name.upper()}": as_variable(value) for name, value in values.items()}
        return found | {
            "CURRENT_HOST": str(told["current_host"]),
            "SAGEMAKER_JOB_NAME": str(self.own.get("sagemaker_job_name", "")),
            "SAGEMAKER_REGION": str(self.own.get("sagemaker_region", "")),
            "TRAINING_JOB_NAME": str(self.own.get("sagemaker_job_name", "")),
        }

    def _told(self) -> dict[str, Any]:
        layout, groups = self.layout, self.resources.get("instance_groups", [])
        current = self.resources.get("current_group_name", "homogeneousCluster")
        own = [each["hosts"] for each in groups if each["instance_group_name"] == current]
        return {
            "hosts": self.resources["hosts"],
            "network_interface_name": self.resources.get("network_interface_name", "eth0"),
            "hps": self.hyperparameters,
            "user_entry_point": self.program,
            "framework_params": {n: each for n, each in self.own.items() if n not in _OWN},
            "resource_config": self.resources,
            "input_data_config": self.inputs,
            "output_data_dir": str(layout.output_data),
            "channels": sorted(self.inputs),
            "current_host": self.resources["current_host"],
            "current_instance_type": self.resources.get("current_instance_type", "local"),
            "current_instance_group": current,
            "current_instance_group_hosts": own[0] if own else [],
            "instance_groups": [each["instance_group_name"] for each in groups],
            "instance_groups_dict": {each["instance_group_name"]: each for each in groups},
            "distribution_instance_groups": [],
            "is_hetero": len(groups) > 1,
            "module_name": self.program.removesuffix(".py"),
            "log_level": self.own.get("sagemaker_container_log_level", _INFO),
            "framework_module": None,
            "input_dir": str(layout.input),
            "input_config_dir": str(layout.config),
            "output_dir": str(layout.output),
            "num_cpus": multiprocessing.cpu_count(),
            "num_gpus": _count_gpus(),
            "num_neurons": 0,
            "model_dir": str(layout.model),
            "module_dir": str(self.own.get("sagemaker_submit_directory", layout.code)),
            "user_args": self.arguments,
            "output_intermediate_dir": str(layout.output / "intermediate"),
        }

    def _training_env(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """The same under the toolkit's own names, and what only stands there."""
        left_out = ("user_args", "hps", "framework_params", "channels")
        return {name: value for name, value in told.items() if name not in left_out} | {
            "hyperparameters": self.hyperparameters,
            "additional_framework_parameters": told["framework_params"],
            "channel_input_dirs": {n: str(self.layout.channel(n)) for n in self.inputs},
            "distribution_hosts": _distribution_hosts(self.resources),
            "is_master": told["current_host"] == told["hosts"][0],
            "master_hostname": told["hosts"][0],
            "is_modelparallel_enabled": None,
            "is_smddpmprun_installed": False,
            "is_smddprun_installed": False,
            "job_name": self.own.get("sagemaker_job_name") or None,
            "topology": self.resources.get("topology", []),
        }


def _distribution_hosts(resources: Mapping[str, Any]) -> list[str]:
    return [] if resources.get("instance_groups") else list(resources["hosts"])


def _is_own(name: str) -> bool:
    return name in _OWN or name.startswith("sagemaker_")


def _count_gpus() -> int:
    """As the toolkit counts them, by ``nvidia-smi``."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    command = [program, "--list-gpus"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return sum(line.startswith("GPU ") for line in done.stdout.splitlines())
