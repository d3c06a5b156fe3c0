"""Every decoder beside what people use instead, over sizes of a table of 30 columns.

Each cell is the time of ours over that of the fastest rival that is correct: whose matrix is bit
for bit the one that was written. Ours and the rivals run in turn in this one process. Quote
ratios, not microseconds.

    python -m benchmarks.codecs [--rows 1,100] [--formats 'csv;json'] [--all] [--one-core]
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.rivals import RIVALS
from scriptmode.handlers.registries import DEFAULT
from scriptmode.serializers.libsvm import LibSVM

COLUMNS = 30
SIZES = (1, 10, 100, 1000, 10_000, 100_000)
ROUNDS = 7
SECONDS = 0.05
MISSING = 0.05


def table(rows: int, *, missing: bool) -> Any:
    random = np.random.default_rng(rows)
    found = random.normal(size=(rows, COLUMNS)).round(4)
    if missing:
        found[random.random(found.shape) < MISSING] = np.nan
        found[:, 0] = 1.0
    return found


def body_of(name: str, values: Any) -> tuple[Any, bytes]:
    """Our decoder of a format, and what is to be decoded."""
    kind = name.partition(",")[0].partition(" ")[0]
    if name == "json records":
        import orjson

        names = [f"f{index}" for index in range(COLUMNS)]
        records = [dict(zip(names, row, strict=True)) for row in values.tolist()]
        return DEFAULT.serializers.get("json"), orjson.dumps(records)
    serializer: Any = LibSVM(labelled=True) if kind == "libsvm" else DEFAULT.serializers.get(kind)
    body = serializer.encode(values, {})
    if kind == "libsvm":
        body = b"".join(b"1 " + line + b"\n" for line in body.splitlines())
    return serializer, body


def matrix(found: Any) -> Any:
    found = found[1] if isinstance(found, tuple) else found
    if hasattr(found, "toarray"):
        return found.toarray()
    return np.asarray(getattr(found, "values", found))


def is_correct(decode: Callable[[], Any], values: Any) -> bool:
    try:
        return bool(np.array_equal(matrix(decode()), values, equal_nan=True))
    except Exception:  # noqa: BLE001 - a rival may fail in any way
        return False


def milliseconds(function: Callable[[], Any]) -> float:
    started, calls = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < SECONDS or not calls:
        function()
        calls += 1
    return elapsed / calls * 1e3


def compare(name: str, rows: int) -> tuple[dict[str, float], dict[str, float]]:
    """Milliseconds of each correct decoder, and of ours over each, as medians of rounds."""
    values = table(rows, missing="missing" in name)
    serializer, body = body_of(name, values)
    candidates: dict[str, Any] = {"ours": partial(serializer.decode, body, {})}
    assert is_correct(candidates["ours"], values), f"ours is wrong: {name}, {rows}"
    for rival, decode in RIVALS[name]().items():
        if is_correct(partial(decode, body), values):
            candidates[rival] = partial(decode, body)
    times: dict[str, list[float]] = {candidate: [] for candidate in candidates}
    for _ in range(ROUNDS if rows < SIZES[-2] else 3):
        for candidate, decode in candidates.items():
            times[candidate].append(milliseconds(decode))
    medians = {candidate: statistics.median(taken) for candidate, taken in times.items()}
    ratios = {
        rival: statistics.median(
            own / theirs for own, theirs in zip(times["ours"], times[rival], strict=True)
        )
        for rival in medians
        if rival != "ours"
    }
    return medians, ratios


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", default=",".join(map(str, SIZES)))
    parser.add_argument("--formats", default=None)
    parser.add_argument("--all", action="store_true", help="show every rival")
    parser.add_argument(
        "--one-core", action="store_true", help="as where a worker has a core to itself"
    )
    options = parser.parse_args()
    if options.one_core:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    formats = options.formats.split(";") if options.formats else list(RIVALS)
    print(f"{'format':<18}{'rows':>8}{'ours ms':>11}{'ratio':>7}  fastest correct rival")
    for name in formats:
        for rows in map(int, options.rows.split(",")):
            medians, ratios = compare(name, rows)
            best = max(ratios, key=lambda rival: ratios[rival])
            print(f"{name:<18}{rows:>8}{medians['ours']:>11.4f}{ratios[best]:>7.2f}  {best}")
            for rival in sorted(ratios, key=lambda rival: -ratios[rival]) if options.all else ():
                print(f"{'':<37}{ratios[rival]:>7.2f}  {rival}")


if __name__ == "__main__":
    main()
