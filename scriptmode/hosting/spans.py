"""Requests as spans of OpenTelemetry, where an exporter's address says that they are wanted.

Contract: the semantic conventions for HTTP servers, stable since 1.23
(https://opentelemetry.io/docs/specs/semconv/http/http-spans/).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from scriptmode._imports import require
from scriptmode.hosting.exchange import STAGES
from scriptmode.hosting.metrics import ROUTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scriptmode.hosting.invoking import Answer
    from scriptmode.hosting.journal import Noted

_ADDRESSES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_FIRST_FAILURE = 500
_NANOS = 1_000_000_000


def spans_from_environment() -> Spans | None:
    """Spans for the exporter that OpenTelemetry's own variables name; None without one.

    Raises:
        MissingExtraError: the exporter is not installed.
    """
    return Spans() if any(os.environ.get(name) for name in _ADDRESSES) else None


class Spans:
    """Hands every request that is recorded to an exporter, some at a time, in a thread."""

    def __init__(self) -> None:
        exporter = require("opentelemetry.exporter.otlp.proto.http.trace_exporter", extra="otel")
        sdk = require("opentelemetry.sdk.trace", extra="otel")
        export = require("opentelemetry.sdk.trace.export", extra="otel")
        self._api = require("opentelemetry.trace", extra="otel")
        self._ids = _given_ids(sdk)
        os.environ.setdefault("OTEL_SERVICE_NAME", "scriptmode")
        self._provider = sdk.TracerProvider(id_generator=self._ids)
        self._provider.add_span_processor(export.BatchSpanProcessor(exporter.OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("scriptmode")

    def add(self, noted: Sequence[Noted]) -> None:
        """Record requests."""
        for each in noted:
            self._record(each)

    def _record(self, noted: Noted) -> None:
        response, trace, exchange = noted.answer
        route, ended = ROUTES[noted.route], int(noted.at * _NANOS)
        self._ids.trace_id, self._ids.span_id = int(trace.trace_id, 16), int(trace.span_id, 16)
        span = self._tracer.start_span(
            f"POST {route}",
            context=self._parent(noted.answer),
            kind=self._api.SpanKind.SERVER,
            start_time=ended - int(noted.seconds * _NANOS),
            attributes={
                "http.request.method": "POST",
                "http.route": route,
                "http.response.status_code": response.status,
                "scriptmode.request_id": trace.request_id,
            },
        )
        if exchange is not None:
            span.set_attribute("scriptmode.together", exchange.together)
            for stage, spent in zip(STAGES, exchange.seconds, strict=True):
                span.set_attribute(f"scriptmode.{stage}.duration", spent)
        if noted.model is not None:
            span.set_attribute("scriptmode.model", noted.model)
        if response.status >= _FIRST_FAILURE:
            span.set_status(self._api.StatusCode.ERROR)
        span.end(ended)

    def close(self) -> None:
        """Hand over what is left."""
        self._provider.shutdown()

    def _parent(self, answer: Answer) -> Any:
        trace, api = answer.trace, self._api
        if trace.parent_id is None:
            return None
        parent = api.SpanContext(
            int(trace.trace_id, 16),
            int(trace.parent_id, 16),
            is_remote=True,
            trace_flags=api.TraceFlags(int(trace.flags, 16)),
        )
        return api.set_span_in_context(api.NonRecordingSpan(parent))


def _given_ids(sdk: Any) -> Any:
    """A source of ids that gives those which the log tells already."""

    class GivenIds(sdk.IdGenerator):  # type: ignore[misc]
        trace_id = span_id = 0

        def generate_trace_id(self) -> int:
            return self.trace_id

        def generate_span_id(self) -> int:
            return self.span_id

    return GivenIds()
