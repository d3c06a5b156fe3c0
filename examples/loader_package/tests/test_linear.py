from typing import Any

import numpy as np
from scriptmode_linear import Linear

from scriptmode.testing.conformance import LoaderSuite


class TestLinear(LoaderSuite):
    is_exact = True

    def loader(self) -> Linear:
        return Linear()

    def model(self) -> Any:
        return {"names": ["age", "fare"], "weights": [2.0, -1.0], "intercept": 0.5}

    def data(self) -> Any:
        return np.array([[1.0, 2.0], [3.0, 4.0], [0.1, 0.2]])

    def expected(self, model: Any, data: Any) -> Any:
        return data[:, 0] * 2.0 + data[:, 1] * -1.0 + 0.5
