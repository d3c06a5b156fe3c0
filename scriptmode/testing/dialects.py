"""The serving stacks of AWS without their packages: how each of them calls the four functions.

Contract: as of :mod:`scriptmode.handlers.edge`; ``tests/contract`` holds each dialect to what the
real packages answer.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import traceback
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from scriptmode.errors import suggestion
from scriptmode.handlers.edge import Flask, ModelServer, emulating
from scriptmode.testing.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scriptmode.handlers.edge import Stack
    from scriptmode.handlers.handler import Handler

FAMILIES = ("flask", "inference", "inference15", "huggingface", "pytorch")
"""The dialects: the single-model XGBoost and scikit-learn images; sagemaker-inference; its release
1.5.5, of which those images have the multi-model form; Hugging Face; PyTorch."""

_JSON = "application/json"
_AS_TEXT = (_JSON, "text/csv")
_CONTENT_TYPE = re.compile(r"[Cc]ontent-?[Tt]ype")
_HTML = "text/html; charset=utf-8"
_HTML_500 = b"<!doctype html>\n<title>500 Internal Server Error</title>\n"


class _ToolkitError(Exception):
    """Stands in for ``sagemaker_inference.errors.BaseInferenceToolkitError``."""


@dataclass
class _Context:
    """What a model server hands over, as far as scripts read it."""

    model_dir: str
    headers: dict[str, str]
    status: int = 200
    answered: dict[str, str] = field(default_factory=dict)
    model_name: str = "model"

    @property
    def system_properties(self) -> dict[str, Any]:
        return {"model_dir": self.model_dir, "gpu_id": None}

    @property
    def request_processor(self) -> list[Any]:
        return [SimpleNamespace(get_request_properties=lambda: self.headers)]

    def get_all_request_header(self, idx: int) -> dict[str, str]:
        return self.headers

    def get_request_header(self, idx: int, key: str) -> str | None:
        return self.headers.get(key)

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.status = code

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        self.answered[key.lower()] = value


class _Headers(dict[str, str]):
    """Headers whose names are compared as HTTP does."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class _Answered(SimpleNamespace):
    """Stands in for ``flask.Response``."""

    def __init__(
        self, body: bytes, status: int, headers: Mapping[str, str], content_type: str | None
    ) -> None:
        sent = {name.lower(): value for name, value in headers.items()}
        told = content_type or sent["content-type"]
        super().__init__(body=body, status=status, content_type=told)


def emulate(
    handler: Handler, family: str, model_dir: str, body: bytes, headers: Mapping[str, str]
) -> Reply:
    """Answer one request as a stack does.

    Args:
        handler: the four functions, composed or written by hand.
        family: one of ``FAMILIES``.
        model_dir: the folder that holds the artefact.
        body: what a caller would send.
        headers: what it would send around that.

    Raises:
        ValueError: there is no such family.
    """
    if family not in FAMILIES:
        raise ValueError(f"no family named {family!r}{suggestion(family, FAMILIES)}")
    if family == "flask":
        return _flask(handler, model_dir, body, _Headers(headers))
    return _served(handler, family, _Context(model_dir, dict(headers)), body)


def _flask(handler: Handler, model_dir: str, body: bytes, headers: _Headers) -> Reply:
    content_type = headers.get("ContentType") or headers.get("Content-Type") or _JSON
    content = body.decode(errors="replace") if content_type in _AS_TEXT else body
    flask = SimpleNamespace(request=SimpleNamespace(headers=headers), Response=_Answered)
    try:
        with emulating(Flask(flask, lambda: body)):
            model = handler.model_fn(model_dir)
            data = handler.input_fn(content, content_type)
            prediction = handler.predict_fn(data, model)
            result = handler.output_fn(prediction, _accept(headers.get("Accept")))
        return _of_flask(result)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - any becomes a page
        return Reply(500, _HTML, _HTML_500, error)


def _of_flask(result: Any) -> Reply:
    """What Flask makes of a view's value."""
    if isinstance(result, _Answered):
        return Reply(result.status, result.content_type, result.body)
    if isinstance(result, tuple):
        text, kind = result[:2]
        kind = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
        return Reply(200, kind, _bytes(text))
    if isinstance(result, (dict, list)):
        return Reply(200, _JSON, json.dumps(result).encode() + b"\n")
    return Reply(200, _HTML, _bytes(result))


def _served(handler: Handler, family: str, context: _Context, body: bytes) -> Reply:
    is_hugging_face = family == "huggingface"
    errors = None if is_hugging_face else SimpleNamespace(BaseInferenceToolkitError=_ToolkitError)
    stack = ModelServer(context, errors, takes_pairs=not is_hugging_face)
    try:
        accept = _accept(_named(context.headers, "Accept", "accept"), ignores=is_hugging_face)
        result = _transform(handler, family, stack, context, body, accept)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - what is raised is told
        if is_hugging_face:
            return Reply(400, _JSON, str(error).encode(), error)
        told = f"{getattr(error, 'message', error)}\n{traceback.format_exc()}"
        return Reply(getattr(error, "status_code", 500), "", told.encode(), error)
    content_type = accept
    if isinstance(result, tuple) and not is_hugging_face:
        result, content_type = result
    if not isinstance(result, (bytes, bytearray, str)):
        try:
            result = json.dumps(result, indent=2)
        except TypeError as error:
            return Reply(503, _JSON, b"Unsupported model output data type.", error)
    return Reply(context.status, content_type, _bytes(result))


def _transform(  # noqa: PLR0913, PLR0917 - what a toolkit has at hand
    handler: Handler, family: str, stack: Stack, context: _Context, body: bytes, accept: str
) -> Any:
    names = (name for name in context.headers if _CONTENT_TYPE.match(name))
    content_type = _named(context.headers, *names)
    content = body.decode() if content_type in _AS_TEXT else bytearray(body)

    def call(function: Callable[..., Any], *arguments: Any) -> Any:
        """With a context where the function counts one parameter more, since 1.6."""
        if family == "inference15":
            return function(*arguments)
        count = len(inspect.signature(function).parameters)
        if count not in (len(arguments), len(arguments) + 1):
            raise TypeError(f"{function} takes {count} arguments")
        return function(*arguments, *[context] * (count - len(arguments)))

    with emulating(stack):
        model = call(handler.model_fn, context.model_dir)
        data = call(handler.input_fn, content, content_type)
        return call(handler.output_fn, call(handler.predict_fn, data, model), accept)


def _accept(sent: str | None, *, ignores: bool = False) -> str:
    """The Accept header as the toolkits fill it in; one of them ignores the environment."""
    if sent and sent != "*/*":
        return sent
    return _JSON if ignores else os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", _JSON)


def _named(headers: Mapping[str, str], *names: str) -> str | None:
    return next((headers[name] for name in names if headers.get(name) is not None), None)


def _bytes(body: Any) -> bytes:
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    if isinstance(body, str):
        return body.encode()
    raise TypeError(f"a view returned {type(body).__name__}")
