"""Virtual environments of other releases than ours, made once and kept below ``build``."""

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
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parent.parent
TRIES = 3
_PROBE = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
KEPT = ROOT / "build" / "environments"


class UnavailableError(Exception):
    """This machine cannot have the environment; says why."""


def environment(
    name: str, python: str, requirements: Sequence[str], alone: Sequence[str] = ()
) -> Path:
    """The Python of an environment, in which this checkout is installed too.

    Args:
        name: what the environment is called.
        python: its release of Python, such as ``3.10``.
        requirements: what is installed.
        alone: what is installed without its own requirements.

    Raises:
        UnavailableError: that release of Python is not on this machine.
    """
    made = ":".join((*requirements, *alone, python, str(ROOT)))
    home = KEPT / f"{name}-{hashlib.sha256(made.encode()).hexdigest()[:12]}"
    executable = home / "bin" / "python"
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the suite may run twice at a time
        if not (home / "ready").exists():
            shutil.rmtree(home, ignore_errors=True)
            _run([interpreter(python), "-m", "venv", str(home)])
            _install(executable, requirements, alone)
            (home / "ready").touch()
    return executable


def _install(python: Path, requirements: Sequence[str], alone: Sequence[str]) -> None:
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*install, *requirements])
    by_itself = [*install, "--no-deps", "--no-build-isolation"]
    if alone:
        _run([*by_itself, *alone])
    _run([*by_itself, "--editable", str(ROOT)])


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
                [candidate, "-c", _PROBE],
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
