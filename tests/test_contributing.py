"""CONTRIBUTING.md's recipes, followed to the letter in a copy of the package."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(
    r"^```python\n# (?P<path>\S+?\.py)(?P<row>, in BUILTINS)?\n(?P<code>.*?)^```",
    re.MULTILINE | re.DOTALL,
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, with every block of CONTRIBUTING.md written where it says."""
    root = tmp_path_factory.mktemp("contributing")
    shutil.copytree(ROOT / "scriptmode", root / "scriptmode")
    shutil.copytree(ROOT / "tests", root / "tests")
    shutil.copy(ROOT / "pyproject.toml", root)
    for block in BLOCK.finditer((ROOT / "CONTRIBUTING.md").read_text()):
        target = root / block["path"]
        if block["row"]:
            opening = "BUILTINS = {\n"
            table = target.read_text()
            assert opening in table
            target.write_text(table.replace(opening, opening + block["code"]))
        else:
            target.write_text(block["code"])
    return root


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=copy, env=environment, capture_output=True, text=True
    )


def test_the_recipes_cover_a_file_a_row_and_a_test_for_both_kinds() -> None:
    blocks = list(BLOCK.finditer((ROOT / "CONTRIBUTING.md").read_text()))
    assert len(blocks) == 6
    assert sum(bool(block["row"]) for block in blocks) == 2


@pytest.mark.parametrize("test", ["serializers/test_pipes.py", "models/test_weights.py"])
def test_the_inherited_suites_pass(copy: Path, test: str) -> None:
    result = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/{test}")
    assert result.returncode == 0, result.stdout
    assert " passed" in result.stdout


def test_the_rules_of_the_house_still_hold(copy: Path) -> None:
    tests = ["tests/test_architecture.py", "tests/serializers/test_builtins.py"]
    result = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert result.returncode == 0, result.stdout


def test_the_names_can_be_declared(copy: Path) -> None:
    script = (
        "from scriptmode import compose; "
        "print(compose('weights', accepts='pipes').input_fn('1|2', None))"
    )
    result = run(copy, "-c", script)
    assert result.stdout.strip() == "[[1. 2.]]", result.stderr


def test_the_recipes_are_typed_and_linted(copy: Path) -> None:
    files = ["scriptmode/serializers/pipes.py", "scriptmode/models/weights.py"]
    ruff = run(copy, "-m", "ruff", "check", *files)
    assert ruff.returncode == 0, ruff.stdout
