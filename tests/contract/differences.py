"""Where a stack cannot answer as ``invoke`` does, each with its reason; the page is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scriptmode.serializers.parquet import Parquet
from tests.contract.cases import ROWS
from tests.contract.matrix import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.contract.cases import Case
    from tests.contract.families import Family

_FLASK = ("flask3", "flask1")
_TOOLKITS = ("inference", "inference15", "pytorch")
_HUGGING_FACE = ("huggingface",)
_UNDECODED = "not UTF-8, by a type that stacks decode"
_MET_BY_HAND = (
    "a mistake before predict_fn by hand",
    "a mistake that arithmetic by hand meets",
)
_UNLOADED_BY_HAND = "the model cannot be loaded, predict_fn by hand"
_RAISED_BY_HAND = "all by hand, and it raises"
_RAISED = (_UNDECODED, *_MET_BY_HAND, _RAISED_BY_HAND, _UNLOADED_BY_HAND)
_JSON = "application/json"


@dataclass(frozen=True)
class Difference:
    """One row of the page.

    Args:
        families: the stacks.
        what: what they do instead.
        why: why nothing can be done about it.
        applies: to a case.
        becomes: what the stack answers, from the case, our answer and its own. What only the
            stack can know is taken from there, and nothing else.
        leaks: whether callers see a traceback.
    """

    families: tuple[str, ...]
    what: str
    why: str
    applies: Callable[[Case], bool]
    becomes: Callable[[Case, Answer, Answer], Answer]
    leaks: bool = False


TAKEN_APART = ("a form", "a file in a form")
"""What the Java front ends make something else of, so that no function gets a body: a 415."""


def _accept_as_sent(case: Case, ours: Answer, theirs: Answer) -> Answer:
    is_any = case.accept is None or case.accept.strip() in ("", "*/*")
    return ours._replace(content_type=_JSON if is_any else case.accept)


def _same_table(case: Case, ours: Answer, theirs: Answer) -> Answer:
    first, second = (np.asarray(Parquet().decode(each.body, {})) for each in (ours, theirs))
    is_same = len(first) == len(ROWS) and np.array_equal(first, second)
    return ours._replace(body=theirs.body) if is_same else ours


def _named(*names: str) -> Callable[[Case], bool]:
    return lambda case: case.name in names


DIFFERENCES = (
    Difference(
        _HUGGING_FACE,
        "the content type of every answer is the Accept header as it was sent, or"
        " `application/json` without one",
        "the toolkit writes it after `output_fn` has returned",
        lambda case: (
            case.name not in (_UNDECODED, *_MET_BY_HAND, _RAISED_BY_HAND, _UNLOADED_BY_HAND)
        ),
        _accept_as_sent,
    ),
    Difference(
        _TOOLKITS,
        "a body that is not UTF-8 is a 500 with a traceback, where its type is exactly"
        " `text/csv` or `application/json`",
        "the toolkit decodes those two before it calls any function",
        _named(_UNDECODED),
        lambda _, ours, theirs: Answer(500, None, theirs.body),
        leaks=True,
    ),
    Difference(
        _HUGGING_FACE,
        "a body that is not UTF-8 is a 400 with the toolkit's own words, where its type is exactly"
        " `text/csv` or `application/json`",
        "the toolkit decodes those two before it calls any function",
        _named(_UNDECODED),
        lambda _, ours, theirs: Answer(400, _JSON, theirs.body),
    ),
    Difference(
        _FLASK,
        "a caller's mistake that a function by hand meets is a 500 in HTML",
        "what a function raises is no answer there; only `output_fn` can give one",
        _named(*_MET_BY_HAND),
        lambda _, ours, theirs: Answer(500, theirs.content_type, theirs.body),
    ),
    Difference(
        _TOOLKITS,
        "a caller's mistake that a function by hand meets has the right status, our message, and a"
        " traceback",
        "what a function raises goes to the caller whole; only the status can be chosen",
        _named(*_MET_BY_HAND),
        lambda _, ours, theirs: Answer(ours.status, None, theirs.body),
        leaks=True,
    ),
    Difference(
        _HUGGING_FACE,
        "a caller's mistake that a function by hand meets is a 400 with our message",
        "the toolkit makes a 400 of whatever a function raises",
        _named(*_MET_BY_HAND),
        lambda _, ours, theirs: Answer(400, _JSON, theirs.body),
    ),
    Difference(
        _FLASK,
        "what a function by hand raises is a 500 in HTML",
        "it is the script's own",
        _named(_RAISED_BY_HAND),
        lambda _, ours, theirs: Answer(500, theirs.content_type, theirs.body),
    ),
    Difference(
        _TOOLKITS,
        "what a function by hand raises is a 500 with its message and its traceback",
        "it is the script's own",
        _named(_RAISED_BY_HAND),
        lambda _, ours, theirs: Answer(500, None, theirs.body),
        leaks=True,
    ),
    Difference(
        _HUGGING_FACE,
        "what a function by hand raises is a 400 with its message",
        "it is the script's own",
        _named(_RAISED_BY_HAND),
        lambda _, ours, theirs: Answer(400, _JSON, theirs.body),
    ),
    Difference(
        _FLASK,
        "text that `output_fn` by hand returns without a type is `text/html`",
        "it is the script's own, and Flask's default",
        _named("output_fn by hand", "all by hand"),
        lambda _, ours, theirs: ours._replace(content_type="text/html; charset=utf-8"),
    ),
    Difference(
        _FLASK,
        "a model that cannot be loaded is a 500 in HTML, of `/ping` too",
        "`model_fn` raises there, so that the deployment fails",
        _named("the model cannot be loaded", _UNLOADED_BY_HAND),
        lambda _, ours, theirs: Answer(500, theirs.content_type, theirs.body),
    ),
    Difference(
        _TOOLKITS,
        "a model that cannot be loaded, and that a function by hand meets, is a 500 with our"
        " message and a traceback",
        "what a function raises goes to the caller whole",
        _named(_UNLOADED_BY_HAND),
        lambda _, ours, theirs: Answer(500, None, theirs.body),
        leaks=True,
    ),
    Difference(
        _HUGGING_FACE,
        "a model that cannot be loaded, and that a function by hand meets, is a 400 with our"
        " message",
        "the toolkit makes a 400 of whatever a function raises",
        _named(_UNLOADED_BY_HAND),
        lambda _, ours, theirs: Answer(400, _JSON, theirs.body),
    ),
    Difference(
        ("flask1",),
        "Parquet has other bytes for the same table",
        "they name the release of pyarrow, of which an older one is the last for Python 3.10",
        _named("Accept: application/x-parquet"),
        _same_table,
    ),
)


def explained(family: Family, case: Case, ours: Answer, theirs: Answer) -> tuple[Answer, list[int]]:
    """What the stack must answer, and which rows say why it is not what we answer."""
    numbers: list[int] = []
    for number, each in enumerate(DIFFERENCES, 1):
        if family.name in each.families and each.applies(case):
            changed = each.becomes(case, ours, theirs)
            if changed != ours:
                numbers.append(number)
            ours = changed
    return ours, numbers
