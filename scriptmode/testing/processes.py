"""Asking a model in a process of its own, where nothing of this one is left.

``python -m scriptmode.testing.processes ORDER`` reads a pickled :class:`Order` and writes what came
of it beside, pickled too.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from scriptmode.handlers.compose import compose

_SECONDS = 300.0
_FORK_SECONDS = 60
_THREADS = 16


class Order(NamedTuple):
    """What is asked for.

    Args:
        loader: reads the model.
        model_dir: the folder that holds it.
        data: all rows, as a neutral value.
        requests: what is asked by many threads, as neutral values of some rows each.
    """

    loader: Any
    model_dir: str
    data: Any
    requests: list[Any]


class Answers(NamedTuple):
    """What came of it.

    Args:
        whole: the answer to all rows.
        serial: the answers to the requests, one after another.
        threaded: the same, asked by 16 threads.
        forked: the answer to all rows of a forked process.
    """

    whole: Any
    serial: list[Any]
    threaded: list[Any]
    forked: Any


def ask_another_process(order: Order) -> Answers:
    """Have an order carried out by a fresh process.

    Raises:
        RuntimeError: it failed; with all that it printed.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "order"
        place.write_bytes(pickle.dumps(sys.path) + pickle.dumps(tuple(order)))
        done = subprocess.run(  # noqa: S603 - this very module
            [sys.executable, "-m", __name__, str(place)],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
        return Answers(*pickle.loads(place.with_suffix(".answers").read_bytes()))  # noqa: S301


def carry_out(order: Order) -> Answers:
    """Load, ask, fork and ask from threads, in this order, as a host with workers does.

    A loader that is not fork-safe is loaded after the fork. No process is forked once it has
    threads: whatever lock one of them holds is then held for ever.
    """
    is_fork_safe = getattr(order.loader, "fork_safe", True)
    forked = None if is_fork_safe else _in_a_fork(order, None)
    handler = compose(order.loader, rows="free")
    model = handler.model_fn(order.model_dir)

    def ask(data: Any) -> Any:
        return handler.predict_fn(data, model)

    whole = ask(order.data)
    if is_fork_safe:
        forked = _in_a_fork(order, model)
    serial = [ask(each) for each in order.requests]
    with ThreadPoolExecutor(_THREADS) as pool:
        threaded = list(pool.map(ask, order.requests))
    return Answers(whole, serial, threaded, forked)


def _in_a_fork(order: Order, model: Any) -> Any:
    """What a forked process answers, which has a minute for it."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            signal.alarm(_FORK_SECONDS)
            handler = compose(order.loader, rows="free")
            model = handler.model_fn(order.model_dir) if model is None else model
            with os.fdopen(writing, "wb") as stream:
                pickle.dump(handler.predict_fn(order.data, model), stream)
            os._exit(0)
        except BaseException:  # noqa: BLE001 - nothing may go back into what the parent does
            traceback.print_exc()
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        answer = stream.read()
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"a forked process did not answer; its status is {status}")
    return pickle.loads(answer)  # noqa: S301 - written here


def main(place: Path) -> None:
    """Carry out the order in a file."""
    with place.open("rb") as stream:  # written by whoever runs this
        paths: list[str] = pickle.load(stream)  # noqa: S301
        # Behind our own: a folder that a test put there may hold a module of a library's name.
        sys.path.extend(path for path in paths if path not in sys.path)
        order = Order(*pickle.load(stream))  # noqa: S301
    place.with_suffix(".answers").write_bytes(pickle.dumps(tuple(carry_out(order))))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
