"""A process that fuzzes until its time is over; `python -m benchmarks.fuzz` starts it.

What it finds it writes to a file at once, and what it does to memory that outlives it.
"""

from __future__ import annotations

import base64
import faulthandler
import json
import os
import resource
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.fuzzing.invariants import limit_time
from benchmarks.fuzzing.state import State

if TYPE_CHECKING:
    from benchmarks.fuzzing.invariants import Finding

_GIB = 2**30
_SLICES = 6


@dataclass(frozen=True)
class Job:
    """What a worker is to do.

    Args:
        names: of the targets; all where empty.
        seed: equal seeds give equal bodies.
        seconds: after which it ends.
        state: the file of the state.
        findings: the file for findings, one JSON object a line.
        hostile: whether hostile bodies are among the first.
        guided: whether coverage guides, with atheris; then there is one target.
        avoid: digests of bodies that end the process.
        patience: seconds to spend on making a finding smaller.
        replay: a file that holds the one body to examine.
        memory: GiB that the process may map.
    """

    names: tuple[str, ...]
    seed: str
    seconds: float
    state: str
    findings: str
    hostile: bool = True
    guided: bool = False
    avoid: tuple[str, ...] = field(default_factory=tuple)
    patience: float = 10
    replay: str = ""
    memory: int = 4

    @classmethod
    def read(cls, text: str) -> Job:
        """What :meth:`write` wrote."""
        found = json.loads(text)
        return cls(**{**found, "names": tuple(found["names"]), "avoid": tuple(found["avoid"])})

    def write(self) -> str:
        """The job as JSON."""
        return json.dumps(asdict(self))


def chosen(names: tuple[str, ...], *, exact: bool = True) -> list[tuple[int, Any]]:
    """The targets of those names, or of those first words, and their indices."""
    from benchmarks.fuzzing.targets import all_targets

    found = list(enumerate(all_targets()))
    if not names:
        return found
    return [
        (index, target)
        for index, target in found
        if target.name in names or (not exact and target.name.split()[0] in names)
    ]


def note(path: str, finding: Finding) -> None:
    """Write a finding to a file."""
    record = {**asdict(finding), "body": base64.b64encode(finding.body).decode()}
    with Path(path).open("a") as file:
        file.write(json.dumps(record) + "\n")


def run(job: Job) -> None:
    """Fuzz the targets in turn, some slices of time each."""
    from benchmarks.fuzzing.roads import open_fast_roads
    from benchmarks.fuzzing.session import Session

    open_fast_roads()
    state = State(Path(job.state))
    targets = chosen(job.names)
    sessions = [
        Session(
            target,
            index,
            job.seed,
            state,
            lambda finding: note(job.findings, finding),
            hostile=job.hostile,
            avoid=job.avoid,
            patience=job.patience,
        )
        for index, target in targets
    ]
    end = time.monotonic() + job.seconds
    slices = _SLICES if job.seconds > len(sessions) else 1
    for turn in range(slices, 0, -1):
        for place, session in enumerate(sessions):
            turns_left = (turn - 1) * len(sessions) + len(sessions) - place
            until = time.monotonic() + (end - time.monotonic()) / turns_left
            if turn < slices and time.monotonic() > end:
                return
            session.resume()
            session.step()
            while time.monotonic() < until:
                session.step()


def replay(job: Job) -> None:
    """Examine one body."""
    from benchmarks.fuzzing.invariants import examine

    outcome = examine(chosen(job.names)[0][1], Path(job.replay).read_bytes())
    print(outcome)


def main() -> None:
    faulthandler.enable()
    limit_time()
    job = Job.read(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (job.memory * _GIB,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if job.replay:
        replay(job)
    elif job.guided:
        from benchmarks.fuzzing.guided import run_guided

        run_guided(job)
    else:
        run(job)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
