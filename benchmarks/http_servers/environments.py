"""Virtual environments of the rivals, made once and kept below ``build/http``."""

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.http_servers.servers import Server

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build" / "http"


class UnavailableError(Exception):
    """This machine cannot have the environment, or not start what is in it; says why."""


def python_of(server: Server) -> Path:
    """The Python that runs a server.

    Raises:
        UnavailableError: its environment cannot be made.
    """
    if not server.requires:
        return Path(sys.executable)
    home = KEPT / server.name.partition("_")[0]
    python, ready = home / "bin" / "python", home / "ready"
    wanted = "\n".join((*server.requires, *server.alone, sys.version))
    if not ready.exists() or ready.read_text() != wanted:
        print(f"making {home.relative_to(ROOT)}", file=sys.stderr)
        shutil.rmtree(home, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(home)])
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*install, *server.requires])
        if server.alone:
            _run([*install, "--no-deps", *server.alone])
        ready.write_text(wanted)
    return python


def releases(python: Path, packages: list[str]) -> list[str]:
    """Packages, each with the release that an environment holds."""
    code = f"from importlib.metadata import version; print(*map(version, {packages!r}))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return list(map(" ".join, zip(packages, done.stdout.split(), strict=True)))


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise UnavailableError(f"not installed: {said[-1] if said else command}")
