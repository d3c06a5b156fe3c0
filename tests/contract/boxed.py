"""Runs in a box: starts a stack's own server, sends it requests over HTTP, and ends it.

python boxed.py ORDER.json ANSWERS.json
"""

import base64
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

PATIENCE = 60.0
_START = {
    "inference": "from sagemaker_inference import model_server; model_server.start_model_server()",
    "huggingface": "from sagemaker_huggingface_inference_toolkit import mms_model_server;"
    " mms_model_server.start_model_server(handler_service='without_torch')",
    "pytorch": "from sagemaker_pytorch_serving_container import serving; serving.main()",
}
_START["inference15"] = _START["inference"]


def ask(method: str, path: str, body: bytes = b"", headers: Any = ()) -> tuple[int, Any, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=30)
    try:
        connection.request(method, path, body or None, dict(headers))
        reply = connection.getresponse()
        lowered = {name.lower(): value for name, value in reply.getheaders()}
        return reply.status, lowered, reply.read()
    finally:
        connection.close()


def wait(method: str, path: str, *rest: Any, status: int = 200) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if ask(method, path, *rest)[0] == status:
                return
        except (OSError, http.client.HTTPException):
            pass
        if time.monotonic() > deadline:
            raise RuntimeError(f"{path} did not answer")
        time.sleep(0.1)


def start(order: dict[str, Any]) -> "subprocess.Popen[bytes]":
    os.environ["SAGEMAKER_PROGRAM"] = order["entry"] + ".py"
    os.environ["SAGEMAKER_MODEL_SERVER_WORKERS"] = "1"
    os.environ["PYTHONPATH"] = str(Path(order["stubs"]))
    if order["server"] == "flask":
        with tarfile.open("/opt/ml/sourcedir.tar.gz", "w:gz") as archive:
            archive.add(Path(order["code"]) / f"{order['entry']}.py", f"{order['entry']}.py")
        os.environ["SAGEMAKER_SUBMIT_DIRECTORY"] = "/opt/ml/sourcedir.tar.gz"
        os.environ["SAGEMAKER_SERVING_MODULE"] = "family:app"
        os.environ["SAGEMAKER_USE_NGINX"] = "false"
        os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
        return subprocess.Popen(["serve"])
    if order["several"]:
        os.environ["SAGEMAKER_MULTI_MODEL"] = "true"
        os.environ["PYTHONPATH"] += os.pathsep + order["code"]
    else:
        shutil.copy(Path(order["code"]) / f"{order['entry']}.py", "/opt/ml/model/code")
    return subprocess.Popen([sys.executable, "-c", _START[order["family"]]])


def end(server: "subprocess.Popen[bytes]") -> None:
    """As the platform does; the toolkit is deaf to it in its first second."""
    status = Path(f"/proc/{server.pid}/status")
    for _ in range(50):
        caught = int(status.read_text().partition("SigCgt:\t")[2].split()[0], 16)
        if caught >> (signal.SIGTERM - 1) & 1:
            break
        time.sleep(0.1)
    server.terminate()
    server.wait(30)


def several(order: dict[str, Any]) -> list[Any]:
    """Two models of one script, side by side, and one of them unloaded."""
    answers: list[Any] = []
    kind = {"Content-Type": "application/json"}
    for name, source in order["several"].items():
        folder = Path(f"/opt/ml/models/{name}/model")
        shutil.copytree(source, folder)
        load = json.dumps({"model_name": name, "url": str(folder)}).encode()
        answers.append(ask("POST", "/models", load, kind))
    names = list(order["several"])
    for name in names:
        wait("POST", f"/models/{name}/invoke", b"1,2,3", {"Content-Type": "text/csv"})
    answers += [
        ask("POST", f"/models/{name}/invoke", base64.b64decode(each["body"]), each["headers"])
        for each in order["requests"]
        for name in names
    ]
    answers.append(ask("DELETE", f"/models/{names[0]}"))
    answers += [
        ask("POST", f"/models/{name}/invoke", b"1,2,3", {"Content-Type": "text/csv"})
        for name in names
    ]
    return answers


def main() -> None:
    order = json.loads(Path(sys.argv[1]).read_text())
    if not order["several"]:
        shutil.copytree(order["model_dir"], "/opt/ml/model", dirs_exist_ok=True)
    server = start(order)
    try:
        wait("GET", "/ping", status=order["ping"])
        if order["ping"] != 200:
            answers = [ask("POST", "/invocations", b"1,2,3", {"Content-Type": "text/csv"})]
        elif order["several"]:
            answers = several(order)
        else:
            wait("POST", "/invocations", b"1,2,3", {"Content-Type": "text/csv"})
            answers = [
                ask("POST", "/invocations", base64.b64decode(each["body"]), each["headers"])
                for each in order["requests"]
            ]
    finally:
        end(server)
    told = [
        {
            "status": status,
            "content_type": headers.get("content-type"),
            "body": base64.b64encode(body).decode(),
        }
        for status, headers, body in answers
    ]
    Path(sys.argv[2]).write_text(json.dumps(told))


if __name__ == "__main__":
    main()
