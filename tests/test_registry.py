from __future__ import annotations

import functools
import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

import pytest

from scriptmode.errors import (
    DeclarationError,
    DuplicateNameError,
    MissingExtraError,
    UnknownNameError,
)
from scriptmode.registry import Builtin, Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GROUP = "scriptmode.tests.things"


class Thing:
    def __init__(self, header: bool = False, rows: int = 1) -> None:  # noqa: FBT001, FBT002
        self.header, self.rows = header, rows


class Demanding:
    def __init__(self, path: str) -> None:
        self.path = path


class Open:
    def __init__(self, **options: Any) -> None:
        self.options = options


def double(value: int) -> int:
    return value * 2


def triple(value: int) -> int:
    return value * 3


def registry(**builtins: Builtin) -> Registry[Any]:
    return Registry("thing", builtins, GROUP)


class Site:
    """A folder of installed packages, importable for as long as a test lasts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def module(self, name: str, source: str) -> None:
        (self.folder / f"{name}.py").write_text(source, encoding="utf-8")
        importlib.invalidate_caches()

    def distribution(self, name: str, version: str = "1.0", **published: str) -> None:
        info = self.folder / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8"
        )
        lines = [f"[{GROUP}]", *(f"{key} = {value}" for key, value in published.items())]
        (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
        importlib.invalidate_caches()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    before = set(sys.modules)
    monkeypatch.delenv("SCRIPTMODE_PLUGINS", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Site(tmp_path)
    for name in set(sys.modules) - before:
        if name.startswith("plug_"):
            del sys.modules[name]


# Where a name is looked for


def test_what_is_registered_here_is_found() -> None:
    things = registry()
    thing = Thing()
    things.register("mine", thing)
    assert things.get("mine") is thing


def test_an_import_reference_is_imported_when_asked_for(site: Site) -> None:
    things = registry()
    things.register("late", "plug_late:thing")
    with pytest.raises(DeclarationError, match="plug_late"):
        things.get("late")
    site.module("plug_late", "thing = object()\n")
    assert things.get("late") is sys.modules["plug_late"].thing


def test_own_comes_before_parent() -> None:
    parent, ours, theirs = registry(), Thing(), Thing()
    parent.register("thing", theirs)
    child = parent.child()
    assert child.get("thing") is theirs
    child.register("thing", ours, replace=True)
    assert child.get("thing") is ours


def test_the_nearest_of_several_parents_comes_first() -> None:
    far, near_thing = registry(), Thing()
    far.register("thing", Thing())
    near = far.child()
    near.register("thing", near_thing, replace=True)
    assert near.child().child().get("thing") is near_thing


def test_parent_comes_before_built_in() -> None:
    parent, thing = registry(thing=Builtin(f"{__name__}:Thing")), Thing()
    child = parent.child()
    parent.register("thing", thing, replace=True)
    assert child.get("thing") is thing


def test_built_in_comes_before_entry_point(site: Site) -> None:
    site.module("plug_greedy", "raise AssertionError('imported')\n")
    site.distribution("greedy", decoder="plug_greedy:Thing")
    things = registry(decoder=Builtin("json:JSONDecoder"))
    assert type(things.get("decoder")).__module__ == "json.decoder"
    assert things.origins()["decoder"] == "built-in"


def test_own_and_parent_come_before_entry_point(site: Site) -> None:
    site.module("plug_late", "raise AssertionError('imported')\n")
    site.distribution("late", thing="plug_late:Thing", other="plug_late:Thing")
    parent, thing = registry(), Thing()
    parent.register("thing", thing)
    child = parent.child()
    child.register("other", thing)
    assert child.get("thing") is thing
    assert child.get("other") is thing


def test_a_built_ins_alias_comes_before_entry_point(site: Site) -> None:
    site.module("plug_greedy", "raise AssertionError('imported')\n")
    site.distribution("greedy", jsn="plug_greedy:Thing")
    assert registry(json=Builtin("json:loads", ("jsn",))).get("jsn")("1") == 1


# Children


def test_a_childs_writes_never_reach_its_parent() -> None:
    parent, thing = registry(csv=Builtin("json:loads")), Thing()
    parent.register("shared", thing)
    child, sibling = parent.child(), parent.child()
    before = parent.origins()
    child.register("own", Thing(), aliases=("mine",))
    child.register("shared", Thing(), replace=True)
    child.register("csv", Thing(), replace=True)
    for other in (parent, sibling):
        assert other.origins() == before
        assert other.get("shared") is thing
        assert other.get("csv")("1") == 1
        for name in ("own", "mine"):
            with pytest.raises(UnknownNameError):
                other.get(name)


def test_a_child_sees_what_its_parent_registers_later() -> None:
    parent, thing = registry(), Thing()
    child = parent.child()
    parent.register("late", thing, aliases=("later",))
    assert child.get("late") is thing
    assert child.get("later") is thing


def test_a_child_is_of_its_parents_kind_and_group(site: Site) -> None:
    site.module("plug_shared", "thing = 'published'\n")
    site.distribution("shared", thing="plug_shared:thing")
    child = registry().child()
    assert child.get("thing") == "published"
    with pytest.raises(UnknownNameError, match="no thing named"):
        child.get("nothing")


# Names that are taken


def test_another_thing_cannot_take_a_name_by_accident() -> None:
    things, first = registry(), Thing(rows=1)
    things.register("thing", first)
    with pytest.raises(DuplicateNameError, match="'thing'") as caught:
        things.register("thing", Demanding("x"))
    assert "Thing" in str(caught.value)
    assert "Demanding" in str(caught.value)
    assert "replace=True" in str(caught.value)
    assert things.get("thing") is first


def test_a_built_ins_name_cannot_be_taken_by_accident() -> None:
    things = registry(json=Builtin("json:loads"))
    with pytest.raises(DuplicateNameError, match="built-in"):
        things.register("json", Thing())
    with pytest.raises(DuplicateNameError, match="built-in"):
        things.child().register("json", Thing())
    assert things.get("json")("1") == 1


def test_a_parents_name_cannot_be_taken_by_accident() -> None:
    parent, first = registry(), Thing(rows=1)
    parent.register("thing", first)
    child = parent.child()
    with pytest.raises(DuplicateNameError):
        child.register("thing", Thing(rows=2))
    assert child.get("thing") is first


@pytest.mark.parametrize(
    "other",
    [Thing(rows=2), Thing, Demanding, "json:loads"],
    ids=["other options", "its class", "another class", "a reference"],
)
def test_a_thing_of_the_same_class_with_other_options_is_another_thing(other: object) -> None:
    things = registry()
    things.register("thing", Thing(rows=1))
    with pytest.raises(DuplicateNameError):
        things.register("thing", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(double, triple, id="functions"),
        pytest.param(functools.partial(double, 1), functools.partial(double, 2), id="partials"),
        pytest.param(len, abs, id="built-in functions"),
        pytest.param(1, 2, id="numbers"),
    ],
)
def test_different_things_without_attributes_are_different(one: object, other: object) -> None:
    things = registry()
    things.register("thing", one)
    with pytest.raises(DuplicateNameError):
        things.register("thing", other)


def test_replace_takes_a_name_from_whatever_holds_it() -> None:
    things, thing = registry(json=Builtin("json:loads")), Thing(rows=2)
    things.register("thing", Thing(rows=1))
    for name in ("thing", "json"):
        things.register(name, thing, replace=True)
        assert things.get(name) is thing


@pytest.mark.parametrize("item", [Thing(rows=3), Thing, double, "json:loads", 7])
def test_registering_the_same_thing_twice_is_no_error(item: object) -> None:
    things = registry()
    things.register("thing", item)
    before = things.get("thing")
    things.register("thing", item)
    assert type(things.get("thing")) is type(before)
    things.child().register("thing", item)


SCRIPT = """
class Scaler:
    def __init__(self, factor):
        self.factor = factor

def halve(value):
    return value / 2
"""


def execute() -> types.ModuleType:
    """Import a script as servers do that read it by its path: every time anew."""
    module = types.ModuleType("inference")
    exec(compile(SCRIPT, "inference.py", "exec", dont_inherit=True), module.__dict__)
    return module


@pytest.mark.parametrize(
    "expression",
    ["Scaler(2)", "Scaler({'a': [1, 2]})", "Scaler", "halve"],
    ids=["object", "object of plain values", "class", "function"],
)
def test_a_script_that_is_executed_twice_registers_the_same_thing(expression: str) -> None:
    first, second = (eval(expression, vars(execute())) for _ in range(2))
    assert first is not second
    things = registry()
    things.register("thing", first)
    things.register("thing", second)
    things.child().register("thing", second)


def test_a_script_that_was_edited_in_between_registers_another_thing() -> None:
    things = registry()
    things.register("thing", execute().Scaler(2))
    with pytest.raises(DuplicateNameError):
        things.register("thing", execute().Scaler(3))


# Aliases


def test_aliases_find_the_same_thing() -> None:
    things, thing = registry(json=Builtin("json:loads", ("jsn", "application/json"))), Thing()
    things.register("mine", thing, aliases=("my", "text/mine"))
    child = things.child()
    for name in ("my", "text/mine"):
        assert things.get(name) is thing
        assert child.get(name) is thing
    for name in ("jsn", "application/json"):
        assert things.get(name) is things.get("json")


def test_another_things_alias_cannot_be_taken_by_accident() -> None:
    things, first = registry(json=Builtin("json:loads", ("jsn",))), Thing(rows=1)
    things.register("first", first, aliases=("one",))
    for name in ("jsn", "one"):
        with pytest.raises(DuplicateNameError):
            things.register(name, Thing(rows=2))
    assert things.get("one") is first
    assert things.get("jsn")("1") == 1


@pytest.mark.parametrize("held", ["json", "jsn"])
def test_an_own_alias_comes_before_what_the_parent_calls_so(held: str) -> None:
    child, thing = registry(json=Builtin("json:loads", ("jsn",))).child(), Thing()
    child.register("mine", thing, aliases=(held,), replace=True)
    assert child.get(held) is thing


# Options


def test_options_are_given_to_the_class() -> None:
    things = registry(builtin=Builtin(f"{__name__}:Thing", ("alias",)))
    things.register("thing", Thing)
    things.register("reference", "json:JSONDecoder")
    thing = things.get("thing", header=True, rows=3)
    assert (thing.header, thing.rows) == (True, 3)
    assert things.get("reference", strict=False).strict is False


def test_every_get_of_a_class_makes_another_object() -> None:
    things = registry()
    things.register("thing", Thing)
    assert things.get("thing") is not things.get("thing")
    assert things.get("thing", rows=2).rows == 2
    assert things.get("thing").rows == 1


def test_an_unknown_option_suggests_the_nearest() -> None:
    things = registry()
    things.register("thing", Thing)
    with pytest.raises(DeclarationError, match="no option 'headr'; did you mean 'header'") as got:
        things.get("thing", headr=True)
    assert "'thing'" in str(got.value)


def test_an_option_far_from_all_lists_the_known_ones() -> None:
    things = registry()
    things.register("thing", Thing)
    with pytest.raises(DeclarationError, match="known: 'header', 'rows'"):
        things.get("thing", zzz=1)


def test_a_missing_option_is_named() -> None:
    things = registry()
    things.register("demanding", Demanding)
    with pytest.raises(DeclarationError, match=r"'demanding' cannot be made.*path"):
        things.get("demanding")


def test_a_class_that_takes_any_option_is_given_any() -> None:
    things = registry()
    things.register("open", Open)
    assert things.get("open", depth=3).options == {"depth": 3}


def test_an_option_may_be_called_name() -> None:
    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

    things = registry()
    things.register("thing", Named)
    options: dict[str, Any] = {"name": "x"}
    assert things.get("thing", **options).name == "x"


@pytest.mark.parametrize("name", ["object", "function", "reference", "built-in"])
def test_an_object_takes_no_options(name: str) -> None:
    things = Registry[Any]("thing", {"built-in": Builtin("json:loads")}, GROUP)
    things.register("object", Thing())
    things.register("function", double)
    things.register("reference", "json:dumps")
    with pytest.raises(DeclarationError, match=f"thing '{name}' is an object: it takes no options"):
        things.get(name, rows=1)


# Names that nobody knows


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cvs", "no thing named 'cvs'; did you mean 'csv'?"),
        ("xgbost", "no thing named 'xgbost'; did you mean 'xgboost'?"),
        ("zzz", "no thing named 'zzz'; known: 'csv', 'xgboost'"),
    ],
)
def test_an_unknown_name_suggests_what_is_known(name: str, expected: str) -> None:
    parent = registry(csv=Builtin("json:loads"))
    parent.register("xgboost", Thing)
    with pytest.raises(UnknownNameError) as caught:
        parent.child().get(name)
    assert str(caught.value) == expected
    assert caught.value.known == ["csv", "xgboost"]


def test_an_empty_registry_says_that_nothing_is_known() -> None:
    with pytest.raises(UnknownNameError, match="none are known"):
        registry().get("csv")


def test_a_published_name_is_suggested_too(site: Site) -> None:
    site.distribution("plugmaker", parquet="plug_parquet:Parquet")
    with pytest.raises(UnknownNameError, match="did you mean 'parquet'"):
        registry().get("parket")


# Optional libraries


@pytest.mark.parametrize("name", ["boosted", "booster"])
def test_a_missing_extra_is_told_the_line_that_installs_it(name: str) -> None:
    row = Builtin("no_such_module:Thing", ("booster",), requires="no_such_library", extra="xgboost")
    with pytest.raises(MissingExtraError) as caught:
        registry(boosted=row).child().get(name)
    assert "pip install 'scriptmode[xgboost]'" in str(caught.value)
    assert caught.value.name == "no_such_library"


def test_a_library_that_is_installed_is_not_asked_for() -> None:
    row = Builtin("json:loads", requires="json", extra="xgboost")
    assert registry(boosted=row).get("boosted")("1") == 1


def test_what_replaces_a_built_in_does_not_need_its_library() -> None:
    things = registry(boosted=Builtin("json:loads", requires="no_such_library", extra="xgboost"))
    things.register("boosted", "json:dumps", replace=True)
    assert things.get("boosted")(1) == "1"


def test_names_are_listed_whether_or_not_their_library_is_installed() -> None:
    things = registry(boosted=Builtin("json:loads", requires="no_such_library", extra="xgboost"))
    assert list(things) == ["boosted"]


# Importing


def test_built_ins_are_not_imported_until_asked_for(site: Site) -> None:
    site.module("plug_lazy", "thing = 'imported'\n")
    things = registry(lazy=Builtin("plug_lazy:thing", ("later",)), json=Builtin("json:loads"))
    child = things.child()
    child.register("lazy too", "plug_lazy:thing")
    child.register("other", Thing())
    assert "lazy" in child
    assert list(child) == ["json", "lazy", "lazy too", "other"]
    child.get("json")
    with pytest.raises(UnknownNameError):
        child.get("nothing")
    with pytest.raises(DuplicateNameError):
        child.register("lazy", Thing())
    assert "plug_lazy" not in sys.modules
    assert child.get("lazy") == child.get("later") == child.get("lazy too") == "imported"


# Listing


def test_origins_tell_where_each_name_comes_from(site: Site) -> None:
    site.distribution("plugmaker", "2.1", plugged="plug_made:Thing", json="plug_made:Thing")
    parent = registry(json=Builtin("json:loads"), csv=Builtin("csv:reader"))
    parent.register("object", Thing())
    parent.register("class", Thing)
    child = parent.child()
    child.register("csv", "json:dumps", replace=True)
    assert list(child.origins().items()) == [
        ("class", f"{__name__}:Thing"),
        ("csv", "json:dumps"),
        ("json", "built-in"),
        ("object", f"{__name__}:Thing"),
        ("plugged", "plugmaker 2.1"),
    ]
    assert parent.origins()["csv"] == "built-in"


def test_iterating_and_containing_follow_origins() -> None:
    things = registry(json=Builtin("json:loads"))
    things.register("csv", Thing)
    assert list(things) == ["csv", "json"]
    assert "csv" in things
    assert "json" in things
    assert "npy" not in things


# What installed packages publish


def test_a_published_thing_is_imported_on_a_miss_only(site: Site) -> None:
    site.module("plug_made", "class Thing:\n    def __init__(self, rows=1): self.rows = rows\n")
    site.distribution("plugmaker", plugged="plug_made:Thing")
    things = registry(json=Builtin("json:loads"))
    things.register("own", Thing)
    things.get("json")
    things.get("own")
    assert "plugged" in things
    assert "plug_made" not in sys.modules
    assert things.get("plugged", rows=3).rows == 3


def test_what_other_groups_publish_is_not_found(site: Site) -> None:
    site.module("plug_made", "thing = 1\n")
    site.distribution("plugmaker", plugged="plug_made:thing")
    elsewhere = Registry[Any]("thing", {}, f"{GROUP}.elsewhere")
    assert list(elsewhere) == []
    with pytest.raises(UnknownNameError):
        elsewhere.get("plugged")


def test_a_package_installed_later_is_found(site: Site) -> None:
    things = registry()
    with pytest.raises(UnknownNameError):
        things.get("plugged")
    site.module("plug_made", "thing = 'made'\n")
    site.distribution("plugmaker", plugged="plug_made:thing")
    assert things.get("plugged") == "made"


def test_two_packages_that_publish_one_name_are_both_named(site: Site) -> None:
    site.module("plug_made", "raise AssertionError('imported')\n")
    site.distribution("plugmaker", "1.0", plugged="plug_made:Thing")
    site.distribution("gluemaker", "2.0", plugged="plug_made:Thing")
    with pytest.raises(DuplicateNameError, match=r"gluemaker 2\.0 and plugmaker 1\.0") as caught:
        registry().get("plugged")
    assert "'plugged'" in str(caught.value)


def test_two_packages_may_publish_different_names(site: Site) -> None:
    site.module("plug_made", "one, two = 1, 2\n")
    site.distribution("plugmaker", one="plug_made:one")
    site.distribution("gluemaker", two="plug_made:two")
    assert (registry().get("one"), registry().get("two")) == (1, 2)


def test_a_registered_name_settles_what_two_packages_publish(site: Site) -> None:
    site.distribution("plugmaker", plugged="plug_made:Thing")
    site.distribution("gluemaker", plugged="plug_made:Thing")
    things = registry()
    things.register("plugged", Thing)
    assert isinstance(things.get("plugged"), Thing)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(None, id="no module"),
        pytest.param("", id="no attribute"),
        pytest.param("import no_such_dependency\n", id="no dependency"),
        pytest.param("from json import no_such_name\n", id="another version of a dependency"),
        pytest.param("thing = = 1\n", id="a syntax error"),
        pytest.param("raise RuntimeError('no licence')\n", id="an error of its own"),
    ],
)
def test_a_broken_package_is_named(site: Site, source: str | None) -> None:
    if source is not None:
        site.module("plug_broken", source)
    site.distribution("plugmaker", "1.2", plugged="plug_broken:thing")
    with pytest.raises(DeclarationError, match=r"'plugged' of plugmaker 1\.2") as caught:
        registry().get("plugged")
    assert caught.value.__cause__ is not None
    assert str(caught.value.__cause__) in str(caught.value)


def test_a_broken_package_spoils_no_other_name(site: Site) -> None:
    site.module("plug_broken", "raise AssertionError('imported')\n")
    site.distribution("plugmaker", plugged="plug_broken:thing")
    things = registry(json=Builtin("json:loads"))
    assert things.get("json")("1") == 1
    assert things.origins() == {"json": "built-in", "plugged": "plugmaker 1.0"}


def test_plugins_can_be_turned_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.module("plug_made", "raise AssertionError('imported')\n")
    site.distribution("plugmaker", plugged="plug_made:Thing")
    things = registry(json=Builtin("json:loads"))
    assert "plugged" in things
    monkeypatch.setenv("SCRIPTMODE_PLUGINS", "0")
    assert list(things) == ["json"]
    with pytest.raises(UnknownNameError) as caught:
        things.get("plugged")
    assert caught.value.known == ["json"]
