"""Runs in a box: the training drivers of the SDK 3, as they are, on a job of their own.

python driven.py ORDER.json
"""

import importlib.util
import json
import os
import pathlib
import runpy
import shutil
import subprocess
import sys
from typing import Any

ML = pathlib.Path("/opt/ml")
CHANNELS = ("train", "validation")


def main() -> int:
    order = json.loads(pathlib.Path(sys.argv[1]).read_text())
    spec = importlib.util.find_spec("sagemaker")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    train = pathlib.Path(spec.submodule_search_locations[0]) / "train"
    data, drivers = ML / "input/data", ML / "input/data/sm_drivers"
    shutil.copytree(train / "container_drivers", drivers, dirs_exist_ok=True)
    shutil.copytree(order["source"], data / "code", dirs_exist_ok=True)
    for name in CHANNELS if order["table"] else CHANNELS[:1]:
        (data / name).mkdir()
        if order["table"]:
            shutil.copy(order["table"], data / name)
    source = {"source_dir": "src", "entry_script": order["program"]}
    (drivers / "sourcecode.json").write_text(json.dumps(source))
    (drivers / "distributed.json").write_text("{}")
    templates = runpy.run_path(str(train / "templates.py"))
    script = templates["TRAIN_SCRIPT_TEMPLATE"].format(
        working_dir="cd /opt/ml/input/data/code \n",
        install_requirements="",
        execute_driver=templates["EXECUTE_BASIC_SCRIPT_DRIVER"],
    )
    (drivers / "sm_train.sh").write_text(script)
    write_configuration(order["values"], CHANNELS if order["table"] else CHANNELS[:1])
    environ = {**os.environ, "TRAINING_JOB_NAME": "job-1"}  # as the platform sets it
    done = subprocess.run(["bash", str(drivers / "sm_train.sh")], env=environ, check=False)
    shutil.copytree(ML / "output", pathlib.Path(order["out"]) / "output", dirs_exist_ok=True)
    shutil.copytree(ML / "model", pathlib.Path(order["out"]) / "model", dirs_exist_ok=True)
    return done.returncode


def write_configuration(values: dict[str, Any], channels: tuple[str, ...]) -> None:
    """As the SDK 3 serializes: texts as they are, the rest as JSON."""
    group = {"instance_group_name": "g", "instance_type": "ml.m5.xlarge", "hosts": ["algo-1"]}
    channel = {"TrainingInputMode": "File", "ContentType": "text/csv"}
    documents = {
        "hyperparameters": {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in values.items()
        },
        "resourceconfig": {
            "current_host": "algo-1",
            "hosts": ["algo-1"],
            "network_interface_name": "lo",
            "current_instance_type": "ml.m5.xlarge",
            "current_group_name": "g",
            "instance_groups": [group],
        },
        "inputdataconfig": dict.fromkeys((*channels, "code", "sm_drivers"), channel),
    }
    for name, document in documents.items():
        (ML / "input/config" / f"{name}.json").write_text(json.dumps(document))


if __name__ == "__main__":
    sys.exit(main())
