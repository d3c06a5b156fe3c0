"""Ours beside other servers over HTTP, in one run: one model, one client, one worker each.

Every server serves the same booster (100 trees, depth 6, 30 features, one thread) and is asked for
the same rows. Those that cannot be installed, or whose answers are not the booster's, are named
and left out. All stay up and idle but the one that is measured; bursts take turns between them, and
medians of rounds are shown. Rivals live in environments of their own below ``build/http``, which
the first run makes. The client is wrk, on one thread.

    python -m benchmarks.http [--servers ours bare fastapi] [--seconds 2] [--rounds 3]
"""

import argparse
import contextlib
import functools
import itertools
import os
import platform
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from benchmarks.http_servers.environments import UnavailableError, python_of, releases
from benchmarks.http_servers.report import Cell, Found, tables, verdict
from benchmarks.http_servers.running import OK, TYPES, Running, running
from benchmarks.http_servers.servers import BY_NAME, SERVERS, Server
from benchmarks.http_servers.wrk import Burst, burst, wrk

COLUMNS, TREES, DEPTH, EXAMPLES = 30, 100, 6, 5000
TOGETHER = 16  # requests at once, each with another row
CLOSE = 1e-5  # for servers that lose digits on the way


class WrongAnswerError(Exception):
    """A server answers something else than the booster does."""


class Contest(NamedTuple):
    """What all servers are given.

    Args:
        model: the file of the booster.
        table: rows to ask for.
        expected: the booster's own predictions of these.
        scratch: a folder for what is written meanwhile.
    """

    model: Path
    table: Any
    expected: Any
    scratch: Path


def train(scratch: Path) -> Contest:
    import xgboost as xgb

    rng = np.random.default_rng(0)
    table = rng.normal(size=(EXAMPLES, COLUMNS)).round(4)
    label = table[:, 0] * 2 + np.sin(table).sum(axis=1)
    data = xgb.DMatrix(table, label)
    booster = xgb.train({"max_depth": DEPTH, "nthread": 1}, data, TREES)
    model = scratch / "model" / "model.ubj"
    model.parent.mkdir()
    booster.save_model(model)
    return Contest(model, table, booster.predict(data), scratch)


def check(running_: Running, contest: Contest, sizes: list[int], formats: list[str]) -> bool:
    """Ask for every body, and for several rows at once.

    Returns:
        Whether each prediction was the booster's own, bit for bit.

    Raises:
        WrongAnswerError: one was not even close.
    """
    alone = [slice(row, row + 1) for row in range(TOGETHER * 2)]
    is_exact = True
    for format_ in set(formats) & set(running_.server.forms):
        ask = functools.partial(answered_alike, running_, contest, format_)
        with ThreadPoolExecutor(TOGETHER) as pool:
            told = [*map(ask, [slice(0, size) for size in sizes]), *pool.map(ask, alone)]
        is_exact &= all(told)
    return is_exact


def answered_alike(running_: Running, contest: Contest, format_: str, part: slice) -> bool:
    status, answer = running_.ask(format_, contest.table[part].tolist())
    where = f"{format_} of {part.stop - part.start} rows"
    if status != OK:
        raise WrongAnswerError(f"{where}: {status} {answer[:200]!r}")
    try:
        found = np.array(running_.server.predictions(orjson.loads(answer)), np.float32)
    except (ValueError, LookupError, TypeError) as error:
        raise WrongAnswerError(f"{where}: {error!r} in {answer[:200]!r}") from error
    expected = contest.expected[part]
    if found.shape != expected.shape or not np.allclose(found, expected, rtol=CLOSE, atol=CLOSE):
        raise WrongAnswerError(f"{where}: not what the booster answers, but {answer[:200]!r}")
    return bool(np.array_equal(found, expected))


def started(
    servers: list[Server],
    contest: Contest,
    options: argparse.Namespace,
    stack: contextlib.ExitStack,
) -> Iterator[Running]:
    """Servers that answer rightly, which end with the stack; why others do not is printed."""
    first = contest.table[:1].tolist()
    for server in servers:
        with contextlib.ExitStack() as alone:
            try:
                up = alone.enter_context(running(server, contest.model, contest.scratch, first))
                is_exact = check(up, contest, options.rows, options.formats)
            except (UnavailableError, WrongAnswerError, OSError) as error:
                print(f"- {server.name}: left out, {error}", flush=True)
                continue
            print(f"- {described(server)}, {'bit for bit' if is_exact else 'close'}", flush=True)
            stack.enter_context(alone.pop_all())
            yield up


def described(server: Server) -> str:
    """A server by the releases of what it is made of."""
    packages = [re.split(r"[\[<>=;]", each)[0] for each in server.packages] or ["uvicorn"]
    return f"{server.name}: {', '.join(releases(python_of(server), packages))}"


def measure(
    servers: list[Running], contest: Contest, options: argparse.Namespace
) -> Iterator[tuple[str, Cell, Burst]]:
    """Burst by burst: rounds, in them cells, in these servers."""
    every = itertools.product(options.formats, options.rows, options.connections)
    cells = [Cell(*each) for each in every]
    body = contest.scratch / "body"
    for _, cell, up in itertools.product(range(options.rounds), cells, servers):
        form = up.server.forms.get(cell.format)
        if form is None:
            continue
        body.write_bytes(form.body(contest.table[: cell.rows].tolist()))
        url, kind = f"http://127.0.0.1:{up.port}{form.path}", TYPES[cell.format]
        yield up.server.name, cell, burst(url, body, kind, cell.connections, options.seconds)
        up.rest()
        os.truncate(up.log, 0)  # ours logs every request


def parse() -> argparse.Namespace:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("benchmarks.http", description=__doc__, formatter_class=raw)
    names = [server.name for server in SERVERS]
    parser.add_argument("--servers", nargs="+", choices=names, default=names)
    parser.add_argument("--formats", nargs="+", choices=list(TYPES), default=list(TYPES))
    parser.add_argument("--rows", nargs="+", type=int, default=[1, 100, 1000])
    parser.add_argument("--connections", nargs="+", type=int, default=[1, 16, 64])
    parser.add_argument("--seconds", type=int, default=3, help="of a burst")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if max(options.rows) > EXAMPLES:
        parser.error(f"there are {EXAMPLES} rows")
    return options


def title(options: argparse.Namespace) -> str:
    import xgboost

    on = (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, xgboost {xgboost.__version__}"
    )
    return f"{on}; medians of {options.rounds} bursts of {options.seconds} s"


def main() -> None:
    options = parse()
    wrk()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers are ended
    print(title(options), flush=True)
    with contextlib.ExitStack() as stack:
        contest = train(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        servers = [BY_NAME[name] for name in dict.fromkeys(options.servers)]
        up = list(started(servers, contest, options, stack))
        found: Found = {each.server.name: {} for each in up}
        with contextlib.suppress(KeyboardInterrupt):  # what was measured so far is shown
            for name, cell, burst_ in measure(up, contest, options):
                found[name].setdefault(cell, []).append(burst_)
    for format_, rows in itertools.product(options.formats, options.rows):
        print("\n".join(tables(found, format_, rows, options.connections)))
    print(f"\n{verdict(found)}")


if __name__ == "__main__":
    main()
