"""Artefacts of old releases, written by those releases, and of this one, read by an older one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sklearn
import xgboost

from tests.environments import UnavailableError, environment

pytestmark = pytest.mark.peer
HERE = Path(__file__).parent / "old"
_BESIDE = ("pydantic>=2.4", "orjson>=3.10.7", "tomli", "packaging", "hatchling", "editables")
_SMALL = ("prettytable", "wcwidth", "tabulate", "python-dateutil", "pytz", "six", "tzdata")

ENVIRONMENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "old-2023": (
        "3.10",
        ("xgboost==1.7.6", "scikit-learn==1.2.2", "numpy==1.23.5", "scipy==1.10.1",
         "joblib==1.2.0", "threadpoolctl==3.1.0", "skops==0.6.0", "pandas==1.5.3"),
    ),
    "old-2024": (
        "3.11",
        ("xgboost-cpu==2.1.4", "scikit-learn==1.4.2", "numpy==1.26.4", "scipy==1.11.4",
         "joblib==1.3.2", "threadpoolctl==3.5.0", "skops==0.9.0", "pandas==2.1.4"),
    ),
    "old-2025": (
        "3.11",
        ("xgboost-cpu==3.0.5", "scikit-learn==1.6.1", "numpy==1.26.4", "scipy==1.11.4",
         "joblib==1.4.2", "threadpoolctl==3.5.0", "skops==0.11.0", "pandas==2.1.4"),
    ),
}  # fmt: skip
NOW = "now"


def python_of(name: str) -> str:
    if name == NOW:
        return sys.executable
    python, pins = ENVIRONMENTS[name]
    try:
        return str(environment(name, python, _BESIDE, (*pins, *_SMALL)))
    except UnavailableError as error:
        pytest.skip(str(error))


def run(python: str, script: str, *arguments: str) -> str:
    done = subprocess.run([python, str(HERE / script), *arguments], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What each environment wrote."""
    folders = {name: tmp_path_factory.mktemp(name) for name in (*ENVIRONMENTS, NOW)}
    for name, folder in folders.items():
        run(python_of(name), "write.py", str(folder))
    return folders


def read(reader: str, folder: Path, policy: str = "error") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(python_of(reader), "read.py", str(folder), policy))
    assert found
    return found


def releases(folder: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((folder / "expected.json").read_text())["releases"]
    return found


def test_what_this_release_wrote_it_reads_bit_for_bit(written: dict[str, Path]) -> None:
    assert {str(each) for each in read(NOW, written[NOW]).values()} == {"{'differs': 0.0}"}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_what_an_old_release_wrote_is_answered_alike_or_refused_with_both_releases(
    written: dict[str, Path], name: str
) -> None:
    then = releases(written[name])
    now = {"xgboost": xgboost.__version__, "sklearn": sklearn.__version__}
    found = read(NOW, written[name])
    for artefact, outcome in found.items():
        if "refused" not in outcome:
            assert outcome == {"differs": 0.0}, (artefact, outcome)
            continue
        message = outcome["refused"]
        if ".binary" in artefact and then["xgboost"].startswith("3."):
            assert "binary form of releases before 3.1" in message, (artefact, message)
            continue
        library = "xgboost" if artefact.startswith(("numbers", "signs", "wrapper")) else "sklearn"
        major_minor = ".".join(then[library].split(".")[:2])
        assert f"written by {library} {major_minor}" in message, (artefact, message)
        assert now[library] in message, (artefact, message)
        if "pickle" in artefact or "joblib" in artefact or "skops" in artefact:
            assert " holds xgboost." in message or " holds sklearn." in message, message
    native = [each for each in found if ".json" in each or ".ubj" in each]
    loads = [each for each in native if "differs" in found[each]]
    assert bool(loads) == then["xgboost"].startswith("3.")


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_whatever_the_policy_no_foreign_error_comes_out_of_loading(
    written: dict[str, Path], name: str
) -> None:
    then = releases(written[name])
    for artefact, outcome in read(NOW, written[name], "ignore").items():
        assert "foreign" not in outcome, (artefact, outcome)
        if "refused" in outcome and ".binary" not in artefact:
            message = outcome["refused"]
            assert then["sklearn"] in message or then["xgboost"] in message, (artefact, message)
            assert sklearn.__version__ in message or xgboost.__version__ in message, message
            assert "\n" not in message


def test_what_a_later_xgboost_wrote_is_refused_for_it_would_be_answered_otherwise(
    written: dict[str, Path],
) -> None:
    """3.0.5 reads models of 3.1 and later without an error, and takes their intercept for 0.5."""
    if not xgboost.__version__.startswith("3."):
        pytest.skip("only releases since 3.1 write what 3.0 misreads")
    reader = "old-2025"
    unchecked = read(reader, written[NOW], "ignore")
    for artefact in ("numbers.json", "numbers.ubj", "numbers.json-turned"):
        assert unchecked[artefact]["differs"] > 1, unchecked[artefact]
    for artefact, outcome in read(reader, written[NOW]).items():
        assert "refused" in outcome, (artefact, outcome)
        message = outcome["refused"]
        if artefact.startswith(("numbers", "signs")):
            assert f"written by xgboost {xgboost.__version__}" in message, (artefact, message)
            assert "found 3.0.5" in message


def test_an_xgboost_within_a_pipeline_is_held_to_its_own_release(
    written: dict[str, Path], tmp_path: Path
) -> None:
    """Also where the release of scikit-learn is the same on both sides."""
    reader = "old-2025"
    python = python_of(reader)
    run(python, "write.py", str(tmp_path / "pair"))
    for path in (tmp_path / "pair").glob("mixed.*/*"):
        other = written[NOW] / path.parent.name / path.name
        assert other.is_file()
    found = read(reader, written[NOW])
    mixed = {name: each for name, each in found.items() if name.startswith(("mixed", "wrapper"))}
    assert mixed
    assert all("refused" in each for each in mixed.values())
