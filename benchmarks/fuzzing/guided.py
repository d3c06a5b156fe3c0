"""One target guided by the coverage of this package: `python -m benchmarks.fuzz --atheris`."""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from benchmarks.fuzzing.state import State

if TYPE_CHECKING:
    from benchmarks.fuzzing.worker import Job

_LONGEST = 2**16
_SEED = 2**31


def run_guided(job: Job) -> None:
    """Let libFuzzer choose bodies until the time is over; it ends the process."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["scriptmode"]):
        from benchmarks.fuzzing import worker
        from benchmarks.fuzzing.invariants import examine
        from benchmarks.fuzzing.mutation import Mutator
        from benchmarks.fuzzing.roads import open_fast_roads

        index, target = worker.chosen(job.names)[0]
    open_fast_roads()
    state = State(Path(job.state))
    corpus = _write_corpus(Path(job.state).with_suffix(".corpus"), target.seeds())
    seen: set[str] = set()

    def test(body: bytes) -> None:
        state.begin(index, body)
        finding = examine(target, body).finding
        state.count(index)
        if finding is not None and finding.signature not in seen:
            seen.add(finding.signature)
            worker.note(job.findings, finding)

    def mutate(body: bytes, longest: int, seed: int) -> bytes:
        if seed % 2:
            mutated: bytes = atheris.Mutate(body, longest)
            return mutated
        mutator = Mutator(Random(seed), target.tokens)
        return mutator.mutate(body, body)[:longest]

    options = {
        "max_total_time": max(1, int(job.seconds)),
        "max_len": _LONGEST,
        "seed": int(hashlib.sha256(job.seed.encode()).hexdigest(), 16) % _SEED,
        "rss_limit_mb": 0,
        "timeout": 60,
        "verbosity": 0,
        "artifact_prefix": f"{corpus}.",
    }
    arguments = [f"-{name}={value}" for name, value in options.items()]
    atheris.Setup([sys.argv[0], *arguments, str(corpus)], test, custom_mutator=mutate)
    atheris.Fuzz()


def _write_corpus(folder: Path, bodies: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for body in bodies:
        (folder / hashlib.sha256(body).hexdigest()[:16]).write_bytes(body)
    return folder
