"""One JSON line for each request and each message, never with what was in a body."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from scriptmode.errors import RequestError
from scriptmode.hosting.exchange import CURRENT

if TYPE_CHECKING:
    from scriptmode.handlers.response import Response
    from scriptmode.hosting.exchange import Exchange
    from scriptmode.hosting.tracing import Trace

Logged: TypeAlias = Literal["all", "errors", "none"]
LOGGED = ("all", "errors", "none")
_FIRST_ERROR, _FIRST_FAILURE = 400, 500
_MOST_KEPT = 10_000  # lines, while nobody reads them
_PAUSE = 0.1  # seconds, before a full pipe is tried again
_MICROS = 1_000_000  # of a second


class RequestLog:
    """Writes a line for each request, all of one turn of the event loop at once.

    Args:
        logged: ``all`` requests, only ``errors``, or ``none``.
        target: the file descriptor to write to.
    """

    def __init__(self, logged: Logged = "all", target: int = 2) -> None:
        self._least = {"all": 0, "errors": _FIRST_ERROR, "none": 1000}[logged]
        self._lines = _Lines(target)

    def add(  # noqa: PLR0913, PLR0917 - what a line tells
        self,
        trace: Trace,
        route: str,
        response: Response,
        size: tuple[int, int],
        seconds: float,
        exchange: Exchange | None = None,
        model: str | None = None,
    ) -> None:
        """Note a request.

        Args:
            trace: its names.
            route: without what a caller chose.
            response: what it was answered.
            size: bytes received and sent.
            seconds: from its arrival to the answer.
            exchange: where it went through the stages.
            model: which of several was asked.
        """
        status = response.status
        if status < self._least:
            return
        line: dict[str, Any] = {
            "ts": _now(),
            "level": _level(status),
            "request_id": trace.request_id,
            "trace_id": trace.trace_id,
            "span_id": trace.span_id,
            "route": route,
            "status": status,
            "bytes_in": size[0],
            "bytes_out": size[1],
            "us": int(seconds * _MICROS),
        }
        if exchange is not None:
            line["rows"], line["together"] = exchange.rows, exchange.together
            line["decode_us"] = int(exchange.decode * _MICROS)
            line["align_us"] = int(exchange.align * _MICROS)
            line["queue_us"] = int(exchange.queue * _MICROS)
            line["predict_us"] = int(exchange.predict * _MICROS)
            line["encode_us"] = int(exchange.encode * _MICROS)
        if model is not None:
            line["model"] = model
        if isinstance(response.error, RequestError):
            line["code"] = response.error.code
        self._lines.add(_dumps(line))

    def flush(self) -> None:
        """Write what waits."""
        self._lines.flush()


class _Lines:
    """Lines on their way to a file descriptor, which may be a pipe that nobody reads.

    Args:
        target: the file descriptor.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._kept: deque[bytes] = deque()
        self._dropped = 0
        self._is_due = False

    def add(self, line: bytes) -> None:
        """Write a line once this turn of the event loop is over, with the others of the turn."""
        self._kept.append(line)
        if len(self._kept) > _MOST_KEPT:
            self._kept.popleft()
            self._dropped += 1
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._write)

    def flush(self) -> None:
        """Write what can be written without waiting."""
        with contextlib.suppress(OSError):  # that nobody reads it is no reason to stop serving
            while self._kept and _is_writable(self._target):
                os.write(self._target, self._piece())

    def _write(self) -> None:
        self._is_due = False
        self.flush()
        if self._kept:
            self._is_due = True
            asyncio.get_running_loop().call_later(_PAUSE, self._write)

    def _piece(self) -> bytes:
        """As many lines as a pipe takes at once."""
        piece = self._kept.popleft()
        while self._kept and len(piece) + len(self._kept[0]) <= select.PIPE_BUF:
            piece += self._kept.popleft()
        if self._dropped:
            message = f"{self._dropped} lines were dropped, since nobody read them"
            piece += _dumps({"ts": _now(), "level": "warning", "message": message})
            self._dropped = 0
        return piece


def _is_writable(target: int) -> bool:
    """Whether a pipe has room; files always have."""
    try:
        return bool(select.select([], [target], [], 0)[1])
    except (OSError, ValueError):  # no such thing here
        return True


class JSONFormatter(logging.Formatter):
    """What is logged in words, as a line like those of requests."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, with the traceback as one text."""
        line: dict[str, Any] = {
            "ts": _now(record.created),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
        }
        if request_id := CURRENT.get():
            line["request_id"] = request_id
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _dumps(line).decode().rstrip()


def log_to_stderr() -> None:
    """Messages as JSON lines; as text where a person looks at a terminal."""
    handler = logging.StreamHandler()
    if not sys.stderr.isatty():
        handler.setFormatter(JSONFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def _now(seconds: float | None = None) -> str:
    """In UTC, to the millisecond."""
    seconds = time.time() if seconds is None else seconds
    whole = int(seconds)
    if whole != _SECOND[0]:
        _SECOND[:] = [whole, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))]
    return f"{_SECOND[1]}.{int((seconds - whole) * 1000):03d}Z"


_SECOND: list[Any] = [0, "1970-01-01T00:00:00"]


def _dumps(line: dict[str, Any]) -> bytes:
    import orjson

    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _level(status: int) -> str:
    if status >= _FIRST_FAILURE:
        return "error"
    return "info" if status < _FIRST_ERROR else "warning"
