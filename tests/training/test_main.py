"""What ``run`` does under a main guard, in this process and as a script."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from sklearn.linear_model import LinearRegression, LogisticRegression

from scriptmode import compose
from scriptmode.errors import DeclarationError
from scriptmode.handlers.handler import Handler
from scriptmode.models.sklearn import Sklearn
from scriptmode.testing import check, invoke
from scriptmode.training import Hyperparameters, Job, Trained, run

X = np.round(np.random.default_rng(0).normal(size=(50, 3)), 3)
Y = X @ [1.0, -2.0, 0.5]
TUTORIAL = Path(__file__).parents[2] / "examples" / "tutorial"


class Parameters(Hyperparameters):
    depth: int = 3


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith("SM_"):
            monkeypatch.delenv(name)
    (tmp_path / "output").mkdir()
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "model"))
    monkeypatch.setenv("SM_OUTPUT_DIR", str(tmp_path / "output"))
    return tmp_path


def booster(parameters: Parameters, job: Job) -> tuple[Any, Any]:
    options = {"max_depth": parameters.depth, "nthread": 1}
    return xgb.train(options, xgb.DMatrix(X, Y), 5), X[:4]


def test_what_is_trained_is_saved_with_its_sample_and_answers(job: Path) -> None:
    handler = compose("xgboost")
    run(booster, handler, arguments=["--depth", "2"])
    reply = invoke(handler, "0.1,0.2,0.3", content_type="text/csv", model_dir=job / "model")
    assert reply.ok
    assert check(handler, job / "model") == 4
    assert not (job / "output/failure").exists()


class Forgetful(Sklearn):
    """Writes a model that is not the one it was given."""

    def save(self, model: Any, model_dir: Path) -> Path:
        model.intercept_, kept = model.intercept_ + 1e-3, model.intercept_
        try:
            return super().save(model, model_dir)
        finally:
            model.intercept_ = kept


@pytest.mark.parametrize("compose_", [lambda: compose(Forgetful())])
def test_a_model_that_is_not_read_back_as_it_was_is_refused(
    job: Path, compose_: Callable[[], Handler]
) -> None:
    def train(parameters: Parameters, job: Job) -> tuple[Any, Any]:
        return LinearRegression().fit(X, Y), X[:4]

    with pytest.raises(SystemExit) as caught:
        run(train, compose_(), arguments=[])
    assert caught.value.code == 1
    assert "the model that is read back answers otherwise" in (job / "output/failure").read_text()
    assert not list((job / "model").glob("*"))


def test_predictions_that_are_given_are_compared_too(job: Path) -> None:
    """Of a wrapper that is read back as a booster, whose answers are others."""

    def train(parameters: Parameters, job: Job) -> Trained:
        model = xgb.XGBClassifier(n_estimators=3, n_jobs=1).fit(X, Y > 0)
        return Trained(model, X[:4], model.predict(X[:4]))

    with pytest.raises(SystemExit):
        run(train, compose("xgboost"), arguments=[])
    assert "answers otherwise than the model did: row 1" in (job / "output/failure").read_text()


@pytest.mark.parametrize("given", [True, False])
def test_a_model_that_cannot_be_compared_is_not_called_saved(job: Path, *, given: bool) -> None:
    def train(parameters: Parameters, job: Job) -> Any:
        model = xgb.XGBRegressor(n_estimators=3, n_jobs=1).fit(X, Y)
        return (model, X[:4], model.predict(X[:4])) if given else (model, X[:4])

    if given:
        run(train, compose("xgboost"), arguments=[])
        return
    with pytest.raises(SystemExit):
        run(train, compose("xgboost"), arguments=[])
    told = (job / "output/failure").read_text()
    assert "a XGBRegressor was trained and a Booster is read back" in told
    assert not list((job / "model").iterdir())


class Wrong:
    """Writes something else than was predicted."""

    media_types = ("application/x-wrong",)

    def encode(self, value: Any, params: Any) -> bytes:
        return json.dumps([0] * len(value)).encode()

    def decode(self, body: bytes, params: Any) -> Any:
        return json.loads(body)


class Failing(Wrong):
    """Cannot write at all."""

    media_types = ("application/x-failing",)

    def encode(self, value: Any, params: Any) -> bytes:
        raise RuntimeError("never tried")


@pytest.mark.parametrize(
    ("writer", "told"),
    [
        (Wrong(), "what is written as application/x-wrong is not what was predicted"),
        (Failing(), "cannot be asked for application/x-failing: never tried"),
    ],
)
def test_whatever_is_returned_is_proved(job: Path, writer: Any, told: str) -> None:
    with pytest.raises(SystemExit):
        run(booster, compose("xgboost", returns=["json", writer]), arguments=[])
    assert told in (job / "output/failure").read_text()
    assert not list((job / "model").iterdir())


@pytest.mark.parametrize("handler", [None, ("a", "b"), compose("xgboost", predict="value")])
def test_what_cannot_save_is_told_before_anything_is_trained(job: Path, handler: Any) -> None:
    if isinstance(handler, Handler):
        handler = handler._replace(model_fn=broken)  # type: ignore[arg-type]

    def train(parameters: Parameters, job: Job) -> Any:
        raise AssertionError("trained")

    with pytest.raises(SystemExit):
        run(train, handler, arguments=[])
    assert "DeclarationError" in (job / "output/failure").read_text()


def test_the_functions_that_are_proved_are_those_of_the_script(tmp_path: Path) -> None:
    source = (TUTORIAL / "declared.py").read_text()
    own = (
        "\n\ndef predict_fn(data, model, context=None):\n    return model.predict_probs(data)\n\n\n"
    )
    (tmp_path / "own.py").write_text(source.replace("\n\nif __name__", f"{own}if __name__"))
    lacking = source.replace("model_fn, input_fn, predict_fn, output_fn = handler\n", "")
    (tmp_path / "lacking.py").write_text(lacking)
    np.savetxt(tmp_path / "t.csv", np.column_stack([Y, X]), delimiter=",", fmt="%.17g")
    environ = {
        **os.environ,
        "SM_CHANNEL_TRAIN": str(tmp_path / "t.csv"),
        "SM_CHANNEL_VALIDATION": str(tmp_path / "t.csv"),
    }
    for name, told in (("own", "no attribute 'predict_probs'"), ("lacking", "defines no model_fn")):
        done = subprocess.run(
            [sys.executable, f"{name}.py"],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        assert told in done.stderr
        assert not (tmp_path / "model/scriptmode.json").exists()


def test_a_hyperparameter_may_be_called_h(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Short(Hyperparameters):
        h: float = 1
        word: str = ""

    seen: list[Any] = []

    def train(parameters: Short, job: Job) -> Any:
        seen.append(parameters)
        return booster(Parameters(), job)

    train.__annotations__["parameters"] = Short
    run(train, compose("xgboost"), arguments=["-h", "0.5", "--word", "--help"])
    assert (seen[0].h, seen[0].word) == (0.5, "--help")
    monkeypatch.setenv("SM_HPS", "{}")
    with pytest.raises(SystemExit) as caught:
        run(booster, compose("xgboost"), arguments=["--help", ""])
    assert caught.value.code == 2


@pytest.mark.parametrize("predict", ["label", "proba", {"a": "value", "b": "proba"}])
def test_whatever_is_asked_for_is_proved(job: Path, predict: Any) -> None:
    def train(parameters: Parameters, job: Job) -> tuple[Any, Any]:
        return LogisticRegression().fit(X, np.where(Y > 0, "yes", "no")), X[:4]

    handler = compose("sklearn", predict=predict, accepts=["json", "csv", "npy"])
    run(train, handler, arguments=[])
    assert check(handler, job / "model") == 4


def test_a_sample_goes_through_the_envelope_that_is_declared(job: Path) -> None:
    handler = compose("xgboost", accepts=["json"], request="instances")
    run(booster, handler, arguments=[])
    body = json.dumps({"instances": X[:2].tolist()})
    assert invoke(handler, body, model_dir=job / "model").ok


def test_what_cannot_be_served_is_not_called_saved(job: Path) -> None:
    """A hand-written half that fails is found before it is deployed."""
    handler = compose("xgboost")._replace(predict_fn=broken)
    with pytest.raises(SystemExit):
        run(booster, handler, arguments=[])
    assert "cannot be asked in" in (job / "output/failure").read_text()
    assert not list((job / "model").iterdir())


def test_a_folder_keeps_what_else_the_script_put_there(job: Path) -> None:
    def train(parameters: Parameters, job: Job) -> tuple[Any, Any]:
        job.model_dir.mkdir(exist_ok=True)
        (job.model_dir / "notes.txt").write_text("kept")
        return booster(parameters, job)

    for _ in range(2):
        run(train, compose("xgboost"), arguments=[])
    names = sorted(path.name for path in (job / "model").iterdir())
    assert names == ["notes.txt", "scriptmode.json", "xgboost-model"]


def broken(data: Any, model: Any, context: Any = None) -> Any:
    raise RuntimeError("never tried")


def test_only_the_first_host_saves(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SM_HOSTS", '["algo-1", "algo-2"]')
    monkeypatch.setenv("SM_CURRENT_HOST", "algo-2")
    run(booster, compose("xgboost"), arguments=[])
    assert not (job / "model").exists()


@pytest.mark.parametrize("returned", [None, "model", (1,), (1, 2, 3, 4)])
def test_a_model_without_rows_to_prove_it_on_is_refused(job: Path, returned: Any) -> None:
    def train(parameters: Parameters, job: Job) -> Any:
        return returned

    with pytest.raises(SystemExit):
        run(train, compose("xgboost"), arguments=[])
    assert "return the model and some rows" in (job / "output/failure").read_text()


def test_the_function_says_which_hyperparameters_it_takes(job: Path) -> None:
    with pytest.raises(SystemExit):
        run(lambda parameters, job: (1, 2), compose("xgboost"), arguments=[])
    assert "annotate the first parameter" in (job / "output/failure").read_text()


def by_text(parameters: "Parameters", job: "Unknown") -> Any:  # type: ignore[name-defined]  # noqa: F821
    return booster(parameters, job)


def test_annotations_that_are_kept_as_text_are_read(job: Path) -> None:
    """Also where the others stand for something that only a type checker imports."""
    run(by_text, compose("xgboost"), arguments=["--depth", "2"])
    assert (job / "model/scriptmode.json").exists()


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (ValueError("no such column"), "ValueError: no such column"),
        (SystemExit(3), "SystemExit: exit code 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt: "),
        (DeclarationError("no channel"), "DeclarationError: no channel"),
    ],
)
def test_the_reason_of_a_failure_is_left_where_it_is_shown(
    job: Path, raised: BaseException, told: str
) -> None:
    def train(parameters: Parameters, job: Job) -> Any:
        raise raised

    with pytest.raises(BaseException) as caught:  # noqa: PT011 - of any kind
        run(train, compose("xgboost"), arguments=[])
    assert type(caught.value) in (type(raised), SystemExit)
    reason = (job / "output/failure").read_text()
    assert reason.startswith(told)
    assert "Traceback" in reason


def test_an_exit_without_a_fault_is_none(job: Path) -> None:
    def train(parameters: Parameters, job: Job) -> Any:
        sys.exit(0)

    with pytest.raises(SystemExit):
        run(train, compose("xgboost"), arguments=[])
    assert not (job / "output/failure").exists()


def test_a_reason_that_is_there_already_stays(job: Path) -> None:
    (job / "output/failure").write_text("the first")
    with pytest.raises(SystemExit) as caught:
        run(booster, compose("xgboost"), arguments=["--dept", "3"])
    assert caught.value.code == 2
    assert (job / "output/failure").read_text() == "the first"


def script(*arguments: str, folder: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SM_")}
    return subprocess.run(
        [sys.executable, str(TUTORIAL / "declared.py"), *arguments],
        cwd=folder,
        env={**kept, **environ},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def channels(tmp_path: Path) -> dict[str, str]:
    table = np.column_stack([Y, X])
    for name in ("train", "validation"):
        np.savetxt(tmp_path / f"{name}.csv", table, delimiter=",", fmt="%.17g")
    names = ("train", "validation")
    return {f"SM_CHANNEL_{name.upper()}": str(tmp_path / f"{name}.csv") for name in names}


def test_the_tutorial_trains_by_itself(tmp_path: Path, channels: dict[str, str]) -> None:
    done = script("--max-depth", "2", folder=tmp_path, **channels)
    assert done.returncode == 0, done.stderr
    assert "its sample is answered as it was in memory" in done.stderr
    assert (tmp_path / "model/scriptmode.json").exists()
    source = (TUTORIAL / "declared.py").read_text()
    assert source.count("\n") < 40


def test_the_older_form_of_the_tutorial_trains_beside_it(
    tmp_path: Path, channels: dict[str, str]
) -> None:
    for name in ("composed.py", "handwritten.py"):
        folder = tmp_path / name.removesuffix(".py")
        (folder / "model").mkdir(parents=True)
        environ = {
            "SM_CHANNEL_TRAIN": str(tmp_path),
            "SM_CHANNEL_VALIDATION": str(tmp_path),
            "SM_MODEL_DIR": str(folder / "model"),
        }
        done = subprocess.run(
            [sys.executable, str(TUTORIAL / name), "--num_round", "3"],
            env={**os.environ, **channels, **environ},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert list((folder / "model").iterdir())


def test_help_and_mistakes_of_the_command_line(tmp_path: Path) -> None:
    asked = script("--help", folder=tmp_path)
    assert asked.returncode == 0
    assert "--max_depth" in asked.stdout
    mistaken = script("--max_dept", "3", folder=tmp_path)
    assert mistaken.returncode == 2
    assert mistaken.stderr.strip() == (
        "no hyperparameter named 'max_dept'; did you mean 'max_depth'?"
    )


def test_being_imported_trains_nothing(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(TUTORIAL)!r}); import declared;"
        " print(sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "'xgboost'" not in done.stdout
    assert "'numpy'" not in done.stdout
    assert not list(tmp_path.iterdir())
