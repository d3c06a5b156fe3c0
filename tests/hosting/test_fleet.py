"""Several models in one process, which come and go."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.hosting.conftest import MINIMAL
from tests.hosting.served import Answer, Server, exchanged, serving

pytestmark = pytest.mark.peer
ONE = b"1,2,3,4,5"

# Two models bring scripts and helpers of equal names that do different things.
SCRIPT = """
import helper
def model_fn(model_dir): return helper.FACTOR
def input_fn(body, content_type): return float(body)
def predict_fn(data, model): return data * model
def output_fn(prediction, accept): return str(prediction), "text/plain"
"""
LARGE = """
import numpy as np
def model_fn(model_dir): return np.ones(30_000_000)
def predict_fn(data, model): return data * model[0]
"""


def code(folder: Path, **files: str) -> Path:
    (folder / "code").mkdir(parents=True)
    for name, text in files.items():
        (folder / "code" / f"{name}.py").write_text(text)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(MINIMAL, tmp_path_factory.mktemp("none"), "--multi-model") as server:
        yield server


def load(server: Server, name: str, folder: Path) -> Answer:
    body = json.dumps({"model_name": name, "url": str(folder)}).encode()
    return server.ask("POST", "/models", body, Content_Type="application/json")


def invoke(server: Server, name: str, body: bytes = ONE, **headers: str) -> Answer:
    return server.ask(
        "POST", f"/models/{name}/invoke", body, **{"Content_Type": "text/csv", **headers}
    )


def names(server: Server, query: str = "") -> list[str]:
    document = json.loads(server.ask("GET", f"/models{query}").body)
    return [model["modelName"] for model in document["models"]]


def test_the_life_of_a_model(server: Server, model_dir: Path, booster: Any) -> None:
    assert server.ask("GET", "/ping").status == 200
    assert invoke(server, "life").status == 404
    assert load(server, "life", model_dir).status == 200
    assert load(server, "life", model_dir).status == 409
    described = json.loads(server.ask("GET", "/models/life").body)
    assert (described["modelName"], described["modelUrl"]) == ("life", str(model_dir))
    answer = invoke(server, "life")
    expected = booster.inplace_predict(np.array([[1.0, 2, 3, 4, 5]]))
    assert (answer.status, np.float32(json.loads(answer.body))) == (200, expected)
    assert invoke(server, "life", b"1,2").status == 422
    assert server.ask("DELETE", "/models/life").status == 200
    assert server.ask("DELETE", "/models/life").status == 404
    assert server.ask("GET", "/models/life").status == 404
    assert invoke(server, "life").status == 404


def test_a_model_is_named_by_a_header_too(server: Server, model_dir: Path) -> None:
    load(server, "named", model_dir)
    target = {"X-Amzn-SageMaker-Target-Model": "named"}
    for path in ("/invocations", "/endpoints/any/invocations"):
        answer = server.ask("POST", path, ONE, Content_Type="text/csv", **target)
        assert (answer.status, answer.body) == (200, invoke(server, "named").body)
    assert server.ask("POST", "/invocations", ONE).status == 400


@pytest.mark.parametrize(
    "rest",
    [
        "Transfer-Encoding: chunked\r\n\r\n9\r\n1,2,3,4,5\r\n0\r\nContent-Type: image/png\r\n\r\n",
        "Content-Length: 9\r\n\r\n1,2,3,4,5",
        "Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 9\r\n\r\n1,2,3,4,5",
    ],
)
def test_half_closed_connections_trailers_and_offers_change_nothing(
    server: Server, model_dir: Path, rest: str
) -> None:
    load(server, "plain", model_dir)
    head = "POST /models/plain/invoke HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
    answer = exchanged(server.port, (head + rest).encode())
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"\r\n\r\n" + invoke(server, "plain").body)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b'{"model_name": "a"}', 400),
        (b'{"model_name": "a/b", "url": "/tmp"}', 400),
        (b'{"model_name": "a", "url": "/nowhere/at/all"}', 404),
    ],
)
def test_what_cannot_be_loaded_is_told(server: Server, body: bytes, status: int) -> None:
    assert server.ask("POST", "/models", body).status == status


def test_a_broken_model_is_not_kept(server: Server, tmp_path: Path) -> None:
    answer = load(server, "broken", tmp_path)
    assert (answer.status, json.loads(answer.body)["code"]) == (500, "load_failed")
    assert "broken" not in names(server)


def test_models_are_listed_in_pages(server: Server, model_dir: Path) -> None:
    for name in ("page-a", "page-b", "page-c"):
        load(server, name, model_dir)
    seen, query = [], "?limit=2"
    while query:
        document = json.loads(server.ask("GET", f"/models{query}").body)
        seen += [model["modelName"] for model in document["models"]]
        token = document.get("nextPageToken")
        query = f"?limit=2&next_page_token={token}" if token else ""
    assert seen == sorted(seen)
    assert {"page-a", "page-b", "page-c"} <= set(seen)
    assert server.ask("GET", "/models?limit=x").status == 400


def test_scripts_and_helpers_of_equal_names_do_not_meet(server: Server, tmp_path: Path) -> None:
    for name, factor in (("twice", 2), ("thrice", 3)):
        code(tmp_path / name, inference=SCRIPT, helper=f"FACTOR = {factor}")
        assert load(server, name, tmp_path / name).status == 200
    assert invoke(server, "twice", b"7").body == b"14.0"
    assert invoke(server, "thrice", b"7").body == b"21.0"


def test_memory_is_given_back(server: Server, tmp_path: Path) -> None:
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    folder = code(tmp_path / "large", inference=LARGE)
    assert load(server, "large", folder).status == 200
    assert process.memory_info().rss - before > 200_000_000
    assert invoke(server, "large", b"[[1.0]]", Content_Type="application/json").body == b"[[1.0]]"
    server.ask("DELETE", "/models/large")
    assert process.memory_info().rss - before < 20_000_000


def test_what_was_not_asked_longest_makes_room(tmp_path: Path) -> None:
    with serving(MINIMAL, tmp_path, "--multi-model") as server:
        base = psutil.Process(server.process.pid).memory_info().rss // 2**20
    folder = code(tmp_path / "large", inference=LARGE)  # 240 MB each
    limit = ["--memory-limit", str(base + 700)]
    with serving(MINIMAL, tmp_path, "--multi-model", *limit) as server:
        for name in ("a", "b"):
            assert load(server, name, folder).status == 200
        invoke(server, "a", b"[[1.0]]", Content_Type="application/json")
        assert load(server, "c", folder).status == 200
        assert names(server) == ["a", "c"]
    with serving(MINIMAL, tmp_path, "--multi-model", "--memory-limit", str(base + 50)) as server:
        assert load(server, "alone", folder).status == 507
        assert names(server) == []


def test_the_mode_is_sagemakers(tmp_path: Path) -> None:
    with serving(MINIMAL, tmp_path, env={"SAGEMAKER_MULTI_MODEL": "true"}) as server:
        assert names(server) == []
