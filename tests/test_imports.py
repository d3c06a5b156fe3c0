from __future__ import annotations

import importlib
import json
import sys
import types
from typing import TYPE_CHECKING

import pytest

from scriptmode._imports import import_string, require, require_installed
from scriptmode.errors import DeclarationError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a module that can be imported for as long as the test lasts."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(path: str, source: str) -> None:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
        importlib.invalidate_caches()

    yield write
    for name in set(sys.modules) - before:
        if name.startswith("written_"):
            del sys.modules[name]


# References


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("json:loads", json.loads),
        ("json.decoder:JSONDecoder", json.JSONDecoder),
        ("json:JSONDecoder.decode", json.JSONDecoder.decode),
        ("json:decoder.JSONDecoder", json.JSONDecoder),
    ],
)
def test_a_reference_names_an_object(reference: str, expected: object) -> None:
    assert import_string(reference) is expected


@pytest.mark.parametrize("reference", ["", "json", "json.loads", "json:", ":loads", ":"])
def test_a_malformed_reference_is_told_the_form(reference: str) -> None:
    with pytest.raises(DeclarationError, match="not of the form 'package") as got:
        import_string(reference)
    assert repr(reference) in str(got.value)


@pytest.mark.parametrize("reference", [".json:loads", "..json:loads", ".:loads"])
def test_a_relative_reference_is_malformed(reference: str) -> None:
    with pytest.raises(DeclarationError):
        import_string(reference)


@pytest.mark.parametrize(
    ("reference", "missing"),
    [
        ("no_such_module:x", "no_such_module"),
        ("no_such_package.module:x", "no_such_package"),
        ("json.no_such_module:x", "json.no_such_module"),
        ("json.decoder.no_such_module:x", "json.decoder.no_such_module"),
        ("json..decoder:x", "json."),
        (" json:loads", " json"),
    ],
)
def test_an_unknown_module_is_named_with_the_reference(reference: str, missing: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        import_string(reference)
    assert repr(missing) in str(caught.value)
    assert repr(reference) in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "attribute"),
    [
        ("json:no_such_name", "no_such_name"),
        ("json:JSONDecoder.no_such_name", "JSONDecoder.no_such_name"),
        ("json:no_such_name.decode", "no_such_name.decode"),
        ("json:loads:dumps", "loads:dumps"),
        ("json: loads", " loads"),
    ],
)
def test_an_unknown_attribute_is_named_with_its_module(reference: str, attribute: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        import_string(reference)
    assert repr(attribute) in str(caught.value)
    assert "'json'" in str(caught.value)


def test_a_module_is_imported_once(write: Write) -> None:
    write("written_once.py", "thing = object()\n")
    assert import_string("written_once:thing") is import_string("written_once:thing")


def test_a_module_that_fails_raises_its_own_error(write: Write) -> None:
    write("written_failing.py", "raise RuntimeError('no licence')\n")
    with pytest.raises(RuntimeError, match="no licence"):
        import_string("written_failing:thing")


def test_a_module_with_a_syntax_error_raises_it(write: Write) -> None:
    write("written_unparsable.py", "thing = = 1\n")
    with pytest.raises(SyntaxError):
        import_string("written_unparsable:thing")


def test_a_modules_own_attribute_error_passes_through(write: Write) -> None:
    write("written_attribute.py", "import json\njson.no_such_name\n")
    with pytest.raises(AttributeError, match="no_such_name"):
        import_string("written_attribute:thing")


def test_a_third_module_missing_inside_passes_through_unchanged(write: Write) -> None:
    write("written_dependent.py", "import no_such_dependency\n")
    with pytest.raises(ModuleNotFoundError) as caught:
        import_string("written_dependent:thing")
    assert caught.value.name == "no_such_dependency"


def test_a_missing_module_whose_name_only_begins_alike_passes_through(write: Write) -> None:
    write("written_alike_too.py", "import written_alike\n")
    with pytest.raises(ModuleNotFoundError) as caught:
        import_string("written_alike_too:thing")
    assert caught.value.name == "written_alike"


def test_a_module_not_found_error_without_a_name_passes_through(write: Write) -> None:
    write("written_nameless.py", "raise ModuleNotFoundError('no library')\n")
    with pytest.raises(ModuleNotFoundError, match="no library"):
        import_string("written_nameless:thing")


# Optional libraries


def test_an_installed_library_is_imported() -> None:
    assert require("json", extra="yaml") is json
    assert require("json.decoder", extra="yaml") is json.decoder
    require_installed("json", extra="yaml")
    require_installed("json.decoder", extra="yaml")


@pytest.mark.parametrize("extra", ["xgboost", "sklearn", "all"])
@pytest.mark.parametrize("module", ["no_such_library", "no_such_library.part"])
@pytest.mark.parametrize("check", [require, require_installed])
def test_a_missing_library_is_told_the_line_that_installs_it(
    check: Callable[..., object], module: str, extra: str
) -> None:
    with pytest.raises(MissingExtraError) as caught:
        check(module, extra=extra)
    assert str(caught.value).endswith(f"pip install 'scriptmode[{extra}]'")
    assert repr(module) in str(caught.value)
    assert caught.value.name == module


@pytest.mark.parametrize("check", [require, require_installed])
def test_a_library_whose_import_is_blocked_is_missing(
    check: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "written_blocked", None)
    with pytest.raises(MissingExtraError):
        check("written_blocked", extra="yaml")


@pytest.mark.parametrize("check", [require, require_installed])
def test_a_library_that_stands_in_sys_modules_is_installed(
    check: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = types.ModuleType("written_stub")
    monkeypatch.setitem(sys.modules, "written_stub", module)
    assert check("written_stub", extra="yaml") in (module, None)


def test_a_script_that_hides_a_library_is_named(write: Write) -> None:
    write("written_hiding.py", "model_fn = None\n")
    for _ in range(2):
        with pytest.raises(DeclarationError, match=r"written_hiding\.py, which hides the library"):
            require("written_hiding", extra="xgboost")


def test_a_library_that_fails_raises_its_own_error(write: Write) -> None:
    write("written_library.py", "raise OSError('libgomp.so.1 is missing')\n")
    with pytest.raises(OSError, match=r"libgomp\.so\.1"):
        require("written_library", extra="xgboost")


def test_a_third_module_missing_inside_a_library_is_not_the_library(write: Write) -> None:
    write("written_package/__init__.py", "import no_such_dependency\n")
    with pytest.raises(ModuleNotFoundError) as caught:
        require("written_package", extra="xgboost")
    assert caught.value.name == "no_such_dependency"


def test_checking_for_a_library_does_not_import_it(write: Write) -> None:
    write("written_unimported.py", "raise AssertionError('imported')\n")
    require_installed("written_unimported", extra="xgboost")
    assert "written_unimported" not in sys.modules
