"""From a declaration's names to a frozen composition: everything is resolved once, here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from scriptmode.errors import DeclarationError, UnknownNameError, UnsupportedMediaTypeError
from scriptmode.handlers.alignment import Contract
from scriptmode.handlers.columns import read_features
from scriptmode.handlers.composition import Composition
from scriptmode.handlers.contract import Handler
from scriptmode.handlers.environment import from_environment
from scriptmode.handlers.registries import DEFAULT, Registries
from scriptmode.handlers.safety import extend_trust
from scriptmode.media import parse
from scriptmode.serializers.base import Typable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import BaseModel

    from scriptmode.handlers.alignment import Extra
    from scriptmode.models.base import Loader
    from scriptmode.models.trust import Trusted
    from scriptmode.serializers.base import Decoder, Encoder

FIELDS = (
    "model",
    "accepts",
    "returns",
    "features",
    "label",
    "extra",
    "missing",
    "trusted",
    "options",
)
"""What can be declared."""

_FORMATS = ("json", "csv", "jsonlines", "npy", "npz")
_DEFAULTS: Mapping[str, Any] = {
    "accepts": _FORMATS,
    "returns": _FORMATS,
    "features": None,
    "label": None,
    "extra": "error",
    "missing": ("",),
    "trusted": (),
    "options": {},
}


def compose(  # noqa: PLR0913 - the keywords are the declaration
    model: str | Loader[Any],
    *,
    accepts: str | Decoder | Iterable[str | Decoder] | None = None,
    returns: str | Encoder | Iterable[str | Encoder] | None = None,
    features: type[BaseModel] | Iterable[str] | None = None,
    label: str | int | None = None,
    extra: Extra | None = None,
    missing: Iterable[str] | None = None,
    trusted: Trusted | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    registries: Registries = DEFAULT,
    **unknown: NoReturn,
) -> Handler:
    """Make the four functions of a script from a declaration.

    What is not given is taken from the environment (``SCRIPTMODE_ACCEPTS``,
    ``SCRIPTMODE_RETURNS``, ``SCRIPTMODE_FEATURES`` …; lists are separated by commas), else it has
    its default.

    Args:
        model: the framework, by name (``"xgboost"``, ``"sklearn"``, a registered or published
            one), or a loader object.
        accepts: what requests may be: names, media types or serializer objects. The first reads
            bodies that come without a content type. Default: every format for tables, JSON first.
        returns: what responses may be; the order decides ties and ``*/*``. Default: the same.
        features: the columns in the model's order: their names, or a pydantic model whose
            types and constraints every request is held to. A field that may be None may be
            missing, one with a default is filled. Default: the names that the artefact knows.
        label: a column that requests may carry and that is dropped: by name, or by position from
            0, which drops it from rows without names too.
        extra: whether further named columns are an ``"error"`` (the default) or ``"ignore"``.
        missing: the spellings of a missing cell in formats without types. Default: ``""``.
        trusted: names of formats that may execute code when they are read, such as
            ``["pickle"]``, or a mapping from each to the SHA-256 of the only file to trust.
        options: keywords by name, for serializers and loaders that are given by name, such as
            ``{"csv": {"header": True}}``.
        registries: where names are looked up.
        unknown: refused, with the nearest keyword.

    Returns:
        The functions, to be unpacked into ``model_fn``, ``input_fn``, ``predict_fn`` and
        ``output_fn``.

    Raises:
        UnknownNameError: nothing has that name; suggests the nearest.
        MissingExtraError: the framework is not installed; names the line that installs it.
        UntrustedFormatError: an unsafe serializer or loader is not trusted by name.
        DeclarationError: the declaration contradicts itself.
    """
    keywords = {
        "model": model,
        "accepts": accepts,
        "returns": returns,
        "features": features,
        "label": label,
        "extra": extra,
        "missing": missing,
        "trusted": trusted,
        "options": options,
        **unknown,
    }
    given = {name: value for name, value in keywords.items() if value is not None}
    return build((given, from_environment(FIELDS)), registries)


def build(layers: Sequence[Mapping[str, Any]], registries: Registries) -> Handler:
    """Resolve a declaration that comes from several places.

    Args:
        layers: what each place declares; the first that has a field decides it.
        registries: where names are looked up.

    Raises:
        DeclarationError: as for :func:`compose`.
    """
    for name in (name for layer in layers for name in layer if name not in FIELDS):
        raise UnknownNameError("declared field", name, FIELDS)
    fields: dict[str, Any] = dict(_DEFAULTS)
    for layer in reversed(layers):
        fields.update(layer)
    if "model" not in fields:
        raise DeclarationError("no model is declared")
    names = _Names(registries, fields["options"])
    decoders = names.serializers(fields["accepts"], "decode")
    encoders = names.serializers(fields["returns"], "encode")
    loader = names.loader(fields["model"])
    names.refuse_unused_options(layers)
    loader = extend_trust(loader, [*decoders, *encoders], fields["trusted"])
    contract = _contract(fields)
    decoders = [_typed(decoder, contract) for decoder in decoders]
    made = Composition.of(loader, decoders, encoders, contract)
    return Handler(made.model_fn, made.input_fn, made.predict_fn, made.output_fn)


class _Names:
    """Names to objects, with the options that were declared for each."""

    def __init__(self, registries: Registries, options: Mapping[str, Mapping[str, Any]]) -> None:
        self._registries = registries
        self._options = {self._canonical(name): chosen for name, chosen in options.items()}

    def loader(self, model: str | Loader[Any]) -> Loader[Any]:
        if isinstance(model, str):
            return self._registries.loaders.get(model, **self._options_of(model))
        _demand(model, ("name", "load", "predict"), "a model loader")
        return model

    def serializers(self, declared: Any, verb: str) -> list[Any]:
        found: list[Any] = []
        for item in _listed(declared):
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

    def refuse_unused_options(self, layers: Sequence[Mapping[str, Any]]) -> None:
        """Options for a name that no layer declares would be lost in silence."""
        items = [
            item
            for field in FIELDS[:3]
            for layer in ([layer for layer in layers if field in layer] or [_DEFAULTS])
            for item in _listed(layer.get(field))
        ]
        used = {self._canonical(item) for item in items if isinstance(item, str)}
        for name in self._options:
            if name not in used:
                raise UnknownNameError("declared part to set options of", name, used)

    def _options_of(self, name: str) -> Mapping[str, Any]:
        return self._options.get(self._canonical(name), {})

    def _canonical(self, name: str) -> str:
        """The one name behind all aliases, so that options of csv reach text/csv."""
        return self._registries.serializers.canonical(self._registries.loaders.canonical(name))


def _listed(declared: Any) -> list[Any]:
    if declared is None:
        return []
    if isinstance(declared, (str, type)) or not hasattr(declared, "__iter__"):
        return [declared]
    return list(declared)


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


def _contract(fields: Mapping[str, Any]) -> Contract:
    if fields["extra"] not in ("error", "ignore"):
        raise DeclarationError(f"extra={fields['extra']!r}: expected 'error' or 'ignore'")
    if isinstance(fields["missing"], str):
        raise DeclarationError(f"missing={fields['missing']!r}: list the spellings")
    features = read_features(fields["features"])
    return Contract(features, fields["label"], fields["extra"], tuple(fields["missing"]))


def _typed(decoder: Any, contract: Contract) -> Any:
    """Tell a format without types which columns are words, and how missing cells are spelled."""
    if not isinstance(decoder, Typable):
        return decoder
    features = contract.features or ()
    words = [name for each in features if each.is_worded for name in each.names]
    return decoder.typed([each.name for each in features], words, contract.missing)
