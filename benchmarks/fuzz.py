"""Every decoder under bodies that nobody meant: what breaks, with the smallest body that does.

    python -m benchmarks.fuzz [--seconds 60] [--seed 0] [--only csv,json] [--jobs 1] [--atheris]

The bodies are mutations of what our own encoders and the reference libraries write; the same seed
gives the same bodies. What must hold of every decoder stands in `benchmarks.fuzzing.invariants`;
how much memory a target may take, in `benchmarks.fuzzing.target` and beside each. Each worker is a
process of its own, so that a body that ends it is reported as any other finding. With `--atheris`,
coverage of this package chooses the bodies (pip install atheris). Findings are kept under
build/fuzz/; the exit status is 1 where there are some.
"""

from __future__ import annotations

import argparse
import base64
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.fuzzing.session import digest
from benchmarks.fuzzing.supervisor import Crew, Report

if TYPE_CHECKING:
    from benchmarks.fuzzing.invariants import Finding

FOLDER = Path("build/fuzz")
_SHOWN = 120


def show(finding: Finding) -> None:
    """Print a finding, and keep its body."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{finding.target.replace(' ', '-')}-{digest(finding.body)}.base64"
    path.write_text(base64.b64encode(finding.body).decode() + "\n")
    more = "…" if len(finding.body) > _SHOWN else ""
    print(f"\n{finding.target}: {finding.invariant}\n  {finding.detail}")
    print(f"  body, {len(finding.body)} bytes: {finding.body[:_SHOWN]!r}{more}")
    print(f"  hex: {finding.body[:_SHOWN].hex()}{more}\n  kept: {path}")
    if finding.trace:
        print("".join(f"  | {line}\n" for line in finding.trace.splitlines()))


def summarise(report: Report) -> None:
    """Print executions by codec, and findings."""
    for finding in report.findings.values():
        show(finding)
    print(f"\n{'codec':<34}{'executions':>12}")
    for name, executions in report.executions.items():
        print(f"{name:<34}{executions:>12}")
    print(f"{'':<34}{sum(report.executions.values()):>12}")
    print(f"{len(report.findings)} findings")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="codecs or targets, separated by commas")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--atheris", action="store_true")
    options = parser.parse_args()
    names = tuple(filter(None, options.only.split(",")))
    crew = Crew(names, options.seed, options.seconds, workers=options.jobs, guided=options.atheris)
    report = crew.run()
    summarise(report)
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
