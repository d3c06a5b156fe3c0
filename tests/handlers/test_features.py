"""What a declaration of the columns means for requests, through input_fn and predict_fn."""

import datetime as dt
import enum
import io
import json
import pickle
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import numpy as np
import pandas as pd
import pytest
from pydantic import AliasChoices, BaseModel, Field, field_validator

from scriptmode import DeclarationError, ModelLoadError, compose
from scriptmode.errors import InvalidFeaturesError, MalformedBodyError
from scriptmode.models.base import Signature
from scriptmode.serializers.csv import CSV


class Port(enum.Enum):
    CHERBOURG = "C"
    QUEENSTOWN = "Q"
    SOUTHAMPTON = "S"


class Passenger(BaseModel):
    age: float = Field(ge=0, le=120)
    siblings: int = Field(0, ge=0, lt=10)
    pclass: Literal[1, 2, 3]
    fare: float | None = None
    alone: bool = False


class Ticket(BaseModel):
    zip: str = Field(pattern="^[0-9]+$", min_length=5, max_length=5)
    port: Port
    sex: Literal["male", "female"] | None = None
    sailed: dt.date
    age: float = Field(gt=0)


class Echo:
    """Predicts its input."""

    name = "echo"

    def __init__(self, names: tuple[str, ...] | None = None, width: int | None = None) -> None:
        self.names, self.width = names, width

    def load(self, model_dir: Path) -> str:
        return "model"

    def predict(self, model: str, data: Any) -> Any:
        return data

    def signature(self, model: str) -> Signature:
        return Signature(self.names, self.width)


def ask(body: Any, content_type: str = "application/json", **declared: Any) -> Any:
    handler = compose(declared.pop("model", Echo()), **declared)
    raw = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return handler.predict_fn(handler.input_fn(raw, content_type), "model")


def refusal(body: Any, content_type: str = "application/json", **declared: Any) -> Any:
    with pytest.raises((InvalidFeaturesError, MalformedBodyError)) as error:
        ask(body, content_type, **declared)
    return error.value


ROW: dict[str, Any] = {"age": 22, "siblings": 1, "pclass": 3, "fare": 7.25, "alone": True}
MATRIX = [[22.0, 1.0, 3.0, 7.25, 1.0]]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ([ROW], "application/json"),
        ([dict(reversed(ROW.items()))], "application/json"),
        ([[22, 1, 3, 7.25, 1]], "application/json"),
        ([[22, 1, 3, 7.25, True]], "application/json"),
        ({name: [cell] for name, cell in ROW.items()}, "application/json"),
        ("22,1,3,7.25,1\n", "text/csv"),
        ("22,1,3,7.25,true\n", "text/csv"),
        ("alone,fare,pclass,siblings,age\nTrue,7.25,3,1,22\n", "text/csv; header=present"),
        (json.dumps(ROW), "application/jsonlines"),
    ],
)
def test_a_described_row_is_the_same_matrix_however_it_comes(body: Any, content_type: str) -> None:
    found = ask(body, content_type, features=Passenger)
    np.testing.assert_array_equal(np.asarray(found, dtype=float), MATRIX)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"age": 190}, 'row 1, field "age": 190 is greater than 120'),
        ({"age": -0.5}, 'row 1, field "age": -0.5 is less than 0'),
        ({"age": None}, 'row 1, field "age": is missing'),
        ({"age": "old"}, "row 1, field \"age\": 'old' is not a number"),
        ({"siblings": 10}, 'field "siblings": 10 is not less than 10'),
        ({"siblings": 1.5}, 'field "siblings": 1.5 is not a whole number'),
        ({"pclass": 4}, 'field "pclass": 4 is not one of 1, 2, 3'),
        ({"alone": 2}, 'field "alone": 2 is not one of 0, 1'),
        ({"alone": "maybe"}, "'maybe' is neither true nor false"),
    ],
)
def test_a_cell_that_is_not_as_described_is_named(change: dict[str, Any], message: str) -> None:
    error = refusal([{**ROW, **change}], features=Passenger)
    assert message in str(error)
    assert error.where["field"] == next(iter(change))
    assert error.where["row"] == 1


def test_the_row_of_a_long_body_is_named() -> None:
    rows = [dict(ROW) for _ in range(20)]
    rows[16]["age"] = 190
    error = refusal(rows, features=Passenger)
    assert str(error) == 'row 17, field "age": 190 is greater than 120'


def test_missing_cells_are_filled_or_stay_missing_as_described() -> None:
    row = {**ROW, "siblings": None, "fare": None, "alone": None}
    found = np.asarray(ask([row], features=Passenger), dtype=float)
    np.testing.assert_array_equal(found, [[22, 0, 3, np.nan, 0]])
    found = ask("22,,3,,\n", "text/csv", features=Passenger)
    np.testing.assert_array_equal(np.asarray(found, dtype=float), [[22, 0, 3, np.nan, 0]])


def test_an_absent_column_is_filled_only_where_there_is_a_default() -> None:
    short = {name: ROW[name] for name in ("age", "pclass", "fare")}
    found = np.asarray(ask([short], features=Passenger), dtype=float)
    np.testing.assert_array_equal(found, [[22, 0, 3, 7.25, 0]])
    assert "missing column 'fare'" in str(refusal([{"age": 1, "pclass": 1}], features=Passenger))


TICKET = {"zip": "01234", "port": "S", "sex": None, "sailed": "1912-04-10", "age": 30}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ([TICKET], "application/json"),
        ("01234,S,,1912-04-10,30\n", "text/csv"),
        ("age,sailed,zip,sex,port\n30,1912-04-10,01234,,S\n", "text/csv; header=present"),
    ],
)
def test_words_reach_the_model_as_they_were_sent(body: Any, content_type: str) -> None:
    frame = ask(body, content_type, features=Ticket)
    assert list(frame.columns) == list(Ticket.model_fields)
    assert frame["zip"].tolist() == ["01234"]
    assert frame["port"].tolist() == ["S"]
    assert frame["sex"].isna().tolist() == [True]
    assert frame["sailed"].tolist() == [pd.Timestamp("1912-04-10")]
    assert frame["age"].tolist() == [30.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"zip": "1234"}, "'1234' is shorter than 5"),
        ({"zip": "123456"}, "'123456' is longer than 5"),
        ({"zip": "1234x"}, "is not like ^[0-9]+$"),
        ({"zip": 12345}, "'12345' is not text"),
        ({"port": "X"}, "'X' is not one of C, Q, S"),
        ({"sailed": "April"}, "'April' is not a date in ISO 8601"),
        ({"age": 0}, '"age": 0 is not greater than 0'),
    ],
)
def test_a_word_that_is_not_as_described_is_named(change: dict[str, Any], message: str) -> None:
    assert message in str(refusal([{**TICKET, **change}], features=Ticket))


def test_missing_cells_may_have_other_spellings() -> None:
    declared: dict[str, Any] = {"features": Passenger, "missing": ["", "NA"]}
    for body, content_type in (("22,NA,3,NA,\n", "text/csv"), ([{**ROW, "fare": "NA"}], None)):
        found = ask(body, content_type or "application/json", **declared)
        assert np.isnan(np.asarray(found, dtype=float)[0, 3])
    assert "line 1, column 2: 'NA'" in str(refusal("22,NA,3,1,1\n", "text/csv", features=Passenger))


def test_a_label_is_dropped_by_name_or_by_position() -> None:
    names = ["a", "b"]
    assert ask([{"y": 9, "b": 2, "a": 1}], features=names, label="y").tolist() == [[1, 2]]
    assert ask([{"b": 2, "a": 1}], features=names, label="y").tolist() == [[1, 2]]
    assert ask("9,1,2\n", "text/csv", features=names, label=0).tolist() == [[1, 2]]
    assert ask("1,2\n", "text/csv", features=names, label=0).tolist() == [[1, 2]]
    assert "each row of the body has 3" in str(refusal("9,1,2\n", "text/csv", features=names))
    assert "unexpected column 'y'" in str(refusal([{"y": 9, "b": 2, "a": 1}], features=names))


def test_extra_columns_are_an_error_unless_they_are_to_be_ignored() -> None:
    body = [{"a": 1, "x": "text", "b": 2}]
    found = np.asarray(ask(body, features=["a", "b"], extra="ignore"), dtype=float)
    assert found.tolist() == [[1, 2]]
    assert "unexpected column 'x'" in str(refusal(body, features=["a", "b"]))


def test_ignored_columns_may_hold_anything_in_formats_without_types() -> None:
    declared: Any = {"features": ["a", "b"], "extra": "ignore"}
    body = "id,b,a\nx-1,2,1\n,4,3\n"
    kind = "text/csv; header=present"
    assert np.asarray(ask(body, kind, **declared), dtype=float).tolist() == [[1, 2], [3, 4]]
    assert "'x' is not a number" in str(refusal("id,b,a\n1,x,1\n", kind, **declared))
    form = ask("b=2&id=x-1&a=1", "application/x-www-form-urlencoded", accepts="form", **declared)
    assert np.asarray(form, dtype=float).tolist() == [[1, 2]]


def test_aliases_are_names_too() -> None:
    class Aliased(BaseModel):
        sepal: float = Field(alias="sepal length (cm)")
        petal: float = Field(validation_alias=AliasChoices("petal length", "pl"))

    for names in (("sepal", "petal"), ("sepal length (cm)", "pl")):
        assert ask([dict(zip(names, (1, 2), strict=True))], features=Aliased).tolist() == [[1, 2]]
    twice = refusal([{"pl": 1, "petal": 1, "sepal": 1}], features=Aliased)
    assert "sent under two names" in str(twice)
    artefact = Echo(("sepal length (cm)", "petal length"), 2)
    assert ask([[1, 2]], features=Aliased, model=artefact).tolist() == [[1, 2]]


def test_the_description_and_the_artefact_must_agree(tmp_path: Path) -> None:
    for artefact in (Echo(("age", "pclass"), 2), Echo(None, 3), Echo(tuple(reversed(ROW)), 5)):
        with pytest.raises(ModelLoadError, match="the model was trained on"):
            compose(artefact, features=Passenger).model_fn(str(tmp_path))


class Loose(BaseModel):
    a: Annotated[float, Field(ge=0)] | None
    b: Optional[Annotated[int, Field(le=3)]] = None  # noqa: UP045 - the old spelling too


def test_constraints_inside_optional_are_seen() -> None:
    assert ask([{"a": None, "b": 3}], features=Loose).shape == (1, 2)
    assert '"a": -1 is less than 0' in str(refusal([{"a": -1, "b": 3}], features=Loose))
    assert '"b": 4 is greater than 3' in str(refusal([{"a": 1, "b": 4}], features=Loose))


def _model(**fields: Any) -> type[BaseModel]:
    from pydantic import create_model

    made: type[BaseModel] = create_model("Made", **fields)
    return made


class Validated(BaseModel):
    a: float

    @field_validator("a")
    @classmethod
    def check(cls, value: float) -> float:
        return value


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (_model(a=(bytes, ...)), "'a' has the type"),
        (_model(a=(list[float], ...)), "'a' has the type"),
        (_model(a=(float | str, ...)), "'a' has the type"),
        (_model(a=(float, Field(multiple_of=2))), "cannot be checked on columns"),
        (_model(a=(str, Field(ge="x"))), "cannot be checked on columns"),
        (_model(a=(Literal["x", 1], ...)), "all text or all numbers"),
        (_model(a=(float, ...), b=(float, Field(alias="a"))), "'a' stands twice"),
        (Validated, "Validated.check: validators see one row"),
        (int, "list the names"),
    ],
)
def test_what_cannot_be_checked_is_refused_when_the_script_is_imported(
    features: Any, message: str
) -> None:
    with pytest.raises(DeclarationError, match=message):
        compose(Echo(), features=features)


@pytest.mark.parametrize("declared", [{"extra": "drop"}, {"missing": "NA"}])
def test_policies_are_checked_when_the_script_is_imported(declared: Any) -> None:
    with pytest.raises(DeclarationError, match=r"expected|list"):
        compose(Echo(), **declared)


def test_a_described_handler_can_be_pickled() -> None:
    handler = pickle.loads(pickle.dumps(compose(Echo(), features=Passenger)))
    assert (
        np.asarray(handler.predict_fn(handler.input_fn("22,1,3,7.25,1", "text/csv"), "m")).tolist()
        == MATRIX
    )


def test_cells_that_are_no_real_numbers_are_refused() -> None:
    body = io.BytesIO()
    np.save(body, np.ones((1, 5), dtype=complex))
    error = refusal(body.getvalue(), "application/x-npy", features=Passenger)
    assert "expected a table of numbers" in str(error)


def test_whole_numbers_may_come_as_whole_numbers() -> None:
    body = io.BytesIO()
    np.save(body, np.array([[22, 1, 3, 7, 1]], dtype=np.int8))
    found = ask(body.getvalue(), "application/x-npy", features=Passenger)
    assert found.tolist() == [[22, 1, 3, 7, 1]]


def test_a_sparse_table_is_held_to_its_width() -> None:
    from scipy.sparse import csr_matrix

    handler = compose(Echo(None, 2))
    assert handler.predict_fn(csr_matrix([[1.0, 0.0]]), "model").shape == (1, 2)
    with pytest.raises(InvalidFeaturesError, match="the model has 2 features"):
        handler.predict_fn(csr_matrix([[1.0]]), "model")


def test_very_many_extra_names_are_not_remembered() -> None:
    handler = compose(Echo(), features=["a"], extra="ignore")
    body = json.dumps([{"a": 1, **{f"x{number}": 1 for number in range(100)}}])
    composition: Any = handler.predict_fn
    for _ in range(3):
        assert handler.predict_fn(handler.input_fn(body, None), "model").tolist() == [[1]]
    assert not composition.__self__.inference.bind("model")._orders


def test_words_that_the_serializer_declares_itself_stay_declared() -> None:
    handler = compose(Echo(), accepts=CSV(header=True, words=["zip"]))
    assert handler.input_fn("zip,a\n01234,1\n", None)["zip"].tolist() == ["01234"]
