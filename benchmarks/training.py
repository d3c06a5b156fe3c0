"""Reading a channel of a million rows beside the fastest readers of CSV, in one run.

Each reads the same file in a process of its own, so that its peak of memory is its own; the least
time of several is shown. ``label`` says whether the first column is taken apart, as training does.

    python -m benchmarks.training [ROWS]
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

COLUMNS = 30
ROUNDS = 5
READERS = {
    "scriptmode": """
from scriptmode.training import Channel
found = Channel("train", Path(path)).table(label=0)
table, label = found.features, found.label
""",
    "pandas": """
import pandas as pd
table = pd.read_csv(path, header=None).to_numpy()
label, table = table[:, 0], table[:, 1:]
""",
    "polars": """
import polars as pl
table = pl.read_csv(path, has_header=False).to_numpy()
label, table = table[:, 0], table[:, 1:]
""",
    "pyarrow": """
import numpy as np
from pyarrow import csv
read = csv.read_csv(path, read_options=csv.ReadOptions(autogenerate_column_names=True))
table = np.empty((read.num_rows, read.num_columns))
for place, column in enumerate(read.columns):
    table[:, place] = column.to_numpy()
label, table = table[:, 0], table[:, 1:]
""",
    "numpy": """
import numpy as np
table = np.loadtxt(path, delimiter=",")
label, table = table[:, 0], table[:, 1:]
""",
}
AROUND = """
import json, sys, time
from pathlib import Path
import numpy, {imports}
path = sys.argv[1]

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])

before = peak()
began = time.perf_counter()
{code}
seconds = time.perf_counter() - began
print(json.dumps([seconds, (peak() - before) * 1024, float(table.sum()), float(label.sum())]))
"""
IMPORTS = {
    "scriptmode": "scriptmode.training.reading",
    "pyarrow": "pyarrow.csv",
    "numpy": "numpy",
}


def write(path: Path, rows: int) -> None:
    random = np.random.default_rng(0)
    with path.open("w") as file:
        for start in range(0, rows, 50_000):
            block = random.normal(size=(min(50_000, rows - start), COLUMNS + 1)).round(4)
            file.writelines(",".join(map(repr, row)) + "\n" for row in block.tolist())


def measure(name: str, path: Path) -> list[float]:
    code = AROUND.format(imports=IMPORTS.get(name, name), code=READERS[name])
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    measured: list[float] = json.loads(done.stdout)
    return measured


def main() -> None:
    rows = int(sys.argv[1]) if sys.argv[1:] else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.csv"
        write(path, rows)
        found: dict[str, list[list[float]]] = {name: [] for name in READERS}
        for number in range(ROUNDS):
            for name in READERS:
                if name != "numpy" or not number:  # ten times slower than the others
                    found[name].append(measure(name, path))
    array = rows * (COLUMNS + 1) * 8
    print(f"{rows} x {COLUMNS + 1} cells, {array / 1e6:.0f} MB as an array")
    print(f"{'':<12}{'seconds':>9}{'to fastest':>12}{'memory':>10}")
    fastest = min(
        min(each[0] for each in runs) for name, runs in found.items() if name != "scriptmode"
    )
    sums = {tuple(np.round(runs[0][2:], 3)) for runs in found.values()}
    assert len(sums) == 1, sums
    for name, runs in found.items():
        seconds, peak = min(each[0] for each in runs), max(each[1] for each in runs)
        print(f"{name:<12}{seconds:>9.2f}{seconds / fastest:>12.2f}{peak / array:>9.1f}x")


if __name__ == "__main__":
    main()
