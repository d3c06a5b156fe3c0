"""What was measured as Markdown: rates and latencies, then ours to each rival beside the goals."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf
from statistics import median
from typing import TypeAlias

from benchmarks.http_servers.wrk import Burst

OURS, BARE = "ours", "bare_batched"
MANY, LARGE = 16, 1000  # connections and rows from which other goals hold
NOTHING = "—"  # no such format, or not measured
TITLES = {"csv": "CSV", "json": "JSON"}
WITH_ONE = {"bare": 0.8, "fastapi": 1.2}
WITH_MANY = {
    "bare_batched": 0.8,
    "fastapi": 6.0,
    "mlserver": 8.0,
    "flask": 15.0,
    "flask_nginx": 15.0,
}


@dataclass(frozen=True, order=True)
class Cell:
    """What is measured at a time.

    Args:
        format: of the body.
        rows: in it.
        connections: at once.
    """

    format: str
    rows: int
    connections: int


Found: TypeAlias = dict[str, dict[Cell, list[Burst]]]


def goal(cell: Cell, rival: str) -> float | None:
    """How many times a rival's rate ours is to reach; None where nothing is asked."""
    if cell.rows == 1:
        if cell.connections >= MANY:
            return WITH_MANY.get(rival)
        return WITH_ONE.get(rival) if cell.connections == 1 else None
    return 1.0 if cell.rows >= LARGE else None


def ratio(found: Found, cell: Cell, rival: str, name: str = OURS) -> float:
    """Ours, or another, to a rival, the median of rounds: what disturbs a round disturbs both."""
    pairs = zip(found[name][cell], found[rival][cell], strict=False)
    return median(one.rate / theirs.rate if theirs.rate else inf for one, theirs in pairs)


def shortfall(found: Found, cell: Cell, rival: str) -> str | None:
    """What is missing to a goal; None where it is met or there is none.

    Where the bare server does not reach it either, what that one reaches is told.
    Where ours is to answer several times as many requests, each is to wait less, too.
    """
    least = goal(cell, rival)
    if least is None:
        return None
    if ratio(found, cell, rival) < least:
        bare = ratio(found, cell, rival, BARE) if cell in found.get(BARE, {}) else inf
        return "missed" if bare >= least else f"missed, {BARE} has {bare:.1f}"
    if least > 1 and cell.connections >= MANY and p99(found[OURS][cell]) >= p99(found[rival][cell]):
        return "its p99 is lower"
    return None


def p99(bursts: Iterable[Burst]) -> float:
    return median(each.p99 for each in bursts)


def measured(bursts: list[Burst]) -> str:
    if not bursts:
        return NOTHING
    errors = sum(each.errors for each in bursts)
    text = f"{median(each.rate for each in bursts):.0f} ({p99(bursts):.1f})"
    return f"{text} {errors} errors" if errors else text


def compared(found: Found, cell: Cell, rival: str) -> str:
    if cell not in found[OURS] or cell not in found[rival]:
        return NOTHING
    least, text = goal(cell, rival), f"{ratio(found, cell, rival):.2f}"
    if least is None:
        return text
    missing = shortfall(found, cell, rival)
    return f"{text} of {least:g}" + (f", **{missing}**" if missing else "")


def table(title: str, columns: Iterable[object], rows: Iterable[list[str]]) -> Iterator[str]:
    names = ["server", *map(str, columns)]
    yield from ("", title, "")
    yield f"| {' | '.join(names)} |"
    yield f"|---|{'--:|' * (len(names) - 1)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def tables(found: Found, format_: str, rows: int, connections: list[int]) -> Iterator[str]:
    """The two tables of one body."""
    cells = [Cell(format_, rows, each) for each in connections]
    title = f"{TITLES[format_]}, {rows} {'row' if rows == 1 else 'rows'}"
    yield from table(
        f"### {title}: requests a second (p99 ms), by connections",
        connections,
        ([name, *(measured(by.get(cell, [])) for cell in cells)] for name, by in found.items()),
    )
    rivals = [name for name in found if name != OURS]
    if OURS in found and rivals:
        yield from table(
            f"{title}: ours to each, of the goal",
            connections,
            ([rival, *(compared(found, cell, rival) for cell in cells)] for rival in rivals),
        )


def verdict(found: Found) -> str:
    """How many goals there were, and which were missed."""
    asked = [
        (cell, rival)
        for rival, by_cell in found.items()
        for cell in by_cell
        if rival != OURS and cell in found.get(OURS, {}) and goal(cell, rival)
    ]
    missed = [
        f"- {rival}, {TITLES[cell.format]}, rows {cell.rows}, connections {cell.connections}: {why}"
        for cell, rival in sorted(asked)
        if (why := shortfall(found, cell, rival))
    ]
    return "\n".join([f"{len(asked) - len(missed)} of {len(asked)} goals met", *missed])
