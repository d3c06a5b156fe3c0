"""Hyperparameters as a declared class, read from wherever a host puts them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

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
_RIGHT = 3


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
        fields = _fields(cls)
        told = _Told(dict(_from_command_line(arguments, fields)), _from_document(environ))
        values, problems = _values(cls, fields, told, environ)
        try:
            found = cls(**values)
        except ValidationError as error:
            raise DeclarationError("; ".join([*problems, *map(_worded, error.errors())])) from None
        if problems:
            raise DeclarationError("; ".join(problems))
        return found

    @classmethod
    def asks_for_help(cls, arguments: Sequence[str]) -> bool:
        """Whether ``--help`` or ``-h`` stands where a name does, and is none of the fields'."""
        fields = _fields(cls)
        flags = {"help", "h"} - fields.keys()
        try:
            names = [name for name, _ in pairs_of(arguments, flags)]
        except ValueError:
            return False
        return not flags.isdisjoint(names)

    @classmethod
    def usage(cls, program: str) -> str:
        """What ``--help`` prints.

        Args:
            program: the script's name.
        """
        parser = argparse.ArgumentParser(Path(program).name, description=cls.__doc__)
        for name, each in cls.model_fields.items():
            given = each.get_default(call_default_factory=True)
            default = "required" if each.is_required() else f"default: {given!r}"
            words = [each.description or "", f"({default})"]
            parser.add_argument(
                f"--{_Field(name, each).told}",
                metavar=_kind(each),
                help=" ".join(word for word in words if word).replace("%", "%%"),
            )
        return parser.format_help()


class _Field:
    """A declared hyperparameter."""

    def __init__(self, name: str, described: FieldInfo) -> None:
        self.name, self.described = name, described
        chosen = described.validation_alias
        choices: Any = getattr(chosen, "choices", [chosen] if chosen else [])
        aliases = [each for each in choices if isinstance(each, str)]
        self.told = aliases[0] if aliases else described.alias or name
        self.names = {plain_name(each) for each in (self.told, name, *aliases)}

    @property
    def is_flag(self) -> bool:
        return self.described.annotation is bool

    def meaning(self, cls: type[BaseModel], text: str, exact: Any = _ABSENT) -> Any:
        """What a text stands for: that meaning of which the class makes the most.

        Args:
            cls: which validates it.
            text: as it stands on the command line.
            exact: what the host says elsewhere that it stands for.
        """
        best: tuple[tuple[int, int], Any] = ((-1, 0), text)
        for value, is_strict in self._candidates(text, exact):
            fit = self._fit(cls, value, is_strict=is_strict)
            if fit > best[0] or (fit == best[0] and fit[0] < _RIGHT and value is text):
                best = fit, value
        return best[1]

    def _fit(self, cls: type[BaseModel], value: Any, *, is_strict: bool) -> tuple[int, int]:
        """3 where all is right; 2 where it is right in type; else how deep the first fault is."""
        try:
            cls.__pydantic_validator__.validate_python({self.told: value}, strict=is_strict)
        except ValidationError as error:
            own = [each for each in error.errors() if each["loc"][:1] in self._places]
            if not own:
                return _RIGHT, 0
            depth = len(own[0]["loc"])
            is_typed = not own[0]["type"].endswith(("_type", "_parsing"))
            return (2 if is_typed else 1), depth
        except Exception:  # noqa: BLE001 - a validator of the class's own, given another meaning
            return 0, 0
        return _RIGHT, 0

    @property
    def _places(self) -> list[tuple[str, ...]]:
        return [(self.told,), (self.name,)]

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


class _Told(NamedTuple):
    """What the host says of the values.

    Args:
        texts: by plain name, the name as it was given and its text.
        exact: by plain name, the same as JSON.
    """

    texts: Mapping[str, tuple[str, str]]
    exact: Mapping[str, tuple[str, Any]]


def _fields(cls: type[BaseModel]) -> dict[str, _Field]:
    """The fields by each of their plain names.

    Raises:
        DeclarationError: two of them would be one.
    """
    found: dict[str, _Field] = {}
    for each in (_Field(name, described) for name, described in cls.model_fields.items()):
        for plain in each.names:
            if plain in found:
                raise DeclarationError(
                    f"{found[plain].told!r} and {each.told!r} are one name on a command line"
                )
            found[plain] = each
    return found


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
    cls: type[BaseModel], fields: Mapping[str, _Field], told: _Told, environ: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """The values by field, and which names are none of a field."""
    names = list(dict.fromkeys(each.told for each in fields.values()))
    strangers = {**told.exact, **told.texts}.items()
    problems = [
        f"no hyperparameter named {given!r}{suggestion(given, names)}"
        for plain, (given, _) in strangers
        if plain not in fields
    ]
    found = {each.told: _value(cls, each, told, environ) for each in fields.values()}
    return {name: value for name, value in found.items() if value is not _ABSENT}, problems


def _value(cls: type[BaseModel], each: _Field, told: _Told, environ: Mapping[str, str]) -> Any:
    exact = next((told.exact[name][1] for name in each.names if name in told.exact), _ABSENT)
    text = next((told.texts[name][1] for name in each.names if name in told.texts), None)
    if text is not None:
        is_said = exact is not _ABSENT and spells(text, exact)
        return each.meaning(cls, text, exact if is_said else _ABSENT)
    if exact is not _ABSENT:
        return each.meaning(cls, exact if isinstance(exact, str) else json.dumps(exact), exact)
    variables = {f"SM_HP_{name}".upper() for name in each.names}
    for variable, given in environ.items():
        if plain_name(variable).upper() in variables:
            return each.meaning(cls, given)
    return _ABSENT


def _worded(problem: ErrorDetails) -> str:
    if problem["type"] == "missing":
        return f"{problem['loc'][0]} has no value: give --{problem['loc'][0]}"
    return f"{'.'.join(map(str, problem['loc'][:1]))}: {_place(problem['loc'][1:])}{problem['msg']}"


def _kind(described: FieldInfo) -> str:
    annotation: Any = described.annotation
    is_plain = isinstance(annotation, type) and not get_args(annotation)
    return annotation.__name__ if is_plain else str(annotation).replace("typing.", "")


def _place(where: Sequence[int | str]) -> str:
    return f"{'.'.join(map(str, where))}: " if where else ""
