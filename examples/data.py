"""Write a real table the way SageMaker's XGBoost wants it: CSV, the label first, no header.

The table is scikit-learn's bundled diabetes study (Efron et al., 2004): 442 patients, ten
measurements each, and the progression of the disease a year later.
"""

import argparse
from pathlib import Path

import numpy as np
from sklearn.datasets import load_diabetes

FEATURES = tuple(load_diabetes().feature_names)
HELD_OUT = 42


def write(folder: Path) -> Path:
    """Write train.csv and validation.csv; return the folder."""
    features, label = load_diabetes(return_X_y=True, scaled=False)
    table = np.column_stack([label, features])
    folder.mkdir(parents=True, exist_ok=True)
    np.savetxt(folder / "train.csv", table[:-HELD_OUT], fmt="%.17g", delimiter=",")
    np.savetxt(folder / "validation.csv", table[-HELD_OUT:], fmt="%.17g", delimiter=",")
    return folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/data"))
    print(write(parser.parse_args().folder))
