"""The same script under SageMaker's own training toolkit and under ours, side by side."""

import json
from pathlib import Path
from typing import Any

import pytest

from scriptmode.errors import TrainingError
from scriptmode.training.inputs import TrainingInput
from scriptmode.training.local_job import LocalJob
from tests.training.jobs import (
    TOOLKIT_ONLY,
    VALUES,
    copied,
    run_drivers,
    run_toolkit,
)

pytestmark = [pytest.mark.peer, pytest.mark.usefixtures("peers")]
GIVEN = {**VALUES, **TOOLKIT_ONLY}


def laid_out(base: Path, script: Path, values: dict[str, Any]) -> LocalJob:
    data = base.parent / "data"
    data.mkdir(exist_ok=True)
    (data / "part.csv").write_text("1,2\n")
    job = LocalJob(base, "job-1")
    inputs = {
        "train": TrainingInput(data, "text/csv"),
        "validation-set": TrainingInput(data / "part.csv"),
    }
    told = {name: json.dumps(value) for name, value in values.items()}
    job.prepare(script, None, [], inputs, told)
    return job


def said(base: Path) -> Any:
    text = (base / "output/data/told.json").read_text()
    return json.loads(text.replace(str(base), "/opt/ml"))


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """What the script was told by them and by us."""
    root = tmp_path_factory.mktemp("parity")
    script = copied("told.py", root / "source")
    laid_out(root / "theirs", script, GIVEN)
    done = run_toolkit(root / "theirs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (root / "theirs/output/success").exists()
    ours = laid_out(root / "ours", script, GIVEN)
    ours.run(lambda line: None)
    assert ours.layout.success.exists()
    return said(root / "theirs"), said(root / "ours")


def test_the_command_line_is_the_same_to_the_letter(both: tuple[Any, Any]) -> None:
    theirs, ours = both
    assert ours["argv"] == theirs["argv"]
    assert len(ours["argv"]) == 1 + 2 * len(GIVEN)
    assert ours["cwd"] == theirs["cwd"] == "/opt/ml/code"


def test_the_environment_is_the_same_to_the_letter(both: tuple[Any, Any]) -> None:
    theirs, ours = ({n: v for n, v in each["environ"].items() if told(n)} for each in both)
    del theirs["SM_STUDIO_LOCAL_MODE"]
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        if name in ("SM_TRAINING_ENV", "SM_RESOURCE_CONFIG"):
            assert json.loads(ours[name]) == json.loads(value), name
        else:
            assert ours[name] == value, name
    assert len(ours) > 80


def told(name: str) -> bool:
    beside = ("CURRENT_HOST", "SAGEMAKER_JOB_NAME", "SAGEMAKER_REGION", "TRAINING_JOB_NAME")
    return name.startswith("SM_") or name in beside


def test_every_value_arrives_as_it_was_given(both: tuple[Any, Any]) -> None:
    expected = {name.replace("-", "_"): value for name, value in GIVEN.items()}
    assert len(expected) >= 40
    for each in both:
        assert each["hyperparameters"] == expected


def test_the_command_line_alone_says_nearly_as_much(both: tuple[Any, Any]) -> None:
    """An empty text and None are one there, and so are some words."""
    for each in both:
        differing = {
            name for name, value in each["hyperparameters"].items() if each["blind"][name] != value
        }
        assert differing <= {"deep"}, differing


def test_the_job_is_the_same(both: tuple[Any, Any]) -> None:
    theirs, ours = both
    assert ours["job"] == theirs["job"]
    assert ours["job"]["channels"] == {
        "train": ["/opt/ml/input/data/train", "text/csv"],
        "validation-set": ["/opt/ml/input/data/validation-set", None],
    }
    assert ours["job"]["is_leader"] is True


def test_the_drivers_of_the_other_sdk_say_the_same(tmp_path: Path) -> None:
    script = copied("told.py", tmp_path / "source")
    done = run_drivers(tmp_path, script.parent, script.name, VALUES)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "output/data/told.json").read_text())
    assert "--max_depth" in found["argv"]
    expected = {name.replace("-", "_"): value for name, value in VALUES.items()}
    given = {name: found["hyperparameters"][name] for name in expected}
    assert given == expected
    assert found["job"]["channels"] == {"train": ["/opt/ml/input/data/train", "text/csv"]}
    assert found["job"]["failure"] == "/opt/ml/output/failure"


FAILURES = [
    "nothing", "exception", "exit3", "exit0", "exit_text", "killed", "terminated", "channel",
    "argparse", "import", "own_failure", "child",
]  # fmt: skip


@pytest.mark.parametrize("how", FAILURES)
def test_a_failure_is_told_as_the_toolkit_tells_it(tmp_path: Path, how: str) -> None:
    """But that its message is not left empty."""
    script = copied("failing.py", tmp_path / "source")
    laid_out(tmp_path / "theirs", script, {"how": how})
    done = run_toolkit(tmp_path / "theirs")
    ours = laid_out(tmp_path / "ours", script, {"how": how})
    try:
        ours.run(lambda line: None)
        code = 0
    except TrainingError:
        code = 1
    assert done.returncode == code, done.stdout + done.stderr
    for file in ("failure", "success"):
        assert (tmp_path / "theirs/output" / file).exists() == (ours.layout.output / file).exists()
    if code:
        theirs = (tmp_path / "theirs/output/failure").read_text()
        assert comparable(theirs) == comparable(ours.layout.failure.read_text())


def comparable(failure: str) -> list[str]:
    """Without the message, and the path of the interpreter."""
    lines = [line for line in failure.splitlines() if not line.startswith("ErrorMessage")]
    return [line.partition(" -- ")[2] if line.startswith("Command") else line for line in lines]


def test_an_entry_point_that_the_toolkit_refuses_is_refused_before(tmp_path: Path) -> None:
    script = tmp_path / "a b.py"
    script.write_text("")
    laid_out(tmp_path / "theirs", copied("failing.py", tmp_path / "source"), {"how": "nothing"})
    config = tmp_path / "theirs/input/config/hyperparameters.json"
    values = {**json.loads(config.read_text()), "sagemaker_program": '"a b.py"'}
    config.write_text(json.dumps(values))
    done = run_toolkit(tmp_path / "theirs")
    assert done.returncode == 1
    assert "cannot be used" in (tmp_path / "theirs/output/failure").read_text()
    with pytest.raises(Exception, match="has only letters, digits"):
        laid_out(tmp_path / "ours", script, {})


def test_requirements_that_are_not_met_fail_both(tmp_path: Path) -> None:
    source = tmp_path / "source"
    copied("failing.py", source)
    (source / "requirements.txt").write_text("no-such-library-of-anybody>=1\n")
    for name in ("theirs", "ours"):
        LocalJob(tmp_path / name, "job-1").prepare(
            Path("failing.py"), source, [], {}, {"how": '"nothing"'}
        )
    done = run_toolkit(tmp_path / "theirs", PIP_NO_INDEX="1")
    assert done.returncode == 1
    assert (tmp_path / "theirs/output/failure").read_text().startswith("InstallRequirementsError")
    with pytest.raises(TrainingError, match="InstallRequirementsError"):
        LocalJob(tmp_path / "ours", "job-1").run(lambda line: None)
