import dataclasses
import json
from pathlib import Path

import pytest

from scriptmode.errors import DeclarationError
from scriptmode.training import Channel, Job

TOOLKIT = {
    "SM_MODEL_DIR": "/opt/ml/model",
    "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
    "SM_OUTPUT_DIR": "/opt/ml/output",
    "SM_CHANNELS": '["train","validation-set"]',
    "SM_CHANNEL_TRAIN": "/opt/ml/input/data/train",
    "SM_CHANNEL_VALIDATION-SET": "/opt/ml/input/data/validation-set",
    "SM_INPUT_DATA_CONFIG": '{"train":{"ContentType":"text/csv"},"validation-set":{}}',
    "SM_HOSTS": '["algo-1","algo-2"]',
    "SM_CURRENT_HOST": "algo-2",
    "SM_NUM_CPUS": "4",
    "SM_NUM_GPUS": "1",
    "TRAINING_JOB_NAME": "job-1",
}


def test_what_the_environment_says() -> None:
    job = Job.read(TOOLKIT)
    assert job.model_dir == Path("/opt/ml/model")
    assert job.output_data_dir == Path("/opt/ml/output/data")
    assert job.failure == Path("/opt/ml/output/failure")
    assert job.hosts == ("algo-1", "algo-2")
    assert (job.num_cpus, job.num_gpus, job.name) == (4, 1, "job-1")
    assert not job.is_leader
    assert Job.read({**TOOLKIT, "SM_CURRENT_HOST": "algo-1"}).is_leader
    assert job.channel("train") == Channel("train", Path("/opt/ml/input/data/train"), "text/csv")
    assert job.channel("validation-set").content_type is None


def test_channels_of_the_other_sdk_that_hold_the_script_are_none_of_the_data() -> None:
    environ = {
        "SM_CHANNELS": '["train", "code", "sm_drivers"]',
        "SM_CHANNEL_TRAIN": "/data",
        "SM_CHANNEL_CODE": "/code",
        "SM_CHANNEL_SM_DRIVERS": "/drivers",
        "SM_OUTPUT_FAILURE": "/elsewhere/failure",
    }
    job = Job.read(environ)
    assert list(job.channels) == ["train"]
    assert job.failure == Path("/elsewhere/failure")


def test_variables_alone_name_channels_too() -> None:
    assert Job.read({"SM_CHANNEL_TRAIN": "/data"}).channel("train").path == Path("/data")


def test_without_a_host_folders_are_those_of_the_current_one() -> None:
    job = Job.read({})
    assert (job.model_dir, job.output_data_dir) == (Path("model"), Path("output"))
    assert job.is_leader
    assert job.failure is None
    assert job.channel("train", default="data/train").path == Path("data/train")


def test_a_channel_that_there_is_not_is_told_with_those_there_are() -> None:
    with pytest.raises(
        DeclarationError, match=r"no channel 'test'; .* given 'train', 'validation-set'"
    ):
        Job.read(TOOLKIT).channel("test")
    with pytest.raises(DeclarationError, match=r"given none\. Set SM_CHANNEL_TEST, run with"):
        Job.read({}).channel("test")


def test_a_variable_that_should_be_json_is_told() -> None:
    with pytest.raises(DeclarationError, match="SM_HOSTS is no JSON"):
        Job.read({"SM_HOSTS": "[algo"})


def test_nothing_of_it_can_be_changed() -> None:
    job = Job.read(TOOLKIT)
    with pytest.raises(dataclasses.FrozenInstanceError):
        job.num_cpus = 8  # type: ignore[misc]
    with pytest.raises(TypeError):
        job.channels["train"] = Channel("train", Path())  # type: ignore[index]
    assert json.loads(TOOLKIT["SM_HOSTS"]) == list(job.hosts)
