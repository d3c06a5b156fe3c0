"""The direct call is bit-equal to Booster.predict, or is not taken."""

import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import psutil
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scriptmode.models import booster_calls
from scriptmode.models.booster_calls import DirectCall, direct_call
from scriptmode.models.xgboost import XGBoost
from scriptmode.testing.conformance import assert_equal
from tests.models.tables import BINARY, GAPS, NUMBERS, THREE

DEPRECATED = pytest.mark.filterwarnings(
    "ignore:.*deprecated", "ignore::pytest.PytestUnraisableExceptionWarning"
)


def train(objective: str = "reg:squarederror", label: Any = NUMBERS, **more: Any) -> Any:
    parameters = {"objective": objective, "max_depth": 3, "nthread": 1, **more}
    return xgb.train(parameters, xgb.DMatrix(GAPS, label), 6)


MODELS: dict[str, Any] = {
    "numbers": train(),
    "signs": train("binary:logistic", BINARY),
    "scores": train("binary:logitraw", BINARY),
    "classes": train("multi:softmax", THREE, num_class=3),
    "probabilities": train("multi:softprob", THREE, num_class=3),
    "counts": train("count:poisson", np.abs(NUMBERS)),
    "forest": train(num_parallel_tree=4, subsample=0.8),
    "targets": xgb.train(
        {"nthread": 1}, xgb.DMatrix(GAPS, np.column_stack([NUMBERS, BINARY])), 4
    ),
    "vectors": xgb.train(
        {"nthread": 1, "multi_strategy": "multi_output_tree", "tree_method": "hist"},
        xgb.DMatrix(GAPS, np.column_stack([NUMBERS, BINARY])),
        4,
    ),
    "ranks": xgb.train(
        {"objective": "rank:pairwise", "nthread": 1},
        xgb.DMatrix(GAPS, BINARY, group=[30, 30]),
        4,
    ),
}  # fmt: skip
CALLS = {name: direct_call(model) for name, model in MODELS.items()}


@pytest.mark.parametrize("name", MODELS)
def test_every_objective_takes_the_direct_call(name: str) -> None:
    call = CALLS[name]
    assert call is not None
    expected = MODELS[name].predict(xgb.DMatrix(GAPS))
    for kind in ("f4", "f8"):
        table = GAPS.astype(kind)
        assert_equal(call(table), expected)
        for row in range(len(table)):
            assert_equal(call(table[row : row + 1]), expected[row : row + 1])
        assert_equal(call(table[::2]), expected[::2])
        assert_equal(call(np.asfortranarray(table)), expected)


@settings(max_examples=200)
@given(
    st.sampled_from(sorted(MODELS)),
    st.lists(st.integers(1, 40), min_size=1, max_size=6),
    st.sampled_from(["f4", "f8"]),
    st.data(),
)
def test_any_rows_in_any_order_are_answered_as_the_library_answers(
    name: str, sizes: list[int], kind: str, data: st.DataObject
) -> None:
    """One row and many by turns: what is kept between calls must never show."""
    cells = st.floats(-1e6, 1e6, width=32) | st.just(float("nan"))
    call, model = CALLS[name], MODELS[name]
    assert call is not None
    for rows in sizes:
        table = data.draw(hnp.arrays(kind, (rows, 5), elements=cells, fill=st.just(0.5)))
        assert_equal(call(table), model.predict(xgb.DMatrix(table)))


@DEPRECATED
@pytest.mark.parametrize("booster", ["dart", "gblinear"])
def test_other_boosters_take_the_library_s_own_way(booster: str) -> None:
    model = train(booster=booster)
    loader = XGBoost()
    assert loader._known(model).facts.direct is None
    assert_equal(loader.predict(model, GAPS), model.predict(xgb.DMatrix(GAPS)))


@pytest.mark.parametrize("kind", ["i8", "i4", "?", "f2"])
def test_other_types_take_the_library_s_own_way(kind: str) -> None:
    model, table = MODELS["numbers"], np.nan_to_num(GAPS).round().astype(kind)
    call = CALLS["numbers"]
    assert call is not None
    assert not call.takes(table)
    assert_equal(XGBoost().predict(model, table), model.predict(xgb.DMatrix(table)))


def test_no_rows_and_other_widths_are_not_taken() -> None:
    call = CALLS["numbers"]
    assert call is not None
    assert not call.takes(GAPS[:0])
    assert not call.takes(GAPS[:, :4])
    assert not call.takes(xgb.DMatrix(GAPS))


def test_a_call_that_answers_otherwise_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    own = DirectCall.__call__
    monkeypatch.setattr(DirectCall, "__call__", lambda self, table: own(self, table) + 1)
    assert direct_call(MODELS["numbers"]) is None
    assert direct_call(MODELS["probabilities"]) is None


def test_a_library_without_the_function_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> Any:
        raise AttributeError("undefined symbol: XGBoosterPredictFromDense")

    monkeypatch.setattr(booster_calls, "_library", absent)
    assert direct_call(MODELS["numbers"]) is None
    loader, model = XGBoost(), train()
    assert_equal(loader.predict(model, GAPS), model.predict(xgb.DMatrix(GAPS)))


def test_a_release_that_refuses_says_why() -> None:
    call = DirectCall(MODELS["numbers"])
    call._width = 9
    with pytest.raises(RuntimeError, match=r"[Ff]eature|[Cc]olumn|shape"):
        call(np.zeros((2, 9)))


def test_threads_that_come_and_go_leave_nothing_behind() -> None:
    call = CALLS["numbers"]
    assert call is not None
    expected = MODELS["numbers"].predict(xgb.DMatrix(GAPS))

    def ask() -> None:
        assert_equal(call(GAPS[:1]), expected[:1])

    def run(count: int) -> int:
        for _ in range(count):
            thread = threading.Thread(target=ask)
            thread.start()
            thread.join()
        gc.collect()
        return int(psutil.Process(os.getpid()).memory_info().rss)

    before = run(200)
    assert run(2000) - before < 8 * 2**20


def test_sixteen_threads_share_several_boosters() -> None:
    expected = {name: model.predict(xgb.DMatrix(GAPS)) for name, model in MODELS.items()}
    work = [(name, row) for row in range(40) for name in MODELS]

    def ask(job: tuple[str, int]) -> None:
        name, row = job
        call = CALLS[name]
        assert call is not None
        assert_equal(call(GAPS[row : row + 1]), expected[name][row : row + 1])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(ask, work * 3))
