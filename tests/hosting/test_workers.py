"""Several processes at one address."""

import json
import os
import signal
import socket
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil
import pytest

from scriptmode.hosting.memory import machine_memory, memory_in_use
from scriptmode.hosting.settings import Settings
from scriptmode.hosting.workers import Workers
from tests.hosting.conftest import MINIMAL
from tests.hosting.served import Answer, Asked, Server, ask_all, serving

pytestmark = pytest.mark.peer
ONE = b"1,2,3,4,5"

BY_HAND = """
import os, pathlib, time
def model_fn(model_dir):
    folder = pathlib.Path(model_dir)
    (folder / f"loaded-{os.getpid()}").touch()
    while not (folder / "go").exists():
        time.sleep(0.01)
    if (folder / "broken").exists():
        raise ValueError("the model is broken")
    return lambda data: data
def input_fn(body, content_type): return body
def predict_fn(data, model):
    if data == b"hang":
        time.sleep(60)
    return str(os.getpid())
def output_fn(prediction, accept): return prediction, "text/plain"
"""


@pytest.fixture
def by_hand(tmp_path: Path) -> Path:
    (tmp_path / "by_hand.py").write_text(BY_HAND)
    return tmp_path / "by_hand.py"


def workers_of(server: Server) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children()


def wait_for(condition: object, seconds: float = 20.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_ping_is_503_until_every_worker_has_loaded_and_each_loads_once(by_hand: Path) -> None:
    with serving(by_hand, by_hand.parent, "--workers", "3") as server:
        wait_for(lambda: len(list(by_hand.parent.glob("loaded-*"))) == 3)
        ping = server.ask("GET", "/ping")
        assert (ping.status, ping.headers["retry-after"]) == (503, "1")
        assert json.loads(ping.body)["message"] == "the model is being loaded"
        assert server.ask("POST", "/invocations", b"x").status == 503
        (by_hand.parent / "go").touch()
        server.wait_until_ready()
        assert {server.ask("GET", "/ping").status for _ in range(50)} == {200}
        answers = ask_all(server.port, [Asked(b"x", "x/y")] * 300, 30)
        pids = {answer.body for answer in answers if isinstance(answer, Answer)}
        loaded = {path.name.partition("-")[2] for path in by_hand.parent.glob("loaded-*")}
        assert {pid.decode() for pid in pids} <= loaded
        assert len(pids) > 1
        assert len(loaded) == 3


def test_a_model_that_cannot_be_loaded_never_turns_ready(by_hand: Path) -> None:
    (by_hand.parent / "go").touch()
    (by_hand.parent / "broken").touch()
    with serving(by_hand, by_hand.parent, "--workers", "2") as server:
        wait_for(lambda: b"cannot be loaded: ValueError" in server.ask("GET", "/ping").body)
        time.sleep(1.5)
        assert server.ask("GET", "/ping").status == 503
        assert "the model is broken" in server.log.read_text()


def test_one_model_is_shared_where_it_may_be(model_dir: Path) -> None:
    with serving(MINIMAL, model_dir, "--workers", "2") as server:
        server.wait_until_ready()
        loaded = [line for line in server.lines() if "is loaded" in line["message"]]
        assert len(loaded) == 1
        answers = ask_all(server.port, [Asked(ONE, "text/csv")] * 50, 8)
        assert {answer.body for answer in answers if isinstance(answer, Answer)} != set()


def test_a_model_that_is_not_there_is_told_with_several_workers_too(tmp_path: Path) -> None:
    with serving(MINIMAL, tmp_path, "--workers", "2") as server:
        wait_for(lambda: b"cannot be loaded: ModelLoadError" in server.ask("GET", "/ping").body)


def test_a_killed_worker_takes_only_its_own_requests_along_and_is_replaced(
    model_dir: Path,
) -> None:
    with serving(MINIMAL, model_dir, "--workers", "2") as server:
        server.wait_until_ready()
        before = {worker.pid for worker in workers_of(server)}
        asked = [Asked(ONE, "text/csv")] * 4000
        found: list[Answer | Exception] = []
        asking = threading.Thread(target=lambda: found.extend(ask_all(server.port, asked, 16)))
        asking.start()
        time.sleep(0.5)
        os.kill(min(before), signal.SIGKILL)
        asking.join()
        lost = [answer for answer in found if not isinstance(answer, Answer)]
        assert len(lost) <= 16
        answered = {(each.status, each.body) for each in found if isinstance(each, Answer)}
        assert len(answered) == 1
        wait_for(lambda: len({w.pid for w in workers_of(server)} - before) == 1)
        assert any("ended by signal 9" in line.get("message", "") for line in server.lines())


def test_a_worker_that_hangs_is_replaced(by_hand: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (by_hand.parent / "go").touch()
    with serving(by_hand, by_hand.parent, "--workers", "2", "--timeout", "0.5") as server:
        server.wait_until_ready()
        before = {worker.pid for worker in workers_of(server)}
        answer = server.ask("POST", "/invocations", b"hang")
        assert answer.status == 503
        wait_for(lambda: {worker.pid for worker in workers_of(server)} - before, 40)


def test_metrics_tell_of_all_workers(model_dir: Path) -> None:
    with serving(MINIMAL, model_dir, "--workers", "2") as server:
        server.wait_until_ready()
        ask_all(server.port, [Asked(ONE, "text/csv")] * 400, 8)
        time.sleep(1)  # what one has noted is counted within half a second
        line = 'scriptmode_request_duration_seconds_count{code="200",route="/invocations"} 400.0'
        assert line in server.ask("GET", "/metrics").body.decode().splitlines()


def test_what_was_answered_just_before_others_are_told_is_told_too(model_dir: Path) -> None:
    counted = 'scriptmode_request_duration_seconds_count{code="200",route="/invocations"}'
    with serving(MINIMAL, model_dir, "--workers", "2") as server:
        server.wait_until_ready()
        for attempt, pause in enumerate((0.4, 0.43, 0.46), 1):
            connection = HTTPConnection("127.0.0.1", server.port)
            for wait in (pause, 0.6):
                connection.request("POST", "/invocations", ONE, {"Content-Type": "text/csv"})
                assert connection.getresponse().read()
                time.sleep(wait)
            connection.close()
            for _ in range(10):  # of whichever worker
                lines = server.ask("GET", "/metrics").body.decode().splitlines()
                assert f"{counted} {attempt * 2.0}" in lines


def test_nothing_is_left_behind_when_the_parent_is_killed(model_dir: Path) -> None:
    with serving(MINIMAL, model_dir, "--workers", "2") as server:
        server.wait_until_ready()
        workers = workers_of(server)
        server.process.kill()
        _, alive = psutil.wait_procs(workers, timeout=20)
        assert alive == []


def test_the_number_of_workers_is_sagemakers(model_dir: Path) -> None:
    variables = {"SAGEMAKER_MODEL_SERVER_WORKERS": "2", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "7"}
    with serving(MINIMAL, model_dir, env=variables) as server:
        server.wait_until_ready()
        assert len(workers_of(server)) == 2
        parameters = json.loads(server.ask("GET", "/execution-parameters").body)
        assert parameters["MaxConcurrentTransforms"] == 2


def test_how_much_memory_a_worker_has_is_logged(model_dir: Path) -> None:
    with serving(MINIMAL, model_dir) as server:
        server.wait_until_ready()
        (line,) = [line for line in server.lines() if "is loaded" in line["message"]]
        told = float(line["message"].partition("has ")[2].split()[0])
        resident = psutil.Process(server.process.pid).memory_info().rss / 2**20
        assert abs(told - resident) < resident * 0.2


def test_more_memory_than_there_is_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, model_dir: Path
) -> None:
    assert (machine_memory() or 0) > memory_in_use() > 0
    hosted: Any = None
    with socket.create_server(("127.0.0.1", 0)) as listening:
        workers = Workers(hosted, Settings(workers=2), listening, print, print)
        workers._warn_of_memory()
        assert caplog.messages == []
        monkeypatch.setattr("scriptmode.hosting.workers.machine_memory", lambda: 2**20)
        workers._warn_of_memory()
    assert "there are 1 MB" in caplog.text
