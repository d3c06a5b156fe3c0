"""From a declaration's names to a frozen composition: everything is resolved once, here."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from scriptmode.errors import DeclarationError, UnknownNameError
from scriptmode.handlers.columns import read_features
from scriptmode.handlers.composition import Composition
from scriptmode.handlers.contract import Contract
from scriptmode.handlers.envelope import read_path, wrap_decoder, wrap_encoder
from scriptmode.handlers.environment import default_accept, from_environment, selected_outputs
from scriptmode.handlers.handler import Handler
from scriptmode.handlers.hooks import is_hook, read_hook
from scriptmode.handlers.inference import Inference
from scriptmode.handlers.loading import Checks
from scriptmode.handlers.missing import read_missing
from scriptmode.handlers.outputs import read_outputs
from scriptmode.handlers.registries import DEFAULT, Registries
from scriptmode.handlers.resolution import Names, as_list, with_option
from scriptmode.handlers.safety import extend_trust
from scriptmode.handlers.template import Template
from scriptmode.models.selectable import KEYS
from scriptmode.serializers.base import Typable
from scriptmode.serializers.csv import CSV
from scriptmode.serializers.json import JSON
from scriptmode.serializers.jsonlines import JSONLines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pydantic import BaseModel

    from scriptmode.handlers.contract import Extra
    from scriptmode.handlers.inference import Rows
    from scriptmode.models.base import Loader
    from scriptmode.models.trust import Trusted
    from scriptmode.models.versions import VersionPolicy
    from scriptmode.serializers.base import Decoder, Encoder

_FORMATS = ("json", "csv", "jsonlines", "npy", "npz")
_DEFAULTS: Mapping[str, Any] = {
    "accepts": _FORMATS,
    "returns": _FORMATS,
    "features": None,
    "label": None,
    "extra": "error",
    "missing": ("",),
    "predict": None,
    "before": None,
    "after": None,
    "rows": "same",
    "request": None,
    "parameters": (),
    "response": None,
    "versions": None,
    "replay": False,
    "trusted": (),
    "options": {},
}
FIELDS = ("model", *_DEFAULTS)
"""What can be declared."""


def compose(  # noqa: PLR0913 - the keywords are the declaration
    model: str | Loader[Any] | Mapping[str, Any],
    *,
    accepts: str | Decoder | Iterable[str | Decoder] | None = None,
    returns: str | Encoder | Iterable[str | Encoder] | None = None,
    features: type[BaseModel] | Iterable[str] | None = None,
    label: str | int | None = None,
    extra: Extra | None = None,
    missing: Iterable[str] | Mapping[str, Any] | None = None,
    predict: str | Iterable[str] | Mapping[str, str] | Callable[..., Any] | None = None,
    before: str | Callable[..., Any] | None = None,
    after: str | Callable[..., Any] | None = None,
    rows: Rows | None = None,
    request: str | Iterable[str] | None = None,
    parameters: Iterable[str] | None = None,
    response: Any = None,
    versions: VersionPolicy | None = None,
    replay: bool | None = None,
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
            one), or a loader object. Or a bundle: a mapping from the artefacts' names to
            either, or to ``{"loader": name, "file": ...}``.
        accepts: what requests may be: names, media types or serializer objects. The first reads
            bodies that come without a content type. Default: every format for tables, JSON first.
        returns: what responses may be; the order decides ties and ``*/*``. Default: the same.
        features: the columns in the model's order: their names, or a pydantic model whose
            types and constraints every request is held to. A field that may be None may be
            missing, one with a default is filled. Default: the names that the artefact knows.
        label: a column that requests may carry and that is dropped: by name, or by position from
            0, which drops it from rows without names too.
        extra: whether further named columns are an ``"error"`` (the default) or ``"ignore"``.
        missing: the spellings of a missing cell in formats without types, ``""`` by default. Or
            a mapping: ``spellings``; ``cells``, which is ``"allow"``, ``"error"`` or ``"fill"``
            for columns that ``features`` does not describe; and ``value``, which fills them.
        predict: what to ask of the model: ``"value"`` (the default), ``"label"``, ``"proba"``,
            ``"margin"``, ``"leaf"``, ``"contribs"`` or ``"transform"``; several, by these names
            or under others (``{"score": "proba"}``); or a function ``(model, data, context)``.
        before: a function ``(data, context)`` from a request's rows to the model's.
        after: a function ``(prediction, context)`` to what is sent.
        rows: ``"same"`` (the default) refuses to answer with more or fewer rows than came;
            ``"free"`` does not count.
        request: where the rows of a JSON body are, such as ``"data.rows"``. Default: the common
            layouts are recognised.
        parameters: further members of a JSON body, for hooks, as ``context.parameters``.
        response: what a JSON response looks like, such as ``{"predictions": "$"}`` or
            ``[{"score": "$row"}]``; see :class:`scriptmode.handlers.template.Template`.
        versions: what becomes of an artefact that another release of the framework wrote, which
            this one cannot be relied on to read: ``"error"`` (the default), ``"warn"``,
            ``"ignore"``.
        replay: whether ``model_fn`` asks for the manifest's golden sample, and refuses a model
            that answers otherwise than when it was saved.
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
    keywords = dict(locals())
    del keywords["registries"], keywords["unknown"]
    for name in unknown:
        raise UnknownNameError("declared field", name, FIELDS)
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
    names = Names(registries, fields["options"])
    decoders = names.serializers(fields["accepts"], "decode")
    encoders = names.serializers(fields["returns"], "encode")
    loader = names.loader(fields["model"])
    names.refuse_unused_options(_declared_parts(layers))
    if getattr(loader, "takes_text", False):
        decoders = [_reading_texts(each) for each in decoders]
    loader = extend_trust(loader, [*decoders, *encoders], fields["trusted"])
    is_default = fields["versions"] is None
    checks = Checks("error" if is_default else fields["versions"], fields["replay"])
    if not is_default:
        loader = with_option(loader, "versions", lambda _: checks.versions) or loader
    if fields["predict"] is None and set(KEYS) <= set(getattr(loader, "output_names", ())):
        fields["predict"] = selected_outputs()
    inference = _inference(fields, loader)
    path = read_path(fields["request"])
    parameters = _parameters(fields["parameters"], path, inference.contract)
    _refuse_void(fields, decoders, encoders)
    decoders = [
        wrap_decoder(_typed(each, inference.contract), path, parameters) for each in decoders
    ]
    encoders = _enveloped(encoders, fields["response"], inference)
    made = Composition.of(inference, decoders, encoders, checks, default_accept())
    return Handler(made.model_fn, made.input_fn, made.predict_fn, made.output_fn)


def _reading_texts(decoder: Any) -> Any:
    """A flat list is one row of a table, but several rows of a model of language."""
    is_plain = type(decoder) is JSON and decoder.layout == "auto" and decoder.image is None
    return replace(decoder, layout="texts") if is_plain else decoder


def _inference(fields: Mapping[str, Any], loader: Loader[Any]) -> Inference:
    features = read_features(fields["features"])
    contract = Contract(
        features,
        fields["label"],
        fields["extra"],
        read_missing(fields["missing"]),
        tuple(as_list(fields["parameters"])),
    )
    predict = fields["predict"]
    own = is_hook(predict)
    return Inference(
        loader,
        contract,
        outputs=read_outputs(None if own else predict),
        before=read_hook("before", fields["before"], ("data", "context")),
        predict=read_hook("predict", predict, ("model", "data", "context")) if own else None,
        after=read_hook("after", fields["after"], ("prediction", "context")),
        rows=fields["rows"],
    )


def _refuse_void(fields: Mapping[str, Any], decoders: list[Any], encoders: list[Any]) -> None:
    """What is declared of JSON must reach some JSON."""
    for field, kinds, declared in (
        ("request", (JSON,), decoders),
        ("parameters", (JSON,), decoders),
        ("response", (JSON, JSONLines), encoders),
    ):
        if fields[field] and not any(type(each) in kinds for each in declared):
            raise DeclarationError(f"{field}: no declared format is the built-in JSON")


def _enveloped(encoders: list[Any], response: Any, inference: Inference) -> list[Any]:
    """Encoders that lay predictions out as declared."""
    if response is None and inference.outputs.is_selectable_inference:
        # As SageMaker's XGBoost container does: only Batch Transform gets a last line's end.
        response = {"predictions": ["$row"]}
        if not os.environ.get("SAGEMAKER_BATCH"):
            encoders = [
                replace(each, final_newline=False) if isinstance(each, CSV) else each
                for each in encoders
            ]
    template = None if response is None else Template(response)
    is_known = inference.outputs.names and not inference.has_hooks
    for name in template.names if template is not None and is_known else ():
        if name not in inference.outputs.names:
            raise UnknownNameError("output for response", name, inference.outputs.names)
    return [wrap_encoder(encoder, template) for encoder in encoders]


def _declared_parts(layers: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The models and serializers of every layer, for which options may be declared."""
    return [
        item
        for field in FIELDS[:3]
        for layer in ([layer for layer in layers if field in layer] or [_DEFAULTS])
        for item in as_list(layer.get(field))
    ]


def _parameters(declared: Any, path: tuple[str, ...], contract: Contract) -> tuple[str, ...]:
    names = tuple(as_list(declared))
    taken = {*path[:1], *(name for each in contract.features or () for name in each.names)}
    for name in names:
        if not isinstance(name, str):
            raise DeclarationError(f"parameters={declared!r}: list the names")
        if name in taken:
            raise DeclarationError(f"parameters: {name!r} is where the rows are, or a feature")
    return names


def _typed(decoder: Any, contract: Contract) -> Any:
    """Tell a format without types which columns are words, and how missing cells are spelled."""
    if not isinstance(decoder, Typable):
        return decoder
    features = contract.features or ()
    words = [name for each in features if each.is_worded for name in each.names]
    known = [name for each in features for name in each.names]
    return decoder.typed(
        [each.name for each in features],
        words,
        contract.missing.spellings,
        known if features and contract.extra == "ignore" else None,
    )
