"""Which parts of a declaration may execute code from what they read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scriptmode.errors import DeclarationError, UntrustedFormatError, suggestion
from scriptmode.handlers.resolution import with_option
from scriptmode.models.bundle import Bundle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from scriptmode.models.trust import Trusted


def extend_trust(loader: Any, serializers: Iterable[Any], trusted: Trusted) -> Any:
    """Hand the trusted names to the loader, less those that name an unsafe part itself.

    Args:
        loader: the declared loader; one that reads unsafe formats is a dataclass with a field
            ``trusted``.
        serializers: the declared serializers. A loader or serializer that is unsafe as a whole
            says so by ``safe = False``.
        trusted: the declaration; see :mod:`scriptmode.models.trust`.

    Returns:
        The loader, trusting what is left.

    Raises:
        UntrustedFormatError: an unsafe part is not trusted by name.
        DeclarationError: no list of names, or a name of nothing that is declared.
    """
    if isinstance(trusted, (bool, str)) or not hasattr(trusted, "__contains__"):
        raise DeclarationError(
            f"trusted={trusted!r}: list the formats that may execute code, such as ['pickle']"
        )
    loaders = loader.parts.values() if isinstance(loader, Bundle) else (loader,)
    unsafe = {_part_name(part) for part in (*loaders, *serializers) if not _is_safe(part)}
    for name in sorted(unsafe):
        if name not in trusted:
            raise UntrustedFormatError(
                f"{name!r} can execute code from what it reads: declare trusted=[{name!r}]"
            )
    names = [name for name in trusted if name not in unsafe]
    takers = {name: [part for part in loaders if _reads(part, name)] for name in names}
    for name, parts in takers.items():
        if not parts:
            known = sorted({each for part in loaders for each in _unsafe_forms(part)})
            raise DeclarationError(
                f"trusted=[{name!r}]: nothing that is declared reads such a"
                f" format{suggestion(name, known)}"
            )
    return _extended(loader, names, trusted) if names else loader


def _extended(loader: Any, names: list[str], trusted: Trusted) -> Any:
    """The loader, or each part of a bundle, that trusts those of the names it can read."""
    if isinstance(loader, Bundle):
        parts = {name: _extended(part, names, trusted) for name, part in loader.parts.items()}
        return Bundle(parts)
    kept: Any = [name for name in names if _reads(loader, name)]
    if isinstance(trusted, Mapping):
        kept = {name: trusted[name] for name in kept}
    if not kept:
        return loader
    return with_option(loader, "trusted", lambda own: _together(own, kept))


def _reads(part: Any, name: str) -> bool:
    """Whether a loader may read what a name trusts; names with dots are those of types."""
    if not hasattr(part, "trusted"):
        return False
    known = _unsafe_forms(part)
    return not known or name in known or "." in name


def _unsafe_forms(part: Any) -> tuple[str, ...]:
    return getattr(part, "unsafe_forms", ())


def _together(own: Any, further: Any) -> Any:
    """What a loader trusts already, and what is trusted for all."""
    if isinstance(own, Mapping) and isinstance(further, Mapping):
        return {**own, **further}
    if not own or not further:
        return own or further
    if isinstance(own, Mapping) or isinstance(further, Mapping):
        raise DeclarationError("trusted: give digests for all names, or for none")
    return list(dict.fromkeys((*own, *further)))


def _is_safe(part: Any) -> bool:
    return bool(getattr(part, "safe", True))


def _part_name(part: Any) -> str:
    return getattr(part, "name", type(part).__name__)
