"""Train on real data, serve from a two-line script, ask in four formats, compare bit for bit."""

import io
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import data
import numpy as np
import xgboost as xgb

HERE = Path(__file__).resolve().parent
WORK = Path("build/demo")
PATIENCE = 60.0  # seconds for the server to become ready


def train(folder: Path) -> Path:
    """Run the tutorial's training half as SageMaker would: hyperparameters and SM_* variables."""
    model_dir = folder / "model"
    model_dir.mkdir(parents=True)
    environment = {"SM_CHANNEL_TRAIN": str(folder / "data"), "SM_MODEL_DIR": str(model_dir)}
    hyperparameters = ["--num_round", "40", "--max_depth", "4", "--eta", "0.2", "--K", "3"]
    subprocess.run(
        [sys.executable, HERE / "tutorial/composed.py", *hyperparameters],
        env={**os.environ, **environment},
        check=True,
    )
    return model_dir


@contextmanager
def serve(script: Path, model_dir: Path) -> Iterator[str]:
    """Run ``scriptmode serve`` on a free port; yield its address; stop it."""
    command = [sys.executable, "-m", "scriptmode", "serve", script, "--model-dir", model_dir]
    server = subprocess.Popen(
        [*map(str, command), "--port", "0"], stderr=subprocess.PIPE, text=True
    )
    try:
        assert server.stderr is not None
        lines = (line for line in server.stderr if "running on http" in line)
        address = json.loads(next(lines))["message"].partition("running on ")[2]
        wait_until_ready(address)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


def wait_until_ready(address: str) -> None:
    deadline, said = time.monotonic() + PATIENCE, ""
    while time.monotonic() < deadline and "cannot" not in said:
        try:
            with urllib.request.urlopen(f"{address}/ping", timeout=2):
                print("GET /ping: 200")
                return
        except urllib.error.HTTPError as error:
            message = f"GET /ping: {error.code} {json.load(error)['message']}"
            print(message if message != said else "", end="\n" if message != said else "")
            said = message
        time.sleep(0.2)
    raise SystemExit("the server did not become ready")


def ask(address: str, body: bytes, content_type: str, accept: str) -> bytes:
    headers = {"Content-Type": content_type, "Accept": accept}
    request = urllib.request.Request(f"{address}/invocations", body, headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: bytes = response.read()
    return answer


def questions(rows: Any) -> dict[str, tuple[bytes, Any]]:
    """The same rows in each format, and how to read the answer in that format."""
    npy = io.BytesIO()
    np.save(npy, rows)
    lists = rows.tolist()
    csv = "".join(",".join(map(repr, row)) + "\n" for row in lists)
    lines = "".join(json.dumps(row) + "\n" for row in lists)
    return {
        "text/csv": (csv.encode(), lambda answer: [float(line) for line in answer.splitlines()]),
        "application/json": (json.dumps(lists).encode(), json.loads),
        "application/jsonlines": (
            lines.encode(),
            lambda answer: [json.loads(line) for line in answer.splitlines()],
        ),
        "application/x-npy": (npy.getvalue(), lambda answer: np.load(io.BytesIO(answer))),
    }


def main() -> int:
    shutil.rmtree(WORK, ignore_errors=True)
    data.write(WORK / "data")
    print("-- training: examples/tutorial/composed.py on 400 patients")
    model_dir = train(WORK)
    rows = np.loadtxt(WORK / "data/validation.csv", delimiter=",")[:8, 1:]
    booster = xgb.Booster(model_file=bytearray((model_dir / "xgboost-model").read_bytes()))
    answers = {"booster.predict": booster.predict(xgb.DMatrix(rows))}

    script = HERE / "minimal/inference.py"
    print(f"-- serving: {script.relative_to(HERE.parent)}\n{script.read_text().strip()}")
    with serve(script, model_dir) as address:
        for content_type, (body, read) in questions(rows).items():
            file = WORK / f"rows.{content_type.rpartition('/')[2]}"
            file.write_bytes(body)
            print(
                f"curl {address}/invocations -H 'Content-Type: {content_type}'"
                f" -H 'Accept: {content_type}' --data-binary @{file}"
            )
            answer = read(ask(address, body, content_type, content_type))
            answers[content_type] = np.array(answer, dtype=np.float32)

    print("\n" + "".join(f"{name:>23}" for name in answers))
    for row in zip(*answers.values(), strict=True):
        print("".join(f"{value!s:>23}" for value in row))
    equal = all(np.array_equal(answer, answers["booster.predict"]) for answer in answers.values())
    print("\nall bit-equal" if equal else "\nNOT EQUAL")
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
