"""What the real SDKs of SageMaker make of the tutorial, and the real toolkits of that."""

import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scriptmode.testing import check
from scriptmode.training import TrainingInput, XGBoost
from scriptmode.training.local_job import LocalJob
from tests.environments import ROOT
from tests.training.jobs import drivers_python, run_drivers, run_toolkit, toolkit_python

pytestmark = [pytest.mark.peer, pytest.mark.usefixtures("peers")]
HERE = Path(__file__).parent
TUTORIAL = ROOT / "examples" / "tutorial"
GIVEN = {"max_depth": 2, "num_round": 4, "eta": 0.5, "objective": "reg:absoluteerror"}
DATA = np.round(np.random.default_rng(0).normal(size=(40, 4)), 3)


@pytest.fixture
def data(tmp_path: Path) -> dict[str, TrainingInput]:
    np.savetxt(tmp_path / "table.csv", DATA, delimiter=",", fmt="%.17g")
    given = TrainingInput(tmp_path / "table.csv", "text/csv")
    return {"train": given, "validation": given}


def ask(python: Path, script: str, folder: Path, **more: Any) -> Any:
    """What an SDK would send, for the tutorial and a dependency of it."""
    order = {
        "entry_point": "declared.py",
        "source_dir": str(TUTORIAL),
        "hyperparameters": GIVEN,
        "told": str(folder / "told.json"),
        **more,
    }
    (folder / "order.json").write_text(json.dumps(order))
    command = [str(python), str(HERE / script), str(folder / "order.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "told.json").read_text())


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_the_sdk_sends_the_same_code_and_the_same_hyperparameters(
    tmp_path: Path, data: dict[str, TrainingInput]
) -> None:
    """And what it sends trains under the real toolkit."""
    (tmp_path / "helper.py").write_text("WORD = 1\n")
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").write_text("")
    dependencies = [str(tmp_path / "helper.py"), str(tmp_path / "package")]
    archive = tmp_path / "sourcedir.tar.gz"
    told = ask(
        toolkit_python(), "sdk2.py", tmp_path, dependencies=dependencies, archive=str(archive)
    )
    with tarfile.open(archive) as sent:
        sent.extractall(tmp_path / "sent", filter="data")

    ours = XGBoost(
        entry_point="declared.py",
        source_dir=str(TUTORIAL),
        dependencies=dependencies,
        hyperparameters=GIVEN,
        framework_version="3.0-5",
        role="arn:aws:iam::111122223333:role/any",
        instance_type="ml.m5.xlarge",
        instance_count=1,
        output_path=tmp_path / "jobs",
    )
    ours.fit(data, job_name="one")
    assert files(tmp_path / "sent") == files(tmp_path / "jobs/one/code")
    own = {name: value for name, value in told.items() if not name.startswith("sagemaker_")}
    assert own == ours.hyperparameters()

    job = LocalJob(tmp_path / "theirs", "job-1")
    job.prepare(Path("declared.py"), tmp_path / "sent", [], data, own)
    done = run_toolkit(tmp_path / "theirs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "eta=0.5 objective='reg:absoluteerror'" in done.stdout + done.stderr
    assert_served(job.layout.model, tmp_path / "jobs/one/model")


def test_the_other_sdk_takes_the_folder_as_it_is(
    tmp_path: Path, data: dict[str, TrainingInput]
) -> None:
    """And its drivers train what it sends."""
    (tmp_path / "root").mkdir()
    told = ask(drivers_python(), "sdk3.py", tmp_path, root=str(tmp_path / "root"))
    assert Path(told["code"]) == TUTORIAL
    values = told["hyperparameters"]
    assert set(values) == set(GIVEN)
    work = tmp_path / "work"
    work.mkdir()
    done = run_drivers(work, TUTORIAL, "declared.py", values, table=data["train"].location)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "eta=0.5 objective='reg:absoluteerror'" in done.stdout + done.stderr
    assert_served(work / "model")


def assert_served(*folders: Path) -> None:
    """That each folder is what the tutorial serves; and that all hold the same answers."""
    from scriptmode.handlers.script import import_script

    script = import_script(str(TUTORIAL / "declared.py"))
    assert [check(script, folder) for folder in folders] == [5] * len(folders)
    golden = [json.loads((each / "scriptmode.json").read_text())["golden"] for each in folders]
    assert all(each == golden[0] for each in golden)
