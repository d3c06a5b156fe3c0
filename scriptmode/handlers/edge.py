"""The serving stacks that call the four functions, told apart while a request is answered.

They disagree about what bodies are, about headers, contexts, return values and errors. This is the
only file that knows which is which, and it finds out by what is there, never by configuration:

- sagemaker-containers (Flask): no context reaches a function, and what one raises is a bare 500.
- sagemaker-inference and the toolkits that are built on it (multi-model-server, TorchServe): a
  context that takes a status; what is raised goes to the caller with its traceback.
- sagemaker-inference before 1.6: the same, but it keeps the context to itself.
- anything else, ours and tests among them: functions are plain Python, and raise.

So in the stacks errors travel as values: a ``Refusal`` goes from the function that failed to
``output_fn``, which answers with the right status.

Contract: ``_worker`` and ``_transformer`` of sagemaker-containers 2.8.6, ``transformer`` of
sagemaker-inference 1.5.5 and 1.10.1, and ``handler_service`` of
sagemaker-huggingface-inference-toolkit 2.6.0.
"""

from __future__ import annotations

import inspect
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from http.client import responses
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from scriptmode.errors import RequestError, UnsupportedMediaTypeError
from scriptmode.handlers.context import RequestContext, ResponseHead
from scriptmode.handlers.environment import default_accept
from scriptmode.handlers.refusal import Refusal
from scriptmode.media import unless_any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from scriptmode.serializers.base import Body

_FLASK_FAMILY = "sagemaker_containers"
_FLASK_TRANSFORMER = "sagemaker_containers._transformer"
_TOOLKIT = "sagemaker_inference.transformer"
_TOOLKIT_ERRORS = "sagemaker_inference.errors"
_HUGGING_FACE = "sagemaker_huggingface_inference_toolkit.handler_service"
_UNDECODABLE = "\ufffd"
_JSON = "application/json"
_CONTEXT = "_scriptmode_context"
_DEEPEST = 200  # frames between this file and a toolkit


class Stack(Protocol):
    """A serving stack, in the middle of a request."""

    @property
    def context(self) -> Any:
        """What tells of the request, for hooks (see ``RequestContext.of``)."""
        ...

    is_told_of_failed_loads: ClassVar[bool]
    """Whether a model that cannot be loaded must be reported by raising."""

    def body(self, body: Body) -> Body:
        """The body as it was sent."""
        ...

    def content_type(self, given: str | None) -> str | None:
        """What was given, but None where the stack made it up for a header that was not sent."""
        ...

    def accept(self, given: str | None) -> str | None:
        """What was given, but None where the stack made it up for ``*/*`` or for no header."""
        ...

    def refuse(self, error: BaseException) -> Refusal:
        """An error on its way to ``output_fn``, raised in functions by hand in between."""
        ...

    def answer(self, status: int, body: bytes, content_type: str) -> Any:
        """What ``output_fn`` must return."""
        ...


_EMULATED: ContextVar[Stack | None] = ContextVar("emulated", default=None)


@contextmanager
def emulating(stack: Stack) -> Generator[None]:
    """Within the block, the functions that are called are called by that stack."""
    token = _EMULATED.set(stack)
    try:
        yield
    finally:
        _EMULATED.reset(token)


def stack_of(context: Any) -> Stack | None:
    """The stack that called one of the four functions; None for any other caller.

    Args:
        context: what it passed as the context.
    """
    if isinstance(context, RequestContext):
        return None
    emulated = _EMULATED.get()
    if emulated is not None:
        return emulated
    modules = sys.modules
    if context is None and _TOOLKIT in modules:  # before 1.6 it keeps the context to itself
        context = _local_of(_TOOLKIT, "transform", "context")
    if context is None and _HUGGING_FACE in modules:  # between are functions that take none
        context = _local_of(_HUGGING_FACE, "handle", "context")
    if hasattr(context, "set_response_status"):
        return ModelServer(context, modules.get(_TOOLKIT_ERRORS), _HUGGING_FACE not in modules)
    if _FLASK_FAMILY in modules and "flask" in modules and _is_flask_family(modules["flask"]):
        return Flask(modules["flask"], _flask_body)
    return None


@dataclass(frozen=True)
class ModelServer:
    """multi-model-server or TorchServe, by way of one of the toolkits.

    Args:
        context: the server's own, of this request.
        errors: the toolkit's module of exceptions, where it takes a status from them.
        takes_pairs: whether ``output_fn`` may return a body and its type.
    """

    context: Any
    errors: Any = None
    takes_pairs: bool = True

    is_told_of_failed_loads: ClassVar[bool] = False  # /ping answers all the same, and workers die

    def body(self, body: Body | None) -> Body:
        """The body; a server that took it apart has none."""
        if body is None:
            raise UnsupportedMediaTypeError(
                "the model server takes forms apart before any function sees them; send another"
                " content type"
            )
        return body

    def content_type(self, given: str | None) -> str | None:
        """As given; the toolkits do not know all spellings of its name."""
        return RequestContext.of(self.context).content_type if given is None else given

    def accept(self, given: str | None) -> str | None:
        """See :class:`Stack`."""
        default = (default_accept() if self.takes_pairs else None) or _JSON
        is_made_up = given == default and not unless_any(RequestContext.of(self.context).accept)
        return None if is_made_up else given

    def refuse(self, error: BaseException) -> Refusal:
        """See :class:`Stack`."""
        return Refusal(error, None if self.errors is None else _with_status(error, self.errors))

    def answer(self, status: int, body: bytes, content_type: str) -> Any:
        """See :class:`Stack`."""
        if status != HTTPStatus.OK:
            batched = _local_of(_TOOLKIT, "transform", "i") or 0  # which of several at once
            place = {"idx": batched} if batched else {}
            self.context.set_response_status(code=status, phrase=responses.get(status, ""), **place)
        return (body, content_type) if self.takes_pairs else body


@dataclass(frozen=True)
class Flask:
    """The single-model XGBoost and scikit-learn images.

    Args:
        flask: the module.
        sent: gives the body as it was sent; None where it is not to be had.
    """

    flask: Any
    sent: Callable[[], bytes | None]

    is_told_of_failed_loads: ClassVar[bool] = True  # /ping must fail

    @property
    def context(self) -> RequestContext:
        """The headers, which no function is told of."""
        request = self.flask.request
        if not hasattr(request, _CONTEXT):  # one for all functions, which may say what to answer
            headers = {name.lower(): value for name, value in request.headers.items()}
            setattr(request, _CONTEXT, RequestContext(headers))
        context: RequestContext = getattr(request, _CONTEXT)
        return context

    def body(self, body: Body) -> Body:
        """The body; as it was sent, where making text of it lost something."""
        if not (isinstance(body, str) and _UNDECODABLE in body):
            return body
        sent = self.sent()  # what is not UTF-8 was replaced when the body became text
        return body if sent is None or sent.decode(errors="replace") != body else sent

    def content_type(self, given: str | None) -> str | None:
        """See :class:`Stack`."""
        headers = self.flask.request.headers
        sent = headers.get("Content-Type") or headers.get("ContentType") or ""
        return None if given == _JSON and not sent.strip() else given

    def accept(self, given: str | None) -> str | None:
        """See :class:`Stack`."""
        is_made_up = given == (default_accept() or _JSON)
        sent = unless_any(self.flask.request.headers.get("Accept"))
        return None if is_made_up and sent is None else given

    def refuse(self, error: BaseException) -> Refusal:
        """See :class:`Stack`."""
        return Refusal(error)

    def answer(self, status: int, body: bytes, content_type: str) -> Any:
        """See :class:`Stack`."""
        said = self.context.said or ResponseHead()
        if status == HTTPStatus.OK and said.status is not None:
            status = said.status
        names = {name.lower() for name in said.headers}
        kind = None if "content-type" in names else content_type
        return self.flask.Response(body, status=status, headers=said.headers, content_type=kind)


def _flask_body() -> bytes | None:
    request = _local_of(_FLASK_TRANSFORMER, "transform", "request")
    return None if request is None else bytes(request.get_data())


def _with_status(error: BaseException, errors: Any) -> BaseException | None:
    """A caller's mistake as an error of the toolkit's too, which takes the status from those."""
    if not isinstance(error, RequestError):
        return None
    ours: Any = type(error)
    kind = _both(ours, errors.BaseInferenceToolkitError)
    told: BaseException = kind.__new__(kind, *error.args)
    told.__dict__.update(
        error.__dict__, status_code=error.status, message=str(error), phrase=error.code
    )
    return told


@lru_cache(64)
def _both(ours: Any, theirs: Any) -> Any:
    return type(ours.__name__, (ours, theirs), {})


def _is_flask_family(flask: Any) -> bool:
    if not flask.has_request_context():
        return False
    app = flask.current_app._get_current_object()  # noqa: SLF001 - the proxy's own method
    return any(kind.__module__.startswith(_FLASK_FAMILY) for kind in type(app).__mro__)


def _local_of(module: str, function: str, name: str) -> Any:
    """A variable of a toolkit's function that is under way in this thread; None without one."""
    frame = inspect.currentframe()  # it is passed to nobody
    for _ in range(_DEEPEST):
        frame = frame.f_back if frame is not None else None
        if frame is None:
            return None
        if frame.f_code.co_name == function and frame.f_globals.get("__name__") == module:
            return frame.f_locals.get(name)
    return None
