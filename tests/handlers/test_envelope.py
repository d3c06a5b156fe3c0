"""What stands around the rows of a request and around the predictions of a response."""

import datetime as dt
import io
import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from scriptmode import DeclarationError, Handler, compose, compose_from
from scriptmode.errors import PredictionError
from scriptmode.serializers.csv import CSV
from scriptmode.serializers.json import JSON
from scriptmode.values import Enveloped, Table
from tests.handlers.test_openapi import (
    ENVELOPES,
    Counts,
    Described,
    ask,
    described,
    model,
    models,
    requests,
)
from tests.serializers.checks import assert_same
from tests.serializers.strategies import matrices, npy

untyped: Any = compose
"""For declarations that a type checker would find first."""
quick = settings(deadline=None, max_examples=60)


class Fixed(Counts):
    """Answers what it was made with."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer

    def predict(self, model: str, data: Any) -> Any:
        return self.answer


def within(path: Any, table: Any) -> Any:
    for name in reversed(path):
        table = {name: table}
    return table


def laid_out(names: list[str], rows: list[list[Any]]) -> dict[str, Any]:
    """One table in every layout."""
    return {
        "rows": rows,
        "records": [dict(zip(names, row, strict=True)) for row in rows],
        "columns": {name: [row[index] for row in rows] for index, name in enumerate(names)},
        "split": {"columns": names, "data": rows},
    }


NAMED = laid_out(["a", "b"], [[1, None], [3.5, 4]])
WORDED = laid_out(["a", "b"], [["x", None], ["y", 4]])


@pytest.mark.parametrize("path", ["rows", "data.rows", "a.b.c.d", ["data.rows"], ["", "rows"][1:]])
@pytest.mark.parametrize("layout", NAMED)
@pytest.mark.parametrize("tables", [NAMED, WORDED])
def test_rows_are_read_where_they_are_declared(
    path: Any, layout: str, tables: dict[str, Any]
) -> None:
    steps = path.split(".") if isinstance(path, str) else path
    body = json.dumps(within(steps, tables[layout]))
    found = compose(Counts(), request=path).input_fn(body, "application/json")
    assert_same(found, compose(Counts()).input_fn(json.dumps(tables[layout]), "application/json"))


names = st.text(min_size=1, max_size=4).filter(lambda name: name not in ENVELOPES)


@given(
    path=st.lists(names, min_size=1, max_size=4),
    columns=st.lists(names, min_size=5, max_size=5, unique=True),
    matrix=matrices(allow_nan=False, allow_infinity=False),
    layout=st.sampled_from(["rows", "records", "columns", "split"]),
    parameter=st.none() | st.text() | st.lists(st.integers()),
)
@quick
def test_no_path_changes_what_is_read(
    path: list[str], columns: list[str], matrix: Any, layout: str, parameter: Any
) -> None:
    cells = matrix.astype(object)
    cells[0, 0] = None
    table = laid_out(columns[: matrix.shape[1]], cells.tolist())[layout]
    expected = compose(Counts()).input_fn(json.dumps(table), "application/json")
    plain = compose(Counts(), request=path)
    assert_same(plain.input_fn(json.dumps(within(path, table)), "application/json"), expected)
    if path[0] != "p":
        handler = compose(Counts(), request=path, parameters=["p"])
        body = {"p": parameter, **within(path, table)}
        found = handler.input_fn(json.dumps(body), "application/json")
        assert isinstance(found, Enveloped)
        assert_same(found.data, expected)
        assert found.parameters == {"p": parameter}


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"request": ""}, "expected a path such as 'data.rows'"),
        ({"request": "data..rows"}, "expected a path"),
        ({"request": ".rows"}, "expected a path"),
        ({"request": []}, "expected a path"),
        ({"request": ["data", 3]}, "expected a path"),
        ({"request": 3}, "expected a path"),
        ({"parameters": [3]}, "list the names"),
        ({"parameters": 3}, "list the names"),
        ({"request": "data.rows", "parameters": ["data"]}, "data"),
    ],
)
def test_a_wrong_request_is_found_when_the_script_is_imported(declared: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        untyped(Counts(), **declared)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"data": {"rows": [[1]]}, "more": 1}, "the body has the unexpected member 'more'"),
        ({"data": {"rows": [[1]], "more": 1}}, "'data' has the unexpected member 'more'"),
        ({"data": {"rows": [[1]], "t": 1}}, "'data' has the unexpected member 't'"),
        ({"data": {"rows": [[1]]}, "x" * 99: 1}, f"the unexpected member '{'x' * 40}'"),
        ({"rows": [[1]]}, "the body has no member 'data'"),
        ({"data": {"row": [[1]]}}, "'data' has no member 'rows'"),
        ({"data": [[1]]}, "'data' is not an object with a member 'rows'"),
        ([[1]], "the body is not an object with a member 'data'"),
    ],
)
def test_members_that_nobody_declared_are_a_400(body: Any, message: str) -> None:
    reply = ask(compose(Counts(), request="data.rows", parameters=["t"]), body)
    assert (reply.status, reply.json()["code"]) == (400, "malformed_body")
    assert message in reply.json()["message"]


def test_a_name_that_stands_twice_is_a_400_at_every_depth() -> None:
    handler = compose(Counts(), request="data.rows", parameters=["t"])
    for body in (
        '{"data": {"rows": [[1]]}, "data": {"rows": [[2]]}}',
        '{"data": {"rows": [[1]], "rows": [[2]]}}',
        '{"data": {"rows": [[1]]}, "t": 1, "t": 2}',
        '{"data": {"rows": [[1]]}, "t": {"x": 1, "x": 2}}',
    ):
        reply = ask(handler, body)
        assert (reply.status, "stands twice" in reply.text) == (400, True)


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [[1, 2]], "t": [True], "u": None},
        {"a": 1, "b": 2, "t": [True], "u": None},
        {"a": [1], "b": [2], "t": [True], "u": None},
        {"columns": ["a", "b"], "data": [[1, 2]], "t": [True], "u": None},
    ],
)
def test_parameters_may_stand_beside_a_table_without_a_path(body: Any) -> None:
    handler = compose(Counts(), features=["a", "b"], parameters=["t", "u", "v"])
    found = handler.input_fn(json.dumps(body), "application/json")
    assert found.parameters == {"t": [True], "u": None}
    assert ask(handler, body).ok
    assert ask(handler, [[1, 2]]).ok


def test_parameters_may_be_absent() -> None:
    handler = compose(Counts(), request="rows", parameters=["t"])
    assert handler.input_fn('{"rows": [[1]]}', "application/json").parameters == {}


@pytest.mark.parametrize("layout", NAMED)
def test_a_layout_is_declared_with_a_path(layout: Any) -> None:
    declared: dict[str, Any] = {"features": ["a", "b"], "request": "data.rows"}
    for handler in (
        compose(Counts(), options={"json": {"layout": layout}}, **declared),
        compose(Counts(), accepts=JSON(layout), **declared),
    ):
        for sent, table in NAMED.items():
            reply = ask(handler, within(["data", "rows"], table))
            assert reply.status == (200 if sent == layout else 400)
            if not reply.ok:
                assert f"expected the layout '{layout}'" in reply.json()["message"]
                assert all(ask(handler, example).ok for example in reply.json()["examples"])


def test_any_value_can_stand_at_a_path() -> None:
    handler = compose(Counts(), accepts=JSON("raw"), request="q.text")
    assert handler.input_fn('{"q": {"text": "x"}}', None) == "x"


def test_other_formats_know_no_path() -> None:
    declared: dict[str, Any] = {"features": ["a", "b"], "request": "rows", "parameters": ["t"]}
    handler = compose(Counts(), **declared)
    archive = io.BytesIO()
    np.savez(archive, a=[1.0], b=[2.0])
    for body, content_type in (
        (b"1,2\n", "text/csv"),
        (b"b,a\n2,1\n", "text/csv; header=present"),
        (b'{"a": 1, "b": 2}\n', "application/jsonlines"),
        (npy(np.array([[1.0, 2.0]])), "application/x-npy"),
        (archive.getvalue(), "application/x-npz"),
    ):
        assert ask(handler, body, content_type).json() == [0.0]


WRONG: tuple[Any, ...] = (
    3,
    "x",
    None,
    {},
    {"instances": 1, "z": 2},
    {"a": {"b": {}}},
    [[1], 2],
    {"a": [1], "b": 2},
)


def examples_shown(handler: Handler, path: Any = ()) -> set[str]:
    """Every example in an error about a wrong shape."""
    shown: set[str] = set()
    for wrong in WRONG:
        for depth in range(len(path) + 1):
            reply = ask(handler, within(path[:depth], wrong))
            assert 400 <= reply.status < 500
            shown.update(reply.json().get("examples", ()))
    return shown


def assert_examples_are_taken(handler: Handler, path: Any = ()) -> None:
    for example in examples_shown(handler, path):
        assert ask(handler, example).ok, example
    for media_type, content in requests(described(handler)).items():
        for example in content.get("examples", {}).values():
            assert ask(handler, example["value"]).ok, example
        if "example" in content:
            assert ask(handler, content["example"], media_type).ok, content["example"]


class Trip(BaseModel):
    distance: float = Field(gt=0, lt=0.5)
    zone: Literal["A", "B"]
    code: str = Field(pattern="^[A-Z][0-9]$")
    at: dt.datetime
    rush: bool = False
    people: int | None = Field(None, ge=3)
    port: str | None = Field(None, examples=["Cherbourg, France"])


LAYOUTS = ("auto", "rows", "records", "columns", "split", "raw")
PATHS = ((), ("rows",), ("data", "rows"))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("features", [["a", "b"], ["a b", "é,\"'"], Trip])
def test_examples_shown_to_callers_are_taken(features: Any, layout: Any, path: Any) -> None:
    declared: dict[str, Any] = {"request": path} if path else {}
    if features is Trip:
        declared["accepts"] = [JSON(layout)]
    else:
        declared["options"] = {"json": {"layout": layout}}
    handler = compose(Counts(), features=features, **declared)
    if layout != "raw":
        assert examples_shown(handler, path)
        assert_examples_are_taken(handler, path)


@given(
    made=models(),
    layout=st.sampled_from(LAYOUTS[:-1]),
    path=st.sampled_from(PATHS),
    header=st.booleans(),
)
@settings(deadline=None, max_examples=60, phases=[Phase.generate])
def test_examples_made_from_any_columns_are_taken(
    made: Described, layout: Any, path: Any, header: Any
) -> None:
    declared: dict[str, Any] = {"request": path} if path else {}
    handler = compose(
        Counts(), accepts=[JSON(layout), CSV(header=header)], features=made.model, **declared
    )
    assert_examples_are_taken(handler, path)


@pytest.mark.parametrize(
    ("declared", "path"),
    [
        pytest.param({}, (), id="nothing is declared"),
        pytest.param({"request": "data.rows"}, ("data", "rows"), id="a path alone is declared"),
        pytest.param({"model": Counts(None, 3)}, (), id="the artefact knows its width"),
        pytest.param({"model": Counts(("x", "y"), 2)}, (), id="the artefact knows its names"),
        pytest.param(
            {"model": Counts(("p",), 1, (("C", "S"),)), "features": ["p"]},
            (),
            id="the artefact knows the categories",
        ),
        pytest.param(
            {"features": model(a=(str, Field(pattern="^Z{3}-[0-9]+$")))},
            (),
            id="no word like the pattern comes to mind",
        ),
        pytest.param({"features": model(a=(str, Field(max_length=0)))}, (), id="no word is short"),
        pytest.param({"features": model(a=(float, float("nan")))}, (), id="a default of NaN"),
        pytest.param({"features": model(a=(str, ""))}, (), id="an empty default"),
        pytest.param({"features": model(a=(Literal["x,y"], ...))}, (), id="a comma in a choice"),
        pytest.param({"features": model(a=(Literal['"x'], ...))}, (), id="a quote in a choice"),
        pytest.param({"features": model(a=(Literal["", "x"], ...))}, (), id="an empty choice"),
        pytest.param(
            {"features": model(a=(Literal["NA", "EU"], ...)), "missing": ["", "NA"]},
            (),
            id="a choice that is spelled as a missing cell",
        ),
        pytest.param(
            {"features": model(a=(float, ...), b=(float, ...)), "accepts": JSON("columns")},
            (),
            id="one layout",
        ),
        pytest.param(
            {"features": ["columns", "data"], "accepts": JSON("columns")},
            (),
            id="columns called columns and data",
        ),
        pytest.param(
            {"features": ["instances"], "accepts": JSON("columns")},
            (),
            id="a column called instances",
        ),
        pytest.param(
            {"features": model(a=(str, ...)), "accepts": ["json", CSV(header="auto")]},
            (),
            id="a header that is guessed",
        ),
        pytest.param(
            {"features": ["a,b"], "accepts": ["json", CSV(header=True)]},
            (),
            id="a comma in a name",
        ),
        pytest.param(
            {"features": model(a=(float, Field(gt=0, lt=1e-9)))}, (), id="very narrow bounds"
        ),
        pytest.param(
            {"features": model(a=(int, Field(gt=-7, lt=-5)))}, (), id="one number within the bounds"
        ),
        pytest.param(
            {"features": ["a"], "missing": {"cells": "fill", "value": -1}}, (), id="filled cells"
        ),
        pytest.param({"features": ["a"], "label": 0}, (), id="a label"),
    ],
)
def test_examples_are_taken_where(declared: dict[str, Any], path: Any) -> None:
    declared = {"model": Counts(), **declared}
    assert_examples_are_taken(compose(**declared), path)


@pytest.mark.parametrize(
    "field",
    [
        Field(ge=0, default=-1.0),
        Field(ge=0, examples=[-1.0]),
    ],
)
def test_examples_that_a_field_itself_refuses_are_not_shown(field: Any) -> None:
    try:
        handler = compose(Counts(), features=model(a=(float, field)))
    except DeclarationError:
        return
    assert_examples_are_taken(handler)


def test_examples_of_a_field_may_be_what_pydantic_reads() -> None:
    features = model(a=(dt.date, Field(examples=[dt.date(2026, 1, 31)])))
    assert_examples_are_taken(compose(Counts(), features=features))


SCORES = np.array([0.5, np.nan])
OUTPUTS = {"label": np.array(["x", "y"]), "p": np.array([[0.1, 0.9], [0.5, 0.5]], np.float32)}


def answered(response: Any, prediction: Any, accept: str = "application/json") -> Any:
    handler = compose(Counts(), response=response)
    body, content_type = handler.output_fn(prediction, accept)
    assert content_type == accept
    return (
        [json.loads(line) for line in body.splitlines()] if "lines" in accept else json.loads(body)
    )


@pytest.mark.parametrize(
    ("response", "prediction", "expected"),
    [
        ("$", SCORES, [0.5, None]),
        (["$row"], SCORES, [0.5, None]),
        ({"predictions": "$"}, SCORES, {"predictions": [0.5, None]}),
        ({"a": {"b": ["$", 1, None, True]}}, SCORES, {"a": {"b": [[0.5, None], 1, None, True]}}),
        ([{"score": "$row"}], SCORES, [{"score": 0.5}, {"score": None}]),
        ({"rows": [["$row", "x"]]}, SCORES, {"rows": [[0.5, "x"], [None, "x"]]}),
        ({"all": "$", "each": ["$row"]}, SCORES, {"all": [0.5, None], "each": [0.5, None]}),
        ({"p": "$.p"}, OUTPUTS, {"p": [[0.1, 0.9], [0.5, 0.5]]}),
        (
            {"rows": [{"label": "$row.label", "p": "$row.p", "of": 2}], "version": "1"},
            OUTPUTS,
            {
                "rows": [
                    {"label": "x", "p": [0.1, 0.9], "of": 2},
                    {"label": "y", "p": [0.5, 0.5], "of": 2},
                ],
                "version": "1",
            },
        ),
        (["$row"], OUTPUTS, [{"label": "x", "p": [0.1, 0.9]}, {"label": "y", "p": [0.5, 0.5]}]),
        ("$", OUTPUTS, {"label": ["x", "y"], "p": [[0.1, 0.9], [0.5, 0.5]]}),
        (["$row.a"], Table(("a", "b"), np.ones((2, 2))), [1.0, 1.0]),
        ({"b": "$.b"}, Table(("a", "b"), np.ones((2, 2))), {"b": [1.0, 1.0]}),
        (["$row.a"], pd.DataFrame({"a": ["x", None]}), ["x", None]),
        ({"a": "$.a"}, pd.DataFrame({"a": [1, 2]}), {"a": [1, 2]}),
        ({"m": ["$row"]}, np.ones((2, 2)), {"m": [[1.0, 1.0]] * 2}),
        ({"m": ["$row"]}, [], {"m": []}),
        ({"money": "5$", "p": "$"}, [1, 2], {"money": "5$", "p": [1, 2]}),
        ({"on": dt.date(2026, 1, 31), "p": "$"}, [1, 2], {"on": "2026-01-31", "p": [1, 2]}),
        ([{"on": dt.date(2026, 1, 31), "p": "$row"}], [1], [{"on": "2026-01-31", "p": 1}]),
    ],
)
def test_a_response_is_laid_out_as_declared(response: Any, prediction: Any, expected: Any) -> None:
    assert answered(response, prediction) == expected


@pytest.mark.parametrize(
    ("response", "prediction", "expected"),
    [
        ("$", SCORES, [0.5, None]),
        ({"predictions": "$"}, SCORES, [0.5, None]),
        (["$row"], SCORES, [0.5, None]),
        ({"rows": [{"score": "$row"}], "version": 1}, SCORES, [{"score": 0.5}, {"score": None}]),
        ({"deep": {"er": [["$row", 1]]}}, SCORES, [[0.5, 1], [None, 1]]),
        ({"rows": [{"l": "$row.label"}]}, OUTPUTS, [{"l": "x"}, {"l": "y"}]),
        (
            {"p": "$.p"},
            OUTPUTS,
            [{"label": "x", "p": [0.1, 0.9]}, {"label": "y", "p": [0.5, 0.5]}],
        ),
    ],
)
def test_json_lines_repeat_the_part_for_one_row(
    response: Any, prediction: Any, expected: Any
) -> None:
    assert answered(response, prediction, "application/jsonlines") == expected


def test_other_formats_know_no_template() -> None:
    plain, laid = compose(Counts()), compose(Counts(), response={"predictions": ["$row"]})
    for accept in ("text/csv", "application/x-npy", "application/x-npz"):
        assert laid.output_fn(SCORES, accept) == plain.output_fn(SCORES, accept)


@pytest.mark.parametrize(
    "response",
    [
        *(
            "x",
            3,
            True,
            {},
            [],
            ["x"],
            {"p": 1},
            "$foo",
            "$$",
            "$.",
            "$row.",
            "$row",
            "$rows",
            "$5",
        ),
        *({"p": "$foo"}, {"p": "$row"}, {"p": {"q": "$row.a"}}, ["$row", 1], ["$", "$row"]),
        *([{"all": "$", "each": "$row"}], [{"all": "$.a", "each": "$row"}], {"$": 1}),
        [{"bad": {1, 2}, "p": "$row"}],
        {"bad": object(), "p": "$"},
    ],
)
def test_a_bad_template_is_found_when_the_script_is_imported(response: Any) -> None:
    with pytest.raises(DeclarationError, match="response"):
        compose(Counts(), response=response)


@pytest.mark.parametrize(
    ("response", "prediction"),
    [
        ({"p": "$.nope"}, OUTPUTS),
        (["$row.nope"], OUTPUTS),
        ({"p": "$.p"}, SCORES),
        (["$row.p"], SCORES),
        (["$row.p"], Table(("a",), np.ones((2, 1)))),
    ],
)
def test_an_output_that_there_is_not_is_a_500(response: Any, prediction: Any) -> None:
    handler = compose(Fixed(prediction), response=response, returns="json")
    reply = ask(handler, [[1], [2]])
    assert isinstance(reply.error, PredictionError)
    assert reply.status == 500
    assert "no output named" in reply.json()["message"]


def test_an_output_that_there_is_not_is_no_mistake_of_the_caller_who_could_ask_for_csv() -> None:
    handler = compose(Fixed(OUTPUTS), response={"p": "$.nope"}, returns=["json", "csv"])
    assert ask(handler, [[1], [2]]).status == 500


def test_a_prediction_without_rows_does_not_fill_a_template_of_rows() -> None:
    handler = compose(Fixed(1.5), response=["$row"], returns="json", rows="free")
    reply = ask(handler, [[1]])
    assert (reply.status, "has no rows" in reply.json()["message"]) == (500, True)


constants = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab$c.", max_size=3)
constants = constants.filter(lambda part: not (isinstance(part, str) and part.startswith("$")))


@st.composite
def shapes(draw: st.DrawFn, place: str) -> Any:
    """JSON values around one or more places."""
    value: Any = place
    for _ in range(draw(st.integers(0, 3))):
        around = draw(st.lists(constants, max_size=2))
        if draw(st.booleans()):
            value = {**{f"k{index}": part for index, part in enumerate(around)}, "v": value}
        else:
            value = [*around, value, "end"]
    return value


def filled(value: Any, places: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: filled(part, places) for name, part in value.items()}
    if isinstance(value, list):
        return [filled(part, places) for part in value]
    return places.get(value, value) if isinstance(value, str) else value


@given(data=st.data(), rows=st.lists(st.floats(-9, 9, width=32), min_size=1, max_size=4))
@quick
def test_predictions_come_back_out_of_any_template(data: st.DataObject, rows: list[float]) -> None:
    outputs: dict[str, list[Any]] = {"a": rows, "b": [str(row) for row in rows]}
    named = data.draw(st.booleans())
    whole, row = ("$.b", "$row.b") if named else ("$", "$row")
    element, around = data.draw(shapes(row)), data.draw(shapes("PLACE"))
    template = filled(around, {"PLACE": [element]})
    prediction: Any = {name: np.array(part) for name, part in outputs.items()} if named else rows
    cells: list[Any] = outputs["b"] if named else rows
    each = [filled(element, {row: cell}) for cell in cells]
    assert answered(template, prediction) == filled(around, {"PLACE": each})
    assert answered(template, prediction, "application/jsonlines") == each
    plain = data.draw(shapes(whole))
    assert answered(plain, prediction) == filled(plain, {whole: cells})


def test_constants_of_a_template_stay_what_they_are() -> None:
    template = {"predictions": "$", "constants": [{"a": [1, "x"]}, 2]}
    kept = json.loads(json.dumps(template))
    assert answered(template, [1, 2])["constants"] == kept["constants"]
    assert template == kept


TOML = """
model = "envelope-of-test"
features = ["a", "b"]
request = "data.rows"
parameters = ["threshold"]
returns = ["json", "jsonlines"]
{response}
"""


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ('response = "$"', [0.0]),
        ('response = {predictions = "$", version = 1}', {"predictions": [0.0], "version": 1}),
        ('response = {rows = [{score = "$row"}]}', {"rows": [{"score": 0.0}]}),
        ('[[response]]\nscore = "$row"', [{"score": 0.0}]),
        ('[response]\npredictions = ["$row"]', {"predictions": [0.0]}),
        ('response = {on = 2026-01-31, p = "$"}', {"on": "2026-01-31", "p": [0.0]}),
    ],
)
def test_a_file_can_declare_it_all(tmp_path: Path, response: str, expected: Any) -> None:
    from scriptmode.handlers.registries import DEFAULT

    registries = DEFAULT.child()
    registries.loaders.register("envelope-of-test", Counts())
    (tmp_path / "inference.toml").write_text(TOML.format(response=response))
    handler = compose_from(tmp_path / "inference.py", registries=registries)
    body = {"data": {"rows": [{"b": 2, "a": 1}]}, "threshold": 0.5}
    assert handler.input_fn(json.dumps(body), None).parameters == {"threshold": 0.5}
    assert ask(handler, body).json() == expected


def test_a_file_may_list_the_steps_of_a_path(tmp_path: Path) -> None:
    from scriptmode.handlers.registries import DEFAULT

    registries = DEFAULT.child()
    registries.loaders.register("envelope-of-test", Counts())
    text = TOML.format(response="").replace('"data.rows"', '["data.rows"]')
    (tmp_path / "inference.toml").write_text(text)
    handler = compose_from(tmp_path / "inference.py", registries=registries)
    assert ask(handler, {"data.rows": [[1, 2]]}).ok


def test_the_environment_can_declare_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRIPTMODE_REQUEST", "data.rows")
    monkeypatch.setenv("SCRIPTMODE_PARAMETERS", "t, u")
    found = compose(Counts()).input_fn('{"data": {"rows": [[1]]}, "u": 2}', None)
    assert (found.data.tolist(), found.parameters) == ([[1]], {"u": 2})
