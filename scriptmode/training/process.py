"""A child process whose lines are followed while it runs."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from threading import Lock, Thread
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_DRAINING = 5.0  # seconds for what was written last, once the child is gone


def follow(
    command: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    on_line: Callable[[str], None],
) -> tuple[int, str]:
    """Run a command to its end.

    Args:
        command: the program and its arguments.
        folder: where it runs.
        environ: its whole environment.
        on_line: gets each line of both streams, one at a time.

    Returns:
        Its exit status, below zero for the signal that ended it; and the last line of its error
        stream, which names what a Python program died of.
    """
    last = ""  # of the error stream
    faults: list[BaseException] = []
    lock = Lock()

    def hear(line: str, *, keeps: bool) -> None:
        nonlocal last
        try:
            with lock:
                on_line(line.rstrip("\n"))
        except Exception as error:  # noqa: BLE001 - raised below
            faults.append(error)
            _end_group(child.pid)
        if keeps and line.strip():
            last = line.strip()

    def pump(stream: IO[str], *, keeps: bool) -> None:
        with stream:
            for line in stream:  # to the end, whatever happens: the child would wait for ever
                hear(line, keeps=keeps)

    child = _start(command, folder, environ)
    streams = ((child.stdout, False), (child.stderr, True))
    threads = [
        Thread(target=pump, args=(stream,), kwargs={"keeps": keeps}, daemon=True)
        for stream, keeps in streams
    ]
    try:
        for thread in threads:
            thread.start()
        child.wait()
    finally:  # also after Ctrl-C: in the cloud nothing outlives the script
        _end(child, threads)
    if faults:
        raise faults[0]
    return child.returncode, last


def _start(
    command: Sequence[str], folder: Path, environ: Mapping[str, str]
) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - running it is what a job is
        list(command),
        cwd=folder,
        env={**environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def _end(child: subprocess.Popen[str], threads: Sequence[Thread]) -> None:
    """End a child and what it left behind, and read what was written last."""
    _end_group(child.pid)
    child.wait()
    for thread in threads:
        thread.join(_DRAINING)  # who made a session of its own may hold the streams open for ever


def _end_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError, AttributeError):  # Windows has no groups
        os.killpg(leader, signal.SIGKILL)
