"""The property that the contract exists for: no change of columns changes an answer in silence."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st

from scriptmode import compose
from scriptmode.handlers.registries import DEFAULT
from scriptmode.serializers.base import Encoder
from scriptmode.testing import Reply, invoke
from scriptmode.values import Table

NAMES = ("age", "bmi", "bp", "s1", "s2")
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, len(NAMES))).round(3)
ROWS = X[:4].tolist()
modest = settings(deadline=None, max_examples=12)


@pytest.fixture(scope="module")
def booster() -> Any:
    label = X @ [3.0, -2.0, 1.0, 0.5, 4.0]
    matrix = xgb.DMatrix(X, label, feature_names=list(NAMES))
    return xgb.train({"nthread": 1}, matrix, 5)


@pytest.fixture(scope="module")
def model_dir(booster: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    (folder / "xgboost-model").write_bytes(booster.save_raw("ubj"))
    return folder


@pytest.fixture(scope="module")
def expected(booster: Any) -> list[float]:
    answer: list[float] = booster.predict(xgb.DMatrix(X[:4], feature_names=list(NAMES))).tolist()
    return answer


ACCEPTS = [
    "json",
    "jsonlines",
    "csv",
    "tsv",
    "npy",
    "npz",
    "parquet",
    "arrow",
    "feather",
    "msgpack",
]
BINARY = ("npz", "parquet", "arrow", "feather", "msgpack")


def bodies(names: tuple[str, ...], rows: list[list[float]]) -> dict[str, str | bytes]:
    """The same named table in every layout that carries names."""
    records = [dict(zip(names, row, strict=True)) for row in rows]
    lines = [",".join(map(repr, row)) for row in rows]
    return {
        "application/json": json.dumps(records),
        "application/json; layout=columns": json.dumps(
            {name: [row[i] for row in rows] for i, name in enumerate(names)}
        ),
        "application/json; layout=split": json.dumps({"columns": names, "data": rows}),
        "application/jsonlines": "\n".join(map(json.dumps, records)),
        "text/csv; header=present": "\n".join([",".join(names), *lines]),
        "text/tsv; header=present": "\n".join([",".join(names), *lines]).replace(",", "\t"),
        **{
            serializer.media_types[0]: serializer.encode(Table(names, np.array(rows)), {})
            for serializer in map(DEFAULT.serializers.get, BINARY)
            if isinstance(serializer, Encoder)
        },
    }


def same(answer: list[float], expected: list[float]) -> bool:
    return np.array_equal(np.array(answer, np.float32), np.array(expected, np.float32))


def ask(model_dir: Path, body: str | bytes, content_type: str) -> Reply:
    handler = compose("xgboost", accepts=ACCEPTS)
    return invoke(handler, body, content_type=content_type, model_dir=model_dir)


@given(order=st.permutations(range(len(NAMES))))
@modest
def test_permuting_named_columns_never_changes_an_answer(
    order: list[int], model_dir: Path, expected: list[float]
) -> None:
    names = tuple(NAMES[i] for i in order)
    rows = [[row[i] for i in order] for row in ROWS]
    for content_type, body in bodies(names, rows).items():
        answer = ask(model_dir, body, content_type).raise_for_status().json()
        assert same(answer, expected)


@given(gone=st.integers(0, len(NAMES) - 1))
@modest
def test_dropping_a_named_column_is_a_4xx_that_names_it(gone: int, model_dir: Path) -> None:
    kept = [i for i in range(len(NAMES)) if i != gone]
    rows = [[row[i] for i in kept] for row in ROWS]
    for content_type, body in bodies(tuple(NAMES[i] for i in kept), rows).items():
        reply = ask(model_dir, body, content_type)
        assert reply.status == 422
        assert f"missing column '{NAMES[gone]}'" in reply.json()["message"]


@given(place=st.integers(0, len(NAMES)), name=st.text("xyz", min_size=1, max_size=3))
@modest
def test_adding_a_named_column_is_a_4xx_that_names_it(
    place: int, name: str, model_dir: Path
) -> None:
    names = (*NAMES[:place], name, *NAMES[place:])
    rows = [[*row[:place], 7.0, *row[place:]] for row in ROWS]
    for content_type, body in bodies(names, rows).items():
        reply = ask(model_dir, body, content_type)
        assert reply.status == 422
        assert f"unexpected column '{name}'" in reply.json()["message"]


@given(place=st.integers(0, len(NAMES) - 1), name=st.text("xyz", min_size=1, max_size=3))
@modest
def test_renaming_a_column_is_a_4xx_that_names_both(place: int, name: str, model_dir: Path) -> None:
    names = (*NAMES[:place], name, *NAMES[place + 1 :])
    for content_type, body in bodies(names, ROWS).items():
        message = ask(model_dir, body, content_type).json()["message"]
        assert message == f"missing column '{NAMES[place]}' and unexpected column '{name}'"


def test_rows_without_names_are_the_same_matrix(model_dir: Path, expected: list[float]) -> None:
    npy, npz = io.BytesIO(), io.BytesIO()
    np.save(npy, X[:4])
    named: dict[str, Any] = {name: X[:4, i] for i, name in enumerate(NAMES)}
    np.savez(npz, **named)
    unnamed: dict[str, str | bytes] = {
        "application/json": json.dumps(ROWS),
        "application/jsonlines": "\n".join(map(json.dumps, ROWS)),
        "text/csv": "\n".join(",".join(map(repr, row)) for row in ROWS),
        "application/x-npy": npy.getvalue(),
        "application/x-npz": npz.getvalue(),
    }
    for content_type, body in unnamed.items():
        answer = ask(model_dir, body, content_type).raise_for_status().json()
        assert same(answer, expected)


@pytest.mark.parametrize("width", [1, 4, 6])
def test_rows_of_another_width_are_refused(model_dir: Path, width: int) -> None:
    reply = ask(model_dir, json.dumps([[1.0] * width]), "application/json")
    assert reply.status == 422
    assert "the model has 5 features ('age', 'bmi', 'bp', 's1', 's2')" in reply.json()["message"]


def test_tensors_of_one_cell_a_row_are_columns(model_dir: Path, expected: list[float]) -> None:
    body = io.BytesIO()
    columns: Any = {name: X[:4, place, None] for place, name in enumerate(NAMES)}
    np.savez(body, **columns)
    handler = compose("xgboost", accepts=["npz"])
    reply = invoke(handler, body.getvalue(), content_type="application/x-npz", model_dir=model_dir)
    assert np.array_equal(np.array(reply.json(), "f4"), np.array(expected, "f4"))
