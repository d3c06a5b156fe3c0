"""What people decode with instead: each rival gives the matrix of float64, or is not correct.

A rival is left out where its library is not installed (`make bench` installs them).
"""

import csv
import io
import json
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
import orjson
import pandas as pd

Decode = Callable[[bytes], Any]


def csv_rivals(delimiter: str = ",") -> dict[str, Decode]:
    found: dict[str, Decode] = {
        "csv module": lambda body: np.array(
            [
                [float(cell or "nan") for cell in row]
                for row in csv.reader(io.StringIO(body.decode()), delimiter=delimiter)
            ]
        ),
        "numpy.loadtxt": lambda body: np.loadtxt(io.BytesIO(body), delimiter=delimiter, ndmin=2),
        "SageMaker toolkit (genfromtxt)": lambda body: np.genfromtxt(
            io.StringIO(body.decode()), delimiter=delimiter, dtype=np.float64
        ).reshape(body.count(b"\n"), -1),
        "pandas": lambda body: pd.read_csv(io.BytesIO(body), header=None, sep=delimiter).to_numpy(),
        "pandas round_trip": lambda body: pd.read_csv(
            io.BytesIO(body), header=None, sep=delimiter, float_precision="round_trip"
        ).to_numpy(),
    }
    if find_spec("polars"):
        import polars as pl

        found["polars"] = lambda body: pl.read_csv(
            body, has_header=False, separator=delimiter
        ).to_numpy()
    if find_spec("pyarrow"):
        from pyarrow import csv as arrow_csv

        options = arrow_csv.ReadOptions(autogenerate_column_names=True)
        parse = arrow_csv.ParseOptions(delimiter=delimiter)
        found["pyarrow"] = lambda body: (
            arrow_csv.read_csv(io.BytesIO(body), read_options=options, parse_options=parse)
            .to_pandas()
            .to_numpy()
        )
    return found


def tsv_rivals() -> dict[str, Decode]:
    return csv_rivals("\t")


def json_rivals() -> dict[str, Decode]:
    found: dict[str, Decode] = {
        "json module": lambda body: np.array(json.loads(body), dtype=np.float64),
        "orjson": lambda body: np.array(orjson.loads(body), dtype=np.float64),
        "pandas": lambda body: pd.read_json(io.BytesIO(body), precise_float=True).to_numpy(),
    }
    if find_spec("msgspec"):
        import msgspec

        decoder = msgspec.json.Decoder(list[list[float]])
        found["msgspec"] = lambda body: np.array(decoder.decode(body))
    return found


def records_rivals() -> dict[str, Decode]:
    """Names and cells: who drops the names cannot tell columns in another order."""

    def by_hand(loads: Callable[[bytes], Any]) -> Decode:
        def decode(body: bytes) -> Any:
            records = loads(body)
            cells = np.array([list(record.values()) for record in records], dtype=np.float64)
            return tuple(records[0]), cells

        return decode

    found: dict[str, Decode] = {
        "json module": by_hand(json.loads),
        "orjson": by_hand(orjson.loads),
        "pandas": lambda body: pd.DataFrame(json.loads(body)),
    }
    if find_spec("polars"):
        import polars as pl

        found["polars"] = lambda body: pl.read_json(io.BytesIO(body)).to_pandas()
    return found


def lines_rivals() -> dict[str, Decode]:
    def loop(loads: Callable[[bytes], Any]) -> Decode:
        return lambda body: np.array([loads(line) for line in body.splitlines()], dtype=np.float64)

    found: dict[str, Decode] = {
        "json module": loop(json.loads),
        "orjson": loop(orjson.loads),
        "orjson, joined": lambda body: np.array(
            orjson.loads(b"[%b]" % body.rstrip().replace(b"\n", b","))
        ),
    }
    if find_spec("msgspec"):
        import msgspec

        decoder = msgspec.json.Decoder(list[float])
        found["msgspec"] = lambda body: np.array(decoder.decode_lines(body))
    return found


def npy_rivals() -> dict[str, Decode]:
    from numpy.lib import format as npy_format

    return {
        "numpy.load": lambda body: np.load(io.BytesIO(body)),
        "SageMaker toolkit": lambda body: np.load(io.BytesIO(body), allow_pickle=False),
        "numpy read_array": lambda body: npy_format.read_array(io.BytesIO(body)),
    }


def npz_rivals() -> dict[str, Decode]:
    return {
        "numpy.load": lambda body: np.load(io.BytesIO(body))["arr_0"],
        "SageMaker toolkit": lambda body: next(
            iter(np.load(io.BytesIO(body), allow_pickle=False).values())
        ),
        "numpy, as a dict": lambda body: dict(np.load(io.BytesIO(body)))["arr_0"],
    }


def parquet_rivals() -> dict[str, Decode]:
    found: dict[str, Decode] = {
        "pandas": lambda body: pd.read_parquet(io.BytesIO(body)).to_numpy(),
    }
    from pyarrow import parquet

    found["pyarrow"] = lambda body: parquet.read_table(io.BytesIO(body)).to_pandas().to_numpy()
    if find_spec("polars"):
        import polars as pl

        found["polars"] = lambda body: pl.read_parquet(io.BytesIO(body)).to_numpy()
    return found


def arrow_rivals() -> dict[str, Decode]:
    from pyarrow import ipc

    found: dict[str, Decode] = {
        "pyarrow": lambda body: np.column_stack(
            [column.to_numpy() for column in ipc.open_stream(body).read_all().columns]
        ),
        "pyarrow, pandas": lambda body: ipc.open_stream(body).read_pandas().to_numpy(),
    }
    if find_spec("polars"):
        import polars as pl

        found["polars"] = lambda body: pl.read_ipc_stream(io.BytesIO(body)).to_numpy()
    return found


def feather_rivals() -> dict[str, Decode]:
    from pyarrow import feather, ipc

    found: dict[str, Decode] = {
        "pyarrow": lambda body: np.column_stack(
            [column.to_numpy() for column in ipc.open_file(body).read_all().columns]
        ),
        "pyarrow, feather": lambda body: feather.read_feather(io.BytesIO(body)).to_numpy(),
        "pandas": lambda body: pd.read_feather(io.BytesIO(body)).to_numpy(),
    }
    if find_spec("polars"):
        import polars as pl

        found["polars"] = lambda body: pl.read_ipc(io.BytesIO(body)).to_numpy()
    return found


def libsvm_rivals() -> dict[str, Decode]:
    from scipy.sparse import csr_matrix
    from sklearn.datasets import load_svmlight_file

    def by_hand(body: bytes) -> Any:
        data: list[float] = []
        indices: list[int] = []
        starts = [0]
        for line in body.splitlines():
            for cell in line.split()[1:]:
                index, _, value = cell.partition(b":")
                indices.append(int(index))
                data.append(float(value))
            starts.append(len(data))
        return csr_matrix((data, indices, starts)).toarray()

    def by_tokens(body: bytes) -> Any:
        rows = [line.split()[1:] for line in body.splitlines()]
        cells = b" ".join(cell for row in rows for cell in row).replace(b":", b" ").split()
        starts = np.cumsum([0, *map(len, rows)])
        return csr_matrix(
            (np.array(cells[1::2], dtype=np.float64), np.array(cells[::2], dtype=np.int64), starts)
        ).toarray()

    return {
        "sklearn": lambda body: load_svmlight_file(io.BytesIO(body), zero_based=True)[0].toarray(),
        "a loop": by_hand,
        "numpy over tokens": by_tokens,
    }


def recordio_rivals() -> dict[str, Decode]:
    from scriptmode.serializers.recordio import _split
    from scriptmode.serializers.records import record_class

    def as_the_sdk(body: bytes) -> Any:
        records = []
        for raw in _split(body):
            record = record_class()()
            record.ParseFromString(raw)
            records.append(record.features["values"].float64_tensor.values)
        return np.array(records)

    def reusing(body: bytes) -> Any:
        record, rows = record_class()(), []
        for raw in _split(body):
            record.ParseFromString(raw)
            rows.append(list(record.features["values"].float64_tensor.values))
        return np.array(rows)

    def into_array(body: bytes) -> Any:
        record, raws = record_class()(), _split(body)
        record.ParseFromString(raws[0])
        found = np.empty((len(raws), len(record.features["values"].float64_tensor.values)))
        for index, raw in enumerate(raws):
            record.ParseFromString(raw)
            found[index] = record.features["values"].float64_tensor.values
        return found

    return {
        "protobuf, as the SageMaker SDK": as_the_sdk,
        "protobuf, one message": reusing,
        "protobuf, into an array": into_array,
    }


def msgpack_rivals() -> dict[str, Decode]:
    import msgpack

    found: dict[str, Decode] = {"msgpack": lambda body: np.array(msgpack.unpackb(body))}
    if find_spec("msgspec"):
        import msgspec

        decoder = msgspec.msgpack.Decoder(list[list[float]])
        found["msgspec"] = lambda body: np.array(decoder.decode(body))
    if find_spec("ormsgpack"):
        import ormsgpack

        found["ormsgpack"] = lambda body: np.array(ormsgpack.unpackb(body))
    return found


RIVALS: dict[str, Callable[[], dict[str, Decode]]] = {
    "csv": csv_rivals,
    "csv, 5 % missing": csv_rivals,
    "tsv": tsv_rivals,
    "json": json_rivals,
    "json records": records_rivals,
    "jsonlines": lines_rivals,
    "npy": npy_rivals,
    "npz": npz_rivals,
    "parquet": parquet_rivals,
    "arrow": arrow_rivals,
    "feather": feather_rivals,
    "libsvm": libsvm_rivals,
    "recordio": recordio_rivals,
    "msgpack": msgpack_rivals,
}
