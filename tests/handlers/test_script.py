import sys
from pathlib import Path

import pytest

from scriptmode import DeclarationError
from scriptmode.handlers.script import import_script


def test_scripts_of_equal_name_do_not_meet(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "inference.py").write_text(f"origin = {folder!r}")
    one, two = (import_script(tmp_path / folder / "inference.py") for folder in ("one", "two"))
    assert (one.origin, two.origin) == ("one", "two")


def test_a_script_is_not_taken_for_a_library_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("mine = True")
    assert import_script(tmp_path / "json.py").mine
    import json

    assert json.dumps({}) == "{}"


def test_the_main_guard_does_not_run_and_helpers_beside_the_script_are_found(
    tmp_path: Path,
) -> None:
    (tmp_path / "helper_of_test.py").write_text("value = 7")
    (tmp_path / "entry.py").write_text(
        "from helper_of_test import value\nif __name__ == '__main__':\n    raise SystemExit(1)\n"
    )
    assert import_script(tmp_path / "entry.py").value == 7


def test_a_failing_script_raises_its_own_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("1 / 0")
    before = set(sys.modules)
    with pytest.raises(ZeroDivisionError):
        import_script(tmp_path / "broken.py")
    assert not {name for name in set(sys.modules) - before if "broken" in name}


@pytest.mark.parametrize("name", ["absent.py", "notes.txt"])
def test_what_is_no_python_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(DeclarationError, match="is not a Python file"):
        import_script(tmp_path / name)
