from __future__ import annotations

import gc
import itertools
import pickle
import weakref
from typing import Any

import pytest

from scriptmode._memo import Memo, PerObject

_ticks = itertools.count()


def tick(subject: object) -> int:
    """Another number at every call."""
    return next(_ticks)


class Box:
    def __init__(self, content: object = None) -> None:
        self.content = content


class Slotted:
    __slots__ = ()


class Equal:
    """Equal to each other, and not hashable."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Equal)


# Memo


def test_a_value_is_computed_once_for_a_key() -> None:
    memo = Memo(tick)
    first = memo["a"]
    assert [memo["a"], memo["a"]] == [first, first]
    assert memo["b"] != first


@pytest.mark.parametrize("key", ["a", "", None, 0, ("a", 1)])
def test_the_key_is_what_is_computed_from(key: object) -> None:
    assert Memo(lambda asked: [asked])[key] == [key]


def test_a_falsy_value_is_remembered_too() -> None:
    calls: list[str] = []
    memo: Memo[None] = Memo(calls.append)
    assert (memo["a"], memo["a"]) == (None, None)
    assert calls == ["a"]


@pytest.mark.parametrize("limit", [1, 2, 10])
def test_there_are_never_more_keys_than_the_limit(limit: int) -> None:
    memo = Memo(str, limit=limit)
    for key in range(5 * limit):
        assert memo[key] == str(key)
        assert len(memo) <= limit


def test_there_is_a_limit_unless_one_is_given() -> None:
    memo = Memo(str)
    for key in range(10_000):
        assert memo[key] == str(key)
    assert len(memo) < 1000


def test_as_many_keys_as_the_limit_are_kept() -> None:
    memo = Memo(tick, limit=3)
    values = [memo[key] for key in "abc"]
    assert [memo[key] for key in "abc"] == values


def test_an_error_is_raised_and_not_remembered() -> None:
    calls: list[str] = []

    def fail_once(key: str) -> str:
        calls.append(key)
        if len(calls) == 1:
            raise ValueError(key)
        return key

    memo = Memo(fail_once)
    with pytest.raises(ValueError, match="a"):
        memo["a"]
    assert len(memo) == 0
    assert memo["a"] == "a"


def test_an_error_forgets_nothing() -> None:
    memo = Memo(lambda key: 1 // key, limit=1)
    assert memo[1] == 1
    with pytest.raises(ZeroDivisionError):
        memo[0]
    assert list(memo) == [1]


# PerObject


def test_it_is_computed_once_for_an_object() -> None:
    known = PerObject(tick)
    box = Box()
    first = known(box)
    assert [known(box), known(box)] == [first, first]


def test_another_object_is_computed_for_anew() -> None:
    known = PerObject(tick)
    one, other = Box(), Box()
    assert known(one) != known(other)


def test_equal_objects_are_not_the_same_object() -> None:
    known = PerObject(tick)
    one, other = Equal(), Equal()
    first = known(one)
    assert known(other) != first
    assert known(one) == first


def test_two_computations_do_not_share_what_they_know() -> None:
    box = Box("a")
    assert PerObject(lambda subject: subject.content)(box) == "a"
    assert PerObject(type)(box) is Box


def test_the_object_is_not_kept_alive() -> None:
    known = PerObject(tick)
    box = Box()
    known(box)
    reference = weakref.ref(box)
    del box
    gc.collect()
    assert reference() is None


def test_what_was_computed_is_freed_with_the_object() -> None:
    known = PerObject(lambda subject: Box("computed"))
    box = Box()
    computed = weakref.ref(known(box))
    gc.collect()
    assert computed() is not None
    del box
    gc.collect()
    assert computed() is None


def test_an_object_in_a_reference_cycle_is_freed_too() -> None:
    known = PerObject(lambda subject: Box("computed"))
    box = Box()
    box.content = box
    computed = weakref.ref(known(box))
    del box
    gc.collect()
    assert computed() is None


def test_an_object_at_a_freed_address_gets_its_own_value() -> None:
    known = PerObject(lambda subject: subject.content)
    for number in range(1000):
        assert known(Box(number)) == number


def test_it_can_be_dropped_before_the_object() -> None:
    box = Box()
    known = PerObject(lambda subject: Box("computed"))
    computed = weakref.ref(known(box))
    del known
    gc.collect()
    assert computed() is None
    assert box.content is None


@pytest.mark.parametrize("subject", [7, "text", (1, 2), None, Slotted()], ids=repr)
def test_of_objects_that_cannot_be_weakly_referenced_the_latest_is_remembered(
    subject: object,
) -> None:
    known = PerObject(tick)
    first = known(subject)
    assert known(subject) == first
    assert known({"another": "object"}) != first
    assert known(subject) != first


def test_an_error_of_the_computation_is_raised_and_not_remembered() -> None:
    known = PerObject(lambda subject: subject.content + 1)
    box = Box("a")
    with pytest.raises(TypeError):
        known(box)
    box.content = 1
    assert known(box) == 2


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_copy_computes_alike_and_starts_empty(protocol: int) -> None:
    known = PerObject(tick)
    box = Box()
    first = known(box)
    copy: PerObject[Any] = pickle.loads(pickle.dumps(known, protocol))
    again = copy(box)
    assert again > first
    assert copy(box) == again
    assert known(box) == first
