"""A declaration kept in a file beside the script."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scriptmode._imports import require
from scriptmode.errors import DeclarationError, suggestion
from scriptmode.handlers.compose import FIELDS, build
from scriptmode.handlers.environment import from_environment
from scriptmode.handlers.registries import DEFAULT, Registries

if TYPE_CHECKING:
    from scriptmode.handlers.handler import Handler

_SUFFIXES = (".toml", ".yaml", ".yml")


class Declaration(BaseModel):
    """The fields of a declaration file; the keywords of ``compose`` under the same names."""

    model_config = ConfigDict(extra="forbid", strict=True, title="scriptmode declaration")

    model: str | dict[str, str | dict[str, Any]] = Field(
        description="The framework, by name; or the artefacts of a bundle, each a loader's name or"
        " an object with loader and its keywords.",
        examples=["xgboost", {"scaler": {"loader": "sklearn", "file": "scaler.skops"}}],
    )
    accepts: str | list[str] | None = Field(
        None, description="What requests may be: names or media types.", examples=[["csv", "json"]]
    )
    returns: str | list[str] | None = Field(
        None,
        description="What responses may be; the order decides ties.",
        examples=[["json", "csv"]],
    )
    features: list[str] | None = Field(
        None, description="The columns' names, in the model's order."
    )
    label: str | int | None = Field(
        None, description="A column that requests may carry and that is dropped."
    )
    extra: Literal["error", "ignore"] | None = Field(
        None, description="Whether further named columns are an error or ignored."
    )
    missing: list[str] | dict[str, Any] | None = Field(
        None,
        description="The spellings of a missing cell; or an object with spellings, cells (allow,"
        " error, fill) and value.",
        examples=[["", "NA"]],
    )
    predict: str | list[str] | dict[str, str] | None = Field(
        None,
        description="What to ask of the model: value, label, proba, margin, leaf, contribs,"
        " transform; several; or module:function.",
        examples=["proba", ["label", "proba"]],
    )
    before: str | None = Field(
        None, description="module:function (data, context), from a request's rows to the model's."
    )
    after: str | None = Field(
        None, description="module:function (prediction, context), to what is sent."
    )
    rows: Literal["same", "free"] | None = Field(
        None, description="Whether there must be as many predictions as rows."
    )
    request: str | list[str] | None = Field(
        None, description="Where the rows of a JSON body are.", examples=["data.rows"]
    )
    parameters: list[str] | None = Field(
        None, description="Further members of a JSON body, for hooks."
    )
    response: Any = Field(
        None,
        description="What a JSON response looks like: $ is the prediction, $row that of one row.",
        examples=[{"predictions": "$"}],
    )
    versions: Literal["error", "warn", "ignore"] | None = Field(
        None, description="What becomes of an artefact of another release of the framework."
    )
    replay: bool | None = Field(
        None, description="Whether the golden sample must be answered alike before serving."
    )
    trusted: list[str] | dict[str, str] | None = Field(
        None,
        description="Formats that may execute code when read, or the SHA-256 of the only file"
        " to trust for each.",
        examples=[["pickle"]],
    )
    options: dict[str, dict[str, Any]] | None = Field(
        None,
        description="Keywords for serializers and the loader, by name.",
        examples=[{"csv": {"header": True}}],
    )


def compose_from(
    script: str | Path, *, registries: Registries = DEFAULT, **overrides: Any
) -> Handler:
    """Make the four functions from the TOML or YAML file that stands beside a script.

    Args:
        script: the script's own ``__file__``; ``inference.toml``, ``inference.yaml`` or
            ``inference.yml`` is read for ``inference.py``.
        registries: where names are looked up.
        overrides: keywords of ``compose`` that win over the environment
            (``SCRIPTMODE_MODEL``, ``SCRIPTMODE_ACCEPTS`` …), which wins over the file.

    Raises:
        DeclarationError: no such file, several, an unknown field, a value of another type; and
            whatever ``compose`` raises.
    """
    path = _find(Path(script))
    declared = _validate(_read(path), path).model_dump(exclude_none=True)
    return build((overrides, from_environment(FIELDS), declared), registries)


def _find(script: Path) -> Path:
    candidates = [script.with_suffix(suffix) for suffix in _SUFFIXES]
    found = [path for path in candidates if path.is_file()]
    if len(found) == 1:
        return found[0]
    names = ", ".join(path.name for path in found or candidates)
    problem = "several declarations" if found else "no declaration"
    raise DeclarationError(f"{problem} beside {script}: {'found' if found else 'expected'} {names}")


def _read(path: Path) -> Any:
    if path.suffix != ".toml":
        yaml = require("yaml", extra="yaml")
        try:
            return yaml.safe_load(path.read_text("utf-8"))
        except yaml.YAMLError as error:
            raise DeclarationError(f"{path}: {error}") from error
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise DeclarationError(f"{path}: {error}") from error


def _validate(fields: Any, path: Path) -> Declaration:
    try:
        return Declaration.model_validate(fields)
    except ValidationError as error:
        problems = "; ".join(_explain(problem) for problem in error.errors())
        raise DeclarationError(f"{path}: {problems}") from error


def _explain(problem: Any) -> str:
    # Of a field that may be one of several types, pydantic names the type too.
    parts = [str(part) for part in problem["loc"] if part != "str" and "[" not in str(part)]
    place = ".".join(parts) or "the file"
    if problem["type"] == "extra_forbidden":
        return f"no field named {place!r}{suggestion(place, Declaration.model_fields)}"
    return f"{place}: {problem['msg'].lower()}"


if __name__ == "__main__":
    import json

    sys.stdout.write(json.dumps(Declaration.model_json_schema(), indent=2) + "\n")
