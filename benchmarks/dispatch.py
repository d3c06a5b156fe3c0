"""What the four functions cost under each real dispatcher, beside a script by hand.

Both scripts answer the same requests through the same toolkit, in processes of their own that take
turns. The one by hand checks nothing, negotiates nothing and puts no column in order.

    python -m benchmarks.dispatch
"""

import statistics

from tests.contract.cases import Case
from tests.contract.families import FAMILIES, Family
from tests.contract.matrix import run_peer
from tests.environments import UnavailableError

OK, ROUNDS, SECONDS = 200, 5, 0.3
ROW = "0.5,2,-1"
BODIES = {
    "CSV, 1 row": (f"{ROW}\n".encode(), "text/csv"),
    "JSON, 1 row": (f"[[{ROW}]]".encode(), "application/json"),
    "CSV, 100 rows": (f"{ROW}\n".encode() * 100, "text/csv"),
    "JSON, 100 rows": (f"[{','.join([f'[{ROW}]'] * 100)}]".encode(), "application/json"),
}


def requests(script: str) -> list[Case]:
    return [Case(name, body, kind, script=script) for name, (body, kind) in BODIES.items()]


def timed(family: Family) -> tuple[list[list[float]], list[list[float]]]:
    """Microseconds of each body, a list a round: composed, and by hand."""
    python = family.environment()
    taken: dict[str, list[list[float]]] = {"checked": [], "unchecked": []}
    for _ in range(ROUNDS):
        for script, rounds in taken.items():
            told = run_peer(python, family, requests(script), SECONDS)
            assert {each["status"] for each in told} == {OK}, told
            rounds.append([each["microseconds"] for each in told])
    return taken["checked"], taken["unchecked"]


def main() -> None:
    print(f"{'stack':<14}{'request':<18}{'composed µs':>12}{'by hand µs':>12}{'ratio':>7}")
    for family in FAMILIES:
        try:
            composed, by_hand = timed(family)
        except UnavailableError as error:
            print(f"{family.name:<14}{error}")
            continue
        for index, name in enumerate(BODIES):
            ours = statistics.median(each[index] for each in composed)
            theirs = statistics.median(each[index] for each in by_hand)
            print(f"{family.name:<14}{name:<18}{ours:>12.1f}{theirs:>12.1f}{ours / theirs:>7.2f}")


if __name__ == "__main__":
    main()
