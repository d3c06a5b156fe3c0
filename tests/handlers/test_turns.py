"""A loader that is not thread-safe is asked by one thread at a time, whoever asks."""

import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scriptmode import compose

ROWS = np.ones((2, 3))


class Busy:
    """Counts how many are asking at once."""

    name = "busy"

    def __init__(self, *, thread_safe: bool) -> None:
        self.thread_safe = thread_safe
        self.asking, self.most = 0, 0
        self.count = threading.Lock()

    def load(self, model_dir: Path) -> Any:
        return self

    def predict(self, model: Any, data: Any) -> Any:
        with self.count:
            self.asking += 1
            self.most = max(self.most, self.asking)
        time.sleep(0.005)
        with self.count:
            self.asking -= 1
        return data.sum(axis=1)


def most_at_once(loader: Busy, **declared: Any) -> int:
    handler = compose(loader, **declared)
    model = handler.model_fn(".")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: handler.predict_fn(ROWS, model), range(40)))
    assert all((answer == 3).all() for answer in answers)
    return loader.most


@pytest.mark.parametrize("as_hook", [True, False])
def test_it_takes_turns(*, as_hook: bool) -> None:
    def ask(model: Any, data: Any, context: Any) -> Any:
        return model.predict(model, data)

    declared = {"predict": ask} if as_hook else {}
    assert most_at_once(Busy(thread_safe=False), **declared) == 1
    assert most_at_once(Busy(thread_safe=True), **declared) > 1


class Plain(Busy):
    def __reduce__(self) -> Any:
        return _plain, ()


def _plain() -> Plain:
    return Plain(thread_safe=False)


def test_the_functions_can_still_be_sent_to_another_process() -> None:
    handler = compose(_plain())
    handler.predict_fn(ROWS, handler.model_fn("."))
    copy = pickle.loads(pickle.dumps(handler.predict_fn))
    assert copy(ROWS, _plain()).tolist() == [3.0, 3.0]


def test_a_bundle_is_as_safe_as_its_parts() -> None:
    parts = {"one": Busy(thread_safe=True), "other": Busy(thread_safe=False)}
    seen: list[int] = []

    def ask(models: Any, data: Any, context: Any) -> Any:
        seen.append(parts["one"].asking)
        return parts["one"].predict(None, data)

    handler = compose(parts, predict=ask)
    model = handler.model_fn(".")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: handler.predict_fn(ROWS, model), range(20)))
    assert set(seen) == {0}
