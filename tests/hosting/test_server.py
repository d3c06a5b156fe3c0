"""The real server process, over real connections."""

import gzip
import io
import json
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import xgboost as xgb

from tests.hosting.conftest import MINIMAL, ROWS
from tests.hosting.served import Server, serving

pytestmark = pytest.mark.peer


def csv(rows: Any) -> bytes:
    return "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist()).encode()


def test_predictions_are_the_boosters_own(server: Server, booster: Any) -> None:
    answer = server.ask("POST", "/invocations", csv(ROWS), Content_Type="text/csv")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    expected = booster.predict(xgb.DMatrix(ROWS))
    np.testing.assert_array_equal(np.float32(json.loads(answer.body)), expected)


@pytest.mark.parametrize(
    ("body", "headers", "status", "message"),
    [
        (b"1,2,3,4", {"Content_Type": "text/csv"}, 422, "5 features"),
        (b"a,b,c,d,e\n1,2,3,4,5", {"Content_Type": "text/csv"}, 400, "header"),
        (b"x", {"Content_Type": "image/png"}, 415, "text/csv"),
        (b"x", {"Content_Type": "///"}, 415, "not a media type"),
        (b"[[1,2,3,4,5]]", {"Accept": "image/png"}, 406, "application/json"),
        (b"", {"Content_Type": "text/csv"}, 400, "empty"),
        (b"[" * 100_000, {"Content_Type": "application/json"}, 400, "not JSON"),
    ],
)
def test_a_callers_mistake_is_a_4xx_with_a_reason(
    server: Server, body: bytes, headers: dict[str, str], status: int, message: str
) -> None:
    answer = server.ask("POST", "/invocations", body, **headers)
    assert answer.status == status
    assert message in json.loads(answer.body)["message"]


def test_unknown_routes_and_methods(server: Server) -> None:
    assert server.ask("GET", "/nowhere").status == 404
    wrong = server.ask("GET", "/invocations")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
    assert server.ask("POST", "/ping").headers["allow"] == "GET"


def test_ping_is_empty_and_quick(server: Server) -> None:
    assert server.ask("GET", "/ping")[0::2] == (200, b"")


def raw(server: Server, head: str, body: bytes = b"") -> bytes:
    """Send bytes as they are; read until the server closes or pauses."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        connection.settimeout(5)
        return connection.recv(65536)


def test_a_huge_announced_body_is_refused_before_it_is_sent(server: Server) -> None:
    started = time.monotonic()
    head = "POST /invocations HTTP/1.1\nHost: x\nContent-Type: text/csv\nContent-Length: 1073741824"
    assert raw(server, head).startswith(b"HTTP/1.1 413 ")
    assert time.monotonic() - started < 5


def test_an_endless_chunked_body_is_refused_at_the_limit(server: Server) -> None:
    head = "POST /invocations HTTP/1.1\nHost: x\nContent-Type: text/csv\nTransfer-Encoding: chunked"
    chunk = b"100000\r\n" + b"1" * 0x100000 + b"\r\n"
    assert raw(server, head, chunk * 7).startswith(b"HTTP/1.1 413 ")
    assert server.ask("GET", "/ping").status == 200


def test_hostile_bodies_cost_neither_time_nor_memory(server: Server) -> None:
    import zipfile

    bomb = io.BytesIO()
    with (
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("arr_0.npy", "w", force_zip64=True) as member,
    ):
        for _ in range(512):
            member.write(bytes(2**21))
    pickled = io.BytesIO()
    np.save(pickled, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    memory = psutil.Process(server.process.pid).memory_info().rss
    started = time.monotonic()
    for body, content_type, statuses in [
        (bomb.getvalue(), "application/x-npz", {413}),
        (pickled.getvalue(), "application/x-npy", {400}),
        (b"[" * 100_000, "application/json", {400}),
        (b'{"a":' * 100_000, "application/json", {400}),
    ]:
        answer = server.ask("POST", "/invocations", body, Content_Type=content_type)
        assert answer.status in statuses, answer
    assert time.monotonic() - started < 10
    assert psutil.Process(server.process.pid).memory_info().rss - memory < 64 * 2**20


def test_a_client_that_leaves_early_does_no_harm(server: Server) -> None:
    head = "POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n1,2"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode())
    assert server.ask("GET", "/ping").status == 200


def test_ping_says_503_until_the_model_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import pathlib, time\n"
        "def model_fn(model_dir):\n"
        "    while not pathlib.Path(model_dir, 'go').exists(): time.sleep(0.01)\n"
        "    return lambda matrix: matrix\n"
    )
    with serving(tmp_path / "slow.py", tmp_path) as server:
        for method, path in (("GET", "/ping"), ("POST", "/invocations")):
            answer = server.ask(method, path)
            assert answer.status == 503
            assert json.loads(answer.body)["message"] == "the model is being loaded"
        (tmp_path / "go").touch()
        server.wait_until_ready()
        assert (
            server.ask("POST", "/invocations", b"[[1]]", Content_Type="application/json").body
            == b"[[1.0]]"
        )


def test_a_model_that_cannot_be_loaded_never_turns_ready(tmp_path: Path) -> None:
    with serving(MINIMAL, tmp_path) as server:
        deadline = time.monotonic() + 20
        message = ""
        while "cannot be loaded" not in message and time.monotonic() < deadline:
            answer = server.ask("GET", "/ping")
            assert answer.status == 503
            message = json.loads(answer.body)["message"]
        assert message == "the model cannot be loaded: ModelLoadError"
        assert server.ask("POST", "/invocations", b"[[1]]").status == 503


def test_sigterm_ends_it_within_seconds(model_dir: Path) -> None:
    with serving(MINIMAL, model_dir) as server:
        server.wait_until_ready()
        started = time.monotonic()
        server.process.terminate()
        assert server.process.wait(timeout=20) in (0, -15)
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("size", [7, 40])
def test_a_client_that_sends_it_all_still_sees_the_413(server: Server, size: int) -> None:
    answer = server.ask("POST", "/invocations", b"1" * (size * 2**20), Content_Type="text/csv")
    assert answer.status == 413
    assert "--max-body" in json.loads(answer.body)["message"]


def test_repeated_headers_are_one_list(server: Server) -> None:
    head = (
        "POST /invocations HTTP/1.1\nHost: x\nAccept: text/csv\nAccept: image/png\n"
        "Content-Type: text/csv\nContent-Length: 9"
    )
    assert b"content-type: text/csv" in raw(server, head, b"1,2,3,4,5")


def test_a_compressed_body_is_unpacked(server: Server) -> None:
    body = b"1,2,3,4,5"
    plain = server.ask("POST", "/invocations", body, Content_Type="text/csv")
    packed = server.ask(
        "POST",
        "/invocations",
        gzip.compress(body),
        Content_Type="text/csv",
        Content_Encoding="gzip",
    )
    assert (packed.status, packed.body) == (200, plain.body)


def test_a_coding_that_nobody_knows_is_a_415(server: Server) -> None:
    answer = server.ask("POST", "/invocations", b"1,2", Content_Encoding="compress")
    assert answer.status == 415
    assert json.loads(answer.body)["supported"] == ["br", "deflate", "gzip", "zstd"]


def test_a_bomb_is_a_413(server: Server) -> None:
    bomb = gzip.compress(bytes(2**28))
    answer = server.ask("POST", "/invocations", bomb, Content_Encoding="gzip")
    assert answer.status == 413


def test_a_large_answer_is_compressed_where_that_is_accepted(server: Server) -> None:
    body = b"1,2,3,4,5\n" * 1000
    plain = server.ask("POST", "/invocations", body, Content_Type="text/csv")
    packed = server.ask(
        "POST", "/invocations", body, Content_Type="text/csv", Accept_Encoding="br, gzip"
    )
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < len(plain.body)
    assert gzip.decompress(packed.body) == plain.body


def test_a_script_that_exits_while_loading_never_turns_ready(tmp_path: Path) -> None:
    (tmp_path / "exits.py").write_text("import sys\ndef model_fn(model_dir): sys.exit('bad')\n")
    with serving(tmp_path / "exits.py", tmp_path) as server:
        deadline = time.monotonic() + 20
        message = ""
        while "cannot be loaded" not in message and time.monotonic() < deadline:
            message = json.loads(server.ask("GET", "/ping").body)["message"]
        assert message == "the model cannot be loaded: SystemExit"
