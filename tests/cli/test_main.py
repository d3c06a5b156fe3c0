import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import scriptmode
from scriptmode.cli import main


def test_the_version_is_the_distributions() -> None:
    for command in (
        [sys.executable, "-m", "scriptmode"],
        [str(Path(sys.executable).parent / "scriptmode")],
    ):
        result = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)
        assert result.stdout == f"scriptmode {version('scriptmode')}\n"


def test_help_names_the_commands_and_their_options(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, word in ((["--help"], "serve"), (["serve", "--help"], "--model-dir")):
        with pytest.raises(SystemExit) as exit_info:
            main(arguments)
        assert exit_info.value.code == 0
        assert word in capsys.readouterr().out


def test_a_wrong_script_is_one_line_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "typo.py").write_text("from scriptmode import compose\ncompose('xgbost')\n")
    for script, message in (
        ("typo.py", "did you mean 'xgboost'?"),
        ("absent.py", "not a Python file"),
    ):
        assert main(["serve", str(tmp_path / script), "--model-dir", str(tmp_path)]) == 1
        error = capsys.readouterr().err
        assert error.startswith("scriptmode: ")
        assert message in error
        assert error.count("\n") == 1


def test_no_command_is_a_usage_error() -> None:
    with pytest.raises(SystemExit) as exit_info:
        main([])
    assert exit_info.value.code == 2


def test_a_copy_beside_a_script_knows_no_version_and_runs(tmp_path: Path) -> None:
    package = Path(scriptmode.__file__).parent
    shutil.copytree(package, tmp_path / "scriptmode", ignore=shutil.ignore_patterns("*.pyc"))
    command = [sys.executable, "-S", "-m", "scriptmode", "--version"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("scriptmode 0+unknown\n", "")
