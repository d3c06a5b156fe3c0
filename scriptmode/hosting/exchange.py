"""A request on its way to its response, and how long each stage took."""

from __future__ import annotations

from contextvars import ContextVar
from time import perf_counter
from typing import TYPE_CHECKING, Any

from scriptmode.handlers.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from scriptmode.handlers.endpoint import Request
    from scriptmode.handlers.response import Response
    from scriptmode.hosting.tracing import Trace

STAGES = ("decode", "align", "queue", "predict", "encode")
"""What an exchange knows the seconds of, by these names."""

CURRENT: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is being answered, for what is logged meanwhile."""


class Exchange:
    """One request under way.

    Args:
        request: with its whole body.
        trace: whose request it is.
        done: called with it, once there is a response; None where nobody waits any more.
        reply: for whoever is called: where the response goes.

    Attributes:
        arrived: when its body had come, in seconds of ``perf_counter``.
        decode: seconds until the body was data; for several read at once, for all of them.
        align: seconds until that was in the model's columns; likewise.
        queue: seconds until anything was done.
        predict: seconds that the model took; for several requests at once, for all of them.
        encode: seconds until there was a body to send; likewise.
        rows: how many were asked for; None where it was no table.
        together: how many requests the model was asked for at once.
        response: None until there is one.
    """

    decode = align = queue = predict = encode = 0.0
    rows: int | None = None
    together = 1
    response: Response | None = None

    def __init__(
        self,
        request: Request,
        trace: Trace,
        done: Callable[[Exchange], None] | None = None,
        reply: Callable[[Any], None] | None = None,
    ) -> None:
        self.request, self.trace, self.done, self.reply = request, trace, done, reply
        self.arrived = perf_counter()

    def fail(self, error: BaseException) -> None:
        """Answer with what went wrong."""
        CURRENT.set(self.trace.request_id)
        self.response = Endpoint.fail(error)

    @property
    def seconds(self) -> tuple[float, ...]:
        """How long each of :data:`STAGES` took."""
        return self.decode, self.align, self.queue, self.predict, self.encode
