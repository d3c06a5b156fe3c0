"""Flask under gunicorn with gevent, as SageMaker's images for XGBoost and scikit-learn have it.

Decoding, predicting and gunicorn's options are what they do, written again; their nginx in front
is left out, which only spares time.
"""
# mypy: disable-error-code="import-not-found", allow-untyped-decorators
# Flask lives in an environment of its own, which a check does not see.

import csv
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb
from flask import Flask, Response, request

app = Flask(__name__)
booster = xgb.Booster(model_file=os.environ["MODEL"])
booster.set_param({"nthread": 1})


@app.post("/invocations")
def invocations() -> Response:
    text = request.get_data(as_text=True)
    is_csv = request.content_type == "text/csv"
    table = csv_to_array(text) if is_csv else np.array(json.loads(text))
    predictions = booster.predict(xgb.DMatrix(table), validate_features=False)
    return Response(json.dumps(predictions.tolist()), mimetype="application/json")


def csv_to_array(text: str) -> Any:
    lines = text.strip().split("\n")
    delimiter = csv.Sniffer().sniff(lines[0][:512]).delimiter
    rows = [[cell or "nan" for cell in line.split(delimiter)] for line in lines]
    return np.array(rows).astype(float)


if __name__ == "__main__":
    options = ["--worker-class", "gevent", "--workers", "1", "--worker-connections", "1000"]
    place = ["--timeout", "60", "--no-control-socket", "--bind", f"127.0.0.1:{sys.argv[1]}"]
    here = ["--chdir", str(Path(__file__).parent), "flask_app:app"]
    os.execvp("gunicorn", ["gunicorn", *options, *place, *here])
