"""A script that serves in a process of its own, on this machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
import weakref
from collections import deque
from threading import Event, Thread
from typing import TYPE_CHECKING

from scriptmode._imports import require_installed
from scriptmode.errors import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

_PATIENCE = 120.0  # seconds until the model must be loaded
_STOPPING = 30.0  # seconds from SIGTERM to SIGKILL, as SageMaker waits
_ADDRESS = re.compile(r'running on (http://[^\s"]+)')


class LocalEndpoint:
    """``scriptmode serve`` on a free port of 127.0.0.1; it ends with this program at the latest.

    Nothing ends it where the program is killed by a signal that it does not handle.

    Args:
        script: the entry script.
        model_dir: the folder of the model.

    Raises:
        TrainingError: it ended, or did not become ready; holds the last lines of its log.
        MissingExtraError: the server is not installed.
    """

    def __init__(self, script: Path, model_dir: Path) -> None:
        require_installed("uvicorn", extra="serve")
        command = [sys.executable, "-m", "scriptmode", "serve", str(script)]
        self._log: deque[str] = deque(maxlen=50)
        self._found = Event()
        self.address = ""
        paths = [str(script.parent), os.environ.get("PYTHONPATH", "")]
        self._server = subprocess.Popen(  # noqa: S603 - our own program
            [*command, "--model-dir", str(model_dir), "--port", "0"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )
        self._stop = weakref.finalize(self, _end, self._server)
        Thread(target=self._read, daemon=True).start()
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server, once it has answered what it was asked."""
        self._stop()

    def _read(self) -> None:
        for line in self._server.stderr or ():
            self._log.append(line.rstrip())
            found = _ADDRESS.search(line)
            if found is not None:
                self.address = found[1].rstrip(".")
                self._found.set()
        self._found.set()

    def _wait(self) -> None:
        deadline, said = time.monotonic() + _PATIENCE, "it did not start"
        self._found.wait(_PATIENCE)
        while time.monotonic() < deadline and self._server.poll() is None:
            said = self._ping()
            if not said:
                return
            time.sleep(0.05)
        last = "\n".join(self._log)
        raise TrainingError(f"the endpoint is not ready: {said}\n{last}")

    def _ping(self) -> str:
        """Nothing, once it is ready; else why it is not."""
        try:
            with urllib.request.urlopen(f"{self.address}/ping", timeout=5):  # noqa: S310 - our own
                return ""
        except urllib.error.HTTPError as error:
            said = str(json.loads(error.read()).get("message", error))
            if "cannot" in said:  # which never changes
                self._server.terminate()
            return said
        except (OSError, ValueError) as error:
            return str(error)


def _end(server: subprocess.Popen[str]) -> None:
    server.terminate()
    try:
        server.wait(_STOPPING)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    if server.stderr is not None:
        server.stderr.close()
