"""Stacks behind their own HTTP servers, each in a box (``box.sh``)."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests.contract.matrix import HERE, MODEL, Answer, as_told, read_answer
from tests.environments import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.contract.cases import Case
    from tests.contract.families import Family

SECONDS = 240


def serve(  # noqa: PLR0913 - a server has this many settings
    family: Family,
    script: str,
    chosen: Sequence[Case],
    several: Mapping[str, Path] | None = None,
    *,
    model_dir: Path = MODEL,
    ping: int = 200,
) -> list[Answer]:
    """What a stack's server answers.

    Args:
        family: the stack.
        script: which of ``scripts``.
        chosen: the requests.
        several: models by name, to be served side by side instead of the one.
        model_dir: where the one is.
        ping: the status of ``/ping`` to wait for; unless it is 200, one request follows.

    Raises:
        UnavailableError: this machine cannot have the stack, or no box for it.
    """
    python = family.environment()
    _demand_box(family)
    stubs = HERE / "stubs" / ("flask" if family.server == "flask" else family.name)
    with tempfile.TemporaryDirectory() as folder:
        order, found = Path(folder) / "order.json", Path(folder) / "answers.json"
        told = {
            "family": family.name,
            "server": family.server,
            "entry": script,
            "code": str(HERE / "scripts"),
            "model_dir": str(model_dir),
            "ping": ping,
            "stubs": str(stubs),
            "several": {name: str(path) for name, path in (several or {}).items()},
            "requests": as_told(chosen),
        }
        order.write_text(json.dumps(told))
        boxed = ["python", str(HERE / "boxed.py"), str(order), str(found)]
        done = subprocess.run(
            ["bash", str(HERE / "box.sh"), str(python.parent.parent), *boxed],
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        if done.returncode:
            raise RuntimeError(f"{family.name}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        return [read_answer(each) for each in json.loads(found.read_text())]


def _demand_box(family: Family) -> None:
    if family.server != "flask" and shutil.which("java") is None:
        raise UnavailableError("multi-model-server and TorchServe need Java")
    if not _can_box():
        raise UnavailableError("this machine has no namespaces of its own to give")


@cache
def _can_box() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        command = ["bash", str(HERE / "box.sh"), folder, "true"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
