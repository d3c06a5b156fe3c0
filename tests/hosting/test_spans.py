"""Spans of OpenTelemetry, through its own exporter to a collector that reads its protocol."""

import gzip
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.hosting.conftest import MINIMAL
from tests.hosting.served import serving

pytestmark = pytest.mark.peer
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSAMPLED = "00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


class Collector(BaseHTTPRequestHandler):
    found: list[Any]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        told = ExportTraceServiceRequest.FromString(body)
        for resource in told.resource_spans:
            for scope in resource.scope_spans:
                self.found.extend(scope.spans)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[tuple[str, list[Any]]]:
    found: list[Any] = []
    server = HTTPServer(("127.0.0.1", 0), type("Own", (Collector,), {"found": found}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", found
    server.shutdown()
    server.server_close()


def value(attribute: Any) -> Any:
    return getattr(attribute.value, attribute.value.WhichOneof("value"))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_every_recorded_request_is_a_span(
    model_dir: Path, collector: tuple[str, list[Any]], workers: str
) -> None:
    address, spans = collector
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": address}
    with serving(MINIMAL, model_dir, "--workers", workers, env=env) as server:
        server.wait_until_ready()
        for parent, body in ((PARENT, b"1,2,3,4,5"), (UNSAMPLED, b"1,2,3,4,5"), (None, b"1,2")):
            headers = {} if parent is None else {"traceparent": parent}
            server.ask("POST", "/invocations", body, Content_Type="text/csv", **headers)
        time.sleep(0.2)
        logged = {line["trace_id"]: line for line in server.lines() if "trace_id" in line}
    assert len(spans) == 2  # the last are handed over when the server ends
    for span in spans:
        line = logged[span.trace_id.hex()]
        assert span.span_id.hex() == line["span_id"]
        assert (span.name, span.kind) == ("POST /invocations", 2)
        attributes = {each.key: value(each) for each in span.attributes}
        assert attributes["http.response.status_code"] == line["status"]
        assert attributes["http.route"] == "/invocations"
        assert attributes["scriptmode.predict.duration"] >= 0
        assert span.status.code == 0
        took = (span.end_time_unix_nano - span.start_time_unix_nano) / 1000
        assert abs(took - line["us"]) < 2
    by_trace = {span.trace_id.hex(): span for span in spans}
    assert by_trace[PARENT[3:35]].parent_span_id.hex() == "00f067aa0ba902b7"
    assert UNSAMPLED[3:35] not in by_trace
