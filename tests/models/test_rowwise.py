"""Models that say that rows do not depend on each other are asked in every company."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from sklearn import ensemble, kernel_ridge, linear_model, pipeline, preprocessing, tree

from scriptmode.models.catboost import CatBoost
from scriptmode.models.lightgbm import LightGBM
from scriptmode.models.sklearn import Sklearn
from scriptmode.models.xgboost import XGBoost

RNG = np.random.default_rng(1)
X = RNG.normal(size=(700, 13))
Y = X.sum(axis=1) + RNG.normal(size=700)
BINARY, CLASSES = (Y > 0).astype(int), np.digitize(Y, [-3, 0, 3])
COUNTS = (1, 2, 3, 7, 16, 17, 64, 65, 128, 129, 256)
STARTS = (0, 5, 300)


def boosted(objective: str = "reg:squarederror", **options: Any) -> Any:
    labels = {"multi:softprob": CLASSES, "binary:logistic": BINARY}.get(objective, Y)
    options = {"nthread": 1, "objective": objective, **options}
    return xgb.train(options, xgb.DMatrix(X, labels), 40)


def light(objective: str = "regression", **options: Any) -> Any:
    import lightgbm

    labels = {"multiclass": CLASSES, "binary": BINARY}.get(objective, Y)
    options = {"verbose": -1, "num_threads": 1, "objective": objective, **options}
    return lightgbm.train(options, lightgbm.Dataset(X, labels), 40)


def cat(labels: Any, **options: Any) -> Any:
    import catboost

    kind = catboost.CatBoostRegressor if labels is Y else catboost.CatBoostClassifier
    made = kind(iterations=60, verbose=False, allow_writing_files=False, **options)
    return made.fit(X, labels)


MODELS: dict[str, tuple[Any, Callable[[], Any]]] = {
    "xgboost": (XGBoost(threads=1), boosted),
    "xgboost, two threads": (XGBoost(threads=2), lambda: boosted(nthread=2)),
    "xgboost, classes": (XGBoost(threads=1), lambda: boosted("multi:softprob", num_class=4)),
    "xgboost, logistic": (XGBoost(threads=1), lambda: boosted("binary:logistic")),
    "xgboost, dart": (XGBoost(threads=1), lambda: boosted(booster="dart", rate_drop=0.1)),
    "xgboost, linear": (XGBoost(threads=1), lambda: boosted(booster="gblinear")),
    "xgboost, forests": (XGBoost(threads=1), lambda: boosted(num_parallel_tree=4)),
    "lightgbm": (LightGBM(threads=1), light),
    "lightgbm, two threads": (LightGBM(threads=2), light),
    "lightgbm, linear trees": (LightGBM(threads=1), lambda: light(linear_tree=True)),
    "lightgbm, dart": (LightGBM(threads=1), lambda: light(boosting="dart")),
    "lightgbm, classes": (LightGBM(threads=1), lambda: light("multiclass", num_class=4)),
    "catboost": (CatBoost(threads=1), lambda: cat(Y)),
    "catboost, lossguide": (CatBoost(threads=1), lambda: cat(Y, grow_policy="Lossguide")),
    "catboost, depthwise": (CatBoost(threads=1), lambda: cat(BINARY, grow_policy="Depthwise")),
    "catboost, classes": (CatBoost(threads=1), lambda: cat(CLASSES)),
    "forest": (Sklearn(), lambda: ensemble.RandomForestRegressor(40).fit(X, Y)),
    "forest of classes": (Sklearn(), lambda: ensemble.RandomForestClassifier(40).fit(X, CLASSES)),
    "extra trees": (Sklearn(), lambda: ensemble.ExtraTreesRegressor(40).fit(X, Y)),
    "boosting": (Sklearn(), lambda: ensemble.GradientBoostingClassifier().fit(X, CLASSES)),
    "histograms": (Sklearn(), lambda: ensemble.HistGradientBoostingRegressor().fit(X, Y)),
    "tree": (Sklearn(), lambda: tree.DecisionTreeClassifier().fit(X, CLASSES)),
    "scaled forest": (
        Sklearn(),
        lambda: pipeline.make_pipeline(
            preprocessing.StandardScaler(), ensemble.RandomForestRegressor(20)
        ).fit(X, Y),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_rows_are_answered_alike_in_any_company(name: str) -> None:
    loader, make = MODELS[name]
    model = make()
    assert loader.is_rowwise(model)
    outputs = {"value", "proba", "contribs", "leaf"} & set(loader.outputs(model))
    if "linear trees" in name:
        outputs -= {"contribs"}  # which LightGBM has not
    for output in sorted(outputs):
        ask = loader.outputs(model)[output]
        for table in (X, X.astype(np.float32)):
            whole = ask(model, table)
            for count in COUNTS:
                for start in STARTS:
                    part = ask(model, table[start : start + count])
                    np.testing.assert_array_equal(part, whole[start : start + count])


@pytest.mark.parametrize(
    "model",
    [
        linear_model.LinearRegression(),
        linear_model.LogisticRegression(),
        ensemble.RandomForestClassifier(n_jobs=2),
        ensemble.GradientBoostingClassifier(init=linear_model.LogisticRegression()),
        ensemble.GradientBoostingRegressor(init=kernel_ridge.KernelRidge()),
        pipeline.make_pipeline(linear_model.LogisticRegression()),
    ],
)
def test_others_do_not_say_so(model: Any) -> None:
    assert not Sklearn().is_rowwise(model.fit(X, BINARY))
