from __future__ import annotations

from functools import cache

import pytest

from tests.contract.cases import Case, cases
from tests.contract.differences import DIFFERENCES, explained
from tests.contract.families import FAMILIES, Family
from tests.contract.matrix import Answer, answers, expected
from tests.environments import UnavailableError

pytestmark = pytest.mark.peer


@cache
def answers_of(family: Family, script: str) -> dict[str, Answer]:
    try:
        return answers(family, script)
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_stack_answers_as_we_do_or_the_table_says_otherwise(
    family: Family, case: Case
) -> None:
    theirs = answers_of(family, case.script)[case.name]
    due, numbers = explained(family, case, expected()[case.name], theirs)
    assert theirs == due
    if not any(DIFFERENCES[number - 1].leaks for number in numbers):
        assert b"Traceback" not in theirs.body


@pytest.mark.parametrize("number", range(1, len(DIFFERENCES) + 1))
def test_every_row_of_the_table_is_needed(number: int) -> None:
    difference = DIFFERENCES[number - 1]
    for family in FAMILIES:
        if family.name not in difference.families:
            continue
        found = [case for case in cases() if difference.applies(case)]
        assert any(
            number
            in explained(
                family,
                case,
                expected()[case.name],
                answers_of(family, case.script)[case.name],
            )[1]
            for case in found
        )
