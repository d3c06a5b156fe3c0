import enum
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, field_validator

from scriptmode.errors import DeclarationError
from scriptmode.training import Hyperparameters
from scriptmode.training.spelling import as_arguments

NOWHERE: dict[str, str] = {}


class Kind(enum.Enum):
    LINEAR = "linear"
    TREE = "tree"


class Parameters(Hyperparameters):
    depth: Annotated[int, Field(ge=1, le=20)] = 6
    rate: float = Field(0.3, gt=0, description="100% of each tree")
    verbose: bool = False
    name: str = "none"
    note: str | None = "given"
    sizes: list[int] = Field(default_factory=list)
    weights: dict[str, float] = Field(default_factory=dict)
    kind: Kind = Kind.TREE
    method: Literal["exact", "hist"] = "hist"
    folder: Path = Path()
    limit: int | None = None
    model_dir: str = ""


def read(*arguments: str, **environ: str) -> dict[str, Any]:
    return Parameters.read(arguments, environ).model_dump(exclude_unset=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("True", True), ("true", True), ("1", True), ("yes", True), ("on", True), ("TRUE", True),
        ("False", False), ("false", False), ("0", False), ("no", False), ("off", False),
    ],
)  # fmt: skip
def test_a_boolean_is_what_it_says(text: str, *, expected: bool) -> None:
    assert read("--verbose", text) == {"verbose": expected}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--depth", "5"], {"depth": 5}),
        (["--depth=5"], {"depth": 5}),
        (["-depth", "5"], {"depth": 5}),
        (["--rate", "1e-3"], {"rate": 0.001}),
        (["--rate", "1"], {"rate": 1.0}),
        (["--verbose"], {"verbose": True}),
        (["--verbose", "--depth", "2"], {"verbose": True, "depth": 2}),
        (["--name", "5"], {"name": "5"}),
        (["--name", "1.10"], {"name": "1.10"}),
        (["--name", "true"], {"name": "true"}),
        (["--name", "null"], {"name": "null"}),
        (["--name", ""], {"name": ""}),
        (["--name", '"quoted"'], {"name": '"quoted"'}),
        (["--name", "[1, 2]"], {"name": "[1, 2]"}),
        (["--name", "a=1"], {"name": "a=1"}),
        (["--note", ""], {"note": None}),
        (["--note", "word"], {"note": "word"}),
        (["--sizes", "[1, 2]"], {"sizes": [1, 2]}),
        (["--sizes", "[]"], {"sizes": []}),
        (["--weights", "a=1,b=2.5"], {"weights": {"a": 1.0, "b": 2.5}}),
        (["--weights", '{"a": 1}'], {"weights": {"a": 1.0}}),
        (["--weights", "{'a': 1}"], {"weights": {"a": 1.0}}),
        (["--weights", ""], {"weights": {}}),
        (["--kind", "linear"], {"kind": Kind.LINEAR}),
        (["--method", "exact"], {"method": "exact"}),
        (["--folder", "a/b"], {"folder": Path("a/b")}),
        (["--limit", ""], {"limit": None}),
        (["--limit", "null"], {"limit": None}),
        (["--limit", "None"], {"limit": None}),
        (["--limit", "3"], {"limit": 3}),
        (["--model-dir", "s3://somewhere"], {"model_dir": "s3://somewhere"}),
        (["--depth", "4", "--depth", "5"], {"depth": 5}),
        (["--sagemaker_program", "x.py"], {}),
        ([], {}),
    ],
)
def test_what_a_command_line_says(arguments: list[str], expected: dict[str, Any]) -> None:
    assert read(*arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--depht", "5"], "no hyperparameter named 'depht'; did you mean 'depth'?"),
        (["--zzz", "5"], "no hyperparameter named 'zzz'; known: 'depth'"),
        (["--depth", "0"], "depth: Input should be greater than or equal to 1"),
        (["--depth", "21"], "depth: Input should be less than or equal to 20"),
        (["--depth", "five"], "depth: Input should be a valid integer"),
        (["--depth", "2.5"], "depth: Input should be a valid integer"),
        (["--depth", "True"], "depth: Input should be a valid integer"),
        (["--depth", ""], "depth: Input should be a valid integer"),
        (["--verbose", "maybe"], "verbose: Input should be a valid boolean"),
        (["--method", "approx"], "method: Input should be 'exact' or 'hist'"),
        (["--kind", "forest"], "kind: Input should be 'linear' or 'tree'"),
        (["--sizes", "1"], "sizes: Input should be a valid list"),
        (["--sizes", '["a"]'], "sizes: 0: Input should be a valid integer"),
        (["--depth"], "--depth has no value"),
        (["depth", "5"], "'depth' is no name of a hyperparameter"),
        (["--depth", "0", "--depht", "1"], "depht.*; depth: "),
    ],
)
def test_what_is_wrong_is_told(arguments: list[str], told: str) -> None:
    with pytest.raises(DeclarationError, match=told.replace("?", r"\?")):
        read(*arguments)


def test_the_document_says_exactly_what_the_command_line_only_hints_at() -> None:
    values = {"note": "", "name": "5", "weights": {"a": 1}, "limit": None}
    assert read(*as_arguments(values), SM_HPS=json.dumps(values)) == values
    assert read(*as_arguments({"note": None}), SM_HPS='{"note": null}') == {"note": None}


def test_the_command_line_goes_before_everything_else(tmp_path: Path) -> None:
    (tmp_path / "hyperparameters.json").write_text('{"depth": "1", "rate": "0.1", "name": "f"}')
    environ = {"SM_INPUT_CONFIG_DIR": str(tmp_path)}
    assert read(**environ) == {"depth": 1, "rate": 0.1, "name": "f"}
    environ["SM_HP_LIMIT"] = "9"
    assert read(**environ)["limit"] == 9
    environ["SM_HPS"] = '{"depth": 2}'
    assert read(**environ) == {"depth": 2, "limit": 9}
    assert read("--depth", "3", **environ) == {"depth": 3, "limit": 9}


def test_both_spellings_of_a_variable_are_read() -> None:
    for variable in ("SM_HP_MODEL-DIR", "SM_HP_MODEL_DIR"):
        assert read(**{variable: "here"}) == {"model_dir": "here"}


def test_what_the_host_keeps_for_itself_is_no_hyperparameter(tmp_path: Path) -> None:
    values = {"sagemaker_program": '"train.py"', "_tuning_objective_metric": '"x"', "depth": "2"}
    (tmp_path / "hyperparameters.json").write_text(json.dumps(values))
    assert read(SM_INPUT_CONFIG_DIR=str(tmp_path)) == {"depth": 2}


@pytest.mark.parametrize("text", ["{", "[]", "5"])
def test_a_document_that_is_none_is_told(text: str) -> None:
    with pytest.raises(DeclarationError, match="SM_HPS is no JSON"):
        read(SM_HPS=text)


class Required(Hyperparameters):
    depth: int
    rate: float


def test_a_value_that_must_be_given_is_asked_for() -> None:
    with pytest.raises(DeclarationError, match="depth has no value: give --depth; rate has no"):
        Required.read([], NOWHERE)


class Consistent(Hyperparameters):
    low: int = 0
    high: int = 1

    @field_validator("high")
    @classmethod
    def _above(cls, high: int, info: Any) -> int:
        if high <= info.data["low"]:
            raise ValueError("high must be above low")
        return high


def test_validators_of_the_class_are_asked_too() -> None:
    with pytest.raises(DeclarationError, match="high: Value error, high must be above low"):
        Consistent.read(["--low", "3", "--high", "2"], NOWHERE)


def test_nothing_changes_them_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Parameters.read([], NOWHERE).depth = 3


def test_help_is_made_of_the_fields() -> None:
    text = Parameters.usage("train.py")
    assert "usage: train.py" in text
    assert "--depth" in text
    assert "100% of each tree" in text
    assert "(default: 0.3)" in text
    assert "(required)" in Required.usage("train.py")
    assert "--sizes list[int]" in text
    assert "--limit int | None" in text


class Keyword(Hyperparameters):
    lambda_: float = Field(1.0, alias="lambda")
    depth: int = 1


def test_a_name_that_python_keeps_for_itself_has_an_alias() -> None:
    assert Keyword.read(["--lambda", "3"], NOWHERE).lambda_ == 3
    assert Keyword.read([], {"SM_HPS": '{"lambda": 4}'}).lambda_ == 4
    read = Keyword.read(["--lambda", "2"], NOWHERE)
    assert read.model_dump(by_alias=True) == {"lambda": 2, "depth": 1}
    assert "--lambda float" in Keyword.usage("x.py")
    with pytest.raises(DeclarationError, match="did you mean 'lambda'"):
        Keyword.read(["--lambd", "3"], NOWHERE)
    with pytest.raises(DeclarationError, match="lambda: Input should be a valid number"):
        Keyword.read(["--lambda", "x"], NOWHERE)


class Own(Hyperparameters):
    share: Annotated[float, AfterValidator(lambda value: value / 100)] = 50
    parts: Annotated[list[int], BeforeValidator(lambda text: text.split(";"))] = Field("1")  # type: ignore[arg-type]
    words: list[str] = Field(default_factory=list)
    rate: int = Field(1, validation_alias=AliasChoices("learning_rate", "lr"))
    C: float = 1.0
    c: int = 0

    @field_validator("words", mode="before")
    @classmethod
    def _split(cls, given: Any) -> Any:
        return given.split(",") if isinstance(given, str) else given


def test_validators_of_fields_see_each_value_once() -> None:
    read = Own.read(["--share", "20", "--parts", "1;2", "--words", "a,b", "--lr", "3"], NOWHERE)
    assert (read.share, read.parts, read.words, read.rate) == (0.2, [1, 2], ["a", "b"], 3)
    assert Own.read(["--learning-rate", "4"], NOWHERE).rate == 4


def test_names_that_differ_in_case_are_two() -> None:
    read = Own.read(["-C", "2.5", "-c", "3"], NOWHERE)
    assert (read.C, read.c) == (2.5, 3)
    with pytest.raises(DeclarationError, match="no hyperparameter named 'Share'"):
        Own.read(["--Share", "1"], NOWHERE)


class Twice(Hyperparameters):
    one: int = Field(1, alias="x-y")
    x_y: int = 2


def test_names_that_are_one_on_a_command_line_are_told() -> None:
    with pytest.raises(DeclarationError, match="'x-y' and 'x_y' are one name"):
        Twice.read([], NOWHERE)


def test_a_boolean_is_no_number() -> None:
    with pytest.raises(DeclarationError, match="depth: Input should be a valid integer"):
        Keyword.read([], {"SM_HPS": '{"depth": true}'})
