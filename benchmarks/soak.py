"""A server under full load for minutes, a fifth of it mistakes: nothing wrong, lost or leaked.

    python -m benchmarks.soak [--minutes 10] [--connections 64] [--workers 1] [--kill]

Every answer is compared, status and body, with the first that the same request got alone. With
``--kill`` a worker is killed every minute: only what was under way in it may be lost.
"""

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import psutil
import uvloop
import xgboost as xgb

COLUMNS, TREES, ROWS = 30, 100, 40
FLAT = 0.05  # how much of its memory a server may gain once it has warmed up
SCRIPT = Path(__file__).parents[1] / "examples/minimal/inference.py"


class Sent(NamedTuple):
    """A request as bytes, and what answers it."""

    request: bytes
    status: bytes
    body: bytes


def requests() -> list[bytes]:
    """Requests of one row and of some, in CSV and JSON; every fifth is a mistake."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(ROWS):
        rows = rng.normal(size=(1 + number % 4, COLUMNS)).tolist()
        csv = "\n".join(",".join(map(repr, row)) for row in rows).encode()
        good = [(csv, "text/csv"), (orjson.dumps(rows), "application/json")]
        found += [framed(*good[number % 2])] * 4
        bad = [(b"1,2", "text/csv"), (b"[[", "application/json"), (csv, "image/png")]
        found.append(framed(*bad[number % 3]))
    return found


def framed(body: bytes, content_type: str) -> bytes:
    head = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Client(asyncio.Protocol):
    """One connection, which asks again as soon as it was answered."""

    def __init__(self, sent: list[Sent], told: Counter[str], is_over: asyncio.Event) -> None:
        self.sent, self.told, self.is_over = sent, told, is_over
        self.closed = asyncio.get_running_loop().create_future()
        self.found = b""
        self.asked: Sent | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.asked, self.found = random.choice(self.sent), b""
        self.transport.write(self.asked.request)

    def data_received(self, data: bytes) -> None:
        self.found += data
        answer = parsed(self.found)
        if answer is None or self.asked is None:
            return
        is_right = answer == (self.asked.status, self.asked.body)
        self.told["right" if is_right else f"wrong: {answer[0]!r}"] += 1
        self.asked = None
        if self.is_over.is_set():
            self.transport.close()
        else:
            self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        if self.asked is not None:
            self.told["lost"] += 1
        self.closed.set_result(None)


def parsed(found: bytes) -> tuple[bytes, bytes] | None:
    """Status and body; None while some is still to come."""
    head, _, body = found.partition(b"\r\n\r\n")
    start = head.lower().find(b"content-length: ")
    if start < 0 or not _:
        return None
    length = int(head[start + 16 :].split(b"\r\n", 1)[0])
    return None if len(body) < length else (head[9:12], body)


async def alone(port: int) -> list[Sent]:
    """What each request gets when nothing else is asked."""
    found = []
    for request in requests():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        text = b""
        while (answer := parsed(text)) is None:
            text += await reader.read(65536)
        writer.close()
        found.append(Sent(request, *answer))
    return found


async def keep_asking(port: int, client: Any, is_over: asyncio.Event) -> None:
    """Connect again wherever a connection is lost."""
    loop = asyncio.get_running_loop()
    while not is_over.is_set():
        with contextlib.suppress(OSError):
            _, protocol = await loop.create_connection(client, "127.0.0.1", port)
            await protocol.closed


def memory(process: psutil.Process) -> int:
    """Bytes that belong to the server's processes alone."""
    each = [process, *process.children()]
    return sum(one.memory_full_info().uss for one in each)


async def soak(port: int, process: psutil.Process, options: argparse.Namespace) -> bool:
    sent, told, is_over = await alone(port), Counter[str](), asyncio.Event()
    asking = [
        keep_asking(port, lambda: Client(sent, told, is_over), is_over)
        for _ in range(options.connections)
    ]
    running = asyncio.gather(*asking)
    kills, sizes = 0, []
    for second in range(int(options.minutes * 60)):
        await asyncio.sleep(1)
        sizes.append(memory(process))
        if options.kill and second % 60 == 30:  # noqa: PLR2004 - in the middle of each minute
            os.kill(min(child.pid for child in process.children()), signal.SIGKILL)
            kills += 1
        if second % 30 == 29:  # noqa: PLR2004 - twice a minute
            print(f"{second + 1} s: {dict(told)}, {sizes[-1] / 2**20:.1f} MB", flush=True)
    is_over.set()
    await running
    return verdict(told, sizes, kills, options)


def verdict(told: Counter[str], sizes: list[int], kills: int, options: argparse.Namespace) -> bool:
    third = len(sizes) // 3
    before, after = np.median(sizes[third : 2 * third]), np.median(sizes[-third:])
    gained = after / before - 1
    lost = told["lost"]
    print(f"{told['right']} right answers, {told['right'] / len(sizes):.0f} a second")
    print(f"{lost} lost, {kills} workers killed; wrong: {wrong(told) or 'none'}")
    print(f"memory: {before / 2**20:.1f} MB, then {after / 2**20:.1f} MB ({gained:+.1%})")
    return bool(not wrong(told) and lost <= kills * options.connections and gained < FLAT)


def wrong(told: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in told.items() if name.startswith("wrong")}


async def main(options: argparse.Namespace, model_dir: str) -> bool:
    command = [sys.executable, "-m", "scriptmode", "serve", str(SCRIPT), "--port", "0"]
    command += ["--model-dir", model_dir, "--workers", str(options.workers), "--log", "errors"]
    with tempfile.TemporaryFile() as log:
        server = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
        assert server.stderr is not None
        line = orjson.loads(await server.stderr.readline())
        copying = asyncio.ensure_future(copy(server.stderr, log))
        port = int(line["message"].rpartition(":")[2])
        await ready(port)
        try:
            return await soak(port, psutil.Process(server.pid), options)
        finally:
            server.terminate()
            await server.wait()
            await copying


async def copy(source: asyncio.StreamReader, target: Any) -> None:
    while text := await source.read(65536):
        target.write(text)


async def ready(port: int) -> None:
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        text = await reader.read()
        writer.close()
        if b" 200 " in text[:15]:
            return
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--kill", action="store_true")
    chosen = parser.parse_args()
    table = np.random.default_rng(1).normal(size=(5000, COLUMNS))
    booster = xgb.train({"max_depth": 6}, xgb.DMatrix(table, table.sum(axis=1)), TREES)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "xgboost-model").write_bytes(booster.save_raw("ubj"))
        is_fine = uvloop.run(main(chosen, folder))
    sys.exit(0 if is_fine else 1)
