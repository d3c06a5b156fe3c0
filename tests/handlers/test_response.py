"""What a script says of its answer beside the body."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scriptmode import compose
from scriptmode.handlers.context import RequestContext
from scriptmode.handlers.endpoint import Endpoint, Request
from scriptmode.handlers.handler import Handler
from scriptmode.testing import invoke


class Echo:
    name = "echo"

    def load(self, model_dir: Path) -> str:
        return "model"

    def predict(self, model: str, data: Any) -> Any:
        return np.asarray(data)[:, 0]


def after(prediction: Any, context: RequestContext) -> Any:
    context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", "a=1")
    context.response.headers["X-Rows"] = str(len(prediction))
    context.set_response_status(code=203, phrase="Changed")
    return prediction


def test_a_hook_sets_headers_and_the_status() -> None:
    endpoint = Endpoint(compose(Echo(), after=after))
    response = endpoint.invoke(Request(b"1,2", "text/csv"))
    assert (response.status, response.body) == (203, b"[1.0]")
    assert response.headers == {"X-Amzn-SageMaker-Custom-Attributes": "a=1", "X-Rows": "1"}


def test_so_does_one_that_is_told_parameters() -> None:
    endpoint = Endpoint(compose(Echo(), request="rows", parameters=["p"], after=after))
    response = endpoint.invoke(Request(b'{"rows": [[1], [2]], "p": 3}', "application/json"))
    assert (response.status, response.headers["X-Rows"]) == (203, "2")


def test_nothing_is_kept_for_the_next_request() -> None:
    def once(prediction: Any, context: RequestContext) -> Any:
        if prediction[0] == 1:
            after(prediction, context)
        return prediction

    endpoint = Endpoint(compose(Echo(), after=once))
    assert endpoint.invoke(Request(b"1", "text/csv")).status == 203
    response = endpoint.invoke(Request(b"2", "text/csv"))
    assert (response.status, dict(response.headers)) == (200, {})


def test_functions_by_hand_that_take_a_context_do_too() -> None:
    def output_fn(prediction: Any, accept: str, context: Any) -> Any:
        context.set_response_content_type(0, "text/plain; charset=utf-8")
        return "done"

    handler = Handler(lambda folder: "m", lambda b, c: b, lambda d, m: d, output_fn)  # type: ignore[arg-type]
    response = Endpoint(handler).invoke(Request(b"1"))
    assert response.headers == {"content-type": "text/plain; charset=utf-8"}


@pytest.mark.parametrize("family", ["flask", "inference", "inference15", "pytorch", "huggingface"])
def test_every_stack_is_told(family: Any, tmp_path: Path) -> None:
    handler = compose(Echo(), after=after)
    reply = invoke(handler, b"1,2", content_type="text/csv", model_dir=tmp_path, family=family)
    assert (reply.status, json.loads(reply.body)) == (203, [1.0])


def test_the_context_of_multi_model_server_is_told() -> None:
    mms: Any = pytest.importorskip("mms.context")
    context = mms.Context("fares", "/opt/ml/model", {"model": {}}, 1, None, "1.1.11")
    context.request_processor = [mms.RequestProcessor({})]
    handler = compose(Echo(), after=after)
    handler.predict_fn(np.array([[1.0]]), "model", context)
    assert context.get_response_headers(0) == {
        "X-Amzn-SageMaker-Custom-Attributes": "a=1",
        "X-Rows": "1",
    }
    assert context.get_response_status(0) == (203, "Changed")


def test_pieces_are_one_body_where_nothing_streams() -> None:
    def output_fn(prediction: Any, accept: str) -> Any:
        return iter(["a", b"b", bytearray(b"c")])

    handler = Handler(lambda folder: "m", lambda b, c: b, lambda d, m: d, output_fn)  # type: ignore[arg-type]
    assert Endpoint(handler).invoke(Request(b"1")).body == b"abc"


def test_a_piece_that_is_neither_text_nor_bytes_is_refused() -> None:
    handler = Handler(lambda f: "m", lambda b, c: b, lambda d, m: d, lambda p, a: iter([1]))  # type: ignore[arg-type]
    response = Endpoint(handler).invoke(Request(b"1"))
    assert response.status == 500
    assert "yielded int" in json.loads(response.body)["message"]


@pytest.mark.parametrize("status", [0, 100, 199, 204, 304, 600, 700])
def test_a_status_that_cannot_carry_an_answer_is_a_500(status: int) -> None:
    def said(prediction: Any, context: RequestContext) -> Any:
        context.response.status = status
        return prediction

    response = Endpoint(compose(Echo(), after=said)).invoke(Request(b"1", "text/csv"))
    assert response.status == 500
    assert f"status {status}" in json.loads(response.body)["message"]
