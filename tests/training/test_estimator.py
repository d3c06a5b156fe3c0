"""Training and deploying on this machine in the words of the SageMaker Python SDK."""

import json
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from scriptmode.cli import main
from scriptmode.errors import DeclarationError, ModelError, TrainingError
from scriptmode.serializers.csv import CSV
from scriptmode.training import Estimator, Predictor, TrainingInput, XGBoost

TUTORIAL = Path(__file__).parents[2] / "examples" / "tutorial"
X = np.round(np.random.default_rng(0).normal(size=(60, 3)), 3)
Y = X @ [1.0, -2.0, 0.5]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("data")
    table = np.column_stack([Y, X])
    for name in ("train", "validation"):
        (folder / name).mkdir()
        np.savetxt(folder / name / "part.csv", table, delimiter=",", fmt="%.17g")
    return {name: str(folder / name) for name in ("train", "validation")}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, data: dict[str, str]) -> Any:
    estimator = XGBoost(
        "declared.py",
        source_dir=TUTORIAL,
        role="arn:aws:iam::111122223333:role/any",
        instance_type="ml.m5.xlarge",
        framework_version="3.2-0",
        hyperparameters={"max_depth": 2, "num_round": 4, "eta": 0.5},
        output_path=tmp_path_factory.mktemp("jobs"),
    )
    estimator.fit({"train": TrainingInput(data["train"], "text/csv"), **data})
    return estimator


def test_the_model_is_archived_as_sagemaker_does(trained: XGBoost, tmp_path: Path) -> None:
    assert trained.model_data.endswith("/output/model.tar.gz")
    with tarfile.open(trained.model_data) as archive:
        assert sorted(archive.getnames()) == ["scriptmode.json", "xgboost-model"]
        archive.extractall(tmp_path, filter="data")
    found = xgb.Booster(model_file=bytearray((tmp_path / "xgboost-model").read_bytes()))
    assert found.num_boosted_rounds() == 4
    assert trained.latest_training_job.startswith("xgboost-2")


def test_the_evaluation_log_is_kept(trained: XGBoost, tmp_path: Path) -> None:
    found = trained.metrics
    assert list(found.columns) == ["metric_name", "value", "timestamp"]
    assert found["metric_name"].value_counts().to_dict() == {
        "train:rmse": 4,
        "validation:rmse": 4,
    }
    values = found.loc[found["metric_name"] == "train:rmse", "value"].tolist()
    assert values == sorted(values, reverse=True)
    trained.plot(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert trained.plot()._repr_png_().startswith(b"\x89PNG")  # as a notebook asks
    axes = trained.plot().axes
    assert [line.get_label() for line in axes[0].lines] == ["train:rmse", "validation:rmse"]
    assert axes[0].lines[0].get_ydata().tolist() == values


def test_what_was_deployed_answers_as_the_booster_does(trained: XGBoost, tmp_path: Path) -> None:
    with tarfile.open(trained.model_data) as archive:
        archive.extractall(tmp_path, filter="data")
    booster = xgb.Booster(model_file=bytearray((tmp_path / "xgboost-model").read_bytes()))
    expected = booster.predict(xgb.DMatrix(X[:3]))
    predictor = trained.deploy(1, "ml.m5.xlarge")
    try:
        for rows in (X[:3], X[:3].tolist(), [tuple(row) for row in X[:3].tolist()]):
            assert np.float32(predictor.predict(rows)).tolist() == expected.tolist()
        assert np.float32(predictor.predict(X[0].tolist())).tolist() == expected[:1].tolist()
        text = ",".join(map(repr, X[0].tolist()))
        assert np.float32(predictor.predict(text)).tolist() == expected[:1].tolist()
        as_array = Predictor(predictor._endpoint, serializer="json", deserializer="csv")
        answer = as_array.predict(X[:3])
        assert answer.astype("f4").tolist() == expected[:, None].tolist()
        with pytest.raises(
            ModelError, match=r"the model answered 422: .* has 3 features"
        ) as caught:
            predictor.predict([[1, 2]])
        assert caught.value.status == 422
        with pytest.raises(ModelError) as caught:
            predictor.predict(b"a", {"ContentType": "application/pdf"})
        assert caught.value.status == 415
        wrapped = Predictor(predictor._endpoint, serializer=Theirs(), deserializer=Theirs())
        assert wrapped.predict(X[:3]).keys() == {"rows", "type"}
    finally:
        address = predictor.endpoint_name
        predictor.delete_endpoint()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{address}/ping", timeout=2)
    predictor.delete_endpoint()
    with pytest.raises(TrainingError, match="does not answer"):
        predictor.predict([[1, 2, 3]])


class Theirs:
    """Serializers in the form of the SDK's."""

    CONTENT_TYPE = "text/csv"
    ACCEPT = ("application/json",)

    def serialize(self, data: Any) -> str:
        return "\n".join(",".join(map(str, row)) for row in data.tolist())

    def deserialize(self, stream: Any, content_type: str) -> Any:
        return {"rows": json.load(stream), "type": content_type}


def test_a_job_leaves_nothing_in_the_data_it_is_given(tmp_path: Path, data: dict[str, str]) -> None:
    script = tmp_path / "writing.py"
    script.write_text(
        "import os, pathlib\n"
        "pathlib.Path(os.environ['SM_CHANNEL_TRAINING'], 'new').write_text('x')\n"
        "pathlib.Path(os.environ['SM_OUTPUT_DATA_DIR'], 'kept').write_text('y')\n"
    )
    estimator = Estimator(script, output_path=tmp_path / "jobs")
    estimator.fit(data["train"], job_name="one")
    assert [path.name for path in Path(data["train"]).iterdir()] == ["part.csv"]
    with tarfile.open(tmp_path / "jobs/one/output/output.tar.gz") as archive:
        assert archive.getnames() == ["kept"]
    with pytest.raises(DeclarationError, match="there is a job 'one'"):
        estimator.fit(data["train"], job_name="one")


def test_dependencies_lie_beside_the_script(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("WORD = 'from a file'\n")
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").write_text("WORD = 'from a folder'\n")
    (tmp_path / "source").mkdir()
    (tmp_path / "source/train.py").write_text(
        "import helper, package\nprint(helper.WORD)\nprint(package.WORD)\n"
    )
    estimator = Estimator(
        "train.py",
        source_dir=tmp_path / "source",
        dependencies=[tmp_path / "helper.py", tmp_path / "package"],
        metric_definitions=[{"Name": "x", "Regex": r"x=(\S+)"}],
        output_path=tmp_path / "jobs",
    )
    estimator.fit(job_name="one")
    assert (tmp_path / "jobs/one/code/package/__init__.py").exists()
    assert estimator.metrics.empty


def test_lines_are_shown_while_they_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "talking.py"
    script.write_text(
        "import sys, time\n"
        "for step in range(3):\n"
        "    print(f'loss={1 / (step + 1)}; accuracy=0.{step}')\n"
        "    time.sleep(0.2)\n"
        "print('a warning', file=sys.stderr)\n"
    )
    estimator = Estimator(
        script,
        metric_definitions=[
            {"Name": "loss", "Regex": r"loss=([\d.]+)"},
            {"Name": "accuracy", "Regex": r"accuracy=([\d.]+)"},
        ],
        output_path=tmp_path / "jobs",
    )
    estimator.fit()
    said = capsys.readouterr().out
    assert "loss=1.0; accuracy=0.0\n" in said
    assert "a warning\n" in said
    found = estimator.metrics
    assert found["value"].tolist() == [1.0, 0.0, 0.5, 0.1, 1 / 3, 0.2]
    assert found["timestamp"].iloc[-1] - found["timestamp"].iloc[0] > 0.3
    assert len(estimator.plot().axes) == 2
    estimator.fit(logs=False)
    assert "loss" not in capsys.readouterr().out


def test_why_a_job_failed_is_told(tmp_path: Path) -> None:
    script = tmp_path / "failing.py"
    script.write_text("raise ValueError('no such column')\n")
    estimator = Estimator(script, output_path=tmp_path / "jobs")
    with pytest.raises(TrainingError, match=r"(?s)one failed: .*ExitCode 1.*no such column"):
        estimator.fit(job_name="one", logs=False)
    for ask in (lambda: estimator.model_data, estimator.deploy):
        with pytest.raises(TrainingError, match="nothing was trained: call fit first"):
            ask()
    with pytest.raises(TrainingError, match="told no metrics"):
        estimator.plot()


@pytest.mark.parametrize("name", ["a/b", "../up", "", "a_b", "-a", "x" * 64])
def test_a_name_that_the_service_would_refuse_is_refused(tmp_path: Path, name: str) -> None:
    script = tmp_path / "idle_one.py"
    script.write_text("")
    estimator = Estimator(script, output_path=tmp_path / "jobs")
    if name:
        with pytest.raises(DeclarationError, match="a name has up to 63 letters"):
            estimator.fit(job_name=name)
    else:
        estimator.fit(job_name=name, logs=False)
        assert estimator.latest_training_job.startswith("idle-one-2")


def test_an_endpoint_ends_with_the_program_that_made_it(trained: XGBoost, tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from scriptmode.training.endpoint import LocalEndpoint\n"
        "made = LocalEndpoint(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "print(made.address, flush=True)\n"
        "raise ValueError\n"
    )
    with tarfile.open(trained.model_data) as archive:
        archive.extractall(tmp_path, filter="data")
    command = [sys.executable, "-c", program, str(TUTORIAL / "declared.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("http://127.0.0.1:"), done.stderr
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{done.stdout.strip()}/ping", timeout=2)


def test_a_job_that_saves_nothing_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    script = tmp_path / "idle.py"
    script.write_text("")
    estimator = Estimator(script, output_path=tmp_path / "jobs")
    estimator.fit()
    assert "saved nothing: its model folder is empty" in caplog.text
    with pytest.raises(TrainingError, match="the endpoint is not ready"):
        estimator.deploy()


def test_a_version_that_is_not_here_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    script = tmp_path / "idle.py"
    script.write_text("")
    XGBoost(script, framework_version="1.0-1", output_path=tmp_path).fit(logs=False)
    assert "framework_version='1.0-1', but xgboost" in caplog.text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"entry_point": "absent.py"}, "there is no script absent.py"),
        ({"hyperparameters": {"a": object()}}, r"hyperparameters\['a'\] is object"),
        ({"instance_count": 2}, "here there is one machine"),
        ({"output_path": "s3://bucket/jobs"}, "expected a folder of this machine"),
        ({"output_path": __file__}, "is a file: expected a folder"),
        ({"hyperparameters": {"a": "x\0"}}, "and no NUL"),
        ({"hyperparameters": {"a": "x" * 3000}}, "up to 2500 characters"),
        ({"metric_definitions": [{"Name": "a", "Regex": None}]}, "metric 'a': "),
        ({"metric_definitions": [{"Name": "a"}]}, "has not just Name and Regex"),
        ({"metric_definitions": [{"Name": "a", "Regex": "("}]}, "metric 'a': "),
        ({"metric_definitions": [{"Name": "a", "Regex": "x"}]}, "the number needs a group"),
    ],
)
def test_what_cannot_be_trained_is_told_at_once(options: dict[str, Any], told: str) -> None:
    given = {"entry_point": TUTORIAL / "declared.py", **options}
    with pytest.raises(DeclarationError, match=told):
        Estimator(**given)


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"train": "s3://bucket/data"}, "only files of this machine"),
        ({"train": "/no/such/folder"}, "there is nothing at /no/such/folder"),
        ({"no name": "/"}, "channel 'no name': a name has up to 64 letters"),
        ({"train": ""}, "an empty path names no file"),
        ({"train": __file__, "Train": __file__}, "would be one variable, SM_CHANNEL_TRAIN"),
        ({"../up": "/"}, r"channel '\.\./up': a name has"),
    ],
)
def test_data_that_is_elsewhere_is_told_at_once(
    tmp_path: Path, inputs: dict[str, str], told: str
) -> None:
    estimator = Estimator(TUTORIAL / "declared.py", output_path=tmp_path)
    with pytest.raises(DeclarationError, match=told):
        estimator.fit(inputs)
    assert not list(tmp_path.iterdir())


def test_folders_within_a_channel_are_there(tmp_path: Path) -> None:
    (tmp_path / "data/part/inner").mkdir(parents=True)
    (tmp_path / "data/part/inner/a.csv").write_text("1,2\n")
    (tmp_path / "data/part/back").symlink_to(tmp_path / "data")
    script = tmp_path / "walking.py"
    script.write_text(
        "from scriptmode.training import Job\n"
        "print('rows', len(Job.read().channel('training').table(0).label))\n"
    )
    estimator = Estimator(
        script,
        metric_definitions=[{"Name": "rows", "Regex": r"rows (\d+)"}],
        output_path=tmp_path / "jobs",
    )
    estimator.fit(tmp_path / "data")
    assert estimator.metrics["value"].tolist() == [1.0]
    with pytest.raises(DeclarationError, match="wait=False"):
        estimator.fit(tmp_path / "data", wait=False)


def test_hyperparameters_are_sent_as_the_sdk_sends_them() -> None:
    given = {"a": 1, "b": "1.10", "c": True, "d": None, "e": [1], "f": {"g": "it's"}}
    found = Estimator(TUTORIAL / "declared.py", hyperparameters=given).hyperparameters()
    assert found == {
        "a": "1", "b": '"1.10"', "c": "true", "d": "null", "e": "[1]", "f": '{"g": "it\'s"}',
    }  # fmt: skip


def test_the_command_line_does_the_same(
    tmp_path: Path, data: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    channels = [f"--channel={name}={path}" for name, path in data.items()]
    status = main(
        [
            "train",
            str(TUTORIAL / "declared.py"),
            *channels,
            "--hp",
            "max_depth=2",
            "--output",
            str(tmp_path),
            "--plot",
            str(tmp_path / "curves.png"),
            "--job-name",
            "one",
        ]
    )
    assert status == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == str(tmp_path / "one/output/model.tar.gz")
    assert Path(said[-1]).exists()
    assert (tmp_path / "curves.png").exists()
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--hp", "max_dept=2"], "did you mean 'max_depth'?"),
        (["--channel", "train=/no/such"], "there is nothing at /no/such"),
        (["--channel", f"test={TUTORIAL}"], "does not exist"),
        (["--hp", "max_depth=2", "--hp", "max_depth=3"], "--hp max_depth=... is given twice"),
    ],
)
def test_mistakes_on_the_command_line_are_told(
    tmp_path: Path, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import re

    status = main(["train", str(TUTORIAL / "declared.py"), *arguments, "--output", str(tmp_path)])
    assert status == 1
    assert re.search(told.replace("?", r"\?"), capsys.readouterr().err)


def test_csv_with_a_header_is_sent_and_read(trained: XGBoost) -> None:
    predictor = trained.deploy(serializer=CSV(), deserializer=CSV())
    try:
        assert predictor.predict(X[:2]).shape == (2, 1)
    finally:
        predictor.delete_endpoint()


def test_jobs_within_the_source_are_left_out_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "idle.py").write_text("")
    (tmp_path / "helper.py").write_text("")
    for name in ("one", "two"):
        Estimator("idle.py", source_dir=".", output_path="jobs").fit(logs=False, job_name=name)
    code = tmp_path / "jobs/two/code"
    assert sorted(path.name for path in code.iterdir()) == ["helper.py", "idle.py"]


def test_a_log_without_the_number_is_no_fault(tmp_path: Path) -> None:
    script = tmp_path / "talking.py"
    script.write_text("print('loss=n/a')\nfor step in range(5000): print('loss=0.5' + ' ' * 80)\n")
    estimator = Estimator(
        script,
        metric_definitions=[{"Name": "loss", "Regex": r"loss=(?:n/a|([0-9.]+))"}],
        output_path=tmp_path / "jobs",
    )
    estimator.fit(logs=False)
    assert len(estimator.metrics) == 5000


def test_a_reason_that_is_no_text_is_told_all_the_same(tmp_path: Path) -> None:
    script = tmp_path / "failing.py"
    script.write_text(
        "import os\n"
        "open(os.environ['SM_OUTPUT_DIR'] + '/failure', 'wb').write(b'bad \\xff')\n"
        "raise SystemExit(1)\n"
    )
    with pytest.raises(TrainingError, match="failed: bad"):
        Estimator(script, output_path=tmp_path / "jobs").fit(logs=False)
