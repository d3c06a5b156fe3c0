"""How a server is to run, by what was asked and what SageMaker's environment says."""

from __future__ import annotations

import os
from dataclasses import dataclass

from scriptmode.errors import DeclarationError
from scriptmode.hosting.answering import PLACES, Place
from scriptmode.hosting.grouping import BATCHING, Batching
from scriptmode.hosting.logs import LOGGED, Logged

_MEGABYTE = 2**20
_WORDS = {"batching": BATCHING, "place": PLACES, "logged": LOGGED}
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Settings:
    """What holds for one server.

    Args:
        host: the address to listen on.
        port: 0 takes a free one.
        workers: how many processes answer.
        max_body: the largest request body, in bytes.
        max_waiting: how many requests may wait in one process.
        timeout: seconds from a request's arrival to its answer.
        batching: which requests may be asked together; see
            :class:`scriptmode.hosting.grouping.Answerer`.
        max_batch: how many of them.
        batch_wait: seconds to wait for company.
        place: where the model is asked; see :class:`scriptmode.hosting.answering.Answering`.
        logged: which requests are logged.
        is_multi_model: whether models are loaded and unloaded while the server runs.
        memory_limit: for these, in bytes; None for no limit.
        is_reloading: whether the script is followed while it is written.
        is_development: whether there is a playground, and what else helps on one's own machine.

    Raises:
        DeclarationError: a number or a word that cannot be.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    max_body: int = 6 * _MEGABYTE
    max_waiting: int = 256
    timeout: float = 60.0
    batching: Batching = "exact"
    max_batch: int = 64
    batch_wait: float = 0.0
    place: Place = "auto"
    logged: Logged = "all"
    is_multi_model: bool = False
    memory_limit: int | None = None
    is_reloading: bool = False
    is_development: bool = False

    def __post_init__(self) -> None:
        for name, words in _WORDS.items():
            if getattr(self, name) not in words:
                raise DeclarationError(
                    f"{name}={getattr(self, name)!r}: expected one of {', '.join(words)}"
                )
        for name in ("workers", "max_body", "max_waiting", "max_batch", "timeout"):
            if not getattr(self, name) > 0:
                raise DeclarationError(f"{name}={getattr(self, name)!r}: expected more than 0")
        if self.workers > 1 and (self.is_multi_model or self.is_reloading):
            raise DeclarationError("several models, or a script that changes: workers=1")
        if self.is_multi_model and self.is_reloading:
            raise DeclarationError("several models, or a script that changes: not both")
        for name in ("batch_wait", "port"):
            if getattr(self, name) < 0:
                raise DeclarationError(f"{name}={getattr(self, name)!r}: expected no less than 0")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    return host in _LOOPBACK


def _number_of(variable: str, default: float) -> float:
    """What a variable of SageMaker's says.

    Args:
        variable: its name.
        default: where it is not set.

    Raises:
        DeclarationError: it is no positive number.
    """
    text = os.environ.get(variable, "").strip()
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if number > 0:
        return number
    raise DeclarationError(f"{variable}={text!r}: expected a positive number")


def default_port() -> int:
    """``SAGEMAKER_BIND_TO_PORT``, of endpoints with several containers; else 8080."""
    return int(_number_of("SAGEMAKER_BIND_TO_PORT", 8080))


def default_workers() -> int:
    """``SAGEMAKER_MODEL_SERVER_WORKERS``; else 1."""
    return int(_number_of("SAGEMAKER_MODEL_SERVER_WORKERS", 1))


def default_timeout() -> float:
    """``SAGEMAKER_MODEL_SERVER_TIMEOUT``, in seconds; else 60, as SageMaker's own."""
    return _number_of("SAGEMAKER_MODEL_SERVER_TIMEOUT", 60)


def default_multi_model() -> bool:
    """``SAGEMAKER_MULTI_MODEL``, as multi-model endpoints set it."""
    return os.environ.get("SAGEMAKER_MULTI_MODEL", "").lower() == "true"


def default_max_body() -> int:
    """``SAGEMAKER_MAX_PAYLOAD_IN_MB`` of a transform job; else 6, as InvokeEndpoint's."""
    return int(_number_of("SAGEMAKER_MAX_PAYLOAD_IN_MB", 6) * _MEGABYTE)
