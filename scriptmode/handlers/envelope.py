"""What stands around the rows of a JSON request, and around the predictions of a response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scriptmode.errors import DeclarationError, LayoutError, MalformedBodyError
from scriptmode.serializers.base import Body, as_utf8
from scriptmode.serializers.json import JSON, parse_json, with_exact_integers
from scriptmode.serializers.jsonlines import JSONLines
from scriptmode.serializers.layouts import ENVELOPES, read_layout
from scriptmode.values import Enveloped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scriptmode.handlers.template import Template


@dataclass(frozen=True)
class RequestEnvelope:
    """A JSON decoder that takes the rows from a declared place.

    Args:
        inner: how the rows themselves are read.
        path: the members that lead to the rows, outermost first; empty where the whole body, less
            the parameters, is a table.
        parameters: members of the outermost object that are handed to hooks.
    """

    inner: JSON
    path: tuple[str, ...]
    parameters: tuple[str, ...]

    @property
    def media_types(self) -> tuple[str, ...]:
        """Those of JSON."""
        return self.inner.media_types

    def decode(self, body: Body, params: Mapping[str, str]) -> Any:
        """Read one JSON object.

        Returns:
            What the rows are read as; ``Enveloped`` where parameters are declared.

        Raises:
            MalformedBodyError: not JSON, rows elsewhere than declared, or a member that nobody
                declared.
        """
        raw = as_utf8(body, params)
        value, has_text = parse_json(raw)
        found: dict[str, Any] = {}
        if self.parameters and isinstance(value, dict):
            exact = with_exact_integers(value, raw)
            found = {name: exact[name] for name in self.parameters if name in value}
            value = {name: part for name, part in value.items() if name not in found}
        for depth, name in enumerate(self.path):
            value = _step(value, name, self.path[:depth])
        if self.path and isinstance(value, dict) and value.keys() & set(ENVELOPES):
            raise LayoutError(f"{'.'.join(self.path)!r} is where the rows are declared to be")
        data = read_layout(value, self.inner.layout, has_text=has_text)
        return Enveloped(data, found) if self.parameters else data


@dataclass(frozen=True)
class ResponseEnvelope:
    """An encoder that puts predictions into a declared template.

    Args:
        inner: the JSON or JSON Lines encoder; JSON Lines repeats the part for one row.
        template: what the response looks like.
    """

    inner: JSON | JSONLines
    template: Template

    @property
    def media_types(self) -> tuple[str, ...]:
        """Those of the encoder."""
        return self.inner.media_types

    def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
        """Write the template, filled.

        Raises:
            NotAcceptableError: the value holds something that JSON has no form for, or has no
                rows where the template repeats them.
        """
        if isinstance(self.inner, JSON):
            return self.inner.encode(self.template.fill(value), params)
        return self.inner.encode(self.template.fill_rows(value), params)


def wrap_decoder(decoder: Any, path: tuple[str, ...], parameters: tuple[str, ...]) -> Any:
    """A decoder that knows the declared envelope; only JSON can have one."""
    is_enveloped = type(decoder) is JSON and (path or parameters)
    return RequestEnvelope(decoder, path, parameters) if is_enveloped else decoder


def wrap_encoder(encoder: Any, template: Template | None) -> Any:
    """An encoder that fills the declared template; only JSON and JSON Lines can."""
    if template is None or type(encoder) not in (JSON, JSONLines):
        return encoder
    if isinstance(encoder, JSONLines) and template.repeated > 1:
        raise DeclarationError(
            "response: several parts are repeated for each row, and JSON Lines can carry one"
        )
    return ResponseEnvelope(encoder, template)


def read_path(declared: Any) -> tuple[str, ...]:
    """The members that lead to the rows: ``"data.rows"``, or a list of names.

    Raises:
        DeclarationError: an empty name, or something else.
    """
    if declared is None:
        return ()
    path: tuple[Any, ...] = ()
    if isinstance(declared, str):
        path = tuple(declared.split("."))
    elif hasattr(declared, "__iter__"):
        path = tuple(declared)
    if not path or not all(isinstance(name, str) and name for name in path):
        raise DeclarationError(f"request={declared!r}: expected a path such as 'data.rows'")
    return path


def _step(value: Any, name: str, above: tuple[str, ...]) -> Any:
    place = f"{'.'.join(above)!r}" if above else "the body"
    if not isinstance(value, dict):
        raise LayoutError(f"{place} is not an object with a member {name!r}")
    if name not in value:
        raise LayoutError(f"{place} has no member {name!r}")
    for other in value:
        if other != name:
            raise MalformedBodyError(f"{place} has the unexpected member {other[:40]!r}")
    return value[name]
