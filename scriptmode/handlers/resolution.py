"""From the names in a declaration to the objects that they stand for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from scriptmode.errors import DeclarationError, UnknownNameError, UnsupportedMediaTypeError
from scriptmode.media import parse
from scriptmode.models.bundle import Bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from scriptmode.handlers.registries import Registries
    from scriptmode.models.base import Loader


class Names:
    """Names to objects, with the options that were declared for each.

    Args:
        registries: where names are looked up.
        options: keywords by name, for what is given by name.
    """

    def __init__(self, registries: Registries, options: Mapping[str, Mapping[str, Any]]) -> None:
        self._registries = registries
        declared: Mapping[str, Any] = options
        for name, chosen in declared.items():
            if not isinstance(chosen, Mapping):
                raise DeclarationError(f"options[{name!r}] is no mapping of keywords")
        self._options = {self._canonical(name): chosen for name, chosen in options.items()}

    def loader(self, model: Any) -> Loader[Any]:
        """The loader that a declaration's ``model`` stands for.

        Args:
            model: a name, a loader, or a mapping from names to either: a bundle. A part may also
                be a mapping with ``loader`` and its keywords.

        Raises:
            DeclarationError: no such loader, or something else.
        """
        if isinstance(model, Mapping):
            parts = {str(name): self._part(name, part) for name, part in model.items()}
            if len(parts) != len(model):
                raise DeclarationError(f"model: two parts have one name: {list(model)}")
            return cast("Loader[Any]", Bundle(parts))
        if isinstance(model, str):
            return self._registries.loaders.get(model, **self._options_of(model))
        _demand(model, ("name", "load", "predict"), "a model loader")
        found: Loader[Any] = model
        return found

    def serializers(self, declared: Any, verb: str) -> list[Any]:
        """The serializers of ``accepts`` or ``returns``, without repetitions.

        Args:
            declared: names, media types or objects.
            verb: what they must be able to do: ``decode`` or ``encode``.

        Raises:
            DeclarationError: no such serializer, or none at all.
        """
        found: list[Any] = []
        for item in as_list(declared):
            serializer = item
            if isinstance(item, str):
                serializer = self._registries.serializers.get(item, **self._options_of(item))
            _demand(serializer, ("media_types", verb), "a serializer")
            _check_media_types(serializer)
            if serializer not in found:
                found.append(serializer)
        if not found:
            raise DeclarationError(f"there is nothing to {verb} with: the list is empty")
        return found

    def refuse_unused_options(self, items: Iterable[Any]) -> None:
        """Options for a name that nobody declares would be lost in silence.

        Args:
            items: everything that is declared, as names or objects.
        """
        used = {self._canonical(name) for item in items for name in _names_in(item)}
        for name in self._options:
            if name not in used:
                raise UnknownNameError("declared part to set options of", name, used)

    def _part(self, name: str, part: Any) -> Loader[Any]:
        if not isinstance(part, Mapping):
            return self.loader(part)
        options = dict(part)
        loader = options.pop("loader", None)
        if not isinstance(loader, str):
            raise DeclarationError(f"model: the part {name!r} names no loader")
        options = {**self._options_of(loader), **options}
        return self._registries.loaders.get(loader, **options)

    def _options_of(self, name: str) -> Mapping[str, Any]:
        return self._options.get(self._canonical(name), {})

    def _canonical(self, name: str) -> str:
        """The one name behind all aliases, so that options of csv reach text/csv."""
        return self._registries.serializers.canonical(self._registries.loaders.canonical(name))


def as_list(declared: Any) -> list[Any]:
    """One thing or several, as a list; None is none."""
    if declared is None:
        return []
    if isinstance(declared, (str, type, Mapping)) or not hasattr(declared, "__iter__"):
        return [declared]
    return list(declared)


def with_option(loader: Any, name: str, change: Callable[[Any], Any]) -> Any:
    """A loader, or each part of a bundle, with an option changed where it has such a field.

    Args:
        loader: the loader.
        name: of the option.
        change: from its present value to another.

    Returns:
        The same, or a copy; None when nothing has that field.
    """
    if isinstance(loader, Bundle):
        parts = {part: with_option(each, name, change) for part, each in loader.parts.items()}
        if all(each is None for each in parts.values()):
            return None
        return Bundle({part: parts[part] or each for part, each in loader.parts.items()})
    if not dataclasses.is_dataclass(loader) or not hasattr(loader, name):
        return None
    return dataclasses.replace(loader, **{name: change(getattr(loader, name))})  # type: ignore[type-var]


def _names_in(item: Any) -> Sequence[str]:
    if isinstance(item, str):
        return [item]
    if not isinstance(item, Mapping):
        return []
    parts = [part.get("loader") if isinstance(part, Mapping) else part for part in item.values()]
    return [part for part in parts if isinstance(part, str)]


def _demand(found: Any, attributes: Iterable[str], kind: str) -> None:
    if isinstance(found, type):
        raise DeclarationError(f"{found.__name__} is a class: pass an object, {found.__name__}()")
    for attribute in attributes:
        if not hasattr(found, attribute):
            raise DeclarationError(f"{found!r} is not {kind} that can do this: no {attribute!r}")


def _check_media_types(serializer: Any) -> None:
    media_types = serializer.media_types
    kind = type(serializer).__name__
    if isinstance(media_types, str) or not media_types:
        raise DeclarationError(f"{kind}.media_types must be a tuple of content types")
    for media_type in media_types:
        try:
            found = parse(media_type)
        except UnsupportedMediaTypeError:
            found = None
        if found is None or found.params:
            raise DeclarationError(
                f"{kind}.media_types: {media_type!r} is not a plain type/subtype"
            )
