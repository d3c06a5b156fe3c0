import json
import logging
from types import ModuleType
from typing import Any

import pytest

from scriptmode import DeclarationError, Handler
from scriptmode.handlers.context import RequestContext
from scriptmode.handlers.endpoint import Endpoint, Request
from scriptmode.handlers.response import Response


def script(**functions: Any) -> ModuleType:
    module = ModuleType("script_of_test")
    vars(module).update({"model_fn": lambda model_dir: model_dir, **functions})
    return module


def ask(module: ModuleType, body: bytes, *headers: Any, **more: Any) -> Response:
    endpoint = Endpoint(Handler.of(module))
    endpoint.load("folder")
    return endpoint.invoke(Request(body, *headers, **more))


def echo(**functions: Any) -> ModuleType:
    return script(
        input_fn=lambda body, content_type: (body, content_type),
        predict_fn=lambda data, model: data,
        output_fn=lambda prediction, accept: repr((*prediction, accept)),
    )


@pytest.mark.parametrize("content_type", ["text/csv", "application/json"])
def test_a_hand_written_input_fn_gets_text_for_the_types_that_toolkits_decode(
    content_type: str,
) -> None:
    assert ask(echo(), b"1,2", content_type).body.decode().startswith("('1,2'")


@pytest.mark.parametrize(
    "content_type", ["text/csv; charset=utf-8", "TEXT/CSV", "text/plain", None]
)
def test_a_hand_written_input_fn_gets_bytes_for_every_other(content_type: str | None) -> None:
    assert ask(echo(), b"1,2", content_type).body.decode().startswith("(b'1,2'")


def test_text_that_is_not_utf8_is_the_callers_mistake() -> None:
    assert ask(echo(), b"\xff", "text/csv").status == 400


@pytest.mark.parametrize("accept", [None, "", "*/*"])
def test_a_hand_written_output_fn_gets_the_toolkits_default_accept(accept: str | None) -> None:
    reply = ask(echo(), b"", "text/plain", accept)
    assert reply.body.decode().endswith("'application/json')")
    assert ask(echo(), b"", "text/plain", "a/b;q=1").body.decode().endswith("'a/b;q=1')")


def test_functions_get_a_context_only_where_they_take_one() -> None:
    module = script(
        input_fn=lambda body, content_type, context: context.custom_attributes,
        predict_fn=lambda data, model: data,
        output_fn=lambda prediction, accept, context: (
            prediction + repr(context.headers["a"]),
            "a/b",
        ),
    )
    context = RequestContext({"x-amzn-sagemaker-custom-attributes": "trace=7", "a": "b"})
    reply = ask(module, b"", "text/csv", None, context=context)
    assert reply == Response(200, "a/b", b"trace=7'b'")


@pytest.mark.parametrize(
    ("returned", "content_type", "body"),
    [
        ((b"x", "a/b"), "a/b", b"x"),
        (("é", "a/b"), "a/b", "é".encode()),
        ("x", "text/csv", b"x"),
        (b"x", "text/csv", b"x"),
        (bytearray(b"x"), "text/csv", b"x"),
        ({"a": 1}, "application/json", b'{"a":1}'),
        ([1.5], "application/json", b"[1.5]"),
        (0.5, "application/json", b"0.5"),
        (None, "application/json", b"null"),
    ],
)
def test_what_output_fn_may_return(returned: Any, content_type: str, body: bytes) -> None:
    module = script(
        input_fn=lambda body, content_type: body,
        predict_fn=lambda data, model: data,
        output_fn=lambda prediction, accept: returned,
    )
    assert ask(module, b"", None, "text/csv") == Response(200, content_type, body)


def test_what_output_fn_must_not_return() -> None:
    module = script(
        predict_fn=lambda data, model: data, output_fn=lambda prediction, accept: object()
    )
    reply = ask(module, b"[1]")
    assert reply.status == 500
    assert b"output_fn returned object" in reply.body


def test_a_failure_is_short_for_the_caller_and_whole_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(data: Any, model: Any) -> Any:
        raise RuntimeError("secret of the model")

    with caplog.at_level(logging.INFO, "scriptmode"):
        reply = ask(script(predict_fn=fail), b"[1]")
    assert reply.status == 500
    assert b"secret" not in reply.body
    assert b"Traceback" not in reply.body
    assert caplog.text.count("Traceback") == 1
    assert "secret of the model" in caplog.text


def test_absent_functions_are_filled_in() -> None:
    class Model:
        def predict(self, matrix: Any) -> Any:
            return matrix.sum(axis=1)

    module = script(model_fn=lambda model_dir: Model())
    assert ask(module, b"1,2\n3,4\n", "text/csv", "text/csv").body == b"3.0\n7.0\n"
    called = script(model_fn=lambda model_dir: lambda matrix: matrix * 2)
    assert ask(called, b"[[1]]", "application/json").body == b"[[2.0]]"


@pytest.mark.parametrize(
    ("functions", "message"),
    [
        ({}, "defines no model_fn"),
        ({"transform_fn": print}, "defines transform_fn"),
        ({"model_fn": 3}, "model_fn of .* is not a function"),
    ],
)
def test_a_script_that_cannot_serve_is_refused(functions: Any, message: str) -> None:
    module = ModuleType("empty")
    vars(module).update(functions)
    with pytest.raises(DeclarationError, match=message):
        Handler.of(module)


def answering(returned: Any) -> Response:
    module = script(
        input_fn=lambda body, content_type: body,
        predict_fn=lambda data, model: data,
        output_fn=lambda prediction, accept: returned,
    )
    return ask(module, b"", None, "text/csv")


@pytest.mark.parametrize("returned", [(0.1, 0.9), ([1], [2]), ({"a": 1}, "a/b"), ("x", "é/b")])
def test_a_pair_that_is_no_body_and_type_is_an_error(returned: Any) -> None:
    assert answering(returned).status == 500


def test_nan_in_a_plain_answer_is_null() -> None:
    assert answering({"s": float("nan")}).body == b'{"s":null}'


@pytest.mark.parametrize("error", [SystemExit("bad"), GeneratorExit()])
def test_a_script_that_exits_does_not_take_the_host_along(error: BaseException) -> None:
    def leave(data: Any, model: Any) -> Any:
        raise error

    assert ask(script(predict_fn=leave), b"[1]").status == 500


def test_a_context_answers_as_those_of_the_model_servers() -> None:
    module = script(
        model_fn=lambda model_dir, context: context.system_properties,
        predict_fn=lambda data, model, context: [
            model["model_dir"],
            model.get("gpu_id"),
            context.get_request_header(0, "X-A"),
            context.get_all_request_header(0)["x-a"],
        ],
        output_fn=lambda prediction, accept: prediction,
    )
    reply = ask(module, b"[1]", context=RequestContext({"x-a": "b"}))
    assert reply.body == b'["folder",null,"b","b"]'


def test_the_stand_in_hands_foreign_values_to_the_model_untouched() -> None:
    class Words:
        def predict(self, texts: Any) -> Any:
            return [len(text) for text in texts]

    module = script(
        model_fn=lambda model_dir: Words(), input_fn=lambda body, content_type: ["a", "bcd"]
    )
    assert ask(module, b"").body == b"[1,3]"


def test_the_stand_in_refuses_names_that_the_model_cannot_check() -> None:
    class Model:
        def predict(self, matrix: Any) -> Any:
            return matrix[:, 0]

    module = script(model_fn=lambda model_dir: Model())
    assert ask(module, b'[{"b": 2, "a": 1}]', "application/json").status == 422


def test_the_stand_in_takes_a_dmatrix_of_a_hand_written_input_fn() -> None:
    import numpy as np
    import xgboost as xgb

    features = np.arange(12.0).reshape(4, 3)
    booster = xgb.train({"nthread": 1}, xgb.DMatrix(features, features[:, 0]), 2)
    module = script(
        model_fn=lambda model_dir: booster,
        input_fn=lambda body, content_type: xgb.DMatrix(features),
    )
    expected = booster.predict(xgb.DMatrix(features))
    assert np.float32(json.loads(ask(module, b"").body)).tolist() == expected.tolist()


def test_a_class_may_stand_for_a_function() -> None:
    module = script(model_fn=dict, predict_fn=lambda data, model: data)
    assert Endpoint(Handler.of(module))
