"""The tables that models of every framework are fitted on."""

import numpy as np
import pandas as pd

RNG = np.random.default_rng(0)
X = np.round(RNG.normal(size=(60, 5)), 3)
NAMES = list("abcde")
FRAME = pd.DataFrame(X, columns=NAMES)
NUMBERS = X[:, 0] * 2 + X[:, 1] - X[:, 2]
BINARY = (NUMBERS > 0).astype(int)
THREE = np.arange(60) % 3
GAPS = X.copy()
GAPS[3, 1] = GAPS[7, 4] = np.nan
TEXTS = ["a fine day", "a bad day", "rain and fog", "sun and sea", "fog"]
MIXED = FRAME.assign(
    colour=np.array(["red", "green", "blue"], dtype=object)[THREE],
    doors=np.array([2.0, 4.0])[np.arange(60) % 2],
)
"""As requests bring it: whole numbers are floats, categories are text."""
