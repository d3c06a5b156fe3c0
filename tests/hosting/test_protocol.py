"""How long connections are kept between their requests."""

import gc
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from scriptmode.handlers.endpoint import Endpoint
from scriptmode.handlers.handler import Handler
from scriptmode.handlers.script import import_script
from scriptmode.hosting.hosted import Hosted
from scriptmode.hosting.protocol import _Protocol, protocol_for
from scriptmode.hosting.server import make_app
from scriptmode.hosting.settings import Settings
from scriptmode.hosting.single import SingleModel
from tests.hosting.conftest import MINIMAL

KEPT = 1  # second
BODY = b"1,2,3,4,5"
LINES = ("POST /invocations HTTP/1.1", "Host: x", "Content-Type: text/csv", "Content-Length: 9")
WHOLE = "\r\n".join([*LINES, "", ""]).encode() + BODY


@pytest.fixture(scope="module")
def port(model_dir: Path) -> Iterator[int]:
    """A server in this process that keeps idle connections for a second."""
    settings = Settings(logged="none")
    site = SingleModel(
        Hosted(Endpoint(Handler.of(import_script(MINIMAL))), str(model_dir), settings)
    )
    app = make_app(site, settings)
    protocol = protocol_for(app.invoker, site)
    config = uvicorn.Config(app, http=protocol, timeout_keep_alive=KEPT, log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started or site.obstacle:
            time.sleep(0.01)
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


@pytest.fixture
def connection(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        yield connection


def answered(connection: socket.socket) -> bool:
    return connection.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_a_connection_that_is_idle_is_closed_when_its_time_is_over(
    connection: socket.socket,
) -> None:
    for request in (WHOLE, b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"):
        connection.sendall(request)
        assert answered(connection)
    started = time.monotonic()
    assert connection.recv(1) == b""
    assert KEPT - 0.2 < time.monotonic() - started < KEPT + 2


def test_each_answer_gives_a_connection_its_whole_time_again(connection: socket.socket) -> None:
    for _ in range(3):
        connection.sendall(WHOLE)
        assert answered(connection)
        time.sleep(0.7 * KEPT)
    started = time.monotonic()
    assert connection.recv(1) == b""
    assert time.monotonic() - started > 0.1 * KEPT


def test_a_request_that_has_begun_is_waited_for(connection: socket.socket) -> None:
    connection.sendall(WHOLE)
    assert answered(connection)
    connection.sendall(WHOLE[:30])
    time.sleep(2.5 * KEPT)
    connection.sendall(WHOLE[30:])
    assert answered(connection)


def test_nothing_is_kept_of_a_client_that_is_gone(port: int) -> None:
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(WHOLE)
            assert answered(connection)
    deadline = time.monotonic() + 0.5 * KEPT
    while time.monotonic() < deadline:
        gc.collect()
        if not any(isinstance(each, _Protocol) for each in gc.get_objects()):
            return
        time.sleep(0.02)
    raise AssertionError("a protocol is kept")
