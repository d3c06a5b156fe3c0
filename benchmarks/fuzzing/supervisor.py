"""Starts workers, restarts those that a body ended, and gathers what they found.

It is used by `python -m benchmarks.fuzz`.
"""

from __future__ import annotations

import base64
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.fuzzing.invariants import Finding
from benchmarks.fuzzing.minimise import minimise
from benchmarks.fuzzing.session import digest
from benchmarks.fuzzing.state import State
from benchmarks.fuzzing.worker import Job, chosen

STILL = 30.0
_PATIENCE = 10.0
_ROOT = Path(__file__).parent.parent.parent
_MOST_CRASHES = 4
_LEAST_SECONDS = 2.0


@dataclass
class Report:
    """What a run came to."""

    executions: dict[str, int] = field(default_factory=dict)
    findings: dict[str, Finding] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """Keep the smallest body of each signature."""
        known = self.findings.get(finding.signature)
        if known is None or len(finding.body) < len(known.body):
            self.findings[finding.signature] = finding


class Crew:
    """Workers that share the targets.

    Args:
        names: of the targets, or of codecs; all where empty.
        seed: equal seeds give equal bodies.
        seconds: how long it takes.
        workers: how many processes.
        hostile: whether hostile bodies are among the first.
        guided: whether coverage guides, with atheris.
        patience: seconds to spend on making a finding smaller.
    """

    def __init__(  # noqa: PLR0913 - the options of the command
        self,
        names: tuple[str, ...],
        seed: int,
        seconds: float,
        *,
        workers: int = 1,
        hostile: bool = True,
        guided: bool = False,
        patience: float = 4,
    ) -> None:
        self.report = Report()
        self._folder = Path(tempfile.mkdtemp(prefix="scriptmode-fuzz-"))
        self._targets = [(index, target.name) for index, target in chosen(names, exact=False)]
        self._crashes: dict[str, int] = {}
        options = {"hostile": hostile, "guided": guided, "patience": patience}
        shares = [self._targets[start::workers] for start in range(workers)]
        self._queues: list[list[Job]] = []
        for number, share in enumerate(filter(None, shares)):
            state, findings = (
                str(self._folder / f"{number}.{part}") for part in ("state", "jsonl")
            )
            every = tuple(name for _, name in share)
            parts = [(name,) for name in every] if guided else [every]
            self._queues.append(
                [
                    Job(part, str(seed), seconds / len(parts), state, findings, **options)  # type: ignore[arg-type]
                    for part in parts
                ]
            )

    def run(self) -> Report:
        """Wait for all workers."""
        running = [_Running(queue) for queue in self._queues]
        try:
            while any(each.is_busy for each in running):
                time.sleep(0.2)
                for each in running:
                    if (ended := each.poll()) is not None:
                        self._crashed(each, ended)
        finally:
            for each in running:
                each.stop()
        for each in running:
            for index, name in self._targets:
                known = self.report.executions.get(name, 0)
                self.report.executions[name] = known + each.state.executions(index)
            self._gather(Path(each.first.findings))
        shutil.rmtree(self._folder)
        return self.report

    def _gather(self, path: Path) -> None:
        for line in path.read_text().splitlines() if path.exists() else ():
            record = json.loads(line)
            self.report.add(Finding(**{**record, "body": base64.b64decode(record["body"])}))

    def _crashed(self, worker: _Running, how: str) -> None:
        index, body = worker.state.current
        name = dict(self._targets).get(index, "?")
        self._crashes[name] = self._crashes.get(name, 0) + 1
        job, trace = worker.first, worker.errors.read_text(errors="replace")[-4000:]
        if self._crashes[name] == 1:
            body = self._smaller(replace(job, names=(name,)), body)
        signature = f"{name}: {how}: {self._crashes[name]}"
        self.report.add(Finding(name, "the process lives", how, signature, body, trace))
        names = tuple(
            each for each in worker.job.names if self._crashes.get(each, 0) < _MOST_CRASHES
        )
        worker.restart(names, digest(body))

    def _smaller(self, job: Job, body: bytes) -> bytes:
        path = self._folder / "candidate"

        def breaks(candidate: bytes) -> bool:
            path.write_bytes(candidate)
            process = start(replace(job, replay=str(path), guided=False))
            try:
                return process.wait(_PATIENCE) != 0
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                return True

        return minimise(body, breaks, 2 * job.patience) if breaks(body) else body


class _Running:
    """The jobs of one worker, one after the other."""

    def __init__(self, jobs: list[Job]) -> None:
        self._jobs, self.first = jobs, jobs[0]
        self.state = State(Path(self.first.state))
        self.errors = Path(self.first.state).with_suffix(".stderr")
        self._process: subprocess.Popen[bytes] | None = None
        self._begin(self._jobs.pop(0))

    @property
    def is_busy(self) -> bool:
        return self._process is not None

    def poll(self) -> str | None:
        """How the process ended, if that was not by itself."""
        if self._process is None:
            return None
        code = self._process.poll()
        if code is None:
            return self._hangs()
        if code == 0:
            self._next()
            return None
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"

    def restart(self, names: tuple[str, ...], avoid: str) -> None:
        """Go on without a body, for the time that is left."""
        left = self._end - time.monotonic()
        if not names or left < _LEAST_SECONDS:
            self._next()
            return
        job = self.job
        again = replace(
            job, names=names, seconds=left, seed=f"{job.seed}'", avoid=(*job.avoid, avoid)
        )
        self._begin(again)

    def stop(self) -> None:
        """End the process, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _next(self) -> None:
        if self._jobs:
            self._begin(self._jobs.pop(0))
        else:
            self._process = None

    def _begin(self, job: Job) -> None:
        self.job = job
        self._process = start(job, self.errors)
        self._end = time.monotonic() + job.seconds
        self._beats, self._since = -1, time.monotonic()

    def _hangs(self) -> str | None:
        beats = self.state.beats
        if beats != self._beats:
            self._beats, self._since = beats, time.monotonic()
        if time.monotonic() - self._since < STILL or self._process is None:
            return None
        self._process.send_signal(signal.SIGABRT)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        return f"no answer within {STILL:.0f} s"


def start(job: Job, errors: Path | None = None) -> subprocess.Popen[bytes]:
    """A worker; what it says of how it died goes to a file."""
    command = [sys.executable, "-m", "benchmarks.fuzzing.worker", job.write()]
    with Path(errors or "/dev/null").open("wb") as file:
        return subprocess.Popen(command, cwd=_ROOT, stdout=file, stderr=file)
