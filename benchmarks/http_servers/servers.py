"""Every server that is measured: what it needs, what it is sent, and where its answer lies."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

Rows: TypeAlias = list[list[float]]

# The build for CPUs is the same code without 300 MB of libraries for GPUs.
XGBOOST = (
    "numpy>=1.24",
    "scipy>=1.10",
    "xgboost-cpu>=3.2; sys_platform != 'darwin'",
    "xgboost>=3.2; sys_platform == 'darwin'",
)
UVICORN = ("uvicorn>=0.53", "httptools>=0.6.3", "uvloop>=0.19")


def csv(rows: Rows) -> bytes:
    return "\n".join(",".join(map(repr, row)) for row in rows).encode()


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def named(rows: Rows) -> list[str]:
    return [f"f{index}" for index in range(len(rows[0]))]


def csv_with_names(rows: Rows) -> bytes:
    return ",".join(named(rows)).encode() + b"\n" + csv(rows)


def in_rows(rows: Rows) -> bytes:
    return compact({"rows": rows})


def in_inputs(rows: Rows) -> bytes:
    return compact({"inputs": rows})


def in_v2(rows: Rows) -> bytes:
    tensor = {"name": "rows", "shape": [len(rows), len(rows[0])], "datatype": "FP64"}
    return compact({"inputs": [tensor | {"data": rows}]})


@dataclass(frozen=True)
class Form:
    """How a server takes one format.

    Args:
        path: where.
        body: what is sent for some rows.
    """

    path: str
    body: Callable[[Rows], bytes]


def both(path: str) -> Mapping[str, Form]:
    return {"csv": Form(path, csv), "json": Form(path, compact)}


@dataclass(frozen=True)
class Server:
    """One server.

    Args:
        name: what options and tables call it; its first word names its environment.
        program: a file of this folder, which is run with a port and serves the file ``MODEL``.
        forms: by format, those that it takes.
        arguments: of the program, after the port.
        requires: what its environment holds, as pip takes it; nothing means that of the driver.
        alone: what is installed without its own requirements.
        predictions: from its answer to the list of predictions.
    """

    name: str
    program: str
    forms: Mapping[str, Form]
    arguments: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    predictions: Callable[[Any], Any] = field(default=lambda answer: answer)

    @property
    def packages(self) -> list[str]:
        """What its environment holds beside what all of them hold."""
        return [each for each in (*self.requires, *self.alone) if each not in XGBOOST]


MLSERVER = Server(
    "mlserver",
    "mlserver_app.py",
    {"json": Form("/v2/models/model/infer", in_v2)},
    requires=("mlserver>=1.7.1", "scikit-learn>=1.2", *XGBOOST),
    alone=("mlserver-xgboost>=1.7.1",),  # which asks for the xgboost of GPUs
    predictions=lambda answer: answer["outputs"][0]["data"],
)
FLASK = Server(
    "flask",
    "flask_app.py",
    both("/invocations"),
    requires=("flask>=3.1", "gunicorn>=27", "gevent>=26.4", "packaging", *XGBOOST),
)
SERVERS = (
    Server("ours", "ours.py", both("/invocations")),
    Server("bare", "bare.py", both("/"), ("inline",)),
    Server("bare_batched", "bare.py", both("/"), ("batched",)),
    Server(
        "granian_batched",
        "bare_granian.py",
        both("/"),
        requires=("granian[uvloop]>=2.8", "orjson>=3.10.7", *XGBOOST),
    ),
    Server(
        "fastapi",
        "fastapi_app.py",
        {"csv": Form("/csv", csv), "json": Form("/json", compact)},
        requires=("fastapi>=0.115", "orjson>=3.10.7", *UVICORN, *XGBOOST),
    ),
    FLASK,
    replace(FLASK, name="flask_nginx", arguments=("nginx",)),
    MLSERVER,
    replace(MLSERVER, name="mlserver_batched", arguments=("batched",)),
    Server(
        "bentoml",
        "bentoml_app.py",
        {"json": Form("/predict", in_rows)},
        requires=("bentoml>=1.4", *XGBOOST),
    ),
    Server(
        "litserve",
        "litserve_app.py",
        {"json": Form("/predict", in_rows)},
        requires=("litserve>=0.2.17", *XGBOOST),
    ),
    Server(
        "mlflow",
        "mlflow_app.py",
        {"csv": Form("/invocations", csv_with_names), "json": Form("/invocations", in_inputs)},
        requires=("mlflow>=3", *UVICORN, *XGBOOST),
        predictions=lambda answer: answer["predictions"],
    ),
)
BY_NAME = {server.name: server for server in SERVERS}
