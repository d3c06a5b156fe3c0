"""The example of a package that brings a loader, really installed, and found by its entry point."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "examples" / "loader_package"
pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that pip installed the package into."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--target", str(folder), str(PACKAGE)], check=True)
    return folder


def run(site: Path | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site or "")}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, cwd=PACKAGE
    )


SCRIPT = """
import pathlib, tempfile
from scriptmode import compose
from scriptmode.handlers.registries import DEFAULT
from scriptmode.testing import invoke

handler, folder = compose("linear", accepts=["json", "csv"]), pathlib.Path(tempfile.mkdtemp())
handler.save({"names": ["age", "fare"], "weights": [2, -1], "intercept": 0.5}, folder)
print(invoke(handler, '[{"fare": 1, "age": 3}]', model_dir=folder).json())
print(invoke(handler, "3,1,7", content_type="text/csv", model_dir=folder).status)
print(DEFAULT.loaders.origins()["linear"])
"""


def test_it_is_found_by_its_entry_point_once_it_is_installed(site: Path) -> None:
    found = run(site, "-c", SCRIPT)
    assert not found.returncode, found.stderr
    answer, status, origin = found.stdout.splitlines()
    assert answer == "[5.5]"
    assert status == "422"
    assert "scriptmode-linear" in origin or "scriptmode_linear" in origin
    absent = run(None, "-P", "-c", SCRIPT)
    assert absent.returncode
    assert "no model loader named 'linear'" in absent.stderr


def test_its_own_tests_pass_by_the_suite_it_inherits(site: Path) -> None:
    done = run(site, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    assert not done.returncode, done.stdout + done.stderr
    assert "8 passed" in done.stdout
