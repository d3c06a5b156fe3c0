"""How a hyperparameter is spelled on a command line, and what its spellings may mean.

Two programs of AWS write command lines, and differ (both were run side by side):

- the toolkit (``sagemaker_training.mapping.to_cmd_args``): ``-n 1`` for a name of one letter,
  ``True``, an empty text for None, ``[1, 2]``, ``a=x,b=2`` for a mapping;
- the drivers of the Python SDK 3: ``--n 1``, ``true``, ``null``, ``[1, 2]``, ``{"a": 1}``.
"""

from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence


def plain_name(name: str) -> str:
    """The one name behind dashes, underscores and dots."""
    return name.replace("-", "_").replace(".", "_")


def as_arguments(values: Mapping[str, Any]) -> list[str]:
    """The command line on which the toolkit passes hyperparameters, to the letter."""
    arguments: list[str] = []
    for name in sorted(values):
        arguments += [f"--{name}" if len(name) > 1 else f"-{name}", _as_argument(values[name])]
    return arguments


def as_variable(value: Any) -> str:
    """A value as the toolkit puts it into an environment variable, to the letter."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def pairs_of(arguments: Sequence[str], flags: Collection[str]) -> Iterator[tuple[str, str]]:
    """The names and values of a command line.

    Args:
        arguments: such as ``["--max_depth", "5", "-n", "1", "--eta=0.1", "--verbose"]``.
        flags: plain names that may stand without a value, which is then ``true``.

    Yields:
        Each name as it was given, without its dashes, and its value as text.

    Raises:
        ValueError: something else than a name stands where one is due, or a value is missing.
    """
    todo = list(arguments)
    while todo:
        first = todo.pop(0)
        name, equals, value = first.lstrip("-").partition("=")
        if not first.startswith("-") or not name:
            raise ValueError(f"{first!r} is no name of a hyperparameter: expected --name value")
        if not equals:
            is_flag = plain_name(name) in flags
            if todo and not (is_flag and todo[0].startswith("-")):
                value = todo.pop(0)
            elif is_flag:
                value = "true"
            else:
                raise ValueError(f"{first} has no value")
        yield name, value


def meanings(text: str) -> Iterator[Any]:
    """What a text may stand for, other than itself: JSON, Python's own spelling, a mapping."""
    for read in (_from_json, ast.literal_eval, _mapping):
        try:
            yield read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):  # noqa: PERF203 - three
            continue


def spells(text: str, value: Any) -> bool:
    """Whether either program writes this value as this text."""
    return text in (_as_argument(value), value if isinstance(value, str) else json.dumps(value))


def _as_argument(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ",".join(f"{name}={part}" for name, part in sorted(value.items()))
    return str(value)


def _from_json(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _mapping(text: str) -> dict[str, Any]:
    """``a=x,b=2``, whose values are numbers where they look like it."""
    found: dict[str, Any] = {}
    for part in text.split(",") if text else ():
        name, equals, value = part.partition("=")
        if not equals:
            raise ValueError("no mapping")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found
