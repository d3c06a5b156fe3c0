"""A virtual environment for each stack, made once and kept below ``build/contract``."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.families import Family

ROOT = Path(__file__).parent.parent.parent
TRIES = 3
_PROBE = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
KEPT = ROOT / "build" / "contract"


class UnavailableError(Exception):
    """This machine cannot have the environment; says why."""


def environment(family: Family) -> Path:
    """The Python of a stack's own environment, in which this checkout is installed too.

    Raises:
        UnavailableError: the release of Python that its images have is not on this machine.
    """
    made = ":".join((*family.requirements, *family.alone, family.python, str(ROOT)))
    home = KEPT / f"{family.name}-{hashlib.sha256(made.encode()).hexdigest()[:12]}"
    python = home / "bin" / "python"
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / f"{family.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the suite may run twice at a time
        if not (home / "ready").exists():
            shutil.rmtree(home, ignore_errors=True)
            _make(family, home, python)
            (home / "ready").touch()
    return python


def _make(family: Family, home: Path, python: Path) -> None:
    _run([interpreter(family.python), "-m", "venv", str(home)])
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*install, *family.requirements])
    alone = [*install, "--no-deps", "--no-build-isolation"]
    if family.alone:
        _run([*alone, *family.alone])
    _run([*alone, "--editable", str(ROOT)])


def _run(command: list[str]) -> None:
    """A command that may be run again, as registries answer or do not."""
    for _ in range(TRIES):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not done.returncode:
            return
    raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


@cache
def interpreter(release: str) -> str:
    """A Python of that release.

    Raises:
        UnavailableError: there is none.
    """
    for candidate in _candidates(release):
        try:
            done = subprocess.run(
                [
                    candidate,
                    "-c",
                    "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])",
                ],
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError:
            continue
        if done.stdout.strip() == release:
            return candidate
    raise UnavailableError(f"there is no Python {release} on this machine")


def _candidates(release: str) -> Iterator[str]:
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == release:
        yield sys.executable
    yield f"python{release}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(pyenv.glob(f"versions/{release}.*/bin/python"), reverse=True))
