from __future__ import annotations

import inspect
from typing import Any

import pytest

from scriptmode._imports import import_string
from scriptmode.serializers import BUILTINS, registry
from scriptmode.serializers.base import Decoder, Encoder

NAMES = sorted(BUILTINS)
ONLY_READ = {"form", "multipart"}  # what browsers send, and nobody asks for


def serializer(name: str) -> Any:
    return import_string(BUILTINS[name].reference)


@pytest.mark.parametrize("name", NAMES)
def test_the_aliases_with_a_slash_are_the_media_types(name: str) -> None:
    aliases = tuple(alias for alias in BUILTINS[name].aliases if "/" in alias)
    assert aliases == serializer(name).media_types


def test_no_name_or_alias_stands_for_two_serializers() -> None:
    names = [word for name, row in BUILTINS.items() for word in (name, *row.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", NAMES)
def test_media_types_are_lower_case_and_without_parameters(name: str) -> None:
    for media_type in serializer(name).media_types:
        assert media_type == media_type.lower().strip()
        assert media_type.count("/") == 1
        assert ";" not in media_type


@pytest.mark.parametrize("name", NAMES)
def test_every_serializer_reads_and_all_but_forms_write(name: str) -> None:
    made: Any = serializer(name)()
    assert isinstance(made, Decoder)
    assert list(inspect.signature(made.decode).parameters) == ["body", "params"]
    assert isinstance(made, Encoder) == (name not in ONLY_READ)
    if name not in ONLY_READ:
        assert list(inspect.signature(serializer(name).encode).parameters)[1:] == [
            "value",
            "params",
        ]


@pytest.mark.parametrize("name", NAMES)
def test_every_serializer_is_documented(name: str) -> None:
    made = serializer(name)
    assert not made.__doc__.startswith(f"{made.__name__}(")  # what a dataclass writes itself
    for method in (made.decode, getattr(made, "encode", made.decode)):
        assert method.__doc__
    documented = "".join(kind.__doc__ for kind in made.__mro__ if kind.__doc__)
    for option in inspect.signature(made).parameters:
        assert f"{option}:" in documented


@pytest.mark.parametrize("name", NAMES)
def test_every_name_and_alias_finds_its_serializer(name: str) -> None:
    for word in (name, *BUILTINS[name].aliases):
        assert type(registry().get(word)) is serializer(name)


@pytest.mark.parametrize("name", NAMES)
def test_equal_declarations_are_equal_and_cannot_change(name: str) -> None:
    made = serializer(name)
    assert made() == made()
    assert hash(made()) == hash(made())
    with pytest.raises(AttributeError):
        made().option = 1
