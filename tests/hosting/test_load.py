"""A server under load, and clients that misbehave."""

import contextlib
import http.client
import json
import signal
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.hosting.conftest import MINIMAL, ROWS
from tests.hosting.served import Answer, Asked, Server, ask_all, serving

pytestmark = pytest.mark.peer
HEAD = "POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
ONE = b"1,2,3,4,5"


def mixed(count: int) -> list[Asked]:
    """Rows in several formats, and every fifth request is wrong."""
    rng = np.random.default_rng(1)
    asked = []
    for number in range(count):
        rows = rng.normal(size=(int(rng.integers(1, 40)), 5)).tolist()
        csv = "\n".join(",".join(map(repr, row)) for row in rows).encode()
        accept = ("application/json", "text/csv")[number % 2]
        asked.append(
            [
                Asked(csv, "text/csv", accept),
                Asked(json.dumps(rows).encode(), "application/json", accept),
                Asked(csv, "text/csv; charset=utf-8", "*/*"),
                Asked(json.dumps({"instances": rows[:1]}).encode(), "application/json", accept),
                [
                    Asked(b"1,2", "text/csv"),
                    Asked(b"1,2,3,4,x", "text/csv"),
                    Asked(b"[[1,2,3,4,1e300]]", "application/json"),
                    Asked(csv, "image/png"),
                    Asked(csv, "text/csv", "image/png"),
                ][number // 5 % 5],
            ][number % 5]
        )
    return asked


def told(answer: Answer | Exception) -> tuple[int, str, bytes]:
    assert isinstance(answer, Answer), answer
    return answer.status, answer.headers["content-type"], answer.body


@pytest.mark.parametrize("options", [[], ["--batch", "off"], ["--predict-in", "thread"]])
def test_answers_are_the_same_alone_and_through_64_connections(
    model_dir: Path, server: Server, options: list[str]
) -> None:
    asked = mixed(1000)
    alone = [told(answer) for answer in ask_all(server.port, asked, 1)]
    assert {status for status, *_ in alone} == {200, 400, 406, 415, 422}
    with serving(MINIMAL, model_dir, *options) as other:
        other.wait_until_ready()
        assert [told(answer) for answer in ask_all(other.port, asked, 64)] == alone
        together = [line["together"] for line in other.lines() if "together" in line]
    if "thread" not in options:  # it may answer quicker than these clients ask; see NAPPING
        assert (max(together) > 1) is ("off" not in options)


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def read_all(connection: socket.socket) -> bytes:
    found = b""
    while piece := connection.recv(65536):
        found += piece
    return found


def framed(body: bytes, *headers: str) -> bytes:
    lines = "".join(f"{each}\r\n" for each in headers)
    return f"{HEAD}Content-Length: {len(body)}\r\n{lines}\r\n".encode() + body


def test_pipelined_requests_are_answered_in_their_order(server: Server) -> None:
    rows = [",".join(map(repr, row)).encode() for row in ROWS.tolist()]
    alone = [
        told(each)[2] for each in ask_all(server.port, [Asked(r, "text/csv") for r in rows], 1)
    ]
    with connect(server) as connection:
        sent = [framed(row) for row in rows[:-1]] + [framed(rows[-1], "Connection: close")]
        connection.sendall(b"".join(sent))
        found = read_all(connection)
    bodies = [each.partition(b"\r\n\r\n")[2] for each in found.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert bodies == alone


NAPPING = """
import time
from scriptmode import compose

def before(data, context):
    time.sleep(0.5 if data[0, 0] == 99 else 0)
    return data

model_fn, input_fn, predict_fn, output_fn = compose("xgboost", before=before)
"""


@pytest.mark.parametrize("place", ["loop", "thread"])
def test_clients_that_connect_while_the_model_is_busy_are_asked_together(
    model_dir: Path, tmp_path: Path, place: str
) -> None:
    script = tmp_path / "napping.py"
    script.write_text(NAPPING)
    with serving(script, model_dir, "--predict-in", place) as server:
        server.wait_until_ready()
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(connect(server))
            first.sendall(framed(b"99,2,3,4,5", "Connection: close"))
            time.sleep(0.1)
            others = [stack.enter_context(connect(server)) for _ in range(32)]
            for each in others:
                each.sendall(framed(ONE, "Connection: close"))
            found = [read_all(each) for each in (first, *others)]
        assert all(each.startswith(b"HTTP/1.1 200 OK") for each in found)
        time.sleep(0.2)  # lines are written some at a time
        company = [line["together"] for line in server.lines() if "together" in line]
        assert company[0] == 1
        assert max(company[1:]) > 24


def test_a_client_that_closes_its_half_still_gets_its_answer(server: Server) -> None:
    with connect(server) as connection:
        connection.sendall(framed(ONE))
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_body_that_comes_in_pieces_is_one(server: Server, size: int) -> None:
    body = b"\n".join([ONE] * 40)
    whole = framed(body, "Connection: close")
    with connect(server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(whole), size):
            connection.sendall(whole[start : start + size])
        found = read_all(connection)
    (alone,) = ask_all(server.port, [Asked(body, "text/csv")], 1)
    assert found.partition(b"\r\n\r\n")[2] == told(alone)[2]


def test_a_large_body_is_answered_as_its_rows_are(server: Server) -> None:
    body = b"\n".join([ONE] * 50_000)
    answers = ask_all(server.port, [Asked(body, "text/csv"), Asked(ONE, "text/csv")], 1)
    large, one = (json.loads(told(answer)[2]) for answer in answers)
    assert large == one * 50_000


def test_slow_bodies_are_given_up_and_harm_nobody(model_dir: Path) -> None:
    with serving(MINIMAL, model_dir, "--timeout", "1") as server:
        server.wait_until_ready()
        slow = [connect(server) for _ in range(300)]  # more than may wait
        for connection in slow:
            connection.sendall(f"{HEAD}Content-Length: 100\r\n\r\n1,2".encode())
        started = time.monotonic()
        assert server.ask("POST", "/invocations", ONE, Content_Type="text/csv").status == 200
        assert time.monotonic() - started < 0.9
        for connection in slow:
            found = read_all(connection)
            assert found.startswith(b"HTTP/1.1 408 ")
            assert b"no whole body came in 1 seconds" in found
            connection.close()


def test_idle_connections_are_no_load(server: Server) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(10_000, hard - 500)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 400), hard))
    idle: list[socket.socket] = []
    try:
        for _ in range(count):
            idle.append(connect(server))  # noqa: PERF401 - to be closed, whatever happens
        answers = ask_all(server.port, [Asked(ONE, "text/csv")] * 200, 8)
        assert {told(answer)[0] for answer in answers} == {200}
    finally:
        for connection in idle:
            connection.close()
    assert server.ask("GET", "/ping").status == 200


SLOW = """
import time
def model_fn(model_dir): return None
def input_fn(body, content_type): return float(body)
def predict_fn(data, model):
    time.sleep(data)
    return data
def output_fn(prediction, accept): return str(prediction), "text/plain"
"""


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    (tmp_path / "slow.py").write_text(SLOW)
    return tmp_path / "slow.py"


def test_what_takes_too_long_is_told_and_ping_says_that_nothing_moves(slow: Path) -> None:
    with serving(slow, slow.parent, "--timeout", "1") as server:
        server.wait_until_ready()
        waiting = threading.Thread(target=ask_all, args=(server.port, [Asked(b"0.1", "x/y")], 1))
        started = time.monotonic()
        (answer,) = ask_all(server.port, [Asked(b"3", "application/x")], 1)
        assert 0.9 < time.monotonic() - started < 2
        assert told(answer)[0] == 503
        assert json.loads(told(answer)[2])["code"] == "deadline_exceeded"
        waiting.start()
        ping = server.ask("GET", "/ping")
        assert (ping.status, json.loads(ping.body)["message"]) == (503, "the model does not answer")
        waiting.join()
        server.wait_until_ready()  # it came back
        assert server.ask("POST", "/invocations", b"0").body == b"0.0"


def test_pings_are_answered_while_the_model_works(slow: Path) -> None:
    with serving(slow, slow.parent) as server:
        server.wait_until_ready()
        asking = threading.Thread(target=ask_all, args=(server.port, [Asked(b"1.5", "x/y")], 1))
        asking.start()
        time.sleep(0.3)
        started = time.monotonic()
        assert server.ask("GET", "/ping").status == 200
        assert time.monotonic() - started < 0.5
        asking.join()


def test_company_is_waited_for_where_that_was_asked(model_dir: Path) -> None:
    with serving(MINIMAL, model_dir, "--batch-wait", "400", "--max-batch", "3") as server:
        server.wait_until_ready()
        started = time.monotonic()
        first = threading.Thread(target=ask_all, args=(server.port, [Asked(ONE, "text/csv")], 1))
        first.start()
        time.sleep(0.1)
        ask_all(server.port, [Asked(ONE, "text/csv")], 1)
        first.join()
        assert 0.4 <= time.monotonic() - started < 0.9
        started = time.monotonic()
        ask_all(server.port, [Asked(ONE, "text/csv")] * 3, 3)  # as many as are asked together
        assert time.monotonic() - started < 0.3
        time.sleep(0.2)
        together = [line["together"] for line in server.lines() if "together" in line]
    assert together == [2, 2, 3, 3, 3]


class Client(threading.Thread):
    """Asks until nobody listens any more, over connections that it keeps."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self.statuses: list[int] = []
        self.lost: list[Exception] = []

    def run(self) -> None:
        while True:
            try:
                self.connection.connect()
            except OSError:
                return
            try:
                self.ask()
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(error)
            self.connection.close()

    def ask(self) -> None:
        is_kept = True
        while is_kept:
            self.connection.request("POST", "/invocations", ONE, {"Content-Type": "text/csv"})
            response = self.connection.getresponse()
            response.read()
            self.statuses.append(response.status)
            is_kept = response.getheader("connection") != "close"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_under_load_loses_nothing_that_was_accepted(model_dir: Path, workers: str) -> None:
    with serving(MINIMAL, model_dir, "--workers", workers) as server:
        server.wait_until_ready()
        clients = [Client(server.port) for _ in range(16)]
        for client in clients:
            client.start()
        while sum(len(client.statuses) for client in clients) < 500:
            time.sleep(0.01)
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        for client in clients:
            client.join()
        assert server.process.wait(20) in (0, -15)
        assert time.monotonic() - started < 8
    assert {status for client in clients for status in client.statuses} == {200}
    lost = [error for client in clients for error in client.lost]
    # What the system has accepted and no worker has seen yet is reset.
    assert [each for each in lost if not isinstance(each, ConnectionResetError)] == []
    assert len(lost) <= 2, lost
