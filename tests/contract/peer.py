"""Runs in a stack's own environment: sends requests through its worker side, without its server.

    python peer.py ORDER.json    writes what came back as JSON to standard output

The drivers go the way of the servers: for Flask the image's own Transformer and Worker objects, for
the model servers the frames that pass between Java and Python.
"""

import base64
import collections
import collections.abc
import contextlib
import importlib
import importlib.util
import json
import logging
import os
import struct
import sys
import time
import types
from pathlib import Path
from typing import Any

NAMES = ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")


def flask_peer(entry: str, model_dir: str) -> Any:
    vars(collections)["Mapping"] = collections.abc.Mapping  # as both images patch it
    from sagemaker_containers import _env
    from sagemaker_containers.beta.framework import transformer, worker

    _env.model_dir = model_dir
    user = importlib.reload(importlib.import_module(entry))  # imported twice, as there
    functions = {name: getattr(user, name) for name in NAMES if hasattr(user, name)}
    made = transformer.Transformer(**functions)
    failed = None
    try:
        made.initialize()
    except Exception as error:  # noqa: BLE001 - the images answer 500 then
        failed = error
    app = worker.Worker(transform_fn=made.transform, module_name=entry)
    client = app.test_client()

    def drive(body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        if failed is not None:
            return 500, {}, str(failed).encode()
        reply = client.post("/invocations", data=body, headers=headers)
        return reply.status_code, dict(reply.headers), reply.data

    return drive


def server_peer(service_class: Any, model_dir: str, server: str) -> Any:
    service = service_class()
    module = importlib.import_module(server + ".service")
    front = module.Service("model", model_dir, None, service.handle, None, 1)
    front.cl_socket = None
    front.context.metrics = types.SimpleNamespace(add_time=lambda *_: None)
    with contextlib.suppress(Exception):  # as the real loader does
        service.initialize(front.context)

    def drive(body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        content_type = headers.get("Content-Type", "")
        part = {"name": "body", "contentType": content_type, "value": bytearray(body)}
        sent = [{"name": k.encode(), "value": v.encode()} for k, v in headers.items()]
        frame = front.predict([{"requestId": b"r1", "parameters": [part], "headers": sent}])
        return read_frame(frame)

    return drive


def read_frame(frame: bytearray) -> tuple[int, dict[str, str], bytes]:
    """What a worker sends to the Java front end."""

    def take(count: int) -> bytes:
        piece = bytes(frame[:count])
        del frame[:count]
        return piece

    def number() -> int:
        return int(struct.unpack("!i", take(4))[0])

    def text() -> bytes:
        return take(number())

    code, message = number(), text().decode()
    if code != 200:
        return code, {"content-type": "application/json"}, message.encode()
    text(), text()  # the request's id, and a content type that is among the headers too
    status, _ = number(), text()
    headers = {text().decode(): text().decode() for _ in range(number())}
    return status, headers, text()


def service_of(family: str) -> Any:
    if family == "huggingface":
        from sagemaker_huggingface_inference_toolkit import handler_service

        service = handler_service.HuggingFaceHandlerService
        service.get_device = lambda self: -1  # which asks torch
        return service
    if family == "pytorch":
        if importlib.util.find_spec("torch") is None:
            tensor = type("Tensor", (), {})
            sys.modules["torch"] = types.SimpleNamespace(Tensor=tensor)  # type: ignore[assignment]
        module = "sagemaker_pytorch_serving_container.handler_service"
        return importlib.import_module(module).HandlerService
    return importlib.import_module(
        "sagemaker_inference.default_handler_service"
    ).DefaultHandlerService


def peer(order: dict[str, Any]) -> Any:
    os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
    os.environ["SAGEMAKER_BASE_DIR"] = order["base_dir"]
    os.environ["SAGEMAKER_PROGRAM"] = order["entry"] + ".py"
    sys.path.insert(0, order["code"])
    if order["server"] == "flask":
        return flask_peer(order["entry"], order["model_dir"])
    return server_peer(service_of(order["family"]), order["model_dir"], order["server"])


def answer(drive: Any, request: dict[str, Any]) -> dict[str, Any]:
    try:
        status, headers, body = drive(base64.b64decode(request["body"]), request["headers"])
    except Exception as error:  # noqa: BLE001 - a worker that dies
        return {"died": repr(error)}
    lowered = {name.lower(): value for name, value in headers.items()}
    return {
        "status": status,
        "content_type": lowered.get("content-type"),
        "body": base64.b64encode(body).decode(),
    }


def microseconds(drive: Any, request: dict[str, Any], seconds: float) -> float:
    """How long the stack takes for one request, on average; only where the order asks for it."""
    body, headers = base64.b64decode(request["body"]), request["headers"]
    started, calls = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < seconds:
        drive(body, headers)
        calls += 1
    return elapsed / calls * 1e6


def main() -> None:
    order = json.loads(Path(sys.argv[1]).read_text())
    out = os.dup(1)
    os.dup2(2, 1)  # what the stacks print is not ours
    drive = peer(order)
    answers = [answer(drive, request) for request in order["requests"]]
    if seconds := order.get("seconds"):
        logging.disable()
        for told, request in zip(answers, order["requests"], strict=True):
            told["microseconds"] = microseconds(drive, request, seconds)
    with os.fdopen(out, "w") as target:
        json.dump({"answers": answers, "trained": "trained" in os.environ}, target)


if __name__ == "__main__":
    main()
