"""What a declaration says of the columns, joined with what the artefact knows of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from scriptmode.errors import DeclarationError, ModelLoadError
from scriptmode.handlers.alignment import Alignment
from scriptmode.handlers.feature import Feature
from scriptmode.handlers.missing import Missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scriptmode.models.base import Signature

Extra: TypeAlias = Literal["error", "ignore"]
_EXTRAS = ("error", "ignore")


@dataclass(frozen=True)
class Contract:
    """What a declaration says of the columns; empty where it says nothing.

    Args:
        features: the columns in the model's order.
        label: a column, by name, that requests may carry and that is dropped; a position from 0
            drops it from rows without names too.
        extra: whether further named columns are an error or ignored.
        missing: what a missing cell is, and what becomes of it.
        reserved: names that no column may have: those of parameters.

    Raises:
        DeclarationError: the parts contradict each other.
    """

    features: tuple[Feature, ...] | None = None
    label: str | int | None = None
    extra: Extra = "error"
    missing: Missing = field(default_factory=Missing)
    reserved: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.extra not in _EXTRAS:
            raise DeclarationError(f"extra={self.extra!r}: expected 'error' or 'ignore'")
        is_position = type(self.label) is int and self.label >= 0
        if not (self.label is None or isinstance(self.label, str) or is_position):
            raise DeclarationError(f"label={self.label!r}: expected a name, or a position from 0")
        named = {name for each in self.features or () for name in each.names}
        if self.label in named:
            raise DeclarationError(f"label={self.label!r} is one of the features")
        is_described = any(each.kind != "any" for each in self.features or ())
        if is_described and self.missing.cells != "allow":
            raise DeclarationError(
                f"missing: cells={self.missing.cells!r}, but features is a pydantic model, whose"
                " fields say it themselves: required, X | None, or a default"
            )

    def bind(self, signature: Signature) -> Alignment | None:
        """Join the declaration with what the artefact knows; None when neither knows anything.

        Raises:
            ModelLoadError: they contradict each other, or nobody knows what can be checked.
        """
        features, width = self.features, signature.width
        if features is not None:
            _agree(features, signature)
            width = len(features)
        elif signature.names:
            features = tuple(map(Feature, signature.names))
        if width is None:
            for field_name, is_void in (
                ("missing", self.missing.cells == "allow"),
                ("label", self.label is None),
                ("extra", self.extra == "error"),
            ):
                if not is_void:
                    raise ModelLoadError(
                        f"{field_name}: nobody knows the model's columns; declare features"
                    )
            return None
        self._check_names(signature, width)
        if features is not None:
            features = tuple(map(self._complete, features, _categories(signature, len(features))))
        elif any(known is not None for known in signature.categories or ()):
            raise ModelLoadError("the model has categories and no names: declare features=...")
        names = signature.names or _names(features)
        return Alignment(self, width, features, names, keeps_names=signature.reads_names)

    def _check_names(self, signature: Signature, width: int) -> None:
        if isinstance(self.label, int) and self.label > width:
            raise ModelLoadError(f"label={self.label}: the model has {width} columns")
        for name in (self.label, *self.reserved):
            if isinstance(name, str) and name in (signature.names or ()):
                what = "label" if name == self.label else "parameters"
                raise ModelLoadError(f"{what}: {name!r} is a column of the model")

    def _complete(self, feature: Feature, categories: tuple[Any, ...] | None) -> Feature:
        """A feature with the categories of the artefact, and the policy for missing cells."""
        if feature.kind == "any" and self.missing.cells == "error":
            feature = replace(feature, required=True)
        if feature.kind == "any" and self.missing.cells == "fill":
            feature = replace(feature, fill=self.missing.value)
        if categories is None:
            return feature
        for spelling in self.missing.spellings:
            if spelling in categories:
                raise ModelLoadError(
                    f"{spelling!r} is a category of {feature.name!r} and a spelling of a missing"
                    " cell: declare missing=[...] without it"
                )
        return _with_categories(feature, categories)


def _categories(signature: Signature, width: int) -> Sequence[tuple[Any, ...] | None]:
    return signature.categories or (None,) * width


def _with_categories(feature: Feature, known: tuple[Any, ...]) -> Feature:
    """Hold a column to the categories that the model was trained on."""
    choices = feature.choices
    if not known:
        if choices is None or isinstance(choices[0], str):
            raise ModelLoadError(
                f"the model has categories for {feature.name!r} and does not say which: declare"
                " the numbers it was trained on, in features, as Literal[0, 1, ...]"
            )
        return feature
    if feature.filler is not None and feature.filler not in known:
        raise ModelLoadError(
            f"a missing {feature.name!r} would become {feature.filler!r}, of which the model has no"
            f" category; it has {', '.join(map(repr, known[:20]))}"
        )
    strange = [choice for choice in choices or () if choice not in known]
    if strange:
        raise ModelLoadError(
            f"features allows {strange[0]!r} for {feature.name!r}, of which the model has no"
            f" category; it has {', '.join(map(repr, known[:20]))}"
        )
    if choices is not None:
        return feature
    kind: Any = "text" if isinstance(known[0], str) else "number"
    if feature.kind not in ("any", kind, "integer" if kind == "number" else kind):
        raise ModelLoadError(
            f"features declares {feature.name!r} as {feature.kind}; the model has the categories"
            f" {', '.join(map(repr, known[:20]))}"
        )
    return replace(feature, kind=kind, choices=known)


def _agree(features: Sequence[Feature], signature: Signature) -> None:
    names = signature.names
    if names is not None:
        alike = len(names) == len(features) and all(
            name in each.names for name, each in zip(names, features, strict=True)
        )
        if not alike:
            declared = [each.name for each in features]
            raise ModelLoadError(
                f"features= declares {declared}; the model was trained on {list(names)}"
            )
    elif signature.width not in (None, len(features)):
        raise ModelLoadError(
            f"features= declares {len(features)} columns; the model was trained on"
            f" {signature.width}"
        )


def _names(features: Sequence[Feature] | None) -> tuple[str, ...] | None:
    return None if features is None else tuple(each.name for each in features)
