"""One column of a request."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["any", "number", "integer", "boolean", "text", "datetime"]


@dataclass(frozen=True)
class Feature:
    """One column.

    Args:
        name: what it is called in requests and by the model.
        kind: what its cells are; ``any`` is not checked.
        aliases: further names for it in requests.
        required: whether a missing cell is refused.
        default: what fills a missing cell, or an absent column; None fills nothing.
        fill: what fills a missing cell, but no absent column.
        bounds: limits of a number by their pydantic names: ``ge``, ``gt``, ``le``, ``lt``.
        choices: the only cells there may be, all numbers or all text.
        pattern: a regular expression that text must match (searched, as pydantic does).
        min_length: of text, in characters.
        max_length: of text, in characters.
        examples: cells that it allows, for the documents that describe an endpoint.
    """

    name: str
    kind: Kind = "any"
    aliases: tuple[str, ...] = ()
    required: bool = False
    default: Any = None
    fill: Any = None
    bounds: tuple[tuple[str, float], ...] = ()
    choices: tuple[Any, ...] | None = None
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    examples: tuple[Any, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every name it has in requests."""
        return (self.name, *self.aliases)

    @cached_property
    def allowed(self) -> frozenset[Any]:
        """The choices, to look cells up in."""
        return frozenset(self.choices or ())

    @property
    def filler(self) -> Any:
        """What a missing cell becomes; None leaves it missing."""
        return self.fill if self.default is None else self.default

    @property
    def is_checked(self) -> bool:
        """Whether it says anything of its cells."""
        return self.kind != "any" or self.required or self.filler is not None

    @property
    def is_worded(self) -> bool:
        """Whether a format without types, such as CSV, must leave its cells as text."""
        return self.kind in ("boolean", "text", "datetime")
