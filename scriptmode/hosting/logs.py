"""One JSON line for each request, without what was in its body, and for each message."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import select
import stat
import sys
import time
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TextIO, TypeAlias

from scriptmode._imports import require
from scriptmode.errors import RequestError
from scriptmode.hosting.exchange import CURRENT
from scriptmode.hosting.metrics import ROUTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scriptmode.hosting.invoking import Answer
    from scriptmode.hosting.journal import Noted

Logged: TypeAlias = Literal["all", "errors", "none"]
LOGGED = ("all", "errors", "none")
_FIRST_ERROR, _FIRST_FAILURE = 400, 500
_PATIENCE = 0.2  # seconds for room in a pipe that nobody reads
_MOST_KEPT = 10_000  # lines, while nobody reads them
_PAUSE = 0.05  # seconds until it is looked again whether there is room
_LARGEST = 2**16  # bytes of one write to a file
_MICROS = 1_000_000  # of a second


class RequestLog:
    """Writes a line for each request.

    Args:
        logged: ``all`` requests, only ``errors``, or ``none``.
        target: the file descriptor to write to.
    """

    def __init__(self, logged: Logged = "all", target: int = 2) -> None:
        self._least = {"all": 0, "errors": _FIRST_ERROR, "none": 1000}[logged]
        self._lines = _Lines(target)
        orjson = require("orjson", extra="serve")
        self._dumps, self._option = orjson.dumps, orjson.OPT_APPEND_NEWLINE

    def add(self, noted: Sequence[Noted]) -> None:
        """Write of requests; of none where it fails for one."""
        least = self._least
        self._lines.add(
            [self._line(*each) for each in noted if each.answer.response.status >= least]
        )

    def _line(  # noqa: PLR0913, PLR0917 - what was noted
        self,
        answer: Answer,
        model: str | None,
        received: int,
        sent: int,
        seconds: float,
        at: float,
        route: int,
    ) -> bytes:
        response, trace, exchange = answer
        status = response.status
        line: dict[str, Any] = {
            "ts": _written_millis(int(at * 1000)),
            "level": "info" if status < _FIRST_ERROR else _level(status),
            "request_id": trace.request_id,
            "trace_id": trace.trace_id,
            "span_id": trace.span_id,
            "route": ROUTES[route],
            "status": status,
            "bytes_in": received,
            "bytes_out": sent,
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
        found: bytes = self._dumps(line, option=self._option)
        return found

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
        kind = os.fstat(target).st_mode
        self._may_wait = stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind) or stat.S_ISCHR(kind)
        self._most = select.PIPE_BUF if self._may_wait else _LARGEST
        self._kept: deque[bytes] = deque()
        self._dropped = 0
        self._due: asyncio.TimerHandle | None = None

    def add(self, lines: Sequence[bytes]) -> None:
        """Write lines, as soon as there is room."""
        self._kept.extend(lines)
        while len(self._kept) > _MOST_KEPT:
            self._kept.popleft()
            self._dropped += 1
        if self._due is None:
            self._write()

    def flush(self) -> None:
        """Write what can be written without waiting."""
        with contextlib.suppress(OSError):  # that nobody reads it is no reason to stop serving
            while self._kept and (not self._may_wait or _has_room(self._target)):
                os.write(self._target, self._piece())

    def _write(self) -> None:
        self._due = None
        self.flush()
        if self._kept:  # nobody reads them
            self._due = asyncio.get_running_loop().call_later(_PAUSE, self._write)

    def _piece(self) -> bytes:
        """As many lines as are taken at once."""
        lines = [self._kept.popleft()]
        size = len(lines[0])
        while self._kept and size + len(self._kept[0]) <= self._most:
            lines.append(self._kept.popleft())
            size += len(lines[-1])
        if self._dropped:
            message = f"{self._dropped} lines were dropped, since nobody read them"
            lines.append(
                _dumps({"ts": _written(time.time()), "level": "warning", "message": message})
            )
            self._dropped = 0
        return b"".join(lines)


def _has_room(pipe: int) -> bool:
    return bool(select.select([], [pipe], [], 0)[1])


class JSONFormatter(logging.Formatter):
    """What is logged in words, as a line like those of requests."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, with the traceback as one text."""
        line: dict[str, Any] = {
            "ts": _written(record.created),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
        }
        if request_id := CURRENT.get():
            line["request_id"] = request_id
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _dumps(line).decode().rstrip()


class _PatientHandler(logging.StreamHandler):  # type: ignore[type-arg]  # generic since 3.11
    """Waits a moment for room where a pipe is full, and then gives the rest of a line up."""

    def emit(self, record: logging.LogRecord) -> None:
        target = _pipe_of(self.stream)
        if target is None:
            super().emit(record)
            return
        try:
            text = f"{self.format(record)}\n".encode(errors="replace")
            while text and select.select([], [target], [], _PATIENCE)[1]:
                text = text[os.write(target, text[: select.PIPE_BUF]) :]
        except Exception:  # noqa: BLE001 - as every handler of logging does
            self.handleError(record)


def _pipe_of(stream: TextIO) -> int | None:
    """The file descriptor of a pipe; None for what never waits, or is no file at all."""
    try:
        target = stream.fileno()
        return target if stat.S_ISFIFO(os.fstat(target).st_mode) else None
    except (OSError, ValueError):
        return None


def log_to_stderr() -> None:
    """Messages as JSON lines; as text where a person looks at a terminal."""
    handler = _PatientHandler(sys.stderr)
    if not sys.stderr.isatty():
        handler.setFormatter(JSONFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def _written(seconds: float) -> str:
    """A time since the epoch, in UTC, to the millisecond."""
    return _written_millis(int(seconds * 1000))


@lru_cache(maxsize=2)  # requests end in company
def _written_millis(millis: int) -> str:
    whole, rest = divmod(millis, 1000)
    return f"{_written_second(whole)}.{rest:03d}Z"


@lru_cache(maxsize=2)
def _written_second(whole: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))


def _dumps(line: dict[str, Any]) -> bytes:
    orjson = require("orjson", extra="serve")
    try:
        found: bytes = orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # half a character of UTF-16, which scripts may log
        found = f"{json.dumps(line)}\n".encode()
    return found


def _level(status: int) -> str:
    return "warning" if status < _FIRST_FAILURE else "error"
