"""Names for things: immutable built-ins, what a process registers, and what packages publish."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, cast

from scriptmode._imports import import_string, require_installed
from scriptmode.errors import (
    DeclarationError,
    DuplicateNameError,
    UnknownNameError,
    suggestion,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.metadata import EntryPoint

T = TypeVar("T")


class Builtin(NamedTuple):
    """One row of a table of built-ins.

    Args:
        reference: ``"module:attribute"``, imported when first asked for.
        aliases: further names of the same thing.
        requires: the import name of an optional library that it cannot work without.
        extra: the extra that installs that library.
    """

    reference: str
    aliases: tuple[str, ...] = ()
    requires: str | None = None
    extra: str = ""


class _Registered(NamedTuple):
    item: object
    origin: str
    aliases: tuple[str, ...]


class Registry(Generic[T]):
    """A lookup that a parent shares with its children, never the reverse.

    A name is looked for among what was registered here, then in the parents, then in the
    built-ins, then among the entry points of installed packages; so no package can take over
    a built-in. Whatever is found may be an object, or a class that is called with options.

    Args:
        kind: what the things are, for error messages.
        builtins: the immutable rows.
        group: the entry-point group that packages publish under.
        parent: where to look next; see :meth:`child`.
    """

    def __init__(
        self,
        kind: str,
        builtins: Mapping[str, Builtin],
        group: str,
        parent: Registry[T] | None = None,
    ) -> None:
        self.kind, self.group = kind, group
        self._builtins, self._parent = builtins, parent
        self._own: dict[str, _Registered] = {}

    def child(self) -> Registry[T]:
        """A registry that sees this one and whose own writes stay its own."""
        return Registry(self.kind, self._builtins, self.group, self)

    def register(
        self,
        name: str,
        item: T | type[T] | str,
        *,
        aliases: tuple[str, ...] = (),
        replace: bool = False,
    ) -> None:
        """Give a thing a name.

        Args:
            name: the name that declarations will use.
            item: an object, a class to call, or ``"module:attribute"`` to import when asked for.
            aliases: further names of it, where nothing holds them yet.
            replace: allow the name to be taken from whatever holds it.

        Raises:
            DuplicateNameError: another thing holds the name. Registering the same thing again
                is no error: some servers import a script twice.
        """
        origin = _origin(item)
        taken = self._row(name)
        if taken is not None and not replace and not _same(taken, item):
            raise DuplicateNameError(
                f"{self.kind} {name!r} is already {taken.origin}; {origin} cannot take the name"
                " unless replace=True"
            )
        free = [alias for alias in aliases if replace or self._row(alias) in (None, taken)]
        self._own[name] = _Registered(item, origin, tuple(free))

    def get(self, name: str, /, **options: Any) -> T:
        """The thing of that name or alias.

        Args:
            name: what was registered, built in or published.
            options: keywords for the class that the name stands for.

        Raises:
            UnknownNameError: nothing has that name; suggests the nearest.
            MissingExtraError: it needs a library that is not installed.
            DeclarationError: the options do not fit, or a published thing cannot be imported.
        """
        found = self._find(name)
        if isinstance(found, type):
            return cast("T", _construct(name, found, options))
        if options:
            raise DeclarationError(f"{self.kind} {name!r} is an object: it takes no options")
        return cast("T", found)

    def canonical(self, name: str) -> str:
        """The registered or built-in name that a name or alias stands for; else the same name."""
        if name in self._own:
            return name
        for known, row in self._own.items():
            if name in row.aliases:
                return known
        if self._parent is not None:
            return self._parent.canonical(name)
        aliased = (known for known, row in self._builtins.items() if name in row.aliases)
        return name if name in self._builtins else next(aliased, name)

    def origins(self) -> dict[str, str]:
        """Every name, sorted, and where it comes from."""
        names = {entry.name: _distribution(entry) for entry in self._published()}
        names.update(dict.fromkeys(self._builtins, "built-in"))
        names.update({name: own.origin for name, own in self._visible().items()})
        return dict(sorted(names.items()))

    def __contains__(self, name: str) -> bool:
        return self._row(name) is not None or bool(self._published(name))

    def __iter__(self) -> Iterator[str]:
        return iter(self.origins())

    def _visible(self) -> dict[str, _Registered]:
        """What is registered or built in, nearest first."""
        if self._parent is not None:
            return {**self._parent._visible(), **self._own}  # noqa: SLF001 - of this class
        rows = {
            name: _Registered(row.reference, "built-in", row.aliases)
            for name, row in self._builtins.items()
        }
        return {**rows, **self._own}

    def _row(self, name: str) -> _Registered | None:
        return self._visible().get(self.canonical(name))

    def _find(self, name: str) -> object:
        row = self._row(name)
        if row is None:
            return self._find_published(name)
        if row.origin == "built-in":
            self._check_installed(row.item)
        return import_string(row.item) if isinstance(row.item, str) else row.item

    def _check_installed(self, reference: object) -> None:
        for row in self._builtins.values():
            if row.reference == reference and row.requires is not None:
                require_installed(row.requires, extra=row.extra)

    def _find_published(self, name: str) -> object:
        entries = self._published(name)
        if not entries:
            raise UnknownNameError(self.kind, name, self.origins())
        if len(entries) > 1:
            origins = " and ".join(sorted(map(_distribution, entries)))
            raise DuplicateNameError(f"{self.kind} {name!r} is published by {origins}")
        try:
            return entries[0].load()
        except Exception as error:  # a foreign module may fail in any way while it is imported
            raise DeclarationError(
                f"{self.kind} {name!r} of {_distribution(entries[0])} cannot be imported:"
                f" {type(error).__name__}: {error}"
            ) from error

    def _published(self, name: str | None = None) -> list[EntryPoint]:
        if os.environ.get("SCRIPTMODE_PLUGINS") == "0":
            return []
        from importlib.metadata import entry_points

        found = entry_points(group=self.group)
        return [entry for entry in found if name is None or entry.name == name]


def _construct(name: str, factory: type[object], options: Mapping[str, Any]) -> object:
    known = _parameters(factory) if options else None
    for option in options:
        if known is not None and option not in known:
            raise DeclarationError(f"{name!r} has no option {option!r}{suggestion(option, known)}")
    try:
        return factory(**options)
    except TypeError as error:
        raise DeclarationError(f"{name!r} cannot be made: {error}") from error


def _parameters(factory: type[object]) -> list[str] | None:
    """The names of a class's options; None where it takes any."""
    import inspect

    try:
        parameters = inspect.signature(factory).parameters.values()
    except ValueError:  # some classes written in C have no signature
        return None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return [parameter.name for parameter in parameters]


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


def _origin(item: object) -> str:
    if isinstance(item, str):
        return item
    named: Any = item if hasattr(item, "__qualname__") else type(item)
    return f"{named.__module__}:{named.__qualname__}"


def _same(taken: _Registered, item: object) -> bool:
    """Whether a script that is executed a second time registers the same thing again."""
    if taken.item is item or _equal(taken.item, item):
        return True
    return taken.origin == _origin(item) and _equal(_state(taken.item), _state(item))


def _equal(one: object, other: object) -> bool:
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - such as an array, whose comparison has no one answer
        return False


def _state(item: object) -> object:
    """What pickle would save of an object: its options, without its class."""
    if hasattr(item, "__qualname__"):
        return None
    try:
        reduced: Any = item.__reduce_ex__(4)
    except Exception:  # noqa: BLE001 - what cannot be pickled is like nothing else
        return object()
    if not isinstance(reduced, tuple) or len(reduced) < 3:  # noqa: PLR2004 - call, arguments, state
        return reduced
    return reduced[1][1:], reduced[2]  # the first argument is the class
