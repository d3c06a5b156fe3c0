"""The names that declarations are resolved with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from scriptmode import models, serializers

if TYPE_CHECKING:
    from scriptmode.models.base import Loader
    from scriptmode.registry import Registry
    from scriptmode.serializers.base import Serializer


class Registries(NamedTuple):
    """The two registries that a declaration needs."""

    serializers: Registry[Serializer]
    loaders: Registry[Loader[Any]]

    def child(self) -> Registries:
        """Registries that see these, and whose own writes stay their own."""
        return Registries(self.serializers.child(), self.loaders.child())


DEFAULT = Registries(serializers.registry(), models.registry())
"""What ``compose`` uses unless it is given others."""


def register_serializer(
    name: str, serializer: Serializer | type[Serializer] | str, *, replace: bool = False
) -> None:
    """Give a serializer a name for all scripts of this process.

    Args:
        name: what ``accepts`` and ``returns`` will call it.
        serializer: the object, its class, or ``"module:attribute"`` to import when asked for.
            Its media types become names too, where nothing else holds them yet.
        replace: allow the name to be taken from another serializer.

    Raises:
        DuplicateNameError: another serializer has that name.
    """
    aliases = tuple(getattr(serializer, "media_types", ()))
    DEFAULT.serializers.register(name, serializer, aliases=aliases, replace=replace)


def register_loader(
    name: str, loader: Loader[Any] | type[Loader[Any]] | str, *, replace: bool = False
) -> None:
    """Give a model loader a name for all scripts of this process.

    Args:
        name: what ``compose`` will be given.
        loader: the object, its class, or ``"module:attribute"`` to import when asked for.
        replace: allow the name to be taken from another loader.

    Raises:
        DuplicateNameError: another loader has that name.
    """
    DEFAULT.loaders.register(name, loader, replace=replace)
