"""Answers that a script makes piece by piece."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hosting.served import Server, serving

pytestmark = pytest.mark.peer

SCRIPT = """
import pathlib, time
def model_fn(model_dir): return pathlib.Path(model_dir)
def input_fn(body, content_type): return body.decode()
def predict_fn(data, model): return data, model
def output_fn(prediction, accept):
    asked, folder = prediction
    def pieces():
        try:
            if asked == "at once":
                raise ValueError("before anything was sent")
            for number in range(50 if asked == "long" else 3):
                yield f"piece {number}\\n"
                time.sleep(0.1)
                if asked == "midway":
                    raise ValueError("a bug")
                if asked == "wrong":
                    yield 7
        finally:
            (folder / f"closed-{asked}").touch()
    return pieces(), "text/plain"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("streaming")
    (folder / "streaming.py").write_text(SCRIPT)
    with serving(folder / "streaming.py", folder) as server:
        server.wait_until_ready()
        yield server


@contextmanager
def asked(server: Server, body: bytes) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("POST", "/invocations", body, {"Content-Type": "application/x"})
    try:
        with connection.getresponse() as response:
            yield response
    finally:
        connection.close()


def test_pieces_come_as_they_are_made(server: Server) -> None:
    started = time.monotonic()
    with asked(server, b"short") as response:
        first = response.readline()
        assert time.monotonic() - started < 0.15
        assert response.getheader("transfer-encoding") == "chunked"
        assert response.getheader("content-type") == "text/plain"
        assert first + response.read() == b"piece 0\npiece 1\npiece 2\n"
    time.sleep(0.2)
    (line, *_) = [each for each in server.lines() if each.get("bytes_out") == 24]
    assert line["us"] > 300_000


def test_the_connection_is_kept(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    for _ in range(2):
        connection.request("POST", "/invocations", b"short", {"Content-Type": "application/x"})
        assert connection.getresponse().read().endswith(b"piece 2\n")
    connection.close()


def test_others_are_answered_meanwhile(server: Server) -> None:
    with asked(server, b"long") as response:
        response.readline()
        started = time.monotonic()
        assert server.ask("GET", "/ping").status == 200
        assert server.ask("POST", "/invocations", b"short").body.startswith(b"piece 0")
        assert time.monotonic() - started < 2


def test_nothing_is_made_for_a_client_that_left(server: Server) -> None:
    with asked(server, b"long") as response:
        response.readline()
    folder = Path(server.process.args[4]).parent  # type: ignore[index, arg-type]
    deadline = time.monotonic() + 4
    while not (folder / "closed-long").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("body", [b"midway", b"wrong"])
def test_a_failure_midway_cannot_be_taken_for_the_end(server: Server, body: bytes) -> None:
    with asked(server, body) as response, pytest.raises(http.client.IncompleteRead):
        response.read()


def test_a_failure_before_the_first_piece_is_a_500(server: Server) -> None:
    with asked(server, b"at once") as response:
        assert response.status == 500
        assert json.loads(response.read())["code"] == "prediction_failed"
