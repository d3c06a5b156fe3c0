from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from scriptmode.testing import invoke
from scriptmode.testing.dialects import FAMILIES as DIALECTS
from tests.contract.cases import Case, cases
from tests.contract.differences import explained
from tests.contract.families import BY_NAME
from tests.contract.matrix import HERE, MODEL, Answer, answers, expected
from tests.environments import UnavailableError

if TYPE_CHECKING:
    from pathlib import Path

_FOLDER = re.compile(rb"/\S+(?= could be the model)")  # of their own in either
REAL = {"flask": "flask3"} | {name: name for name in DIALECTS if name != "flask"}


def emulated(dialect: str, case: Case, empty: Path) -> Answer:
    reply = invoke(
        HERE / "scripts" / f"{case.script}.py",
        case.body,
        content_type=case.content_type,
        accept=case.accept,
        model_dir=MODEL if case.model else empty,
        headers=dict(case.headers),
        family=dialect,
    )
    return Answer(reply.status, reply.content_type or None, reply.body)


@pytest.mark.peer
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dialect_answers_as_the_real_packages_do(dialect: str, tmp_path: Path) -> None:
    family = BY_NAME[REAL[dialect]]
    for case in cases():
        try:
            theirs = answers(family, case.script)[case.name]
        except UnavailableError as error:
            pytest.skip(str(error))
        found = emulated(dialect, case, tmp_path)
        assert found.status == theirs.status, case.name
        if found.status == 500 and dialect == "flask" and not found.body.startswith(b"{"):
            continue  # a page of Flask's own
        assert found.content_type == theirs.content_type, case.name
        bodies = [_FOLDER.sub(b"", each.body) for each in (found, theirs)]
        if b"Traceback" in theirs.body:  # whose frames are the toolkit's
            bodies = [each.partition(b"\n")[0] for each in bodies]
        assert bodies[0] == bodies[1], case.name


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_dialect_needs_no_package_to_answer_as_the_table_says(
    dialect: str, tmp_path: Path
) -> None:
    for case in cases():
        found = emulated(dialect, case, tmp_path)
        due, _ = explained(BY_NAME[REAL[dialect]], case, expected()[case.name], found)
        assert found.status == due.status, case.name


def test_an_unknown_family_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did you mean 'huggingface'"):
        emulated("hugingface", cases()[0], tmp_path)
