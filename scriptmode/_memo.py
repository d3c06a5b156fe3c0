"""Remembering what was computed, without keeping anything alive or growing without bound."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

V = TypeVar("V")


class Memo(dict[Any, V]):
    """A dict that computes a missing key's value, and forgets all when it is full.

    Args:
        compute: from key to value; what it raises is not remembered.
        limit: the most keys to hold. Callers of a server choose them, so there must be a bound.
    """

    def __init__(self, compute: Callable[[Any], V], limit: int = 256) -> None:
        super().__init__()
        self._compute, self._limit = compute, limit

    def __missing__(self, key: Any) -> V:
        value = self._compute(key)
        if len(self) >= self._limit:
            self.clear()
        self[key] = value
        return value


class PerObject(Generic[V]):
    """What was computed for an object, for as long as the object lives.

    Of the objects that cannot be weakly referenced, such as a dict, only the latest is
    remembered, and kept alive until another one comes. A pickled copy starts empty.
    """

    def __init__(self, compute: Callable[[Any], V]) -> None:
        self._compute = compute
        self._known: dict[int, tuple[weakref.ref[Any], V]] = {}
        self._latest: tuple[object, V] | None = None

    def __call__(self, subject: object) -> V:
        """The value computed for this very object."""
        entry = self._known.get(id(subject))
        if entry is not None and entry[0]() is subject:
            return entry[1]
        latest = self._latest
        if latest is not None and latest[0] is subject:
            return latest[1]
        return self._remember(subject, self._compute(subject))

    def _remember(self, subject: object, value: V) -> V:
        key = id(subject)
        try:
            reference = weakref.ref(subject, lambda _: self._known.pop(key, None))
        except TypeError:
            self._latest = (subject, value)
        else:
            self._known[key] = (reference, value)
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._compute,)
