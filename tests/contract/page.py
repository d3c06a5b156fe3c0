"""The documentation page "Where it runs", made of the table that the tests hold."""

from __future__ import annotations

from collections import Counter

from tests.contract.cases import cases
from tests.contract.differences import DIFFERENCES
from tests.contract.families import BY_NAME, FAMILIES

_HEAD = """\
# Where it runs

<!-- made by `python -m tests.contract --page`, which the tests hold it to -->

The four functions are called by servers that disagree about bodies, headers, contexts, return
values and errors. A composed script gives the same answer in all of them: it finds out who calls
while it answers, and nothing is configured. What goes wrong travels as a value to `output_fn`,
which answers with the right status and a JSON report, also where exceptions cannot.

`make contract` installs the packages of each stack into an environment of its own, beside this one,
sends the same {count} requests to every one of them, and prints what came back. `make test` does so
too, and sends those to the script of all formats over the stack's own HTTP server as well. It holds
each answer to that of `scriptmode.testing.invoke`: the status, the content type and every byte.

| stack | stands for | Python |
| --- | --- | --- |
"""

_TABLE = """
| {count} requests | |
| --- | --- |
"""

_DIFFERENCES = """
Custom attributes reach hooks in every stack; in the Flask images a context has the headers, and
neither folder, model's name nor device. Without an Accept header, or with `*/*`,
`SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT` decides where it is set, and else the first of `returns`.

## Where an answer is another

| stack | there | because |
| --- | --- | --- |
"""

_FOOT = """
Over HTTP, multi-model-server and TorchServe take forms apart before any function sees them: a form
is a 415 there. Their errors before a worker is reached, such as a body that is too large, are their
own. A script that gives `handler` or `input_handler`, as TensorFlow Serving's container asks for,
is another contract, and is not made by `compose`.

Content codings are undone by our own server and by `invoke` only: SageMaker passes none on. Of
several requests that TorchServe hands over at once, the toolkit reads the headers of the first.

Those stacks can be tried without their packages: [](how-to/testing.md) shows how.
"""


def page() -> str:
    """The page, in Markdown."""
    count = len(cases())
    rows = [f"| {each.title} | {each.stands_for} | {each.python} |" for each in FAMILIES]
    groups = Counter(case.group for case in cases())
    groups_rows = [f"| {group} | {number} |" for group, number in groups.items()]
    differences = [
        f"| {', '.join(BY_NAME[name].short for name in each.families)} | {each.what} | {each.why} |"
        for each in DIFFERENCES
    ]
    parts = (
        _HEAD.format(count=count) + "\n".join(rows) + "\n",
        _TABLE.format(count=count) + "\n".join(groups_rows) + "\n",
        _DIFFERENCES + "\n".join(differences) + "\n",
        _FOOT,
    )
    return "".join(parts)
