"""Runs in environments of old releases: fits small models and writes every form of them.

    python write.py FOLDER

Each artefact stands in a folder of its own; ``expected.json`` says what each answered here.
"""

import json
import pickle
import sys
from pathlib import Path

import joblib
import numpy as np
import sklearn
import skops.io
import xgboost
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ROWS = np.round(np.random.RandomState(0).normal(size=(40, 3)), 3)
NUMBERS = ROWS[:, 0] * 10 + 50
SIGNS = (ROWS[:, 0] > 0).astype(int)
JOBLIB = {"joblib": 0, "joblib-zlib": 3, "joblib-xz": ("xz", 3)}


def boosters():
    for name, objective, label in (
        ("numbers", "reg:squarederror", NUMBERS),
        ("signs", "binary:logistic", SIGNS),
    ):
        table = xgboost.DMatrix(ROWS, label, feature_names=["version", "b", "c"])
        options = {"objective": objective, "nthread": 1, "max_depth": 3}
        yield name, xgboost.train(options, table, 5), table


def estimators():
    yield "pipeline", make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, SIGNS)
    yield "forest", RandomForestRegressor(3, random_state=0, max_depth=3).fit(ROWS, NUMBERS)
    yield "boosting", GradientBoostingRegressor(n_estimators=3, random_state=0).fit(ROWS, NUMBERS)
    wrapper = xgboost.XGBRegressor(n_estimators=5, max_depth=3, n_jobs=1)
    yield "wrapper", wrapper.fit(ROWS, NUMBERS)
    yield "mixed", make_pipeline(StandardScaler(), wrapper).fit(ROWS, NUMBERS)


def pickled(name, model, put):
    for protocol in (0, 2, 4):
        put(f"{name}.pickle{protocol}", "model.pkl", pickle.dumps(model, protocol))
    for form, compress in JOBLIB.items():
        joblib.dump(model, put(f"{name}.{form}", "model.joblib"), compress=compress)


def main(root):
    expected = {}

    def put(folder, file, raw=None):
        (root / folder).mkdir(parents=True)
        if raw is not None:
            (root / folder / file).write_bytes(raw)
        return root / folder / file

    for name, model, table in boosters():
        expected[name] = model.predict(table).tolist()
        put(f"{name}.json", "model.json", bytes(model.save_raw("json")))
        put(f"{name}.ubj", "model.ubj", bytes(model.save_raw("ubj")))
        document = json.loads(bytes(model.save_raw("json")))
        turned = json.dumps(dict(reversed(list(document.items()))))
        put(f"{name}.json-turned", "model.json", turned.encode())
        if "deprecated" in (xgboost.Booster.save_raw.__doc__ or ""):
            put(f"{name}.binary", "model.bin", bytes(model.save_raw("deprecated")))
        pickled(name, model, put)
    for name, model in estimators():
        expected[name] = model.predict(ROWS).tolist()
        pickled(name, model, put)
        if name != "wrapper":
            skops.io.dump(model, put(f"{name}.skops", "model.skops"))
    releases = {"xgboost": xgboost.__version__, "sklearn": sklearn.__version__}
    told = {"rows": ROWS.tolist(), "answers": expected, "releases": releases}
    (root / "expected.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
