"""Servers that run while they are measured, each with all its processes in a group of its own."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.http_servers.environments import KEPT, ROOT, UnavailableError, python_of
from benchmarks.http_servers.servers import Rows, Server

OK = 200
PATIENCE = 120  # seconds for a server to be ready, and for an answer
GRACE = 10  # seconds for a server to end, or to come to rest
PAUSE, REST = 0.2, 0.02  # a server that is idle for so long spends no more than that
TYPES = {"csv": "text/csv", "json": "application/json"}


@dataclass(frozen=True)
class Running:
    """A server that answers on this machine.

    Args:
        server: which.
        port: where.
        log: what it and its processes wrote.
        process: it, as its children's parent.
    """

    server: Server
    port: int
    log: Path
    process: psutil.Process

    def ask(self, format_: str, rows: Rows) -> tuple[int, bytes]:
        """Its status and answer for some rows."""
        form = self.server.forms[format_]
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {"Content-Type": TYPES[format_]}
        with contextlib.closing(connection):
            connection.request("POST", form.path, form.body(rows), headers)
            reply = connection.getresponse()
            return reply.status, reply.read()

    def rest(self) -> None:
        """Wait until it has worked off what clients that are gone had asked for.

        Else a slow server would still be busy while the next one is measured.
        """
        ends, spent = time.monotonic() + GRACE, self._spent()
        while time.monotonic() < ends:
            time.sleep(PAUSE)
            before, spent = spent, self._spent()
            if spent - before <= REST:
                return

    def _spent(self) -> float:
        seconds = 0.0
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in (self.process, *self.process.children(recursive=True)):
                times = process.cpu_times()
                seconds += times.user + times.system
        return seconds


@contextlib.contextmanager
def running(server: Server, model: Path, scratch: Path, rows: Rows) -> Iterator[Running]:
    """Start a server, wait until it answers some rows, and end it.

    Args:
        server: which.
        model: the file that it serves.
        scratch: a folder for what it writes.
        rows: what it is asked until it answers.

    Raises:
        UnavailableError: it cannot be installed, or does not come to answer.
    """
    python, port, log = python_of(server), free_port(), KEPT / f"{server.name}.log"
    program = Path(__file__).parent / server.program
    # Some of them cannot be told otherwise how many threads their model may use.
    told = {"MODEL": str(model), "OMP_NUM_THREADS": "1", "TMPDIR": str(scratch)}
    told |= {"PYTHONPATH": str(ROOT), "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(b"")
    with log.open("ab") as out:
        process = subprocess.Popen(
            [python, program, str(port), *server.arguments],
            cwd=scratch,
            env=os.environ | told,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        started = Running(server, port, log, psutil.Process(process.pid))
        wait_for(started, process, rows)
        yield started
    finally:
        end(process)


def wait_for(started: Running, process: subprocess.Popen[bytes], rows: Rows) -> None:
    format_, ends = next(iter(started.server.forms)), time.monotonic() + PATIENCE
    said = "no answer"
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise UnavailableError(f"ended at once; see {started.log.relative_to(ROOT)}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, answer = started.ask(format_, rows)
            if status == OK:
                return
            said = f"{status} {answer[:200]!r}"
        time.sleep(0.2)
    raise UnavailableError(f"not ready after {PATIENCE} s: {said}")


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server and what it started, by its group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port
