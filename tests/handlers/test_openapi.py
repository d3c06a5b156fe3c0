"""The document that describes an endpoint, held against what the endpoint does."""

import copy
import datetime as dt
import enum
import json
from pathlib import Path
from typing import Any, Literal, NamedTuple, Optional

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import AliasChoices, BaseModel, Field, create_model

from scriptmode import DeclarationError, Handler, compose
from scriptmode.models.base import Signature
from scriptmode.serializers.csv import CSV
from scriptmode.serializers.json import JSON
from scriptmode.testing import Reply, invoke

HERE = Path(__file__).parent


class Counts:
    """Answers 0 for each row."""

    name = "counts"

    def __init__(
        self,
        names: tuple[str, ...] | None = None,
        width: int | None = None,
        categories: tuple[Any, ...] | None = None,
    ) -> None:
        self.known = Signature(names, width, categories=categories)

    def load(self, model_dir: Path) -> str:
        return "model"

    def predict(self, model: str, data: Any) -> Any:
        return np.zeros(len(data))

    def signature(self, model: str) -> Signature:
        return self.known


def ask(handler: Handler, body: Any, content_type: str = "application/json") -> Reply:
    raw = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return invoke(handler, raw, content_type=content_type, model_dir=HERE)


def described(handler: Handler, model: Any = "model") -> Any:
    """The document as a client reads it."""
    return json.loads(json.dumps(handler.openapi(model), allow_nan=False))


def requests(document: Any) -> Any:
    return document["paths"]["/invocations"]["post"]["requestBody"]["content"]


def request_schema(handler: Handler) -> Any:
    return requests(described(handler))["application/json"]["schema"]


STRICT = FormatChecker(formats=())


@STRICT.checks("date-time", raises=ValueError)
def is_rfc3339(value: object) -> bool:
    """A date and a time with its offset."""
    if not isinstance(value, str):
        return True
    return dt.datetime.fromisoformat(value.replace("Z", "+00:00")).tzinfo is not None


def is_surely_valid(schema: Any, body: Any) -> bool:
    """Whether it is valid where formats are asserted."""
    return Draft202012Validator(schema, format_checker=STRICT).is_valid(body)


def is_surely_invalid(schema: Any, body: Any) -> bool:
    """Whether it is invalid where formats are but annotations."""
    return not Draft202012Validator(schema).is_valid(body)


class Column(NamedTuple):
    annotation: Any
    field: dict[str, Any]
    cells: st.SearchStrategy[Any]


class Port(enum.Enum):
    CHERBOURG = "C"
    QUEENSTOWN = "Q"


class Grade(enum.Enum):
    LOW = 1
    HIGH = 2.5


def one_of(annotation: Any, choices: list[Any]) -> st.SearchStrategy[Column]:
    return st.just(Column(annotation, {}, st.sampled_from(choices)))


@st.composite
def numbers(draw: st.DrawFn) -> Column:
    is_whole, low = draw(st.booleans()), draw(st.integers(-20, 20))
    high = low + draw(st.integers(2, 9))
    below, above = draw(st.sampled_from(["ge", "gt", ""])), draw(st.sampled_from(["le", "lt", ""]))
    field = {name: bound for name, bound in ((below, low), (above, high)) if name}
    cells: Any = st.integers(low + 1, high - 1)
    if not is_whole:
        cells |= st.floats(low, high, exclude_min=True, exclude_max=True)
    return Column(int if is_whole else float, field, cells)


@st.composite
def words(draw: st.DrawFn) -> Column:
    shortest = draw(st.integers(1, 3))
    longest = draw(st.none() | st.integers(shortest, 5))
    pattern = draw(st.sampled_from([None, "^[a-z]+$", "a", "[0-9]$"]))
    field = {"min_length": shortest, "max_length": longest, "pattern": pattern}
    text = st.text("axz09é,\" '", min_size=shortest, max_size=longest or 6)
    return Column(str, {name: each for name, each in field.items() if each is not None}, text)


KINDS = st.one_of(
    numbers(),
    words(),
    one_of(bool, [True, False, 0, 1]),
    one_of(Literal["x", "y,z"], ["x", "y,z"]),
    one_of(Literal[1, 2, 3], [1, 2, 3.0]),
    one_of(Port, ["C", "Q"]),
    one_of(Grade, [1, 2.5]),
    one_of(dt.datetime, ["2026-01-31T12:00:00Z", "1999-12-31T23:59:59.500+00:00"]),
    one_of(dt.date, ["2026-01-31T00:00:00Z"]),
)
DEFAULTS: dict[Any, Any] = {
    float: 0.5,
    int: 2,
    bool: True,
    str: "x9",
    dt.datetime: dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc),
    dt.date: None,
    Port: Port.QUEENSTOWN,
    Grade: Grade.HIGH,
    Literal["x", "y,z"]: "x",
    Literal[1, 2, 3]: 2,
}


@st.composite
def columns(draw: st.DrawFn) -> Column:
    kind = draw(KINDS)
    annotation, field, cells = kind
    default = DEFAULTS[annotation]
    if default is not None and not field and draw(st.booleans()):
        field, cells = {"default": default}, cells | st.none()
    if draw(st.booleans()):
        annotation, cells = Optional[annotation], cells | st.none()  # noqa: UP045 - at run time
    return Column(annotation, field, cells)


class Described(NamedTuple):
    model: type[BaseModel]
    columns: dict[str, Column]
    names: dict[str, tuple[str, ...]]


@st.composite
def models(draw: st.DrawFn) -> Described:
    """Pydantic models of one to four columns, some with further names."""
    drawn = {name: draw(columns()) for name in "abcd"[: draw(st.integers(1, 4))]}
    names: dict[str, tuple[str, ...]] = {}
    fields: dict[str, Any] = {}
    for name, each in drawn.items():
        aliases = draw(st.sampled_from([(), (), (f"{name} (cm)",), (f"{name}1", f"{name}2")]))
        alias: Any = {"validation_alias": AliasChoices(*aliases)} if aliases else {}
        fields[name] = (each.annotation, Field(**each.field, **alias))
        names[name] = (name, *aliases)
    return Described(create_model("Made", **fields), drawn, names)


PLAIN_CELLS: tuple[Any, ...] = (
    None,
    0,
    1,
    -1,
    0.5,
    1e6,
    2**60,
    "a",
    "April",
    "x" * 9,
    [],
    [1],
    {},
    {"a": 1},
)
AWKWARD_CELLS = (True, False, "", "true", "1", 20260131, "2026-01-31T12:00:00+01:00")
ENVELOPES = ("instances", "inputs")


class Bodies(NamedTuple):
    """What may be wrong with a body.

    Args:
        cells: what stands in place of some cells.
        extra: what a further column holds.
        optional: the columns that may be left out.
        is_open: whether any further column is welcome, so that an envelope may be one.
    """

    cells: tuple[Any, ...]
    extra: tuple[Any, ...]
    optional: tuple[str, ...]
    is_open: bool


@st.composite
def bodies(draw: st.DrawFn, made: Described, odd: Bodies) -> Any:
    """Tables in every layout but ``split``, mostly as described; every row has the same columns."""
    names = {name: draw(st.sampled_from(each)) for name, each in made.names.items()}
    height = draw(st.integers(1, 3))
    table = {
        sent: [draw(made.columns[name].cells) for _ in range(height)]
        for name, sent in names.items()
    }
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        cells = table[draw(st.sampled_from(sorted(table)))]
        cells[draw(st.integers(0, height - 1))] = draw(st.sampled_from(odd.cells))
    change = draw(st.sampled_from(["", "", "", "more", "less"]))
    if change == "more":
        table["z"] = draw(st.lists(st.sampled_from(odd.extra), min_size=height, max_size=height))
    elif change and odd.optional and len(table) > 1:
        del table[names[draw(st.sampled_from(odd.optional))]]
    rows = [list(row) for row in zip(*table.values(), strict=True)]
    records = [dict(zip(table, row, strict=True)) for row in rows]
    laid = draw(st.sampled_from([rows, rows[0], records, records[0], table]))
    envelope = None if odd.is_open else draw(st.sampled_from([None, None, *ENVELOPES]))
    return laid if envelope is None else {envelope: laid}


def check(handler: Handler, document: Any, body: Any) -> None:
    """The schema never promises what is then refused, nor forbids what is then taken."""
    reply = ask(handler, body)
    schema = requests(document)["application/json"]["schema"]
    assert reply.status < 500, (body, reply)
    if is_surely_valid(schema, body):
        assert reply.ok, (body, reply)
    if is_surely_invalid(schema, body):
        assert not reply.ok, (body, reply)
    if not reply.ok:
        assert str(reply.status) in document["paths"]["/invocations"]["post"]["responses"]
        Draft202012Validator(document["components"]["schemas"]["Error"]).validate(reply.json())


DECLARED: list[dict[str, Any]] = [
    {},
    {"extra": "ignore"},
    {"label": "z"},
    {"request": "data.rows"},
    {"request": "rows", "parameters": ["p", "q"]},
]


@pytest.mark.parametrize("kind", ["plain", "awkward"])
@given(data=st.data())
@settings(deadline=None, max_examples=70, phases=[Phase.generate])
def test_the_schema_says_what_the_handler_does(kind: str, data: st.DataObject) -> None:
    made, declared = data.draw(models()), data.draw(st.sampled_from(DECLARED))
    handler = compose(Counts(), features=made.model, **declared)
    document = described(handler)
    is_plain, path = kind == "plain", declared.get("request", "")
    odd = Bodies(
        PLAIN_CELLS if is_plain else PLAIN_CELLS + AWKWARD_CELLS,
        PLAIN_CELLS[:10] if is_plain else PLAIN_CELLS,
        tuple(name for name in made.names if len(made.names[name]) == 1 or not is_plain),
        is_open=is_plain and bool(declared),
    )
    for _ in range(4):
        body = data.draw(bodies(made, odd))
        for name in reversed(path.split(".") if path else ()):
            body = {name: body}
        if path and data.draw(st.booleans()):
            body[data.draw(st.sampled_from("pr"))] = data.draw(st.sampled_from(PLAIN_CELLS))
        check(handler, document, body)


@st.composite
def anything(draw: st.DrawFn) -> Any:
    """Tables of which nothing is declared."""
    width, height = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    cells = (
        st.none() | st.booleans() | st.integers() | st.floats(-9, 9) | st.text("ab1", min_size=1)
    )
    names = draw(st.lists(st.text("abc ", min_size=1), min_size=width, max_size=width, unique=True))
    rows = [[draw(cells) for _ in range(width)] for _ in range(height)]
    records = [dict(zip(names, row, strict=True)) for row in rows]
    named = {name: [row[index] for row in rows] for index, name in enumerate(names)}
    table = draw(st.sampled_from([rows, rows[0], records, records[0], named]))
    mistakes = [3, "x", None, [1, {}], {"a": 1, "b": [1]}]
    enveloped = [{name: table} for name in ENVELOPES]
    return draw(st.sampled_from([table, *enveloped, *mistakes]))


@given(body=anything())
@settings(deadline=None, max_examples=150)
def test_the_schema_of_a_table_that_nobody_declared_fits_too(body: Any) -> None:
    check(UNDECLARED, UNDECLARED_DOCUMENT, body)


UNDECLARED = compose(Counts())
UNDECLARED_DOCUMENT = described(UNDECLARED)


def model(**fields: Any) -> type[BaseModel]:
    made: type[BaseModel] = create_model("Made", **fields)
    return made


@pytest.mark.parametrize("cell", [[1], {}, {"b": 1}])
def test_columns_that_are_ignored_hold_cells_too(cell: Any) -> None:
    handler = compose(Counts(), features=model(a=(float, ...)), extra="ignore")
    for body in ({"a": [1], "z": [cell]}, [{"a": 1, "z": cell}]):
        check(handler, described(handler), body)
        assert not is_surely_valid(requests(described(handler))["application/json"]["schema"], body)


ALIASED = model(a=(float, Field(alias="a (cm)")), b=(float, ...))
NUMBER = model(a=(float, ...))
OPTIONAL = model(a=(float | None, ...))
TODAY = dt.date(2026, 1, 31)
LONDON = "2026-01-31T12:00:00Z"
PARIS = "2026-01-31T13:00:00+01:00"


@pytest.mark.parametrize(
    ("declared", "body"),
    [
        pytest.param({"features": ALIASED}, [{"b": 1}], id="a column with an alias is absent"),
        pytest.param(
            {"features": ALIASED}, [{"a": 1, "a (cm)": 1, "b": 1}], id="a column under both names"
        ),
        pytest.param({"features": NUMBER}, [[True]], id="true as a number"),
        pytest.param({"features": model(a=(Literal[1, 2], ...))}, [[True]], id="true as a choice"),
        pytest.param({"features": model(a=(bool, ...))}, [["true"]], id="a word for a boolean"),
        pytest.param({"features": OPTIONAL}, [[""]], id="an empty string for a missing number"),
        pytest.param({"features": model(a=(str, ...))}, [[""]], id="an empty text"),
        pytest.param(
            {"features": OPTIONAL, "missing": ["NA"]}, [["NA"]], id="NA for a missing number"
        ),
        pytest.param(
            {"features": model(a=(Literal["NA", "EU"], ...)), "missing": ["", "NA"]},
            [["NA"]],
            id="a choice that is spelled as a missing cell",
        ),
        pytest.param(
            {"features": model(a=(dt.datetime, ...), b=(str, ...))},
            [[20260131, "x"]],
            id="a number for a date, beside text",
        ),
        pytest.param(
            {"features": model(a=(dt.datetime, ...))}, [[LONDON], [PARIS]], id="two time zones"
        ),
        pytest.param({"features": model(a=(float, 1.0))}, {}, id="nothing where all has defaults"),
        pytest.param({"features": model(a=(float, 1.0))}, [{}], id="a record without members"),
        pytest.param(
            {"features": ["a"], "extra": "ignore"}, {"a": 1, "x": [1]}, id="a list that is ignored"
        ),
        pytest.param(
            {"features": ["a"], "label": "y"}, {"a": [1], "y": 1}, id="a label beside columns"
        ),
        pytest.param({"features": ["a"], "label": "y"}, {"a": 1, "y": [1]}, id="a list as a label"),
        pytest.param({"features": ["a"], "label": 0}, [[9, 1]], id="a label by its position"),
        pytest.param(
            {"features": ["inputs", "b"]}, {"inputs": [1], "b": [2]}, id="a column called inputs"
        ),
        pytest.param(
            {"features": ["columns", "data"]},
            {"columns": [1], "data": [2]},
            id="columns called columns and data",
        ),
        pytest.param(
            {"features": ["a"], "parameters": ["t"]},
            {"a": 1, "t": 0.5},
            id="a parameter beside cells",
        ),
        pytest.param(
            {"features": ["a"], "parameters": ["t"]},
            {"instances": [[1]], "t": 0.5},
            id="a parameter beside an envelope",
        ),
        pytest.param(
            {"features": ["a"], "request": "data"},
            {"data": {"instances": [[1]]}},
            id="an envelope where the rows are declared",
        ),
        pytest.param(
            {"features": ["a"], "accepts": JSON("records")}, {"a": 1}, id="one record of records"
        ),
        pytest.param({"features": ["a"], "accepts": JSON("rows")}, [1], id="one row of rows"),
        pytest.param(
            {"features": ["a"], "accepts": JSON("columns")},
            {"inputs": {"a": [1]}},
            id="an envelope around the declared layout",
        ),
        pytest.param({}, {}, id="no columns at all"),
        pytest.param({}, [[]], id="a row without cells"),
        pytest.param({}, [], id="no rows at all"),
        pytest.param({}, [[[1]]], id="a tensor"),
        pytest.param({}, {"instances": 1}, id="a record with a column called instances"),
        pytest.param({"model": Counts(None, 2)}, [[1]], id="rows of another width"),
        pytest.param({"model": Counts(None, 1)}, [{"a": 1}], id="names for a model without"),
        pytest.param(
            {"model": Counts(None, 1), "missing": {"cells": "error"}},
            [[None]],
            id="a missing cell that is an error",
        ),
        pytest.param(
            {"features": ["a"], "missing": {"cells": "error"}},
            [{"a": None}],
            id="a missing cell of a named column that is an error",
        ),
        pytest.param(
            {"model": Counts(("a", "b"), 2, (("x", "y"), None))},
            [["z", 1]],
            id="a category that the artefact does not know",
        ),
    ],
)
def test_the_schema_says_of_odd_bodies_what_the_handler_does(
    declared: dict[str, Any], body: Any
) -> None:
    declared = {"model": Counts(), **declared}
    handler = compose(**declared)
    check(handler, described(handler), body)


def test_a_document_made_without_the_model_knows_what_is_declared() -> None:
    handler = compose(Counts(), features=["a"], missing={"cells": "error"})
    check(handler, described(handler, None), [{"a": None}])
    check(handler, described(handler, None), [[None]])


@given(data=st.data())
@settings(deadline=None, max_examples=50)
def test_split_tables_as_described_are_taken(data: st.DataObject) -> None:
    made = data.draw(models())
    rows = [[data.draw(each.cells) for each in made.columns.values()] for _ in range(2)]
    handler = compose(Counts(), features=made.model)
    assume(Draft202012Validator(request_schema(handler)).is_valid(rows))
    for body in (
        {"columns": list(made.names), "data": rows},
        {"columns": [names[-1] for names in made.names.values()], "data": rows, "index": [0, 1]},
    ):
        assert Draft202012Validator(request_schema(handler)).is_valid(body)
        assert ask(handler, body).ok


class Trip(BaseModel):
    distance: float = Field(ge=0, lt=1000)
    zone: Literal["A", "B"]
    code: str = Field(pattern="^[a-z]+$", max_length=4)
    at: dt.datetime
    port: Port | None = None
    rush: bool = False
    people: int = Field(2, gt=0)


DESCRIBED: dict[str, dict[str, Any]] = {
    "nothing": {},
    "names": {"features": ["a", "b"]},
    "a model": {"features": Trip},
    "a label": {"features": Trip, "label": "y", "extra": "ignore"},
    "a path": {"features": Trip, "request": "data.rows", "parameters": ["threshold"]},
    "parameters": {"features": Trip, "parameters": ["threshold"]},
    "a template": {"features": Trip, "response": {"rows": [{"score": "$row"}], "version": 1}},
    "one format": {"accepts": "csv", "returns": "npy"},
    "a header": {"accepts": CSV(header=True), "features": ["a", "b"]},
    "records": {"accepts": JSON("records"), "features": Trip},
    "anything": {"accepts": JSON("raw")},
    "octets": {"accepts": ["octets", "text", "npz", "jsonlines"], "returns": "text"},
    "no gaps": {"features": ["a"], "missing": {"cells": "error"}},
    "filled gaps": {"features": ["a"], "missing": {"cells": "fill", "value": -1}},
    "a date as default": {"features": model(a=(dt.date, TODAY))},
}


@pytest.mark.parametrize("loaded", [True, False])
@pytest.mark.parametrize("what", DESCRIBED)
def test_the_document_is_openapi(what: str, loaded: bool) -> None:  # noqa: FBT001
    validator: Any = pytest.importorskip("openapi_spec_validator")
    document = described(compose(Counts(), **DESCRIBED[what]), "model" if loaded else None)
    assert document["openapi"] == "3.1.0"
    validator.OpenAPIV31SpecValidator(document).validate()
    for content in requests(document).values():
        Draft202012Validator.check_schema(content.get("schema", {}))


@pytest.mark.parametrize(
    "features",
    [model(a=(float, float("nan"))), model(a=(float, Field(le=float("inf"))))],
    ids=["a default that is no number", "an infinite bound"],
)
def test_the_document_is_json(features: Any) -> None:
    assert described(compose(Counts(), features=features))


def assert_examples_fit(handler: Handler, checker: FormatChecker | None = None) -> None:
    for content in requests(described(handler)).values():
        validator = Draft202012Validator(content.get("schema", {}), format_checker=checker)
        for example in content.get("examples", {}).values():
            validator.validate(example["value"])
        if "example" in content:
            validator.validate(content["example"])


@pytest.mark.parametrize("what", DESCRIBED)
def test_examples_are_valid_against_their_own_schema(what: str) -> None:
    assert_examples_fit(compose(Counts(), **DESCRIBED[what]))


@pytest.mark.parametrize(
    "features", [model(a=(dt.datetime, ...)), model(a=(dt.date, ...)), model(a=(dt.date, TODAY))]
)
def test_examples_of_dates_are_of_the_format_that_is_described(features: Any) -> None:
    assert_examples_fit(compose(Counts(), features=features), STRICT)


@given(made=models(), declared=st.sampled_from(DECLARED))
@settings(deadline=None, max_examples=50)
def test_examples_of_any_columns_are_valid_against_their_own_schema(
    made: Described, declared: dict[str, Any]
) -> None:
    assert_examples_fit(compose(Counts(), features=made.model, **declared))


@pytest.mark.parametrize(
    "response",
    [
        "$",
        ["$row"],
        {"predictions": "$", "version": "1.2", "beta": False, "none": None},
        {"predictions": [{"score": "$row", "of": ["x", 1.5]}]},
        [{"rows": ["$row"]}],
    ],
)
def test_responses_are_as_described(response: Any) -> None:
    handler = compose(Counts(), response=response)
    document = described(handler)
    answer = document["paths"]["/invocations"]["post"]["responses"]["200"]["content"]
    found = ask(handler, [[1], [2]]).json()
    schema = answer["application/json"]["schema"]
    Draft202012Validator(schema).validate(found)
    if isinstance(found, dict):
        assert not Draft202012Validator(schema).is_valid(
            {**found, "predictions": None, "version": 0}
        )


def test_the_columns_of_the_artefact_are_described() -> None:
    handler = compose(Counts(("a", "b"), 2, (("x", "y"), None)))
    examples = requests(described(handler))["application/json"]["examples"]
    assert examples["example 1"]["value"] == [{"a": "x", "b": 1.0}]
    assert all(ask(handler, example["value"]).ok for example in examples.values())


def test_the_example_in_csv_of_the_columns_of_the_artefact_is_taken() -> None:
    handler = compose(Counts(("a", "b"), 2, (("x", "y"), None)))
    example = requests(described(handler))["text/csv"].get("example")
    assert example is None or ask(handler, example, "text/csv").ok


def test_the_document_names_what_is_accepted_and_returned() -> None:
    handler = compose(Counts(), accepts=["csv", "json"], returns=["npy", "json"])
    post = described(handler)["paths"]["/invocations"]["post"]
    assert list(post["requestBody"]["content"]) == ["text/csv", "application/json"]
    assert list(post["responses"]["200"]["content"]) == ["application/x-npy", "application/json"]


def test_the_document_is_new_each_time() -> None:
    handler = compose(Counts(), features=Trip, request="rows", parameters=["p"])
    first = handler.openapi("model")
    kept = copy.deepcopy(first)
    first["paths"].clear()
    assert handler.openapi("model") == kept


def test_functions_written_by_hand_declare_nothing() -> None:
    made = compose(Counts())
    by_hand = made._replace(model_fn=lambda model_dir, context=None: "model")
    with pytest.raises(DeclarationError, match="written by hand"):
        by_hand.openapi()
