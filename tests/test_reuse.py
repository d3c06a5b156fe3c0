"""One declaration serves one table through five frameworks; only the framework's name differs."""

import io
import json
from pathlib import Path
from typing import Any

import catboost as cb
import lightgbm as lgb
import numpy as np
import onnxruntime as ort
import pytest
import skl2onnx
import xgboost as xgb
from pydantic import BaseModel, Field
from sklearn.linear_model import LinearRegression

from scriptmode import compose
from scriptmode.testing import invoke
from tests.models.tables import FRAME, NAMES, NUMBERS, X


class Row(BaseModel):
    a: float = Field(ge=-10, le=10)
    b: float
    c: float
    d: float
    e: float


DECLARATION: dict[str, Any] = {
    "accepts": ["csv", "json", "jsonlines", "npy", "parquet"],
    "returns": ["json", "csv", "npy"],
    "features": Row,
    "response": {"predictions": "$"},
}
LINEAR = LinearRegression().fit(X, NUMBERS)
PROTO = skl2onnx.to_onnx(LINEAR, X[:1].astype("f4"))
BOOSTER = xgb.train({"nthread": 1}, xgb.DMatrix(FRAME, NUMBERS), 5)
TEXT = lgb.train(
    {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 2}, lgb.Dataset(FRAME, NUMBERS), 5
)
CAT = cb.CatBoostRegressor(iterations=5, verbose=0, allow_writing_files=False).fit(FRAME, NUMBERS)
SESSION = ort.InferenceSession(PROTO.SerializeToString(), providers=["CPUExecutionProvider"])
FRAMEWORKS: dict[str, tuple[Any, Any]] = {
    "xgboost": (BOOSTER, BOOSTER.predict(xgb.DMatrix(FRAME))),
    "sklearn": (LINEAR, LINEAR.predict(X)),
    "lightgbm": (TEXT, TEXT.predict(FRAME)),
    "catboost": (CAT, CAT.predict(FRAME)),
    "onnx": (PROTO, SESSION.run(None, {"X": X.astype("f4")})[0]),
}


def npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, X)
    return stream.getvalue()


BODIES: dict[str, tuple[Any, str]] = {
    "csv": ("\n".join(",".join(map(repr, row)) for row in X.tolist()), "text/csv"),
    "csv with a header": (FRAME.to_csv(index=False), "text/csv; header=present"),
    "columns in another order": (
        FRAME[list(reversed(NAMES))].to_csv(index=False),
        "text/csv; header=present",
    ),
    "json": (json.dumps(X.tolist()), "application/json"),
    "records": (FRAME.to_json(orient="records"), "application/json"),
    "json lines": (FRAME.to_json(orient="records", lines=True), "application/jsonlines"),
    "npy": (npy(), "application/x-npy"),
    "parquet": (FRAME.to_parquet(index=False), "application/vnd.apache.parquet"),
}


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("what", BODIES)
def test_the_same_declaration_answers_bit_for_bit(
    tmp_path: Path, framework: str, what: str
) -> None:
    model, expected = FRAMEWORKS[framework]
    handler = compose(framework, **DECLARATION)
    handler.save(model, tmp_path)
    body, content_type = BODIES[what]
    reply = invoke(
        handler, body, content_type=content_type, accept="application/x-npy", model_dir=tmp_path
    )
    if framework == "sklearn" and what == "parquet":  # BLAS sums columns in another order than rows
        expected = LINEAR.predict(np.asfortranarray(X))
    found = np.load(io.BytesIO(reply.raise_for_status().body))
    np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_same_mistakes_are_refused_alike(tmp_path: Path, framework: str) -> None:
    handler = compose(framework, **DECLARATION)
    handler.save(FRAMEWORKS[framework][0], tmp_path)
    replies = [
        invoke(handler, body, content_type="text/csv; header=present", model_dir=tmp_path)
        for body in (
            "a,b,c,d\n1,2,3,4",
            "a,b,c,d,f\n1,2,3,4,5",
            "a,b,c,d,e\n99,2,3,4,5",
            "a,b,c,d,e\nx,2,3,4,5",
        )
    ]
    assert [reply.status for reply in replies] == [422, 422, 422, 400]
    assert replies[2].json()["message"] == 'row 1, field "a": 99 is greater than 10'
    answer = invoke(handler, "1,2,3,4,5", content_type="text/csv", model_dir=tmp_path).json()
    assert list(answer) == ["predictions"]
