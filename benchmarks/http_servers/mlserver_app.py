"""MLServer with its runtime for XGBoost, by its two files of settings; it speaks V2 JSON.

It answers in the process that listens, which for a model this quick is faster than its pool of
workers. ``batched`` is with its own adaptive batching, which is off where nothing is said.
"""

import json
import os
import socket
import sys
import tempfile
from pathlib import Path

MODEL = {
    "name": "model",
    "implementation": "mlserver_xgboost.XGBoostModel",
    "parameters": {"uri": os.environ["MODEL"], "version": "1"},
}
BATCHED = {"max_batch_size": 64, "max_batch_time": 0.0001}  # seconds; the fastest that was tried
SETTINGS = {
    "debug": False,
    "host": "127.0.0.1",
    "parallel_workers": 0,
    "metrics_endpoint": None,
}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp())
    model = MODEL | (BATCHED if sys.argv[2:] else {})
    ports = {"http_port": int(sys.argv[1]), "grpc_port": free_port()}
    (folder / "settings.json").write_text(json.dumps(SETTINGS | ports))
    (folder / "model-settings.json").write_text(json.dumps(model))
    os.execvp("mlserver", ["mlserver", "start", str(folder)])
