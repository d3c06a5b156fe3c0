import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scriptmode import Handler
from scriptmode.handlers.script import import_script

SCRIPT = """
from scriptmode import compose

def weigh(model, data, context):
    return data @ model

model_fn, input_fn, predict_fn, output_fn = compose("json", features=["a", "b"], predict=weigh)
"""
BY_HAND = """
def model_fn(model_dir):
    return None
"""
MANIFEST, FILE = "scriptmode.json", "document.json"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """An entry script beside a folder ``model`` that it has saved."""
    path = tmp_path / "inference.py"
    path.write_text(SCRIPT)
    handler = Handler.of(import_script(path))
    handler.save([1.0, 10.0], tmp_path / "model", sample=[[1, 2], [3, 4], [5, 6]])
    return path


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in os.environ.items() if name[:3] != "SM_"}
    return subprocess.run(
        [sys.executable, "-m", "scriptmode", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**variables, **environment},
    )


def assert_one_line(result: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("scriptmode: ")
    assert result.stderr.count("\n") == 1
    for part in parts:
        assert part in result.stderr


def edit(folder: Path, change: Callable[[Any], object]) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))


def test_check_says_how_many_rows_are_answered_alike(script: Path) -> None:
    folder = script.parent / "model"
    for result in (
        run("check", script, "--model-dir", folder),
        run("check", script, SM_MODEL_DIR=str(folder)),
    ):
        assert result.returncode == 0, result.stderr
        assert result.stdout == f"{folder}: 3 golden rows are answered as when they were saved\n"
        assert result.stderr == ""


def test_check_names_a_changed_file(script: Path) -> None:
    path = script.parent / "model" / FILE
    path.write_text("[1.0, 10.5]")
    result = run("check", script, "--model-dir", path.parent)
    assert_one_line(result, str(path), "was changed", "expected the SHA-256", "found")


def test_check_names_the_row_that_is_answered_otherwise(script: Path) -> None:
    folder = script.parent / "model"
    edit(folder, lambda manifest: manifest["golden"]["prediction"].__setitem__(2, 64.0))
    result = run("check", script, "--model-dir", folder)
    assert_one_line(result, str(folder), "row 3: expected 64.0, found 65.0")


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (lambda folder: (folder / FILE).unlink(), (FILE, "is missing")),
        (lambda folder: (folder / MANIFEST).unlink(), (MANIFEST, "Handler.save")),
        (lambda folder: (folder / MANIFEST).write_text("[]\n\n"), (MANIFEST, "is no manifest")),
        (
            lambda folder: edit(folder, lambda manifest: manifest.update(golden=None)),
            ("has no golden sample", "sample="),
        ),
        (
            lambda folder: edit(folder, lambda manifest: manifest["golden"].update(data=[[1]])),
            ("the model has 2 features",),
        ),
        (lambda folder: folder.rename(folder.parent / "elsewhere"), ("model",)),
    ],
    ids=["no file", "no manifest", "bad manifest", "no sample", "wrong sample", "no folder"],
)
def test_check_says_what_is_wrong_with_a_folder_in_one_line(
    script: Path, change: Callable[[Path], object], parts: tuple[str, ...]
) -> None:
    folder = script.parent / "model"
    change(folder)
    assert_one_line(run("check", script, "--model-dir", folder), *parts)


def test_check_says_what_is_wrong_with_a_script_in_one_line(script: Path) -> None:
    folder = script.parent / "model"
    (script.parent / "typo.py").write_text(SCRIPT.replace('"json"', '"jsn"'))
    (script.parent / "empty.py").write_text("")
    (script.parent / "order.py").write_text(SCRIPT.replace('["a", "b"]', '["b", "a"]'))
    for name, part in (
        ("typo.py", "did you mean 'json'"),
        ("empty.py", "defines no model_fn"),
        ("order.py", "expected the features ['a', 'b'], found ['b', 'a']"),
        ("absent.py", "is not a Python file"),
    ):
        assert_one_line(run("check", script.parent / name, "--model-dir", folder), part)


def test_openapi_prints_the_document_of_the_declaration(script: Path) -> None:
    result = run("openapi", script, "--title", "fares")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    document = json.loads(result.stdout)
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "fares"
    assert {"/ping", "/invocations"} <= document["paths"].keys()
    assert '"a"' in result.stdout
    folder = script.parent / "model"
    with_model = run("openapi", script, "--title", "fares", "--model-dir", folder)
    assert json.loads(with_model.stdout) == document


OF_A_MODEL = """
from scriptmode import compose
from scriptmode.models.base import Signature

class Named:
    name = "named"
    def load(self, model_dir):
        return (model_dir / "names.txt").read_text().split()
    def predict(self, model, data):
        return data
    def signature(self, model):
        return Signature(tuple(model), len(model))

model_fn, input_fn, predict_fn, output_fn = compose(Named())
"""


def test_openapi_tells_the_columns_that_the_model_knows(tmp_path: Path) -> None:
    (tmp_path / "inference.py").write_text(OF_A_MODEL)
    (tmp_path / "names.txt").write_text("width\nheight\n")
    for more, is_told in (((), False), (("--model-dir", tmp_path), True)):
        result = run("openapi", tmp_path / "inference.py", *more)
        assert result.returncode == 0, result.stderr
        assert json.loads(result.stdout)["openapi"].startswith("3.1")
        assert ('"width"' in result.stdout) is is_told


def test_openapi_says_what_is_wrong_in_one_line(script: Path) -> None:
    (script.parent / "by_hand.py").write_text(BY_HAND)
    (script.parent / "typo.py").write_text(SCRIPT.replace("features", "feature"))
    folder, absent = script.parent / "model", script.parent / "absent"
    (folder / FILE).write_text("{")
    for name, model_dir, part in (
        ("by_hand.py", None, "model_fn is written by hand"),
        ("typo.py", None, "did you mean 'features'"),
        ("absent.py", None, "is not a Python file"),
        ("inference.py", absent, f"the model folder {absent} does not exist"),
        ("inference.py", folder, "was changed"),
    ):
        more = () if model_dir is None else ("--model-dir", model_dir)
        assert_one_line(run("openapi", script.parent / name, *more), part)
