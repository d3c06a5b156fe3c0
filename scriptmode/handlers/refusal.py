"""Errors that travel as values, through stacks that have no status for an exception."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

_BINARY = (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "divmod", "pow", "matmul"),
    *("lshift", "rshift", "and", "xor", "or"),
)
_OTHERS = (
    *("neg", "pos", "abs", "invert", "round", "trunc", "floor", "ceil"),
    *("lt", "le", "gt", "ge", "eq", "ne"),
    *("bool", "int", "float", "complex", "index", "str", "bytes", "format", "array"),
    *("len", "iter", "next", "reversed", "contains", "getitem", "setitem", "delitem"),
    *("call", "enter", "exit"),
)


class Refusal:
    """An error on its way to ``output_fn``; whoever uses it in between meets the error itself.

    Args:
        error: what went wrong.
        raised: the same for those who use it, where a stack reads the status of exceptions.
    """

    __slots__ = ("_error", "_raised")
    _error: BaseException
    _raised: BaseException

    def __init__(self, error: BaseException, raised: BaseException | None = None) -> None:
        object.__setattr__(self, "_error", error)
        object.__setattr__(self, "_raised", raised or error)

    def _raise(self, *_: object) -> NoReturn:
        raise self._raised

    def __getattr__(self, name: str) -> Any:
        self._raise()

    def __setattr__(self, name: str, value: object) -> None:
        self._raise()

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._error!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Refusal, (self._error,)

    @staticmethod
    def error_of(refusal: Refusal) -> BaseException:
        """What a refusal carries; it has no attributes of its own to read."""
        return refusal._error


for _name in (*_BINARY, *(f"r{name}" for name in _BINARY), *_OTHERS):
    setattr(Refusal, f"__{_name}__", vars(Refusal)["_raise"])


class Unloaded(Refusal):
    """A model that could not be loaded; its first use loads it, or raises what is wrong now.

    Args:
        error: what went wrong.
        load: tries again.
    """

    __slots__ = ("_load", "_lock", "_model")
    _load: Callable[[], Any]
    _lock: threading.Lock
    _model: Any

    def __init__(self, error: BaseException, load: Callable[[], Any]) -> None:
        super().__init__(error)
        object.__setattr__(self, "_load", load)
        object.__setattr__(self, "_lock", threading.Lock())
        object.__setattr__(self, "_model", None)

    def __getattr__(self, name: str) -> Any:
        return getattr(Unloaded.loaded(self), name)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """As the model, where that can be called."""
        return Unloaded.loaded(self)(*arguments, **options)

    @staticmethod
    def loaded(model: Any) -> Any:
        """The model; one that could not be loaded is tried again, until it can be.

        Raises:
            Exception: it cannot be loaded now either.
        """
        return model._loaded() if isinstance(model, Unloaded) else model  # noqa: SLF001 - its own

    def _loaded(self) -> Any:
        with self._lock:
            if self._model is None:
                object.__setattr__(self, "_model", self._load())
            return self._model
