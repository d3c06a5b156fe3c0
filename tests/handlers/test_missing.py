"""What a missing cell is, and what becomes of it, in every format and for every kind of columns."""

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from scriptmode import DeclarationError, ModelLoadError, compose, compose_from
from scriptmode.models.base import Signature
from scriptmode.serializers.csv import CSV
from scriptmode.testing import Reply, invoke
from tests.serializers.strategies import npy

HERE = Path(__file__).parent
untyped: Any = compose
"""For declarations that a type checker would find first."""
ERROR, FILL = {"cells": "error"}, {"cells": "fill", "value": -1}


class Echo:
    """Predicts its input."""

    name = "echo"

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
        return data

    def signature(self, model: str) -> Signature:
        return self.known


def ask(declared: dict[str, Any], body: Any, content_type: str = "application/json") -> Reply:
    raw = body if isinstance(body, (str, bytes)) else json.dumps(body)
    handler = compose(**{"model": Echo(), **declared})
    return invoke(handler, raw, content_type=content_type, model_dir=HERE)


def cells(declared: dict[str, Any], body: Any, content_type: str = "application/json") -> Any:
    """What reaches the model, as rows without names."""
    found = ask(declared, body, content_type).raise_for_status().json()
    return [list(row.values()) if isinstance(row, dict) else row for row in found]


KNOWN: dict[str, dict[str, Any]] = {
    "features as names": {"features": ["a", "b"]},
    "the artefact's names": {"model": Echo(("a", "b"), 2)},
    "the artefact's width": {"model": Echo(None, 2)},
    "both": {"model": Echo(("a", "b"), 2), "features": ["a", "b"]},
}
GAPS = npy(np.array([[1, np.nan], [np.nan, 4]]))
BODIES: list[Any] = [
    ([[1, None], [None, 4]], "application/json"),
    ({"instances": [[1, None], [None, 4]]}, "application/json"),
    ("1,\n,4\n", "text/csv"),
    ("1,nan\nNaN,4\n", "text/csv"),
    ("[1, null]\n[null, 4]\n", "application/jsonlines"),
    (GAPS, "application/x-npy"),
    (npy(np.array([[1, np.nan], [np.nan, 4]], np.float32)), "application/x-npy"),
]
NAMED: list[Any] = [
    ([{"b": None, "a": 1}, {"b": 4, "a": None}], "application/json"),
    ({"b": [None, 4], "a": [1, None]}, "application/json"),
    ("b,a\n,1\n4,\n", "text/csv; header=present"),
    ('{"b": null, "a": 1}\n{"b": 4, "a": null}\n', "application/jsonlines"),
]


def bodies_for(known: str) -> list[Any]:
    return BODIES if "width" in known else BODIES + NAMED


EVERY = [(known, *body) for known in KNOWN for body in bodies_for(known)]


@pytest.mark.parametrize(("known", "body", "content_type"), EVERY)
@pytest.mark.parametrize("policy", [{}, {"missing": {}}, {"missing": {"cells": "allow"}}])
def test_missing_cells_reach_the_model_by_default(
    policy: Any, known: str, body: Any, content_type: str
) -> None:
    assert cells({**KNOWN[known], **policy}, body, content_type) == [[1, None], [None, 4]]


@pytest.mark.parametrize(("known", "body", "content_type"), EVERY)
def test_missing_cells_may_be_an_error(known: str, body: Any, content_type: str) -> None:
    reply = ask({**KNOWN[known], "missing": ERROR}, body, content_type)
    assert reply.status == 422
    where = reply.json()["where"]
    place = {"a": (2, 1), "b": (1, 2), "column 1": (2, 1), "column 2": (1, 2)}
    assert (where["row"], where["column"]) == place[where["field"]]
    assert reply.json()["message"].endswith("is missing")


@pytest.mark.parametrize(("known", "body", "content_type"), EVERY)
def test_missing_cells_may_be_filled(known: str, body: Any, content_type: str) -> None:
    assert cells({**KNOWN[known], "missing": FILL}, body, content_type) == [[1, -1], [-1, 4]]


@pytest.mark.parametrize("known", KNOWN)
@pytest.mark.parametrize("policy", [ERROR, FILL])
def test_complete_rows_pass_every_policy(known: str, policy: Any) -> None:
    for body, content_type in (
        ([[1, 2]], "application/json"),
        ("1,2\n", "text/csv"),
        (npy(np.array([[1, 2]], np.int8)), "application/x-npy"),
    ):
        assert cells({**KNOWN[known], "missing": policy}, body, content_type) == [[1, 2]]


@given(
    rows=st.lists(
        st.lists(st.none() | st.floats(-9, 9), min_size=3, max_size=3), min_size=1, max_size=40
    ),
    value=st.floats(-1e6, 1e6),
    known=st.sampled_from([{"features": ["a", "b", "c"]}, {"model": Echo(None, 3)}]),
)
@settings(deadline=None, max_examples=60)
def test_filling_changes_missing_cells_only(
    rows: list[Any], value: float, known: dict[str, Any]
) -> None:
    expected = [[value if cell is None else cell for cell in row] for row in rows]
    policy = {"cells": "fill", "value": value}
    lines = "\n".join(",".join("" if each is None else repr(each) for each in row) for row in rows)
    assert cells({**known, "missing": policy}, rows) == expected
    assert cells({**known, "missing": policy}, lines, "text/csv") == expected
    is_complete = all(cell is not None for row in rows for cell in row)
    assert ask({**known, "missing": ERROR}, rows).ok == is_complete


def test_filling_leaves_what_the_caller_sent_as_it_is() -> None:
    sent = np.array([[1.0, np.nan]])
    handler = compose(Echo(), features=["a", "b"], missing=FILL)
    assert handler.predict_fn(sent, "model").tolist() == [[1, -1]]
    assert np.isnan(sent[0, 1])


@pytest.mark.parametrize("policy", [ERROR, FILL, {"cells": "allow"}])
@pytest.mark.parametrize("known", ["features as names", "the artefact's names", "both"])
def test_no_policy_makes_up_an_absent_column(known: str, policy: Any) -> None:
    for body, content_type in (
        ([{"a": 1}], "application/json"),
        ({"a": [1]}, "application/json"),
        ({"columns": ["a"], "data": [[1]]}, "application/json"),
        ("a\n1\n", "text/csv; header=present"),
        ('{"a": 1}\n', "application/jsonlines"),
    ):
        reply = ask({**KNOWN[known], "missing": policy}, body, content_type)
        assert (reply.status, reply.json()["message"]) == (422, "missing column 'b'")
    reply = ask({**KNOWN[known], "missing": policy}, [[1]])
    assert "each row of the body has 1" in reply.json()["message"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("1,NA\n", "text/csv"),
        ("1, NA \n", "text/csv"),
        ("1,?\n", "text/csv"),
        ("1,\n", "text/csv"),
        ("a,b\n1,NA\n", "text/csv; header=present"),
    ],
)
def test_spellings_and_policies_go_together(body: str, content_type: str) -> None:
    spellings = ["", "NA", "?"]
    names = {"features": ["a", "b"]}
    assert cells({**names, "missing": spellings}, body, content_type) == [[1, None]]
    allowed = {"spellings": spellings}
    assert cells({**names, "missing": allowed}, body, content_type) == [[1, None]]
    filled = {"spellings": spellings, **FILL}
    assert cells({**names, "missing": filled}, body, content_type) == [[1, -1]]
    refused = {"spellings": spellings, **ERROR}
    assert ask({**names, "missing": refused}, body, content_type).status == 422


def test_a_spelling_that_nobody_declared_is_no_missing_cell() -> None:
    for policy in (ERROR, FILL, ["NA"]):
        reply = ask({"features": ["a"], "missing": policy}, "?\n", "text/csv")
        assert (reply.status, "'?' is not a number" in reply.text) == (400, True)


def test_a_number_may_be_the_spelling_of_a_missing_cell() -> None:
    declared = {"features": ["a", "b"], "missing": {"spellings": ["-999"], **FILL}}
    assert cells(declared, "1,-999\n", "text/csv") == [[1, -1]]


TEXT = {"features": ["a", "b"], "accepts": ["json", CSV(text=["a"], header=True)]}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ([{"a": "x", "b": None}], "application/json"),
        ([{"a": "x", "b": None}, {"a": "y", "b": 2}], "application/json"),
        ([{"a": "x", "b": None}, {"a": "y", "b": None}], "application/json"),
        ([["x", None], ["y", 2]], "application/json"),
        ({"a": "x", "b": None}, "application/json"),
        ({"a": ["x", "y"], "b": [None, 2.5]}, "application/json"),
        ("a,b\nx,\n", "text/csv"),
        ("a,b\nx,\ny,2\n", "text/csv"),
    ],
)
def test_a_number_beside_text_is_filled_too(body: Any, content_type: str) -> None:
    expected = [
        [text, -1 if number is None else number] for text, number in cells(TEXT, body, content_type)
    ]
    assert cells({**TEXT, "missing": FILL}, body, content_type) == expected
    reply = ask({**TEXT, "missing": ERROR}, body, content_type)
    assert reply.json()["message"] == 'row 1, field "b": is missing'


def test_a_truth_value_beside_text_is_filled_too() -> None:
    body = [{"a": "x", "b": None}, {"a": "y", "b": True}]
    assert cells({**TEXT, "missing": FILL}, body) == [["x", -1], ["y", 1]]


@pytest.mark.parametrize("policy", [ERROR, FILL])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ([{"a": None, "b": 1}, {"a": "x", "b": 2}], "application/json"),
        ([[None, 1], ["x", 2]], "application/json"),
        ("a,b\n,1\nx,2\n", "text/csv"),
    ],
)
def test_a_missing_text_is_refused_since_a_number_cannot_fill_it(
    policy: Any, body: Any, content_type: str
) -> None:
    reply = ask({**TEXT, "missing": policy}, body, content_type)
    assert reply.status == 422
    assert reply.json()["message"] == 'row 1, field "a": is missing'


def test_a_missing_category_is_never_passed_on_in_silence() -> None:
    artefact = Echo(("port", "age"), 2, (("C", "S"), None))
    assert ask({"model": artefact, "missing": ERROR}, [[None, 1], ["S", 2]]).status == 422
    with pytest.raises(ModelLoadError, match="-1"):
        ask({"model": artefact, "missing": FILL}, [[None, 1], ["S", 2]])


def test_a_missing_category_that_is_a_number_is_filled_with_a_category_only() -> None:
    declared = {"model": Echo(("grade", "age"), 2, ((1, 2), None))}
    filled = {**declared, "missing": {"cells": "fill", "value": 2}}
    assert cells(filled, [[None, 1]]) == [[2, 1]]
    with pytest.raises(ModelLoadError, match="-1"):
        ask({**declared, "missing": FILL}, [[None, 1]])


@pytest.mark.parametrize("known", [*KNOWN, "nothing"])
@pytest.mark.parametrize("policy", [ERROR, FILL])
def test_a_policy_holds_before_a_hook_too(known: str, policy: Any) -> None:
    declared = {**KNOWN.get(known, {}), "missing": policy, "before": lambda data, context: data}
    try:
        reply = ask(declared, [[1, None]])
    except (DeclarationError, ModelLoadError):
        return
    if policy is ERROR:
        assert reply.status == 422
    else:
        assert reply.json() == [[1, -1]]


def test_a_frame_that_a_script_made_is_held_to_the_policy() -> None:
    frame = pd.DataFrame({"b": [2.0, np.nan], "a": [1, 3]})
    filling = compose(Echo(), features=["a", "b"], missing=FILL)
    assert filling.predict_fn(frame, "model").to_numpy().tolist() == [[1, 2], [3, -1]]


def test_a_policy_for_columns_that_nobody_knows_is_refused_when_the_model_is_loaded() -> None:
    for policy in (ERROR, FILL):
        with pytest.raises(ModelLoadError, match="nobody knows the model's columns"):
            ask({"missing": policy}, [[1]])


class Described(BaseModel):
    a: float | None
    b: float = 0.5
    c: Literal["x", "y"] | None = None


@pytest.mark.parametrize("policy", [ERROR, FILL, {**ERROR, "spellings": ["NA"]}])
def test_a_policy_beside_a_description_is_a_contradiction(policy: Any) -> None:
    with pytest.raises(DeclarationError, match="features is a pydantic model, whose fields say"):
        compose(Echo(), features=Described, missing=policy)


@pytest.mark.parametrize(
    "missing", [["", "NA"], {"spellings": ["", "NA"]}, {"spellings": ["", "NA"], "cells": "allow"}]
)
def test_spellings_beside_a_description_are_none(missing: Any) -> None:
    declared = {"features": Described, "missing": missing}
    assert cells(declared, "NA,NA,NA\n,,x\n", "text/csv") == [[None, 0.5, None], [None, 0.5, "x"]]


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("NA", "list the spellings"),
        ({"spellings": "NA"}, "list the spellings"),
        ({"cells": "drop"}, "cells='drop': expected one of allow, error, fill"),
        ({"cells": None}, "expected one of"),
        ({"cell": "error"}, "no key 'cell'; did you mean 'cells'"),
        ({"cells": "fill"}, "go together"),
        ({"cells": "fill", "value": None}, "go together"),
        ({"cells": "fill", "value": "0"}, "go together"),
        ({"cells": "fill", "value": True}, "go together"),
        ({"cells": "error", "value": 0}, "go together"),
        ({"value": 0}, "go together"),
        ({"cells": "fill", "value": float("nan")}, "value"),
        ({"spellings": {"cells": "error"}}, "spellings"),
        ([3], "spellings"),
        (3, "missing"),
    ],
)
def test_a_wrong_policy_is_found_when_the_script_is_imported(missing: Any, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        untyped(Echo(), features=["a"], missing=missing)


def test_zero_fills() -> None:
    declared = {"features": ["a"], "missing": {"cells": "fill", "value": 0}}
    assert cells(declared, [[None]]) == [[0]]


def test_a_policy_is_declared_in_a_file_too(tmp_path: Path) -> None:
    from scriptmode.handlers.registries import DEFAULT

    registries = DEFAULT.child()
    registries.loaders.register("missing-of-test", Echo())
    (tmp_path / "inference.toml").write_text(
        'model = "missing-of-test"\nfeatures = ["a", "b"]\n'
        '[missing]\nspellings = ["NA"]\ncells = "fill"\nvalue = -1\n'
    )
    handler = compose_from(tmp_path / "inference.py", registries=registries)
    found = handler.predict_fn(handler.input_fn("1,NA\n", "text/csv"), "model")
    assert found.tolist() == [[1, -1]]


def test_the_environment_lists_spellings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCRIPTMODE_MISSING", "NA, null")
    assert cells({"features": ["a", "b"]}, "NA,null\n", "text/csv") == [[None, None]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_value_that_a_narrow_array_cannot_hold_is_not_made_infinite(dtype: Any) -> None:
    handler = compose(Echo(), features=["a"], missing={"cells": "fill", "value": 1e39})
    found = handler.predict_fn(np.array([[np.nan]], dtype), "model")
    assert np.isfinite(found).all()
