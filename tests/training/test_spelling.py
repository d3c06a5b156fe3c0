import json
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scriptmode.training.spelling import (
    as_arguments,
    as_variable,
    meanings,
    pairs_of,
    plain_name,
    spells,
)
from tests.training.jobs import toolkit_python

NAMES = st.text("abcdefghijklmnopqrstuvwxyzABC_-.", min_size=1, max_size=12).filter(
    lambda name: not name.startswith("-")
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
JOBS = st.dictionaries(NAMES, VALUES, max_size=6)
ASK = """
import json, sys
from sagemaker_training import mapping
for line in sys.stdin:
    values = json.loads(line)
    print(json.dumps([mapping.to_cmd_args(values), mapping.to_env_vars({"x": values})["SM_X"]]))
"""


@pytest.mark.peer
@pytest.mark.usefixtures("peers")
def test_whatever_is_given_is_spelled_as_the_toolkit_spells_it() -> None:
    python = toolkit_python()
    jobs: list[dict[str, object]] = []

    @settings(max_examples=400, database=None, deadline=None)
    @given(JOBS)
    def gather(values: dict[str, object]) -> None:
        jobs.append(values)

    gather()
    lines = "".join(json.dumps(values) + "\n" for values in jobs)
    done = subprocess.run(
        [str(python), "-c", ASK], input=lines, capture_output=True, text=True, check=True
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(jobs) >= 300
    for values, (arguments, variable) in zip(jobs, answers, strict=True):
        sent = json.loads(json.dumps(values))
        assert as_arguments(sent) == arguments
        assert as_variable(sent) == variable


@given(JOBS)
@settings(deadline=None)
def test_a_command_line_is_read_back_pair_by_pair(values: dict[str, object]) -> None:
    found = list(pairs_of(as_arguments(values), flags=()))
    named = {name: value for name, value in values.items() if "=" not in name}
    assert [name for name, _ in found] == sorted(named)


@given(VALUES)
@settings(deadline=None)
def test_one_of_the_meanings_of_a_text_is_the_value(value: object) -> None:
    """Of all but mappings whose parts are no plain words, which no spelling of theirs keeps."""
    (_, text), *_ = pairs_of(as_arguments({"name": value}), flags=())
    assert spells(text, value)
    assert spells(value if isinstance(value, str) else json.dumps(value), value)
    if not isinstance(value, (dict, str)) and value is not None:
        assert value in list(meanings(text))


@given(st.text(max_size=40))
@settings(deadline=None)
def test_no_text_is_more_than_can_be_read(text: str) -> None:
    list(meanings(text))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--a", "1"], [("a", "1")]),
        (["-a", "1"], [("a", "1")]),
        (["--a=1"], [("a", "1")]),
        (["--a="], [("a", "")]),
        (["--a", ""], [("a", "")]),
        (["--a", "-1"], [("a", "-1")]),
        (["--a", "--b"], [("a", "--b")]),
        (["--flag", "--a", "1"], [("flag", "true"), ("a", "1")]),
        (["--a", "1", "--flag"], [("a", "1"), ("flag", "true")]),
        (["--flag", "False"], [("flag", "False")]),
        (["--a=b=c"], [("a", "b=c")]),
    ],
)
def test_command_lines(arguments: list[str], expected: list[tuple[str, str]]) -> None:
    assert list(pairs_of(arguments, flags=("flag",))) == expected


@pytest.mark.parametrize("arguments", [["a"], ["--a"], ["--a", "1", "b"], ["--"], ["-", "1"]])
def test_what_is_no_command_line(arguments: list[str]) -> None:
    with pytest.raises(ValueError, match=r"no name of a hyperparameter|has no value"):
        list(pairs_of(arguments, flags=()))


def test_dashes_underscores_and_dots_are_one() -> None:
    assert {plain_name(each) for each in ("learning-rate", "learning_rate", "learning.rate")} == {
        "learning_rate"
    }
