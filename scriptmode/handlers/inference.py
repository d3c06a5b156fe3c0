"""What lies between a decoded request and a prediction: columns, hooks, the model, row counts."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from scriptmode._memo import PerObject
from scriptmode.errors import (
    DeclarationError,
    InvalidFeaturesError,
    PredictionError,
    RequestError,
)
from scriptmode.handlers.context import RequestContext
from scriptmode.handlers.contract import Contract
from scriptmode.handlers.outputs import Outputs
from scriptmode.handlers.rows import count_rows, refuse_other_count
from scriptmode.models.base import Rowwise, Signature, Signed
from scriptmode.serializers.layouts import read_layout
from scriptmode.values import Enveloped

if TYPE_CHECKING:
    from collections.abc import Callable

    from scriptmode.handlers.alignment import Alignment
    from scriptmode.models.base import Loader

Rows: TypeAlias = Literal["same", "free"]
_ROWS = ("same", "free")


class _Bound(NamedTuple):
    """A declaration joined with one model."""

    request: Alignment | None  # holds what was sent to its columns
    model: Alignment | None  # holds what a before hook made to the model's columns
    ask: Callable[[Any, Any], Any]
    turn: AbstractContextManager[Any]  # for code of the script's own that asks the model


class Prepared(NamedTuple):
    """A request on its way through a model.

    Args:
        data: what the model is asked.
        rows: how many answers there must be; None for any number.
        context: for hooks.
        bound: the declaration joined with the model.
    """

    data: Any
    rows: int | None
    context: Any
    bound: _Bound | None = None


@dataclass(frozen=True)
class Inference:
    """From decoded data to a prediction.

    Args:
        loader: asks the model.
        contract: what is declared of the columns.
        outputs: what is asked of the model.
        before: ``(data, context)``, between the request's columns and the model's.
        predict: ``(model, data, context)``, in place of the loader.
        after: ``(prediction, context)``.
        rows: whether there must be as many predictions as rows.

    Attributes:
        has_hooks: whether code of the script's own is called on the way.

    Raises:
        DeclarationError: the parts contradict each other.
    """

    loader: Loader[Any]
    contract: Contract = field(default_factory=Contract)
    outputs: Outputs = Outputs({}, is_single=True)  # noqa: RUF009 - frozen
    before: Callable[[Any, Any], Any] | None = None
    predict: Callable[[Any, Any, Any], Any] | None = None
    after: Callable[[Any, Any], Any] | None = None
    rows: Rows = "same"
    has_hooks: bool = field(init=False, repr=False, compare=False)
    _bound: PerObject[_Bound] = field(init=False, repr=False, compare=False)
    _latest: list[Alignment] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.rows not in _ROWS:
            raise DeclarationError(f"rows={self.rows!r}: expected 'same' or 'free'")
        if self.predict is None and not getattr(self.loader, "predicts", True):
            raise DeclarationError(
                f"a model of {self.loader.name!r} cannot predict by itself: declare predict=..., a"
                " function (model, data, context)"
            )
        self.outputs.check(self.loader)
        has_hooks = not (self.before is None and self.predict is None and self.after is None)
        object.__setattr__(self, "has_hooks", has_hooks)
        object.__setattr__(self, "_bound", PerObject(self._bind))

    def __call__(self, data: Any, model: Any, context: Any = None) -> Any:
        """Answer decoded data.

        Raises:
            InvalidFeaturesError: the columns or cells are not the model's.
            PredictionError: another number of rows came out than in.
        """
        prepared = self.prepare(data, model, context)
        return self.finish(self.ask(prepared, model), prepared)

    def prepare(self, data: Any, model: Any, context: Any = None) -> Prepared:
        """What the model is to be asked for decoded data.

        Raises:
            InvalidFeaturesError: the columns or cells are not the model's.
        """
        bound = self._bound(model)
        if self.has_hooks or isinstance(data, Enveloped):
            return self._prepare_for_hooks(bound, data, context)
        if bound.request is not None:
            data = bound.request(data)
        return Prepared(data, count_rows(data) if self.rows == "same" else None, context, bound)

    def ask(self, prepared: Prepared, model: Any) -> Any:
        """The model's own answer, or that of the function that stands in for it."""
        bound = prepared.bound or self._bound(model)
        if self.predict is None:
            return bound.ask(model, prepared.data)
        with bound.turn:
            return _answered("predict", self.predict(model, prepared.data, prepared.context))

    def finish(self, prediction: Any, prepared: Prepared) -> Any:
        """What the caller gets of the model's answer.

        Raises:
            PredictionError: another number of rows came out than in.
        """
        rows = prepared.rows
        refuse_other_count(rows, prediction)
        if self.after is not None:
            prediction = _answered("after", self.after(prediction, prepared.context))
            refuse_other_count(rows, prediction, may_be_document=True)
        return prediction

    def is_rowwise(self, model: Any) -> bool:
        """Whether the model answers a row alike, bit for bit, whatever rows stand beside it."""
        tells = isinstance(self.loader, Rowwise) and self.loader.is_rowwise(model)
        return tells and self.predict is None

    def bind(self, model: Any) -> Alignment | None:
        """Join the declaration with a model; what is learnt is remembered.

        Returns:
            What requests are held to; None where nobody knows any columns.

        Raises:
            ModelLoadError: they contradict each other.
        """
        return self._bound(model).request

    def columns(self, model: Any = None) -> Alignment | None:
        """What requests are held to, as far as it is known; None where nobody knows any columns.

        Args:
            model: the model that holds them; else the last that was loaded, else the
                declaration alone.
        """
        if model is not None:
            return self.bind(model)
        if self._latest:
            return self._latest[0]
        return self.contract.bind(Signature()) if self.contract.features else None

    def signature(self, model: Any) -> Signature:
        """What the loader reads from the model."""
        return self.loader.signature(model) if isinstance(self.loader, Signed) else Signature()

    def _bind(self, model: Any) -> _Bound:
        known = self.signature(model)
        ask = self.loader.predict if self.predict else self.outputs.bind(self.loader, model)
        turn: AbstractContextManager[Any] = nullcontext()
        if not getattr(self.loader, "thread_safe", True):
            turn = Lock()
            ask = _in_turn(ask, turn)
        bound = self._join(known, ask)._replace(turn=turn)
        self._latest[:] = [] if bound.request is None else [bound.request]
        return bound

    def _join(self, known: Signature, ask: Callable[[Any, Any], Any]) -> _Bound:
        if self.before is None:
            return _Bound(self.contract.bind(known), None, ask, nullcontext())
        if self.contract.features is None:
            return _Bound(None, self.contract.bind(known), ask, nullcontext())
        return _Bound(self.contract.bind(Signature()), Contract().bind(known), ask, nullcontext())

    def _prepare_for_hooks(self, bound: _Bound, data: Any, context: Any) -> Prepared:
        context = RequestContext.of(context)
        if isinstance(data, Enveloped):
            context = context.with_parameters(data.parameters)
            data = data.data
        if bound.request is not None:
            data = bound.request(data)
        if count_rows(data) == 0:
            raise InvalidFeaturesError("the body holds no rows")
        rows = count_rows(data) if self.rows == "same" else None
        if self.before is not None:
            data = self._align_again(bound, _answered("before", self.before(data, context)))
        return Prepared(data, rows, context, bound)

    def _align_again(self, bound: _Bound, data: Any) -> Any:
        """What a hook made, in the model's columns."""
        data = _as_table(data)
        if bound.model is None:
            return data
        try:
            return bound.model(data)
        except InvalidFeaturesError as error:
            if bound.request is None and "row" in error.where:  # perhaps as it was sent
                raise
            raise PredictionError(f"before returned other columns: {error}") from error


def _answered(hook: str, found: Any) -> Any:
    if found is None:
        raise PredictionError(f"{hook} returned None: a function must return what is answered")
    return found


def _in_turn(
    ask: Callable[[Any, Any], Any], turn: AbstractContextManager[Any]
) -> Callable[[Any, Any], Any]:
    """The same question, asked by one thread at a time."""

    def answer(model: Any, data: Any) -> Any:
        with turn:
            return ask(model, data)

    return answer


def _as_table(data: Any) -> Any:
    """What a hook made, as a neutral value: rows in lists are a table."""
    if not isinstance(data, (list, tuple)):
        return data
    rows: list[Any] = [row.tolist() if hasattr(row, "tolist") else row for row in data]
    rows = [list(row) if isinstance(row, tuple) else row for row in rows]
    if rows and not isinstance(rows[0], (list, dict)):
        raise PredictionError("before returned one flat list: a table is a list of rows")
    try:
        return read_layout(rows, "auto", has_text=True)
    except RequestError as error:
        raise PredictionError(f"before returned no table: {error}") from error
