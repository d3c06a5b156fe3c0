"""A real server process for tests: a free port, ready when entered, gone when left."""

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

PATIENCE = 60.0


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Server(NamedTuple):
    port: int
    process: subprocess.Popen[str]

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
def serving(script: Path, model_dir: Path, *options: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "scriptmode", "serve", str(script), "--port", "0"]
    process = subprocess.Popen(
        [*command, "--model-dir", str(model_dir), *options], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        line = next((line for line in process.stderr if "running on" in line), None)
        assert line is not None, "the server did not start"
        yield Server(int(line.rpartition(":")[2].split()[0]), process)
    finally:
        process.terminate()
        process.communicate(timeout=30)
