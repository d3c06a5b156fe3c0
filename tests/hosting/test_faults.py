"""What went wrong once: scripts, clients and processes that misbehave."""

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.hosting.conftest import MINIMAL
from tests.hosting.served import Answer, Asked, Server, ask_all, serving

pytestmark = pytest.mark.peer

# Does what its body, an object of JSON, asks for.
SCRIPT = """
import gzip, json, logging, time
def model_fn(model_dir): return model_dir
def input_fn(body, content_type): return json.loads(body)
def predict_fn(asked, model, context):
    time.sleep(asked.get("sleep", 0))
    if "raise" in asked:
        raise ValueError(asked["raise"])
    if "log" in asked:
        logging.getLogger("mine").warning("%s", asked["log"])
    if "header" in asked:
        context.response.headers[asked["header"]] = "x"
    if asked.get("packed"):
        context.response.headers["Content-Encoding"] = "gzip"
    return asked
def output_fn(asked, accept):
    def pieces():
        for number in range(asked["pieces"]):
            yield "x" * asked.get("size", 10)
            time.sleep(asked.get("pause", 0.1))
    if "pieces" in asked:
        return pieces(), "text/plain"
    if asked.get("packed"):
        return gzip.compress(b"0" * 1_000_000, compresslevel=0), "text/plain"
    return json.dumps(asked), asked.get("type", "text/plain")
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("faults") / "steered.py"
    path.write_text(SCRIPT)
    return path


def ask(server: Server, asked: dict[str, Any], **headers: str) -> Answer:
    body = json.dumps(asked).encode()
    return server.ask("POST", "/invocations", body, **{"Content_Type": "application/x", **headers})


def wait_for(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def in_background(function: Callable[..., Any], *arguments: Any) -> threading.Thread:
    thread = threading.Thread(target=function, args=arguments)
    thread.start()
    return thread


@pytest.mark.parametrize("place", ["thread", "loop"])
def test_a_header_that_is_no_text_is_a_500_and_others_are_answered(
    script: Path, place: str
) -> None:
    wrong = SCRIPT.replace('headers[asked["header"]]', "headers[5]")
    (script.parent / "wrong.py").write_text(wrong)
    with serving(script.parent / "wrong.py", script.parent, "--predict-in", place) as server:
        server.wait_until_ready()
        assert ask(server, {"header": "any"}).status == 500
        assert ask(server, {}).status == 200


@pytest.mark.parametrize("content_type", ["text/a\r\nX-Evil: 1\r\n\r\nBODY", "text/ä", "a\nb"])
def test_a_content_type_that_no_header_can_hold_is_a_500(script: Path, content_type: str) -> None:
    with serving(script, script.parent) as server:
        server.wait_until_ready()
        answer = ask(server, {"type": content_type})
        assert (answer.status, "x-evil" in answer.headers) == (500, False)


def test_what_the_script_has_packed_is_not_packed_again(script: Path) -> None:
    with serving(script, script.parent) as server:
        server.wait_until_ready()
        answer = ask(server, {"packed": True}, Accept_Encoding="gzip")
        assert gzip.decompress(answer.body) == b"0" * 1_000_000


@pytest.mark.parametrize("place", ["auto", "thread"])
def test_others_are_answered_between_the_pieces_of_a_stream(script: Path, place: str) -> None:
    options = ["--timeout", "2", "--predict-in", place]
    with serving(script, script.parent, *options) as server:
        server.wait_until_ready()
        streaming = in_background(ask, server, {"pieces": 40})
        time.sleep(0.5)
        started = time.monotonic()
        for sleep in (0.01, 0):
            assert ask(server, {"sleep": sleep}).status == 200
        assert time.monotonic() - started < 1.5
        streaming.join()


def test_a_piece_that_never_comes_ends_the_answer(script: Path) -> None:
    with serving(script, script.parent, "--timeout", "1") as server:
        server.wait_until_ready()
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            body = b'{"pieces": 2, "pause": 5}'
            head = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            found = b""
            while piece := connection.recv(65536):
                found += piece
        assert b"xxxxxxxxxx" in found
        assert not found.endswith(b"0\r\n\r\n")


def test_more_requests_than_may_wait_are_told_to_come_back(script: Path) -> None:
    options = ["--predict-in", "thread", "--max-waiting", "1"]
    with serving(script, script.parent, *options) as server:
        server.wait_until_ready()
        kept: list[Answer] = []
        asking = []
        for _ in range(2):  # one that the model is at, and one that waits
            asking.append(in_background(lambda: kept.append(ask(server, {"sleep": 1.0}))))
            time.sleep(0.2)
        refused = ask(server, {})
        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
        assert json.loads(refused.body)["code"] == "busy"
        for each in asking:
            each.join()
        assert [answer.status for answer in kept] == [200, 200]


def test_quick_requests_are_not_put_off_by_slow_ones(script: Path) -> None:
    with serving(script, script.parent, "--timeout", "5") as server:
        server.wait_until_ready()
        padding = "x" * 5000
        slow = [Asked(json.dumps({"sleep": 0.05, "x": padding}).encode(), "a/b")] * 120
        for _ in range(5):
            ask(server, {})
            ask(server, {"sleep": 0.05, "x": padding})
        asking = in_background(ask_all, server.port, slow, 4)
        time.sleep(0.3)
        started = time.monotonic()
        for _ in range(5):
            assert ask(server, {}).status == 200
        assert time.monotonic() - started < 3
        asking.join()


def test_a_log_that_nobody_reads_stops_no_traceback(script: Path) -> None:
    command = [sys.executable, "-m", "scriptmode", "serve", str(script), "--port", "0"]
    process = subprocess.Popen(
        [*command, "--model-dir", str(script.parent)], stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        port = int(json.loads(process.stderr.readline())["message"].rpartition(":")[2])
        server = Server(port, process, Path(os.devnull))
        server.wait_until_ready()
        for _ in range(120):
            assert ask(server, {"raise": "x" * 500}).status == 500
    finally:
        process.kill()
        process.communicate()


def test_half_a_character_is_logged_too(script: Path) -> None:
    with serving(script, script.parent) as server:
        server.wait_until_ready()
        assert ask(server, {"log": "\ud800x"}).status == 200
        time.sleep(0.2)
        assert "\ud800x" in [line.get("message") for line in server.lines()]


def test_many_pipelined_requests_that_are_refused_are_all_answered(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import time\ndef model_fn(model_dir): time.sleep(60)\n")
    with serving(tmp_path / "slow.py", tmp_path) as server:
        one = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1"
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n" + one * 600)
            found = b""
            while found.count(b"HTTP/1.1 503 ") < 601:
                piece = connection.recv(65536)
                assert piece
                found += piece


def test_the_slow_end_of_a_pipeline_is_given_up_too(script: Path) -> None:
    with serving(script, script.parent, "--timeout", "1") as server:
        server.wait_until_ready()
        one = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(one + one[:-1])
            found = b""
            while piece := connection.recv(65536):
                found += piece
        assert found.startswith(b"HTTP/1.1 200 ")
        assert b"HTTP/1.1 408 " in found


def test_what_is_under_way_is_told_meanwhile(script: Path) -> None:
    with serving(script, script.parent) as server:
        server.wait_until_ready()
        asking = in_background(ask, server, {"sleep": 2})
        time.sleep(1.2)
        text = server.ask("GET", "/metrics").body.decode()
        assert 'scriptmode_requests_in_progress{worker="0"} 1.0' in text
        asking.join()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_while_the_parent_loads(tmp_path: Path, how: signal.Signals) -> None:
    (tmp_path / "slow.py").write_text(
        "import pathlib, time\n"
        "from scriptmode import compose\n"
        "class Slow:\n"
        "    name = 'slow'\n"
        "    def load(self, model_dir):\n"
        "        (model_dir / 'loading').touch()\n"
        "        time.sleep(30)\n"
        "    def predict(self, model, data): return data\n"
        "model_fn, input_fn, predict_fn, output_fn = compose(Slow())\n"
    )
    with serving(tmp_path / "slow.py", tmp_path, "--workers", "2") as server:
        wait_for((tmp_path / "loading").exists)
        children = psutil.Process(server.process.pid).children()
        started = time.monotonic()
        server.process.send_signal(how)
        server.process.wait(timeout=10)
        assert time.monotonic() - started < 5
        assert psutil.wait_procs(children, timeout=5)[1] == []


def test_the_process_that_waits_for_the_workers_is_replaced_as_well(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import pathlib, time\n"
        "def model_fn(model_dir):\n"
        "    while not pathlib.Path(model_dir, 'go').exists(): time.sleep(0.01)\n"
        "    return 1\n"
    )
    with serving(tmp_path / "slow.py", tmp_path, "--workers", "2") as server:
        wait_for(lambda: len(psutil.Process(server.process.pid).children()) == 3)
        lobby = min(child.pid for child in psutil.Process(server.process.pid).children())
        os.kill(lobby, signal.SIGKILL)
        time.sleep(0.5)
        assert server.ask("GET", "/ping").status == 503
        (tmp_path / "go").touch()
        server.wait_until_ready()


def test_a_worker_that_was_ready_long_before_the_others_is_kept(tmp_path: Path) -> None:
    (tmp_path / "uneven.py").write_text(
        "import os, pathlib, time\n"
        "def model_fn(model_dir):\n"
        "    try: (pathlib.Path(model_dir) / 'first').touch(exist_ok=False)\n"
        "    except FileExistsError: time.sleep(12)\n"
        "    return 1\n"
    )
    with serving(tmp_path / "uneven.py", tmp_path, "--workers", "2", "--timeout", "0.5") as server:
        server.wait_until_ready()
        time.sleep(2)
        assert "has not answered" not in server.log.read_text()


def test_whoever_asks_while_workers_take_over_is_answered(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\ndef model_fn(model_dir):\n    time.sleep(1)\n    return 1\n"
    )
    answers: list[bytes] = []
    with serving(tmp_path / "slow.py", tmp_path, "--workers", "2") as server:

        def ask_slowly() -> None:
            while b" 200 " not in (answers or [b""])[-1]:
                with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
                    time.sleep(0.02)  # as the network takes
                    client.sendall(b"GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                    answers.append(client.recv(1000)[:13])

        for thread in [in_background(ask_slowly) for _ in range(16)]:
            thread.join()
    assert set(answers) == {b"HTTP/1.1 503 ", b"HTTP/1.1 200 "}


def load(server: Server, name: str, folder: Path) -> Answer:
    body = json.dumps({"model_name": name, "url": str(folder)}).encode()
    return server.ask("POST", "/models", body)


def test_models_that_are_loaded_at_once_make_room_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code/inference.py").write_text(
        "import numpy as np\ndef model_fn(model_dir): return np.ones(8_000_000)\n"
    )
    with serving(MINIMAL, tmp_path, "--multi-model") as server:
        base = psutil.Process(server.process.pid).memory_info().rss // 2**20
    limit = ["--memory-limit", str(base + 150)]
    with serving(MINIMAL, tmp_path, "--multi-model", *limit) as server:
        statuses: list[int] = []
        names = ["a", "b", "c", "d"]
        loading = [
            in_background(lambda name: statuses.append(load(server, name, tmp_path).status), name)
            for name in names
        ]
        for thread in loading:
            thread.join()
        assert statuses == [200] * 4
        kept = json.loads(server.ask("GET", "/models").body)["models"]
        assert kept
        assert {each["status"] for each in kept} == {"READY"}
        assert load(server, "long", Path("/" + "x" * 6000)).status == 404
        assert server.ask("GET", f"/models?limit={'9' * 5000}").status == 400


def test_a_model_is_unloaded_after_its_streams(script: Path) -> None:
    with serving(script, script.parent, "--multi-model") as server:
        assert load(server, "a", script.parent).status == 200
        body = b'{"pieces": 20, "size": 1000000, "pause": 0.01}'
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            head = f"POST /models/a/invoke HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
            connection.sendall(f"{head}Connection: close\r\n\r\n".encode() + body)
            time.sleep(0.5)
            unloading = in_background(server.ask, "DELETE", "/models/a")
            time.sleep(0.5)
            assert unloading.is_alive()
            size = 0
            while piece := connection.recv(2**20):
                size += len(piece)
                last = piece
        unloading.join()
        assert size > 20_000_000
        assert last.endswith(b"0\r\n\r\n")
