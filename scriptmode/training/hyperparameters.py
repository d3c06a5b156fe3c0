"""Hyperparameters as a declared class, read from wherever a host puts them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from scriptmode.errors import DeclarationError, suggestion
from scriptmode.training.spelling import meanings, pairs_of, plain_name, spells

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails
    from typing_extensions import Self

_CONFIG_DIR = "/opt/ml/input/config"
_HOSTS_OWN = ("sagemaker_", "_tuning_objective_metric")
_ABSENT = object()


class Hyperparameters(BaseModel):
    """Declares a script's hyperparameters; a subclass has a field for each.

    ::

        class Parameters(Hyperparameters):
            max_depth: int = Field(6, ge=1, description="of each tree")
            objective: str = "reg:squarederror"

    Dashes and underscores are one: ``--max-depth 5`` and ``--max_depth 5`` are alike. Names that
    Python keeps for itself are aliases: ``lambda_: float = Field(1, alias="lambda")``.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        validate_default=True,
        protected_namespaces=(),
    )

    @classmethod
    def read(
        cls, arguments: Sequence[str] | None = None, environ: Mapping[str, str] | None = None
    ) -> Self:
        """Gather the values that this run was given.

        What the command line says goes before ``SM_HPS``, that before ``SM_HP_<NAME>``, that
        before ``hyperparameters.json``, and that before a field's default.

        Args:
            arguments: what follows the script's name; those of the process when absent.
            environ: its environment, likewise.

        Raises:
            DeclarationError: a name that is not declared, a required one without a value, or a
                value that the field does not allow; names each.
        """
        arguments = sys.argv[1:] if arguments is None else arguments
        environ = os.environ if environ is None else environ
        fields = {
            plain_name(each.alias or name): _Field(name, each)
            for name, each in cls.model_fields.items()
        }
        told = _Told(dict(_from_command_line(arguments, fields)), _from_document(environ))
        values, problems = _values(fields, told, environ)
        if problems:
            raise DeclarationError("; ".join(problems))
        try:
            return cls(**values)
        except ValidationError as error:  # of validators that the class itself has
            reasons = [f"{_place(each['loc'])}{each['msg']}" for each in error.errors()]
            raise DeclarationError("; ".join(reasons)) from None

    @classmethod
    def usage(cls, program: str) -> str:
        """What ``--help`` prints.

        Args:
            program: the script's name.
        """
        parser = argparse.ArgumentParser(Path(program).name, description=cls.__doc__)
        for name, each in cls.model_fields.items():
            default = "required" if each.is_required() else f"default: {each.get_default()!r}"
            words = [each.description or "", f"({default})"]
            parser.add_argument(
                f"--{each.alias or name}",
                metavar=_kind(each),
                help=" ".join(word for word in words if word).replace("%", "%%"),
            )
        return parser.format_help()


class _Field:
    """A declared hyperparameter."""

    def __init__(self, name: str, described: FieldInfo) -> None:
        self.name, self.described = name, described
        self.told = described.alias or name
        annotation: Any = described.annotation
        for each in described.metadata:
            annotation = _annotated(annotation, each)
        self.type: TypeAdapter[Any] = TypeAdapter(annotation)

    @property
    def is_flag(self) -> bool:
        return self.described.annotation is bool

    def read(self, text: str, exact: Any = _ABSENT) -> Any:
        """The value of a text.

        Args:
            text: as it stands on the command line.
            exact: what the host says elsewhere that it stands for.

        Raises:
            ValueError: the field does not allow it; says why.
        """
        problems: list[ErrorDetails] = []
        for value, is_strict in self._candidates(text, exact):
            try:
                return self.type.validate_python(value, strict=is_strict)
            except ValidationError as error:  # noqa: PERF203 - a few meanings
                problems.append(error.errors()[0])
        raise ValueError(_reason(problems))

    def _candidates(self, text: str, exact: Any) -> Iterator[tuple[Any, bool]]:
        """What it may mean, the likeliest first, and whether no conversion is allowed."""
        if exact is not _ABSENT:
            yield exact, isinstance(exact, bool)  # which would be a number, too
        found = [each for each in meanings(text) if not isinstance(each, str)]
        if not text:
            yield None, True
        yield from ((each, True) for each in found)
        yield text, False
        yield from ((each, False) for each in found if isinstance(each, (list, tuple, dict)))
        yield text, False


class _Told(NamedTuple):
    """What the host says of the values.

    Args:
        texts: by plain name, the name as it was given and its text.
        exact: by plain name, the same as JSON.
    """

    texts: Mapping[str, tuple[str, str]]
    exact: Mapping[str, tuple[str, Any]]


def _annotated(annotation: Any, constraint: Any) -> Any:
    from typing import Annotated

    return Annotated[annotation, constraint]


def _from_command_line(
    arguments: Sequence[str], fields: Mapping[str, _Field]
) -> Iterator[tuple[str, tuple[str, str]]]:
    flags = [name for name, each in fields.items() if each.is_flag]
    try:
        for name, text in pairs_of(arguments, flags):
            if not name.startswith(_HOSTS_OWN):
                yield plain_name(name), (name, text)
    except ValueError as error:
        raise DeclarationError(str(error)) from None


def _from_document(environ: Mapping[str, str]) -> dict[str, tuple[str, Any]]:
    """``SM_HPS``, or else the file, in which the host keeps each value as JSON within a text."""
    if environ.get("SM_HPS"):
        values = _object(environ["SM_HPS"], "SM_HPS")
    else:
        file = Path(environ.get("SM_INPUT_CONFIG_DIR", _CONFIG_DIR)) / "hyperparameters.json"
        values = _object(file.read_text(), str(file)) if file.is_file() else {}
        values = {name: decoded(value) for name, value in values.items()}
    return {
        plain_name(name): (name, value)
        for name, value in values.items()
        if not name.startswith(_HOSTS_OWN)
    }


def decoded(value: Any) -> Any:
    """A value of ``hyperparameters.json`` as the toolkit reads it: JSON, or else the text."""
    try:
        return json.loads(value)
    except (ValueError, TypeError):
        return value


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise DeclarationError(f"{where} is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise DeclarationError(f"{where} is no JSON object")
    return found


def _values(
    fields: Mapping[str, _Field], told: _Told, environ: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """The values by field, and what is wrong with the others."""
    names = [each.told for each in fields.values()]
    strangers = {**told.exact, **told.texts}.items()
    problems = [
        f"no hyperparameter named {given!r}{suggestion(given, names)}"
        for plain, (given, _) in strangers
        if plain not in fields
    ]
    values: dict[str, Any] = {}
    for plain, each in fields.items():
        try:
            value = _value(each, plain, told, environ)
        except ValueError as error:
            problems.append(f"{each.told}: {error}")
            continue
        if value is not _ABSENT:
            values[each.name] = value
        elif each.described.is_required():
            problems.append(f"{each.told} has no value: give --{each.told}")
    return values, problems


def _value(each: _Field, plain: str, told: _Told, environ: Mapping[str, str]) -> Any:
    exact = told.exact[plain][1] if plain in told.exact else _ABSENT
    if plain in told.texts:
        text = told.texts[plain][1]
        return each.read(text, exact if exact is not _ABSENT and spells(text, exact) else _ABSENT)
    if exact is not _ABSENT:
        return each.read(exact if isinstance(exact, str) else json.dumps(exact), exact)
    for variable, text in environ.items():
        if variable.startswith("SM_HP_") and plain_name(variable.removeprefix("SM_HP_")) == plain:
            return each.read(text)
    return _ABSENT


def _reason(problems: Sequence[ErrorDetails]) -> str:
    """That of the meaning that came nearest: right in type, or at least in its outer parts."""

    def nearness(problem: ErrorDetails) -> tuple[bool, int]:
        return not problem["type"].endswith(("_type", "_parsing")), len(problem["loc"])

    nearest = max(reversed(problems), key=nearness)
    return f"{_place(nearest['loc'])}{nearest['msg']}"


def _kind(described: FieldInfo) -> str:
    annotation: Any = described.annotation
    is_plain = isinstance(annotation, type) and not get_args(annotation)
    return annotation.__name__ if is_plain else str(annotation).replace("typing.", "")


def _place(where: Sequence[int | str]) -> str:
    return f"{'.'.join(map(str, where))}: " if where else ""
