"""LitServe's own road: one worker process on the CPU, rows in JSON.

Without its batching, which makes a model this quick slower.
"""
# mypy: disable-error-code="import-not-found", allow-subclassing-any, allow-untyped-defs
# LitServe lives in an environment of its own, which a check does not see; it takes annotations of
# bodies and answers for FastAPI's, so that two functions have none.

import os
import sys
from typing import Any

import litserve
import numpy as np
import xgboost as xgb


class Model(litserve.LitAPI):
    """The four functions of LitServe."""

    def setup(self, device: str) -> None:
        self.booster = xgb.Booster(model_file=os.environ["MODEL"])
        self.booster.set_param({"nthread": 1})

    def decode_request(self, request):  # noqa: ANN001, ANN201
        return np.array(request["rows"], np.float32)

    def predict(self, x: Any) -> Any:
        return self.booster.inplace_predict(x)

    def encode_response(self, output):  # noqa: ANN001, ANN201
        return output.tolist()


if __name__ == "__main__":
    server = litserve.LitServer(Model(), accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[1]),
        num_api_servers=1,
        log_level="warning",
        generate_client_file=False,
    )
