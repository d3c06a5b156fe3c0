"""Every case through every stack, held to what ``invoke`` answers.

python -m tests.contract    prints the matrix; `make contract`
"""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scriptmode.errors import ModelLoadError
from scriptmode.handlers.reports import Report
from scriptmode.testing import invoke
from tests.contract.cases import cases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.contract.cases import Case
    from tests.contract.families import Family

HERE = Path(__file__).parent
MODEL = HERE / "model"
_PEER = HERE / "peer.py"


class Answer(NamedTuple):
    """What a caller gets.

    Args:
        status: as in HTTP; 0 where the worker died.
        content_type: of the body.
        body: its bytes.
    """

    status: int
    content_type: str | None
    body: bytes

    def __str__(self) -> str:
        return f"{self.status} {self.content_type} {self.body[:100]!r}"


@cache
def expected() -> dict[str, Answer]:
    """Our own answers, by the names of the cases."""
    return {case.name: _ours(case) for case in cases()}


def _ours(case: Case) -> Answer:
    headers = {k: v for k, v in case.sent.items() if k not in ("Content-Type", "Accept")}
    script = HERE / "scripts" / f"{case.script}.py"
    if not case.model:  # where invoke raises
        return Answer(500, "application/json", Report.of(ModelLoadError()).body)
    reply = invoke(
        script,
        case.body,
        content_type=case.content_type,
        accept=case.accept,
        model_dir=MODEL,
        headers=headers,
    )
    return Answer(reply.status, reply.content_type, reply.body)


@cache
def answers(family: Family, script: str) -> dict[str, Answer]:
    """What a stack answers to the cases of one script, by their names.

    Raises:
        UnavailableError: this machine cannot have the stack.
    """
    python = family.environment()
    found: dict[str, Answer] = {}
    for has_model in (True, False):
        chosen = [case for case in cases() if case.script == script and case.model is has_model]
        if chosen:
            found |= dict(
                zip((case.name for case in chosen), _ask(python, family, chosen), strict=True)
            )
    return found


def _ask(python: Path, family: Family, chosen: list[Case]) -> list[Answer]:
    return [read_answer(each) for each in run_peer(python, family, chosen)]


def run_peer(
    python: Path, family: Family, chosen: Sequence[Case], seconds: float = 0
) -> list[dict[str, Any]]:
    """What ``peer.py`` tells of requests to one script.

    Args:
        python: of the stack's environment.
        family: the stack.
        chosen: the requests.
        seconds: for how long each is repeated and timed.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "empty").mkdir()
        order = {
            "family": family.name,
            "server": family.server,
            "entry": chosen[0].script,
            "code": str(HERE / "scripts"),
            "base_dir": folder,
            "model_dir": str(MODEL if chosen[0].model else Path(folder) / "empty"),
            "seconds": seconds,
            "requests": as_told(chosen),
        }
        path = Path(folder) / "order.json"
        path.write_text(json.dumps(order))
        done = subprocess.run(
            [str(python), "-I", str(_PEER), str(path)],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
        )
    if done.returncode:
        raise RuntimeError(f"{family.name}, {chosen[0].script}:\n{done.stderr}")
    report: dict[str, Any] = json.loads(done.stdout)
    assert not report["trained"], "the training half ran"
    answered: list[dict[str, Any]] = report["answers"]
    return answered


def as_told(chosen: Sequence[Case]) -> list[dict[str, Any]]:
    """Requests as they stand in an order for another process."""
    return [{"body": base64.b64encode(case.body).decode(), "headers": case.sent} for case in chosen]


def read_answer(told: dict[str, Any]) -> Answer:
    if "died" in told:
        return Answer(0, None, told["died"].encode())
    return Answer(int(told["status"]), told["content_type"], base64.b64decode(told["body"]))
