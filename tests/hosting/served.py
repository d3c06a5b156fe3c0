"""A real server process for tests: a free port, ready when entered, gone when left."""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Thread
from typing import Any, NamedTuple

PATIENCE = 60.0


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Server(NamedTuple):
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        """What was logged so far."""
        whole, _, _ = self.log.read_text().rpartition("\n")  # the last may be half written
        return [json.loads(line) for line in whole.splitlines()]

    def find_port(self) -> int:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            found = re.search(r"running on http://[^\s\"]+:(\d+)", self.log.read_text())
            if found:
                return int(found[1])
            time.sleep(0.02)
        raise AssertionError(f"the server did not start: {self.log.read_text()}")

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, names)
            response = connection.getresponse()
            lowered = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, lowered, response.read())
        finally:
            connection.close()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.ask("GET", "/ping").status != 200:
            assert time.monotonic() < deadline, "the server did not become ready"
            time.sleep(0.05)


@contextmanager
def serving(
    script: Path, model_dir: Path, *options: str, env: Mapping[str, str] | None = None
) -> Iterator[Server]:
    command = [sys.executable, "-m", "scriptmode", "serve", str(script), "--port", "0"]
    with tempfile.NamedTemporaryFile() as log:
        process = subprocess.Popen(
            [*command, "--model-dir", str(model_dir), *options],
            stderr=log,
            env={**os.environ, **(env or {})},
        )
        server = Server(0, process, Path(log.name))
        try:
            yield server._replace(port=server.find_port())
        finally:
            process.terminate()
            process.wait(timeout=30)


class Asked(NamedTuple):
    body: bytes
    content_type: str
    accept: str = "application/json"


def ask_all(port: int, requests: Sequence[Asked], connections: int) -> list[Answer | Exception]:
    """Answers in the order of the requests, which go through so many kept connections at once."""
    answers: list[Answer | Exception] = [ConnectionError("not asked")] * len(requests)
    places = iter(range(len(requests)))
    lock = Lock()

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            with lock:
                place = next(places, None)
            if place is None:
                connection.close()
                return
            body, content_type, accept = requests[place]
            headers = {"Content-Type": content_type, "Accept": accept}
            try:
                connection.request("POST", "/invocations", body, headers)
                response = connection.getresponse()
                lowered = {name.lower(): value for name, value in response.getheaders()}
                answers[place] = Answer(response.status, lowered, response.read())
            except (OSError, http.client.HTTPException) as error:
                answers[place] = error
                connection.close()

    threads = [Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def exchanged(port: int, *pieces: bytes) -> bytes:
    """All that comes back for pieces, of which the last ends the client's half."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number, piece in enumerate(pieces):
            time.sleep(0.03 if number else 0)
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))
