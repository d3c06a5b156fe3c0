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
from tests.hosting.served import exchanged

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


def request(*lines: str, target: str = "/invocations", version: str = "1.1") -> bytes:
    first = f"POST {target} HTTP/{version}"
    return "\r\n".join([first, "Host: x", "Content-Type: text/csv", *lines, "", ""]).encode()


def told(answers: bytes) -> list[tuple[bytes, bytes]]:
    """Status and body of each answer."""
    found = []
    while answers:
        head, _, answers = answers.partition(b"\r\n\r\n")
        length = (
            0 if b" 100 " in head else int(head.lower().split(b"content-length: ")[1].split()[0])
        )
        found.append((head.split()[1], answers[:length]))
        answers = answers[length:]
    return found


@pytest.fixture(scope="module")
def answer(port: int) -> tuple[bytes, bytes]:
    (found,) = told(exchanged(port, WHOLE))
    assert found[0] == b"200"
    return found


OFFER = request("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "Content-Length: 9")
PING_OFFER = b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
CHUNKED = request("Transfer-Encoding: chunked") + b"4\r\n1,2,\r\n5\r\n3,4,5\r\n0\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        [request("Content-Length: 9", "Connection: close") + BODY],
        [request("Content-Length: 9", version="1.0") + BODY],
        [request("Content-Length: 9", target="/invocations?a=b") + BODY],
        [request("Content-Length: 9", target="/%69nvocations") + BODY],
        [OFFER + BODY],
        [OFFER, BODY],
        [OFFER[:-30], OFFER[-30:] + BODY[:3], BODY[3:]],
        [CHUNKED + b"\r\n"],
        [CHUNKED + b"Content-Type: image/png\r\n\r\n"],
        [CHUNKED[:-20], CHUNKED[-20:] + b"Content-Type: image/png\r\n\r\n"],
        [CHUNKED.replace(b"tions ", b"tions?a ") + b"Content-Type: image/png\r\n\r\n"],
        [CHUNKED + b"Content-Type: image/png\r\nX: y", b"\r\n\r\n"],
        [CHUNKED + b"Content-Encoding: gzip\r\nX: y\r\n\r\n"],
        *([WHOLE[:end], WHOLE[end:]] for end in (1, 20, 40, len(WHOLE) - 11, len(WHOLE) - 9, -1)),
        *([CHUNKED[:end], CHUNKED[end:] + b"\r\n"] for end in (-20, -13, -8, -3)),
        [WHOLE[start : start + 7] for start in range(0, len(WHOLE), 7)],
    ],
)
def test_the_answer_is_the_same_however_the_request_comes(
    port: int, answer: tuple[bytes, bytes], sent: list[bytes]
) -> None:
    assert told(exchanged(port, *sent)) == [answer]


@pytest.mark.parametrize("cut", [0, 1, len(WHOLE) - 4, len(WHOLE), len(WHOLE) + 30])
def test_requests_that_do_not_wait_are_answered_in_their_order(
    port: int, answer: tuple[bytes, bytes], cut: int
) -> None:
    other = request("Content-Length: 3") + b"1,2"
    sent = WHOLE + other + WHOLE + WHOLE
    answers = told(exchanged(port, *filter(None, (sent[:cut], sent[cut:]))))
    assert [status for status, _ in answers] == [b"200", b"422", b"200", b"200"]
    assert answers[0] == answers[2] == answers[3] == answer


def test_what_follows_an_offer_of_another_protocol_is_answered_too(
    port: int, answer: tuple[bytes, bytes]
) -> None:
    answers = told(exchanged(port, OFFER + BODY + PING_OFFER + OFFER + BODY, WHOLE))
    assert answers == [answer, (b"200", b""), answer, answer]


def test_any_number_of_offers_is_declined(port: int) -> None:
    assert told(exchanged(port, PING_OFFER * 1000)) == [(b"200", b"")] * 1000


def test_a_client_that_waits_to_be_told_to_go_on_is_told(
    port: int, answer: tuple[bytes, bytes]
) -> None:
    head = request("Content-Length: 9", "Expect: 100-continue")
    assert told(exchanged(port, head, BODY)) == [(b"100", b""), answer]


@pytest.mark.parametrize(
    "broken",
    [
        b"nonsense\r\n\r\n",
        CHUNKED.replace(b"4\r\n1", b"x\r\n1"),
        request("Content-Length: 9", "Content-Length: 8") + BODY,
        request("Content-Length: x") + BODY,
    ],
)
def test_what_is_no_http_is_refused_and_harms_nobody(
    port: int, answer: tuple[bytes, bytes], broken: bytes
) -> None:
    answers = told(exchanged(port, broken))
    assert [status for status, _ in answers] == [b"400"]
    assert told(exchanged(port, WHOLE, broken))[0] == answer
    assert told(exchanged(port, WHOLE + broken))[-1][0] == b"400"
    assert told(exchanged(port, WHOLE)) == [answer]
