"""What a caller is told of an error."""

from __future__ import annotations

import json
import logging
from typing import NamedTuple

from scriptmode.errors import PredictionError, RequestError

JSON_TYPE = "application/json"
"""The content type of every report."""

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
            return cls(error.status, json.dumps(error.to_dict()).encode())
        _LOG.error("the script failed to answer a request", exc_info=error)
        report = {"code": PredictionError.code, "message": _public(error)}
        return cls(PredictionError.status, json.dumps(report).encode())


def _public(error: BaseException) -> str:
    """Our own message, never that of foreign code."""
    if isinstance(error, PredictionError):
        return str(error)
    return "the model failed to answer; the log of the server has the reason"
