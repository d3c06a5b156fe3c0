"""FastAPI by hand, as well as its documentation tells: pydantic, ``async def``, ready responses."""
# mypy: disable-error-code="import-not-found", allow-untyped-decorators
# FastAPI lives in an environment of its own, which a check does not see.

import io
import os
import sys
from typing import Any

import numpy as np
import orjson
import uvicorn
import xgboost as xgb
from fastapi import FastAPI, Request, Response
from pydantic import RootModel

app = FastAPI()
booster = xgb.Booster(model_file=os.environ["MODEL"])
booster.set_param({"nthread": 1})


class Rows(RootModel[list[list[float]]]):
    """The body."""


@app.post("/json")
async def from_json(rows: Rows) -> Response:
    return answer(np.array(rows.root, np.float32))


@app.post("/csv")
async def from_csv(request: Request) -> Response:
    body = io.BytesIO(await request.body())
    return answer(np.loadtxt(body, np.float32, delimiter=",", ndmin=2))


def answer(table: Any) -> Response:
    predictions = booster.inplace_predict(table)
    body = orjson.dumps(predictions, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False)
