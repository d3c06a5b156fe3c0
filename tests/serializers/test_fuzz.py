"""Some seconds of `python -m benchmarks.fuzz`: all decoders under mutated and hostile bodies."""

import pytest

from benchmarks.fuzzing.supervisor import Crew, Report

SECONDS = 5.0


@pytest.fixture(scope="module")
def report() -> Report:
    return Crew((), seed=0, seconds=SECONDS, hostile=False, patience=0.5).run()


def test_no_decoder_breaks_what_must_hold(report: Report) -> None:
    found = [
        f"{each.target}: {each.invariant}: {each.detail}: {each.body[:80]!r}\n{each.trace}"
        for each in report.findings.values()
    ]
    assert not found, "\n".join(found)


def test_every_target_was_fuzzed(report: Report) -> None:
    assert [name for name, executions in report.executions.items() if not executions] == []
