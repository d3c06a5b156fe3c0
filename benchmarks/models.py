"""Each loader's ``predict`` beside its library's own fastest documented call, in one run.

Both are given float64, as decoders make it, and both turn it into float32 where the library
computes in that; ours also looks whether it fits. Rounds alternate, and the least of each is shown:
what disturbs a measurement only adds to it. Quote differences, not microseconds.

    python -m benchmarks.models [NAME ...]
"""

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.timing import microseconds

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.simplefilter("ignore")
COLUMNS = 30
SIZES = (1, 1000)
ROUNDS = 30
RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(1000, COLUMNS)).round(4)
NUMBERS = TABLE[:, 0] * 2 + TABLE[:, 1]
SIGNS = (NUMBERS > 0).astype(int)


class Contest(NamedTuple):
    """A loaded model, asked by us and by its library.

    Args:
        ours: from a table of float64 to an answer.
        theirs: from a table to a call that answers it, everything made ready.
    """

    ours: Callable[[Any], Any]
    theirs: Callable[[Any], Callable[[], Any]]


def loaded(loader: Any, model: Any) -> tuple[Any, Any]:
    with tempfile.TemporaryDirectory() as folder:
        loader.save(model, Path(folder))
        return loader, loader.load(Path(folder))


def xgboost() -> Contest:
    import xgboost as xgb

    from scriptmode.models.xgboost import XGBoost

    trained = xgb.train({"max_depth": 6, "nthread": 1}, xgb.DMatrix(TABLE, NUMBERS), 100)
    loader, model = loaded(XGBoost(threads=1), trained)
    return Contest(
        lambda table: loader.predict(model, table),
        lambda table: lambda: model.inplace_predict(table, validate_features=False),
    )


def sklearn() -> Contest:
    from sklearn.linear_model import LogisticRegression

    from scriptmode.models.sklearn import Sklearn

    loader, model = loaded(Sklearn(), LogisticRegression().fit(TABLE, SIGNS))
    return Contest(
        lambda table: loader.predict(model, table), lambda table: lambda: model.predict(table)
    )


def lightgbm() -> Contest:
    import lightgbm as lgb

    from scriptmode.models.lightgbm import LightGBM

    options = {"verbose": -1, "num_threads": 1}
    loader, model = loaded(
        LightGBM(threads=1), lgb.train(options, lgb.Dataset(TABLE, NUMBERS), 100)
    )
    return Contest(
        lambda table: loader.predict(model, table),
        lambda table: lambda: model.predict(table, num_threads=1),
    )


def catboost() -> Contest:
    import catboost as cb

    from scriptmode.models.catboost import CatBoost

    trained = cb.CatBoostRegressor(iterations=100, verbose=0, allow_writing_files=False)
    loader, model = loaded(CatBoost(threads=1), trained.fit(TABLE, NUMBERS))
    return Contest(
        lambda table: loader.predict(model, table),
        lambda table: lambda: model.predict(table, thread_count=1),
    )


def onnx() -> Contest:
    import skl2onnx
    from sklearn.ensemble import RandomForestRegressor

    from scriptmode.models.onnx import Onnx

    forest = RandomForestRegressor(100, max_depth=6, random_state=0).fit(TABLE, NUMBERS)
    proto = skl2onnx.to_onnx(forest, TABLE[:1].astype(np.float32))
    loader, model = loaded(Onnx(threads=1), proto)

    def theirs(table: Any) -> Callable[[], Any]:
        return lambda: model.run(None, {"X": table.astype(np.float32)})

    return Contest(lambda table: loader.predict(model, table), theirs)


def torch() -> Contest:
    import torch as pytorch

    from scriptmode.models.torch import Torch

    def make() -> Any:
        layers = pytorch.nn
        return layers.Sequential(
            layers.Linear(COLUMNS, 64), layers.ReLU(), layers.Linear(64, 64), layers.ReLU(),
            layers.Linear(64, 1),
        )  # fmt: skip

    loader, model = loaded(Torch(factory=make, threads=1), make())

    def theirs(table: Any) -> Callable[[], Any]:
        def ask() -> Any:
            with pytorch.inference_mode():
                return model(pytorch.from_numpy(table.astype(np.float32))).numpy()

        return ask

    return Contest(lambda table: loader.predict(model, table), theirs)


def one_thread() -> Any:
    """TensorFlow with one thread, as the other libraries have here."""
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):  # it was set before
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    return tf


def network() -> Any:
    import keras as library

    layers = library.layers
    return library.Sequential(
        [layers.Input((COLUMNS,)), layers.Dense(64, "relu"), layers.Dense(64, "relu"),
         layers.Dense(1)]
    )  # fmt: skip


def keras() -> Contest:
    from scriptmode.models.keras import Keras

    one_thread()
    loader, model = loaded(Keras(), network())
    return Contest(
        lambda table: loader.predict(model, table),
        lambda table: lambda: model.predict_on_batch(table.astype(np.float32)),
    )


def tensorflow() -> Contest:
    from scriptmode.models.tensorflow import TensorFlow

    tf = one_thread()
    folder = tempfile.mkdtemp()
    loader = TensorFlow(trusted=["saved-model"])
    loader.save(network(), Path(folder))
    model = loader.load(Path(folder))
    ask = model.signatures["serving_default"]
    name = next(iter(ask.structured_input_signature[1]))

    def theirs(table: Any) -> Callable[[], Any]:
        def answer() -> Any:
            cells = tf.constant(table.astype(np.float32))
            return next(iter(ask(**{name: cells}).values())).numpy()

        return answer

    return Contest(lambda table: loader.predict(model, table), theirs)


def statsmodels() -> Contest:
    import statsmodels.api as sm

    from scriptmode.models.statsmodels import Statsmodels

    loader, model = loaded(Statsmodels(trusted=["pickle"]), sm.OLS(NUMBERS, TABLE).fit())
    return Contest(
        lambda table: loader.predict(model, table), lambda table: lambda: model.predict(table)
    )


CONTESTS: tuple[Callable[[], Contest], ...] = (
    xgboost, sklearn, lightgbm, catboost, onnx, statsmodels, torch, keras, tensorflow,
)  # fmt: skip


def compare(contest: Contest, table: Any) -> tuple[float, float]:
    theirs = contest.theirs(table)
    found = [
        (microseconds(theirs), microseconds(lambda: contest.ours(table))) for _ in range(ROUNDS)
    ]
    return min(each[0] for each in found), min(each[1] for each in found)


def main() -> None:
    print(f"{'':<14}{'rows':>6}{'theirs µs':>12}{'ours µs':>12}{'more µs':>10}{'allowed':>10}")
    for make in CONTESTS:
        if sys.argv[1:] and make.__name__ not in sys.argv[1:]:
            continue
        contest = make()
        for rows in SIZES:
            theirs, ours = compare(contest, np.ascontiguousarray(TABLE[:rows]))
            more, allowed = ours - theirs, 5 + 0.02 * theirs
            print(
                f"{make.__name__:<14}{rows:>6}{theirs:>12.1f}{ours:>12.1f}{more:>10.1f}"
                f"{allowed:>10.1f}{'' if more <= allowed else '   beyond'}"
            )


if __name__ == "__main__":
    main()
