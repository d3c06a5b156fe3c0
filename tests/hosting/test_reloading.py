"""A server that follows its script."""

import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from scriptmode.errors import DeclarationError
from scriptmode.hosting.settings import Settings
from tests.hosting.conftest import ROWS
from tests.hosting.served import Server, serving

pytestmark = pytest.mark.peer
ONE = b"1,2,3,4,5"
COMPOSED = """
from scriptmode import compose
import helper

def after(prediction, context):
    return prediction {after} + helper.MORE

model_fn, input_fn, predict_fn, output_fn = compose("xgboost", {options}after=after)
"""
BY_HAND = """
import pathlib, uuid
def model_fn(model_dir): return {model}
def input_fn(body, content_type): return body if isinstance(body, str) else body.decode()
def predict_fn(data, model):
    return model + {more}
def output_fn(prediction, accept): return prediction, "text/plain"
"""


def ask(server: Server) -> tuple[int, Any]:
    answer = server.ask("POST", "/invocations", ONE, Content_Type="text/csv")
    return answer.status, answer.body


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def loads(server: Server) -> int:
    return server.log.read_text().count("is loaded")


@pytest.fixture
def folder(model_dir: Path, tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "model").mkdir()
    (tmp_path / "model/xgboost-model").write_bytes((model_dir / "xgboost-model").read_bytes())
    return tmp_path


def write(folder: Path, after: str = "* 1", options: str = "", more: int = 0) -> Path:
    (folder / "code/helper.py").write_text(f"MORE = {more}")
    (folder / "code/script.py").write_text(COMPOSED.format(after=after, options=options))
    return folder / "code/script.py"


def test_a_composed_script_is_followed_and_its_model_kept(folder: Path, booster: Any) -> None:
    (value,) = booster.inplace_predict(np.array([[1.0, 2, 3, 4, 5]]))
    with serving(write(folder), folder / "model", "--reload") as server:
        server.wait_until_ready()

        def is_answered(expected: Any) -> bool:
            status, body = ask(server)
            return status == 200 and np.float32(json.loads(body)) == np.float32(expected)

        assert is_answered(value)
        write(folder, after="* 2")  # of the same length, perhaps within the same second
        wait_for(lambda: is_answered(value * 2))
        write(folder, after="* 2", more=7)
        wait_for(lambda: is_answered(value * 2 + 7))
        write(folder, options="features=list('abcde'), ")
        wait_for(lambda: b'"title": "a"' in server.ask("GET", "/openapi.json").body)
        assert server.log.read_text().count("with its model") == 3

        write(folder, options="features=list('abcdef'), ")  # not the model's
        wait_for(lambda: server.ask("GET", "/ping").status == 503)
        (folder / "code/script.py").write_text("def model_fn(:")
        wait_for(lambda: b"cannot be imported: SyntaxError" in server.ask("GET", "/ping").body)
        assert ask(server)[0] == 503
        write(folder)
        wait_for(lambda: is_answered(value))


def test_another_model_or_loader_is_loaded(folder: Path) -> None:
    with serving(write(folder), folder / "model", "--reload") as server:
        server.wait_until_ready()
        before = ask(server)
        other = xgb.train({"nthread": 1}, xgb.DMatrix(ROWS, -ROWS.sum(axis=1)), 5)
        (folder / "model/xgboost-model").write_bytes(other.save_raw("ubj"))
        wait_for(lambda: ask(server)[0] == 200 and ask(server) != before)
        count = loads(server)
        write(folder, options="options={'xgboost': {'threads': 1}}, ")
        wait_for(lambda: loads(server) == count + 1)
        assert "with its model" not in server.log.read_text()


def test_by_hand_all_but_the_other_functions_loads_again(folder: Path) -> None:
    script = folder / "code/script.py"
    script.write_text(BY_HAND.format(model="uuid.uuid4().hex", more="'a'"))
    with serving(script, folder / "model", "--reload") as server:
        server.wait_until_ready()
        first = ask(server)[1]
        script.write_text(BY_HAND.format(model="uuid.uuid4().hex", more="'b'"))
        wait_for(lambda: ask(server)[1] == first[:-1] + b"b")
        script.write_text(BY_HAND.format(model="uuid.uuid1().hex", more="'b'"))
        wait_for(lambda: ask(server)[1] not in (first, first[:-1] + b"b"))


def test_what_goes_with_one_script_only_is_refused_with_more() -> None:
    for options in ({"workers": 2}, {"is_multi_model": True}):
        with pytest.raises(DeclarationError, match="a script that changes"):
            Settings(is_reloading=True, **options)


def test_a_helper_that_was_broken_is_followed(folder: Path) -> None:
    with serving(write(folder), folder / "model", "--reload") as server:
        server.wait_until_ready()
        (folder / "code/helper.py").write_text("MORE = (")
        wait_for(lambda: server.ask("GET", "/ping").status == 503)
        (folder / "code/helper.py").write_text("MORE = 1")
        wait_for(lambda: server.ask("GET", "/ping").status == 200)


def test_a_request_that_hangs_in_the_old_script_stops_no_new_one(folder: Path) -> None:
    script = folder / "code/script.py"
    hanging = BY_HAND.format(model="'m'", more="'a' if data != '1' else 1 / 0")
    hanging = hanging.replace("return model +", "import time; time.sleep(8); return model +")
    script.write_text(hanging)
    with serving(script, folder / "model", "--reload") as server:
        server.wait_until_ready()
        asking = threading.Thread(target=ask, args=(server,))
        asking.start()
        time.sleep(0.3)
        for more in ("b", "c"):
            script.write_text(BY_HAND.format(model="'m'", more=f"'{more}'"))
            time.sleep(1)
            started = time.monotonic()
            assert ask(server)[1] == f"m{more}".encode()
            assert time.monotonic() - started < 1
        asking.join()


def test_a_body_that_comes_across_a_change_is_answered(folder: Path) -> None:
    script = folder / "code/script.py"
    script.write_text(BY_HAND.format(model="'m'", more="'a'"))
    with serving(script, folder / "model", "--reload") as server:
        server.wait_until_ready()
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(
                b"POST /invocations HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                b"Content-Length: 2\r\n\r\n1"
            )
            script.write_text(BY_HAND.format(model="'m'", more="'b'"))
            time.sleep(2.5)
            connection.sendall(b"2")
            found = b""
            while piece := connection.recv(65536):
                found += piece
            assert found.endswith(b"mb")
