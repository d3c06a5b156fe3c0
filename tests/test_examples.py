"""Every example is trained on the real table, asked, and compared with its framework."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from sklearn.ensemble import RandomForestRegressor

from scriptmode.handlers.script import import_script
from scriptmode.models.sklearn import Sklearn
from scriptmode.testing import invoke
from tests.hosting.served import serving

EXAMPLES = Path(__file__).parent.parent / "examples"
data = import_script(EXAMPLES / "data.py")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = data.write(tmp_path_factory.mktemp("data"))
    return folder


@pytest.fixture(scope="module")
def rows(table: Path) -> Any:
    return np.loadtxt(table / "validation.csv", delimiter=",")[:, 1:]


@pytest.fixture(scope="module")
def body(rows: Any) -> str:
    return "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist())


def train(script: str, table: Path, model_dir: Path, *hyperparameters: str) -> str:
    """Run a training half as a script-mode container does."""
    environment = {
        **os.environ,
        "SM_CHANNEL_TRAIN": str(table),
        "SM_CHANNEL_VALIDATION": str(table),
        "SM_MODEL_DIR": str(model_dir),
    }
    command = [sys.executable, "-W", "ignore", str(EXAMPLES / script), *hyperparameters]
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture(scope="module")
def composed_dir(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("composed")
    log = train("tutorial/composed.py", table, folder, "--num_round", "12", "--K", "2")
    assert log.count("fold1_validation-rmse") == 2
    return folder


@pytest.fixture(scope="module")
def booster(composed_dir: Path) -> Any:
    return xgb.Booster(model_file=bytearray((composed_dir / "xgboost-model").read_bytes()))


@pytest.mark.parametrize(
    "script",
    [
        "minimal/inference.py",
        "tutorial/composed.py",
        "from_file/inference.py",
        "reuse/boosted.py",
        "content_type/inference.py",
    ],
)
def test_composed_scripts_answer_what_the_booster_answers(
    script: str, composed_dir: Path, booster: Any, rows: Any
) -> None:
    reply = invoke(
        EXAMPLES / script,
        json.dumps(rows.tolist()),
        content_type="application/json",
        accept="application/json",
        model_dir=composed_dir,
    )
    expected = booster.predict(xgb.DMatrix(rows))
    np.testing.assert_array_equal(np.float32(reply.raise_for_status().json()), expected)


def test_the_smallest_script_is_two_lines() -> None:
    assert len((EXAMPLES / "minimal/inference.py").read_text().splitlines()) == 2


@pytest.mark.peer
def test_the_hand_written_script_is_trained_invoked_and_served_unchanged(
    table: Path, rows: Any, body: str, tmp_path: Path
) -> None:
    train("tutorial/handwritten.py", table, tmp_path, "--num_round", "12")
    booster = pickle.loads((tmp_path / "xgboost-model").read_bytes())
    expected = booster.predict(xgb.DMatrix(rows))
    script = EXAMPLES / "tutorial/handwritten.py"
    for content_type, text in (("text/csv", body), ("application/json", json.dumps(rows.tolist()))):
        reply = invoke(script, text, content_type=content_type, model_dir=tmp_path)
        np.testing.assert_array_equal(np.float32(reply.raise_for_status().json()), expected)
    with serving(script, tmp_path) as server:
        server.wait_until_ready()
        answer = server.ask(
            "POST", "/invocations", body.encode(), Content_Type="text/csv", Accept="text/csv"
        )
        assert answer.headers["content-type"] == "text/csv"
        np.testing.assert_array_equal(np.array(answer.body.split(), dtype=np.float32), expected)
        refused = server.ask("POST", "/invocations", b"x", Content_Type="TEXT/CSV")
        assert refused.status == 500


def test_a_content_type_of_ones_own(composed_dir: Path, booster: Any, rows: Any) -> None:
    fixed = "".join("".join(f"{cell:8.3f}" for cell in row) + "\n" for row in rows)
    reply = invoke(
        EXAMPLES / "content_type/inference.py",
        fixed,
        content_type="application/x-fixed-width",
        accept="application/x-fixed-width",
        model_dir=composed_dir,
    )
    expected = booster.predict(xgb.DMatrix(np.round(rows, 3)))
    assert reply.text == "".join(f"{score:8.3f}\n" for score in expected)
    broken = invoke(
        EXAMPLES / "content_type/inference.py",
        "     1.0     abc\n",
        content_type="application/x-fixed-width",
        model_dir=composed_dir,
    )
    assert (broken.status, broken.json()["where"]) == (400, {"line": 1})


def test_a_framework_of_ones_own(tmp_path: Path) -> None:
    model = {"names": ["a", "b"], "weights": [2.0, -1.0], "intercept": 0.5}
    (tmp_path / "linear.json").write_text(json.dumps(model))
    script = EXAMPLES / "framework/inference.py"
    ask = {"content_type": "application/json", "model_dir": tmp_path}
    assert invoke(script, '[{"b": 1, "a": 3}]', **ask).json() == [5.5]  # type: ignore[arg-type]
    assert invoke(script, "[[1, 2, 3]]", **ask).status == 422  # type: ignore[arg-type]


def test_one_function_by_hand(composed_dir: Path, booster: Any, rows: Any, body: str) -> None:
    reply = invoke(
        EXAMPLES / "override/inference.py", body, content_type="text/csv", model_dir=composed_dir
    )
    expected = (booster.predict(xgb.DMatrix(rows)) > 150).tolist()
    assert reply.raise_for_status().json() == expected
    assert {True, False} == set(expected)


def test_one_declaration_serves_two_frameworks(
    table: Path, rows: Any, body: str, tmp_path: Path
) -> None:
    training = np.loadtxt(table / "train.csv", delimiter=",")
    forest = RandomForestRegressor(5, random_state=0).fit(training[:, 1:], training[:, 0])
    Sklearn().save(forest, tmp_path)
    reply = invoke(
        EXAMPLES / "reuse/forest.py",
        body,
        content_type="text/csv",
        accept="text/csv",
        model_dir=tmp_path,
    )
    np.testing.assert_array_equal(
        np.array(reply.raise_for_status().text.split(), dtype=float), forest.predict(rows)
    )


@pytest.mark.peer
def test_the_demo_ends_well(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, EXAMPLES / "demo.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert "all bit-equal" in result.stdout
