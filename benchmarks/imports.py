"""What an import costs beyond the bare interpreter, as whole processes run in turn.

python -m benchmarks.imports
"""

import statistics
import subprocess
import sys
import time

ROUNDS = 15
STATEMENTS = {
    "import scriptmode": "import scriptmode",
    "the two-line script": (
        "from scriptmode import compose;"
        "model_fn, input_fn, predict_fn, output_fn = compose('xgboost')"
    ),
    "import dataclasses": "import dataclasses",
    "import numpy": "import numpy",
    "import pandas": "import pandas",
    "import xgboost": "import xgboost",
}


def milliseconds(statement: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return (time.perf_counter() - started) * 1e3


def main() -> None:
    print(f"{'statement':<22}{'ms beyond the interpreter':>28}")
    for name, statement in STATEMENTS.items():
        differences = [milliseconds(statement) - milliseconds("pass") for _ in range(ROUNDS)]
        print(f"{name:<22}{statistics.median(differences):>28.1f}")


if __name__ == "__main__":
    main()
