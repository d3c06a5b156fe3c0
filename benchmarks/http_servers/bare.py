"""What a server by hand can reach on the HTTP library that ours runs on: no framework, no checks.

Its prediction is the same C call as ours. ``inline`` asks the model for each request by itself;
``batched`` asks it once for all requests that came in one turn of the event loop.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import numpy as np
import orjson
import xgboost as xgb

from scriptmode.models.booster_calls import direct_call

COLUMNS = 30

Decode: TypeAlias = Callable[[bytes], Any]
Answer: TypeAlias = Callable[[bytes, Decode], Awaitable[bytes]]


def from_csv(body: bytes) -> Any:
    cells = orjson.loads(b"[" + body.replace(b"\n", b",") + b"]")
    return np.array(cells, np.float32).reshape(-1, COLUMNS)


def from_json(body: bytes) -> Any:
    return np.array(orjson.loads(body), np.float32)


def encode(predictions: Any) -> bytes:
    return orjson.dumps(predictions, option=orjson.OPT_SERIALIZE_NUMPY)


def model() -> Callable[[Any], Any]:
    booster = xgb.Booster(model_file=os.environ["MODEL"])
    booster.set_param({"nthread": 1})
    ask = direct_call(booster)
    if ask is None:
        raise SystemExit("this release of xgboost has no direct call")
    vars(ask)["booster"] = booster  # which a direct call does not keep
    return ask


def inline() -> Answer:
    ask = model()

    async def answer(body: bytes, decode: Decode) -> bytes:
        return encode(ask(decode(body)))

    return answer


def batched() -> Answer:
    ask = model()
    waiting: list[tuple[Any, asyncio.Future[bytes]]] = []

    def turn() -> None:
        batch = waiting.copy()
        waiting.clear()
        predictions = ask(np.concatenate([table for table, _ in batch]))
        start = 0
        for table, future in batch:
            end = start + len(table)
            if not future.done():
                future.set_result(encode(predictions[start:end]))
            start = end

    def answer(body: bytes, decode: Decode) -> Awaitable[bytes]:
        loop = asyncio.get_running_loop()
        table, future = decode(body), loop.create_future()
        if not waiting:
            loop.call_soon(turn)
        waiting.append((table, future))
        return future

    return answer


def application(answer: Answer) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        is_csv = (b"content-type", b"text/csv") in scope["headers"]
        answered = await answer(body, from_csv if is_csv else from_json)
        length = b"%d" % len(answered)
        headers = [(b"content-type", b"application/json"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answered})

    return app


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(
        application({"inline": inline, "batched": batched}[sys.argv[2]]()),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
    )
