"""Categories from a request to the booster, against a DMatrix of the training's data frame."""

import enum
import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Optional

import numpy as np
import pandas as pd
import pytest
import xgboost as xgb
from pydantic import BaseModel, create_model

from scriptmode import compose
from scriptmode.errors import InvalidFeaturesError, ModelLoadError
from scriptmode.models.xgboost import XGBoost
from scriptmode.serializers.csv import CSV
from scriptmode.testing import invoke

RELEASE = tuple(map(int, xgb.__version__.split(".")[:2]))
RNG = np.random.default_rng(5)
ROWS = 48
SIZE = np.round(RNG.normal(size=ROWS), 3)
SIZE[[5, 11]] = np.nan
COLOURS = ["red", "green", "blue"]
GRADES = [30, 10, 20]

keeps_categories = pytest.mark.skipif(
    RELEASE < (3, 1), reason="artefacts keep categories since xgboost 3.1"
)


def draw(count: int, *, gaps: Sequence[int]) -> Any:
    """Codes from 0 of which each stands somewhere; -1 is a missing cell."""
    codes = np.concatenate([np.arange(count), RNG.integers(0, count, ROWS - count)])
    codes[list(gaps)] = -1
    return codes


COLOUR_CODES = draw(3, gaps=[3, 11, 20])
GRADE_CODES = draw(3, gaps=[7, 11, 31])
TARGET = (
    np.where(COLOUR_CODES == 1, 3.0, COLOUR_CODES)
    + np.where(GRADE_CODES == 0, 2.0, -GRADE_CODES)
    + np.nan_to_num(SIZE)
)


def categorical(codes: Any, categories: Sequence[Any]) -> Any:
    return pd.Categorical.from_codes(codes, categories=pd.Index(categories))


FRAME = pd.DataFrame(
    {
        "colour": categorical(COLOUR_CODES, COLOURS),
        "size": SIZE,
        "grade": categorical(GRADE_CODES, GRADES),
    }
)


def fit(frame: pd.DataFrame, target: Any = TARGET, **options: Any) -> Any:
    """A booster that splits by sets of categories, as it comes back from a file."""
    table = xgb.DMatrix(frame, target, enable_categorical=True, nthread=1)
    parameters = {"max_depth": 4, "max_cat_to_onehot": 1, "tree_method": "hist", "nthread": 1}
    model = xgb.train({**parameters, **options}, table, 6)
    return xgb.Booster({"nthread": 1}, model_file=bytearray(model.save_raw("ubj")))


def of_the_library(model: Any, frame: pd.DataFrame, **options: Any) -> Any:
    return model.predict(xgb.DMatrix(frame, enable_categorical=True, nthread=1), **options)


def cells(frame: pd.DataFrame) -> list[list[Any]]:
    """The same values as a caller has them: text, numbers, and None."""
    columns = [[None if pd.isna(cell) else cell for cell in frame[name].tolist()] for name in frame]
    return [list(row) for row in zip(*columns, strict=True)]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(map(str, frame), row, strict=True)) for row in cells(frame)]


def csv_of(frame: pd.DataFrame, *, header: bool) -> str:
    return str(frame.to_csv(index=False, header=header, lineterminator="\n"))


def ask(folder: Path, body: Any, content_type: str = "application/json", **declared: Any) -> Any:
    handler = compose("xgboost", **declared)
    raw = body if isinstance(body, str) else json.dumps(body)
    return invoke(handler, raw, content_type=content_type, model_dir=folder)


def numbers(reply: Any) -> Any:
    return np.array(reply.raise_for_status().json(), np.float32)


class Row(BaseModel):
    colour: Literal["red", "green", "blue"] | None
    size: float | None
    grade: Literal[10, 20, 30] | None


class Colour(enum.Enum):
    BLUE = "blue"
    GREEN = "green"
    RED = "red"


class Loose(BaseModel):
    colour: str | None
    size: float | None
    grade: int | None


class Enumerated(BaseModel):
    colour: Colour | None
    size: float | None
    grade: float | None


TURNED = FRAME[["grade", "colour", "size"]]
BODIES: dict[str, tuple[Any, str]] = {
    "records": (records(FRAME), "application/json"),
    "records in another order": (records(TURNED), "application/json"),
    "rows": (cells(FRAME), "application/json"),
    "columns": (
        {name: [record[name] for record in records(FRAME)] for name in map(str, FRAME)},
        "application/json",
    ),
    "split": ({"columns": list(FRAME), "data": cells(FRAME)}, "application/json"),
    "split in another order": (
        {"columns": list(TURNED), "index": list(range(ROWS)), "data": cells(TURNED)},
        "application/json",
    ),
    "instances": ({"instances": records(FRAME)}, "application/json"),
    "lines": ("".join(f"{json.dumps(row)}\n" for row in cells(FRAME)), "application/jsonlines"),
    "lines of objects": (
        "".join(f"{json.dumps(record)}\n" for record in records(TURNED)),
        "application/jsonlines",
    ),
}
CSV_BODIES = {
    "csv": (csv_of(FRAME, header=False), "text/csv"),
    "csv with a header": (csv_of(TURNED, header=True), "text/csv; header=present"),
}
DECLARED: dict[str, dict[str, Any]] = {
    "nothing declared": {},
    "names": {"features": list(FRAME)},
    "literals": {"features": Row},
    "types": {"features": Loose},
    "enums": {"features": Enumerated},
}


@keeps_categories
def test_the_signature_tells_the_categories_in_the_trainings_order() -> None:
    known = XGBoost().signature(fit(FRAME))
    assert known.names == ("colour", "size", "grade")
    assert known.types == ("c", "float", "c")
    assert known.categories == (tuple(COLOURS), None, tuple(GRADES))


@keeps_categories
@pytest.mark.parametrize("declared", DECLARED)
@pytest.mark.parametrize("body", BODIES)
def test_categories_are_answered_bit_for_bit_in_every_layout(
    body: str, declared: str, tmp_path: Path
) -> None:
    model = fit(FRAME)
    XGBoost().save(model, tmp_path)
    found = numbers(ask(tmp_path, *BODIES[body], **DECLARED[declared]))
    assert np.array_equal(found, of_the_library(model, FRAME))


@keeps_categories
@pytest.mark.parametrize("declared", ["literals", "types", "enums"])
@pytest.mark.parametrize("body", CSV_BODIES)
def test_categories_are_answered_bit_for_bit_in_csv_where_features_are_described(
    body: str, declared: str, tmp_path: Path
) -> None:
    model = fit(FRAME)
    XGBoost().save(model, tmp_path)
    found = numbers(ask(tmp_path, *CSV_BODIES[body], **DECLARED[declared]))
    assert np.array_equal(found, of_the_library(model, FRAME))


@keeps_categories
def test_categories_are_answered_bit_for_bit_in_csv_that_names_its_columns_of_text(
    tmp_path: Path,
) -> None:
    model = fit(FRAME)
    XGBoost().save(model, tmp_path)
    declared = {"accepts": CSV(header=True, text=["colour"])}
    found = numbers(ask(tmp_path, csv_of(TURNED, header=True), "text/csv", **declared))
    assert np.array_equal(found, of_the_library(model, FRAME))


@keeps_categories
@pytest.mark.parametrize("declared", ["nothing declared", "literals"])
@pytest.mark.parametrize("layout", ["record", "row", "csv"])
def test_each_row_alone_is_answered_as_in_the_batch(
    layout: str, declared: str, tmp_path: Path
) -> None:
    model = fit(FRAME)
    XGBoost().save(model, tmp_path)
    expected = of_the_library(model, FRAME)
    handler = compose("xgboost", features=Row if layout == "csv" else None)
    if layout != "csv":
        handler = compose("xgboost", **DECLARED[declared])
    loaded = handler.model_fn(str(tmp_path))
    lines = csv_of(FRAME, header=False).splitlines()
    for row, (record, line) in enumerate(zip(records(FRAME), lines, strict=True)):
        body = {"record": json.dumps(record), "row": json.dumps(list(record.values())), "csv": line}
        content_type = "text/csv" if layout == "csv" else "application/json"
        data = handler.input_fn(body[layout].encode(), content_type)
        assert np.array_equal(handler.predict_fn(data, loaded), expected[row : row + 1]), record


@keeps_categories
@pytest.mark.parametrize(
    "options",
    [
        {"objective": "binary:logistic"},
        {"objective": "multi:softprob", "num_class": 3},
        {"booster": "dart", "rate_drop": 0.0},
        {"max_cat_to_onehot": 10},
    ],
    ids=str,
)
@pytest.mark.filterwarnings(
    "ignore:.*deprecated", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_every_output_of_a_booster_with_categories_is_the_librarys(
    options: dict[str, Any], tmp_path: Path
) -> None:
    target = TARGET if "objective" not in options else np.digitize(TARGET, [1.0, 3.0])
    if options.get("objective") == "binary:logistic":
        target = (TARGET > 1).astype(int)
    model = fit(FRAME, target, **options)
    XGBoost().save(model, tmp_path)
    wanted = {
        "value": {},
        "margin": {"output_margin": True},
        "leaf": {"pred_leaf": True},
        "contribs": {"pred_contribs": True},
    }
    for output, more in wanted.items():
        found = numbers(ask(tmp_path, records(FRAME), predict=output))
        assert np.array_equal(found, of_the_library(model, FRAME, **more)), output


TEXTS: dict[str, list[str]] = {
    "digits": ["10", "9", "08"],
    "signs of csv": ["a,b", 'say "x"', "c;d"],
    "blanks": [" padded ", "padded", "two words"],
    "words for missing": ["None", "nan", "NA", "null"],
    "words for truth": ["true", "False", "1"],
    "lines": ["one\ntwo", "one", "tab\there"],
    "cases": ["Red", "red", "RED"],
}
INTEGERS: dict[str, Any] = {
    "negative": [-3, 0, 7],
    "descending": [9, 5, 1],
    "narrow": np.array([100, -100, 1], "int8"),
    "one": [4],
}


def described(choices: Sequence[Any]) -> Any:
    kind: Any = Optional[Literal[tuple(choices)]]  # noqa: UP045 - made while it runs
    return create_model("Described", kind=(kind, ...), size=(float | None, ...))


def frame_of(categories: Any) -> pd.DataFrame:
    codes = draw(len(categories), gaps=[4, 9])
    return pd.DataFrame({"kind": categorical(codes, categories), "size": SIZE})


@keeps_categories
@pytest.mark.parametrize("name", [*TEXTS, *INTEGERS])
def test_awkward_categories_are_told_apart(name: str, tmp_path: Path) -> None:
    categories: Any = {**TEXTS, **INTEGERS}[name]
    frame = frame_of(categories)
    model = fit(frame, np.nan_to_num(frame["kind"].cat.codes.to_numpy() * 2.0 + SIZE))
    expected = of_the_library(model, frame)
    XGBoost().save(model, tmp_path)
    assert XGBoost().signature(model).categories == (tuple(categories), None)
    assert np.array_equal(numbers(ask(tmp_path, records(frame))), expected)
    features = described(np.array(categories).tolist())
    assert np.array_equal(numbers(ask(tmp_path, records(frame), features=features)), expected)
    body = csv_of(frame, header=False)
    assert np.array_equal(numbers(ask(tmp_path, body, "text/csv", features=features)), expected)


@keeps_categories
def test_text_of_no_length_is_a_category_in_json(tmp_path: Path) -> None:
    frame = frame_of(["a", "", "b"])
    model = fit(frame, np.where(frame["kind"] == "", 9.0, np.nan_to_num(SIZE)))
    XGBoost().save(model, tmp_path)
    expected = of_the_library(model, frame)
    missing = frame.assign(kind=categorical(np.full(ROWS, -1), ["a", "", "b"]))
    assert not np.array_equal(expected, of_the_library(model, missing))
    declared: dict[str, Any] = {"missing": ["NA"], "accepts": "json"}
    assert np.array_equal(numbers(ask(tmp_path, records(frame), **declared)), expected)
    with pytest.raises(ModelLoadError, match="'' is a category of 'kind' and a spelling"):
        ask(tmp_path, records(frame))


@keeps_categories
@pytest.mark.parametrize(
    "categories",
    [["größe", "grün", "blau"], ["Bern", "Zürich", "Genf"], ["東京", "x"], ["x", "é"]],
    ids=lambda categories: categories[0],
)
def test_categories_beyond_ascii_are_answered_right_or_refused_at_load(
    categories: list[str], tmp_path: Path
) -> None:
    """Up to 3.2 at least, xgboost counts characters where it cuts bytes: artefacts keep junk."""
    frame = frame_of(categories)
    model = fit(frame, np.nan_to_num(frame["kind"].cat.codes.to_numpy() * 2.0 + SIZE))
    XGBoost().save(model, tmp_path)
    try:
        compose("xgboost").model_fn(str(tmp_path))
    except ModelLoadError:
        return
    found = numbers(ask(tmp_path, records(frame)))
    assert np.array_equal(found, of_the_library(model, frame))


@keeps_categories
def test_a_category_that_no_row_of_the_training_had_is_known_all_the_same(tmp_path: Path) -> None:
    categories = [*COLOURS, "white"]
    frame = FRAME.assign(colour=categorical(COLOUR_CODES, categories))
    model = fit(frame)
    XGBoost().save(model, tmp_path)
    white = frame.assign(colour=categorical(np.full(ROWS, 3), categories))
    assert np.array_equal(numbers(ask(tmp_path, records(white))), of_the_library(model, white))


@keeps_categories
def test_a_file_of_a_wrapper_is_answered_as_its_booster_answers(tmp_path: Path) -> None:
    wrapper = xgb.XGBClassifier(
        n_estimators=5, n_jobs=1, tree_method="hist", enable_categorical=True
    ).fit(FRAME, TARGET > 1)
    XGBoost().save(wrapper, tmp_path)
    found = numbers(ask(tmp_path, records(FRAME), predict="proba"))
    assert np.array_equal(found, wrapper.predict_proba(FRAME))


@keeps_categories
def test_a_pickled_wrapper_with_categories_is_refused_at_load(tmp_path: Path) -> None:
    wrapper = xgb.XGBRegressor(
        n_estimators=2, n_jobs=1, tree_method="hist", enable_categorical=True
    ).fit(FRAME, TARGET)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(wrapper))
    with pytest.raises(ModelLoadError, match="categorical features: save its booster"):
        compose("xgboost", trusted=["pickle"]).model_fn(str(tmp_path))


GOOD = {"colour": "red", "size": 1.5, "grade": 10}


@keeps_categories
@pytest.mark.parametrize("declared", DECLARED)
@pytest.mark.parametrize(
    ("field", "cell"),
    [
        ("colour", "mauve"),
        ("colour", "Red"),
        ("colour", " red"),
        ("colour", 0),
        ("colour", True),
        ("grade", 11),
        ("grade", 0),
        ("grade", 10.5),
        ("grade", -30),
        ("grade", 1e300),
        ("grade", "10"),
    ],
)
def test_an_unseen_category_is_a_422_that_names_row_and_field(
    field: str, cell: Any, declared: str, tmp_path: Path
) -> None:
    XGBoost().save(fit(FRAME), tmp_path)
    body = [GOOD, {**GOOD, "colour": None}, {**GOOD, field: cell}, GOOD]
    column = list(GOOD).index(field) + 1
    where = {"row": 3, "column": column, "field": field}
    for sent in (body, {"columns": list(GOOD), "data": [list(row.values()) for row in body]}):
        reply = ask(tmp_path, sent, **DECLARED[declared])
        assert (reply.status, reply.json()["where"]) == (422, where), reply
        assert f'row 3, field "{field}"' in reply.json()["message"]


@keeps_categories
@pytest.mark.parametrize(("field", "line"), [("colour", "mauve,1.5,10"), ("grade", "red,1.5,11")])
def test_an_unseen_category_in_csv_is_a_422_that_names_row_and_field(
    field: str, line: str, tmp_path: Path
) -> None:
    XGBoost().save(fit(FRAME), tmp_path)
    reply = ask(tmp_path, f"red,1.5,10\n,,\n{line}\n", "text/csv", features=Row)
    assert reply.status == 422
    assert reply.json()["where"] == {
        "row": 3,
        "column": list(GOOD).index(field) + 1,
        "field": field,
    }


@keeps_categories
def test_the_loader_alone_refuses_an_unseen_category_too() -> None:
    frame = pd.DataFrame([GOOD, {**GOOD, "colour": "mauve"}])
    for output, answer in XGBoost().outputs(fit(FRAME)).items():
        with pytest.raises(InvalidFeaturesError, match="'mauve'") as error:
            answer(fit(FRAME), frame)
        assert error.value.where == {"row": 2, "column": 1, "field": "colour"}, output


@keeps_categories
def test_a_missing_category_is_refused_or_filled_where_that_is_declared(tmp_path: Path) -> None:
    class Strict(BaseModel):
        colour: Literal["red", "green", "blue"]
        size: float | None
        grade: Literal[10, 20, 30] = 20

    model = fit(FRAME)
    XGBoost().save(model, tmp_path)
    without = {"colour": "red", "size": 1.5}
    filled = {**without, "grade": 20}
    expected = numbers(ask(tmp_path, [filled]))
    for body in ([without], [{**without, "grade": None}]):
        assert np.array_equal(numbers(ask(tmp_path, body, features=Strict)), expected)
    reply = ask(tmp_path, [filled, {**filled, "colour": None}], features=Strict)
    assert (reply.status, reply.json()["where"]["row"]) == (422, 2)
    reply = ask(tmp_path, [{**GOOD, "colour": None}], missing={"cells": "error"})
    assert (reply.status, reply.json()["where"]["field"]) == (422, "colour")


@keeps_categories
def test_features_may_allow_fewer_categories_than_the_model_has(tmp_path: Path) -> None:
    class Two(BaseModel):
        colour: Literal["red", "green"]
        size: float | None
        grade: Literal[10]

    model = fit(FRAME)
    XGBoost().save(model, tmp_path)
    expected = numbers(ask(tmp_path, [GOOD]))
    assert np.array_equal(numbers(ask(tmp_path, [GOOD], features=Two)), expected)
    for field, cell in (("colour", "blue"), ("grade", 20)):
        reply = ask(tmp_path, [{**GOOD, field: cell}], features=Two)
        assert (reply.status, reply.json()["where"]["field"]) == (422, field)


@keeps_categories
@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("colour", Literal["red", "mauve"]),
        ("colour", Literal["Red"]),
        ("colour", Literal[0, 1, 2]),
        ("colour", float),
        ("colour", int),
        ("colour", bool),
        ("grade", Literal[10, 11]),
        ("grade", Literal["10", "20", "30"]),
        ("grade", Literal[0, 1, 2]),
        ("grade", str),
        ("grade", bool),
    ],
)
def test_features_that_allow_what_the_model_has_no_category_for_are_refused_at_load(
    field: str, kind: Any, tmp_path: Path
) -> None:
    kinds: dict[str, Any] = {"colour": Colour, "size": float, "grade": int, field: kind}
    untyped: Any = create_model
    made = untyped("Made", **{name: (each, ...) for name, each in kinds.items()})
    XGBoost().save(fit(FRAME), tmp_path)
    with pytest.raises(ModelLoadError, match=f"'{field}'"):
        compose("xgboost", features=made).model_fn(str(tmp_path))


@keeps_categories
def test_a_default_that_is_no_category_of_the_model_is_refused_at_load(tmp_path: Path) -> None:
    class Filled(BaseModel):
        colour: str = "mauve"
        size: float | None
        grade: int | None

    XGBoost().save(fit(FRAME), tmp_path)
    with pytest.raises(ModelLoadError, match="'colour'"):
        compose("xgboost", features=Filled).model_fn(str(tmp_path))


CODES = np.column_stack([np.where(COLOUR_CODES < 0, np.nan, COLOUR_CODES), SIZE])
TYPES = ["c", "q"]


def fit_codes(names: list[str] | None = None) -> Any:
    table = xgb.DMatrix(
        CODES, TARGET, feature_names=names, feature_types=TYPES, enable_categorical=True, nthread=1
    )
    parameters = {"max_depth": 4, "max_cat_to_onehot": 1, "tree_method": "hist", "nthread": 1}
    model = xgb.train(parameters, table, 6)
    return xgb.Booster({"nthread": 1}, model_file=bytearray(model.save_raw("ubj")))


class Coded(BaseModel):
    colour: Literal[0, 1, 2] | None
    size: float | None


CODED_BODIES: dict[str, tuple[Any, str]] = {
    "records": (records(pd.DataFrame(CODES, columns=["colour", "size"])), "application/json"),
    "rows": (cells(pd.DataFrame(CODES, columns=["colour", "size"])), "application/json"),
    "csv": (pd.DataFrame(CODES).to_csv(index=False, header=False), "text/csv"),
}
every_naming = pytest.mark.parametrize("names", [None, ["colour", "size"]], ids=["bare", "named"])


@every_naming
@pytest.mark.parametrize("body", CODED_BODIES)
def test_codes_that_features_list_are_answered_bit_for_bit(
    body: str, names: list[str] | None, tmp_path: Path
) -> None:
    model = fit_codes(names)
    XGBoost().save(model, tmp_path)
    assert XGBoost().signature(model).categories == ((), None)
    table = xgb.DMatrix(CODES, feature_types=TYPES, enable_categorical=True, nthread=1)
    wanted = {"value": {}, "margin": {"output_margin": True}, "leaf": {"pred_leaf": True}}
    for output, options in {**wanted, "contribs": {"pred_contribs": True}}.items():
        expected = model.predict(table, validate_features=False, **options)
        found = numbers(ask(tmp_path, *CODED_BODIES[body], features=Coded, predict=output))
        assert np.array_equal(found, expected), output


@every_naming
@pytest.mark.parametrize("kind", [None, "names", float, int, str, bool, Literal["red", "green"]])
def test_codes_that_no_features_list_are_refused_at_load(
    kind: Any, names: list[str] | None, tmp_path: Path
) -> None:
    features: Any = ["colour", "size"] if kind == "names" else None
    if kind not in (None, "names"):
        features = create_model("Made", colour=(kind, ...), size=(float | None, ...))
    XGBoost().save(fit_codes(names), tmp_path)
    with pytest.raises(ModelLoadError, match=r"categories .*declare"):
        compose("xgboost", features=features).model_fn(str(tmp_path))


@pytest.mark.parametrize("cell", [3, -1, 0.5, "0", 1e9])
def test_a_code_that_features_do_not_list_is_a_422_that_names_row_and_field(
    cell: Any, tmp_path: Path
) -> None:
    XGBoost().save(fit_codes(), tmp_path)
    body = [[0, 1.5], [None, None], [cell, 1.5]]
    reply = ask(tmp_path, body, features=Coded)
    where = {"row": 3, "column": 1, "field": "colour"}
    assert (reply.status, reply.json()["where"]) == (422, where)


@pytest.mark.skipif(RELEASE >= (3, 1), reason="artefacts keep categories since xgboost 3.1")
def test_an_older_artefact_of_a_data_frame_is_asked_by_codes(tmp_path: Path) -> None:
    model = fit(FRAME[["colour", "size"]])
    XGBoost().save(model, tmp_path)
    with pytest.raises(ModelLoadError, match="'colour'"):
        compose("xgboost").model_fn(str(tmp_path))
    found = numbers(ask(tmp_path, *CODED_BODIES["records"], features=Coded))
    assert np.array_equal(found, of_the_library(model, FRAME[["colour", "size"]]))
