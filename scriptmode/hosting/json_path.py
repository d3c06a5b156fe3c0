"""The JSONPath of Batch Transform's filters: ``$``, ``$.name``, ``$['a','b']``, ``$[0,5:]``.

Contract: "Associate Prediction Results with Input Records", Amazon SageMaker Developer Guide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scriptmode.errors import DeclarationError, MalformedBodyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STEP = re.compile(r"\.(?P<name>[^.\[\]'\"\s]+)|\[(?P<inside>(?:'[^']*'|\"[^\"]*\"|[^\]])*)\]")
_PART = re.compile(r"\s*('[^']*'|\"[^\"]*\"|-?\d*:-?\d*|-?\d+)\s*(?:,|$)")


@dataclass(frozen=True)
class JSONPath:
    """A part of a record.

    Args:
        text: such as ``$[1:]``. One name or one position gives what is there; several names give
            an object, several positions a list.

    Raises:
        DeclarationError: it is none of these forms.
    """

    text: str
    _steps: tuple[Callable[[Any], Any], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_steps", tuple(self._read()))

    @property
    def is_whole(self) -> bool:
        """Whether it leaves everything as it is."""
        return self.text.strip() in ("", "$")

    def __call__(self, record: Any) -> Any:
        """The part of a record.

        Raises:
            MalformedBodyError: the record has no such part; says which.
        """
        for step in self._steps:
            record = step(record)
        return record

    def _read(self) -> Iterator[Callable[[Any], Any]]:
        rest = self.text.strip().removeprefix("$") if not self.is_whole else ""
        if not self.is_whole and not self.text.strip().startswith("$"):
            raise self._wrong()
        while rest:
            found = _STEP.match(rest)
            if found is None:
                raise self._wrong()
            rest = rest[found.end() :]
            yield self._step([found["name"]] if found["name"] else self._inside(found["inside"]))

    def _inside(self, text: str) -> list[str | int | slice]:
        parts: list[str | int | slice] = []
        while text:
            found = _PART.match(text)
            if found is None:
                raise self._wrong()
            parts.append(_part(found[1]))
            text = text[found.end() :]
        kinds = {isinstance(part, str) for part in parts}
        if len(kinds) != 1:
            raise self._wrong()
        return parts

    def _step(self, parts: list[Any]) -> Callable[[Any], Any]:
        def take(record: Any) -> Any:
            try:
                if isinstance(parts[0], str):
                    found = {name: record[name] for name in parts}
                    return found if len(parts) > 1 else found[parts[0]]
                if len(parts) == 1 and not isinstance(parts[0], slice):
                    return list(record)[parts[0]]
                return [cell for part in parts for cell in _cells(record, part)]
            except (LookupError, TypeError) as error:
                raise MalformedBodyError(
                    f"a record has no part {self.text} ({type(error).__name__}: {error})"
                ) from None

        return take

    def _wrong(self) -> DeclarationError:
        return DeclarationError(
            f"{self.text!r} is no filter: expected $, $.name, $['a','b'], $[0,5:] or such in a row"
        )


def _part(text: str) -> str | int | slice:
    if text[0] in "'\"":
        return text[1:-1]
    if ":" in text:
        start, _, stop = text.partition(":")
        return slice(int(start) if start else None, int(stop) if stop else None)
    return int(text)


def _cells(record: Any, part: int | slice) -> list[Any]:
    if not isinstance(record, list):
        raise TypeError(f"{type(record).__name__} is no list")
    return record[part] if isinstance(part, slice) else [record[part]]
