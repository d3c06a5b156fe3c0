"""What a caller is told of an error."""

from __future__ import annotations

import json
import logging
from typing import Any, NamedTuple

from scriptmode.errors import PredictionError, RequestError

JSON_TYPE = "application/json"
"""The content type of every report."""

FAILED = "the model failed to answer; the log of the server has the reason"
"""All that a caller is told of what foreign code raised."""

_LOG = logging.getLogger("scriptmode")


class Report(NamedTuple):
    """An error as a caller gets it.

    Args:
        status: as in HTTP.
        body: a JSON object with ``code`` and ``message``, and what else is known.
    """

    status: int
    body: bytes

    @classmethod
    def of(cls, error: BaseException) -> Report:
        """What may be told: of a caller's mistake all, of any other failure next to nothing.

        A failure is logged here, with its traceback, and nowhere else.
        """
        if isinstance(error, RequestError):
            return cls(error.status, json.dumps(error.to_dict(), default=_plain).encode())
        _LOG.error("the script failed to answer a request", exc_info=error)
        report = {"code": PredictionError.code, "message": _public(error)}
        return cls(PredictionError.status, json.dumps(report).encode())


def is_answered(error: BaseException) -> bool:
    """Whether it is told to a caller; what ends the process or a worker's turn is let through."""
    is_switch = type(error).__module__.partition(".")[0] in ("gevent", "greenlet")
    return not (is_switch or isinstance(error, KeyboardInterrupt))


def _plain(place: Any) -> Any:
    """A place that a hook took from an array."""
    return place.item() if hasattr(place, "item") else str(place)


def _public(error: BaseException) -> str:
    """Our own message, never that of foreign code."""
    if isinstance(error, PredictionError):
        return str(error)
    return FAILED
