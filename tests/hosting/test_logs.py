"""One JSON line for each request, and nothing of what was in it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.hosting.conftest import MINIMAL
from tests.hosting.served import Asked, Server, ask_all, serving

pytestmark = pytest.mark.peer
SECRET = b"12345.678,2,3,4,5"
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

FAILING = """
import logging
from scriptmode import compose
def after(prediction, context):
    logging.getLogger("mine").warning("seen")
    raise ValueError("a bug")
model_fn, input_fn, predict_fn, output_fn = compose("xgboost", after=after)
"""


def test_a_request_is_one_line(server: Server) -> None:
    answer = server.ask(
        "POST", "/invocations", SECRET, Content_Type="text/csv", traceparent=PARENT,
        X_Amzn_SageMaker_Inference_Id='mine " \\ é',
    )  # fmt: skip
    time.sleep(0.2)
    (line,) = [each for each in server.lines() if each.get("trace_id") == PARENT[3:35]]
    assert line["request_id"] == answer.headers["x-request-id"] == 'mine " \\ ?'
    assert (line["level"], line["route"], line["status"]) == ("info", "/invocations", 200)
    assert (line["rows"], line["together"]) == (1, 1)
    assert (line["bytes_in"], line["bytes_out"]) == (len(SECRET), len(answer.body))
    stages = [line[f"{stage}_us"] for stage in ("decode", "align", "queue", "predict", "encode")]
    assert 0 < sum(stages) <= line["us"] + 5


def test_what_was_sent_never_stands_in_it(server: Server) -> None:
    for body in (SECRET, b"secret-cell,2,3,4,5", b'[["secret-cell"]]', b'{"secret-cell": 1}'):
        for content_type in ("text/csv", "application/json", "secret/type"):
            server.ask("POST", "/invocations", body, Content_Type=content_type)
    text = server.log.read_text()
    assert "12345" not in text
    assert "secret-cell" not in text


def test_pings_are_not_logged(server: Server) -> None:
    time.sleep(0.2)
    before = len(server.lines())
    for _ in range(5):
        server.ask("GET", "/ping")
    time.sleep(0.2)
    assert len(server.lines()) == before


def test_a_failure_has_its_traceback_once_under_its_request(
    model_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "failing.py").write_text(FAILING)
    with serving(tmp_path / "failing.py", model_dir) as server:
        server.wait_until_ready()
        answer = server.ask(
            "POST", "/invocations", SECRET, Content_Type="text/csv", X_Request_Id="r7"
        )
        assert (answer.status, b"a bug" in answer.body) == (500, False)
        time.sleep(0.3)
        lines = [line for line in server.lines() if line.get("request_id") == "r7"]
    assert [line.get("message", line.get("status")) for line in lines] == [
        "seen",
        "the script failed to answer a request",
        500,
    ]
    assert lines[1]["exception"].endswith("ValueError: a bug")


@pytest.mark.parametrize(("logged", "statuses"), [("errors", [422]), ("none", [])])
def test_less_can_be_logged(model_dir: Path, logged: str, statuses: list[int]) -> None:
    with serving(MINIMAL, model_dir, "--log", logged) as server:
        server.wait_until_ready()
        server.ask("POST", "/invocations", SECRET, Content_Type="text/csv")
        server.ask("POST", "/invocations", b"1,2", Content_Type="text/csv")
        time.sleep(0.2)
        assert [line["status"] for line in server.lines() if "status" in line] == statuses


def test_a_log_that_nobody_reads_stops_nothing(model_dir: Path) -> None:
    command = [sys.executable, "-m", "scriptmode", "serve", str(MINIMAL), "--port", "0"]
    process = subprocess.Popen([*command, "--model-dir", str(model_dir)], stderr=subprocess.PIPE)
    assert process.stderr is not None
    try:
        first = json.loads(process.stderr.readline())
        server = Server(int(first["message"].rpartition(":")[2]), process, Path(os.devnull))
        server.wait_until_ready()
        answers = ask_all(server.port, [Asked(SECRET, "text/csv")] * 2000, 8)
        assert {getattr(answer, "status", answer) for answer in answers} == {200}
    finally:
        process.terminate()
        _, rest = process.communicate(timeout=30)
    lines = [json.loads(line) for line in rest.splitlines()]
    assert len(lines) > 100
