"""Every case through every stack, printed.

python -m tests.contract [--page]
"""

import argparse
import logging
import sys

from tests.contract.cases import cases
from tests.contract.differences import DIFFERENCES, explained
from tests.contract.families import FAMILIES, Family
from tests.contract.matrix import Answer, answers, expected
from tests.contract.page import page
from tests.environments import UnavailableError


def asked(family: Family) -> dict[str, Answer] | None:
    """All answers of a stack; None where this machine cannot have it."""
    found: dict[str, Answer] = {}
    try:
        for script in dict.fromkeys(case.script for case in cases()):
            found |= answers(family, script)
    except UnavailableError as error:
        print(f"{family.name}: {error}")
        return None
    return found


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--page", action="store_true", help="print the page of the documentation")
    if parser.parse_args().page:
        print(page(), end="")
        return 0
    logging.disable()  # failures are cases here
    found = {family: asked(family) for family in FAMILIES}
    print(f"{'':<44}{'ours':<6}" + "".join(f"{family.name:<13}" for family in FAMILIES))
    unexplained = 0
    for case in cases():
        ours, cells = expected()[case.name], []
        for family, answered in found.items():
            if answered is None:
                cells.append("-")
                continue
            due, numbers = explained(family, case, ours, answered[case.name])
            is_due = answered[case.name] == due
            unexplained += not is_due
            mark = "".join(f" [{number}]" for number in numbers) if is_due else " !"
            cells.append(f"{answered[case.name].status}{mark}")
        print(f"{case.name[:43]:<44}{ours.status:<6}" + "".join(f"{cell:<13}" for cell in cells))
    for number, each in enumerate(DIFFERENCES, 1):
        print(f"[{number}] {', '.join(each.families)}: {each.what}, because {each.why}")
    print(f"{len(cases())} cases, {unexplained} unexplained differences")
    return int(bool(unexplained))


if __name__ == "__main__":
    sys.exit(main())
