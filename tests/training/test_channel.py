import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from scriptmode.errors import DeclarationError, TrainingError
from scriptmode.serializers.csv import CSV
from scriptmode.serializers.recordio import RecordIO
from scriptmode.serializers.records import record_class
from scriptmode.testing.conformance import assert_equal
from scriptmode.training import Channel
from scriptmode.values import Table

TABLE = np.round(np.random.default_rng(0).normal(size=(7, 4)), 3)
NAMES = ["y", "a", "b", "c"]


def csv(table: Any, names: Any = None) -> bytes:
    head = ",".join(names) + "\n" if names else ""
    return (head + "".join(",".join(map(repr, row)) + "\n" for row in table.tolist())).encode()


def channel(folder: Path, content_type: str | None = None, **files: Any) -> Channel:
    for name, body in files.items():
        (folder / name.replace("__", ".")).write_bytes(body)
    return Channel("train", folder, content_type)


def parquet(table: Any) -> bytes:
    body = io.BytesIO()
    pd.DataFrame(table, columns=NAMES).to_parquet(body)
    return body.getvalue()


def npy(table: Any) -> bytes:
    body = io.BytesIO()
    np.save(body, table)
    return body.getvalue()


@pytest.mark.parametrize("label", [0, -1, 2, 3, -4, None])
def test_a_label_is_taken_out_of_any_column(tmp_path: Path, label: int | None) -> None:
    found = channel(tmp_path, a__csv=csv(TABLE)).table(label)
    if label is None:
        assert found.label is None
        assert_equal(found.features, TABLE)
        return
    assert found.label is not None
    assert_equal(found.label, TABLE[:, label])
    assert_equal(found.features, np.delete(TABLE, label, axis=1))


@pytest.mark.parametrize("label", ["y", "b", 0, -1])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_columns_keep_their_names(tmp_path: Path, form: str, label: str | int) -> None:
    body = csv(TABLE, NAMES) if form == "csv" else parquet(TABLE)
    found = channel(tmp_path, None, **{f"a__{form}": body}).table(label)
    name = label if isinstance(label, str) else NAMES[label]
    assert found.label is not None
    assert_equal(found.label, TABLE[:, NAMES.index(name)])
    assert isinstance(found.features, Table)
    assert found.features.names == tuple(each for each in NAMES if each != name)
    assert_equal(found.features.values, np.delete(TABLE, NAMES.index(name), axis=1))


BODIES = {
    "csv": csv(TABLE),
    "csv.gz": gzip.compress(csv(TABLE)),
    "tsv": csv(TABLE).replace(b",", b"\t"),
    "jsonl": b"".join(b"%s\n" % repr(row).encode() for row in TABLE.tolist()),
    "json": repr(TABLE.tolist()).encode(),
    "npy": npy(TABLE),
    "CSV": csv(TABLE),
}


@pytest.mark.parametrize("ending", BODIES)
def test_endings_tell_the_format(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"part-1.{ending}").write_bytes(BODIES[ending])
    found = Channel("train", tmp_path).table(0)
    assert_equal(found.features, TABLE[:, 1:])


@pytest.mark.parametrize(
    "content_type", ["text/csv", "text/csv; label_size=1", "TEXT/CSV;header=absent", "csv"]
)
def test_a_content_type_goes_before_the_endings(tmp_path: Path, content_type: str) -> None:
    found = channel(tmp_path, content_type, part__parquet=csv(TABLE)).table(0)
    assert_equal(found.features, TABLE[:, 1:])
    given = channel(tmp_path, "text/libsvm").table(0, format=CSV())
    assert_equal(given.features, TABLE[:, 1:])


def test_every_file_of_a_folder_is_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".part.csv.crc").write_bytes(b"x")
    (tmp_path / "more" / "b.csv").write_bytes(csv(TABLE[4:]))
    found = channel(tmp_path, a__csv=csv(TABLE[:4])).table(0)
    assert found.label is not None
    assert_equal(found.features, TABLE[:, 1:])
    assert_equal(found.label, TABLE[:, 0])


def test_one_file_is_a_channel_too(tmp_path: Path) -> None:
    channel(tmp_path, a__csv=csv(TABLE))
    assert_equal(Channel("train", tmp_path / "a.csv").table(0).features, TABLE[:, 1:])


def test_libsvm_has_its_own_labels(tmp_path: Path) -> None:
    body = b"1 0:1.5 2:2\n-1 1:3\n0 # nothing\n"
    found = channel(tmp_path, a__libsvm=body, b__libsvm=b"1 5:4\n").table()
    assert found.label is not None
    assert_equal(found.label, np.array([1.0, -1.0, 0.0, 1.0]))
    assert isinstance(found.features, sparse.csr_matrix)
    dense = [[1.5, 0, 2, 0, 0, 0], [0, 3, 0, 0, 0, 0], [0] * 6, [0, 0, 0, 0, 0, 4]]
    assert found.features.toarray().tolist() == dense


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
@settings(deadline=None)
def test_labels_of_libsvm_are_read_to_the_digit(labels: list[float]) -> None:
    from scriptmode.serializers.libsvm import LibSVM

    body = "".join(f"{label!r} 0:1\n" for label in labels).encode()
    assert LibSVM().labels(body, {}).tolist() == labels


def records(labels: Any) -> bytes:
    """As SageMaker's own algorithms want them: a label of the name ``values``."""
    body = b""
    for row, label in zip(TABLE[:, 1:], labels, strict=True):
        record = record_class()()
        record.features["values"].float32_tensor.values.extend(row.tolist())
        if label is not None:
            record.label["values"].float32_tensor.values.append(label)
        raw = record.SerializeToString()
        body += np.array([0xCED7230A, len(raw)], "<u4").tobytes() + raw + b"\0" * (-len(raw) % 4)
    return body


def test_recordio_has_its_own_labels(tmp_path: Path) -> None:
    found = channel(tmp_path, a__pbr=records(range(7))).table()
    assert found.label is not None
    assert_equal(found.label, np.arange(7.0))
    assert_equal(found.features, TABLE[:, 1:].astype("f4"))
    with pytest.raises(TrainingError, match="row 3 has no label"):
        channel(tmp_path, a__pbr=records([0, 1, None, 3, 4, 5, 6])).table()
    assert RecordIO().decode(records(range(7)), {}).shape == (7, 3)


@pytest.mark.parametrize(
    ("files", "label", "told"),
    [
        ({"a__csv": b"1,2\n3,x\n"}, 0, r"a\.csv: line 2.*column 2"),
        ({"a__csv": b"1,2\n3\n"}, 0, r"a\.csv: .*line 2"),
        ({"a__csv": b""}, 0, r"a\.csv: the body is empty"),
        ({"a__csv": b"1,2\n,3\n"}, 0, r"a\.csv: row 2 has no label"),
        ({"a__csv": b"1,2\n"}, 5, r"label=5: its rows have 2 columns"),
        ({"a__csv": b"1,2\n"}, "y", r"no column 'y' to learn; its names are none"),
        ({"a__csv": b"a,b\n1,2\n"}, "y", r"no column 'y' to learn; its names are 'a', 'b'"),
        ({"a__csv": b"1,2\n", "b__csv": b"1,2,3\n"}, 0, r"b\.csv has 2 columns and .*a\.csv has 1"),
        (
            {"a__csv": b"y,a\n1,2\n", "b__csv": b"y,b\n1,2\n"},
            "y",
            r"the columns b \(numbers\).* columns a \(numbers\)",
        ),
        (
            {"a__csv": b"y,a\n1,2\n", "b__csv": b"1,2\n"},
            0,
            r"has 1 columns and .* the columns a \(",
        ),
        (
            {"a__jsonl": b'{"y":1,"a":1}\n', "b__jsonl": b'{"y":"1","a":1}\n'},
            "y",
            r"b\.jsonl has .* and text for the label 'y'; .* and numbers for the label 'y'",
        ),
        (
            {"a__csv": b"price,a\n1,2\n", "b__csv": b"log_price,a\n1,2\n"},
            0,
            r"the label 'log_price'; .* the label 'price'",
        ),
        ({"a__txt": b"1,2\n"}, 0, r"a\.txt: its ending tells no format; .* csv, tsv, json"),
        ({}, 0, "holds no files"),
        ({"a__csv": b"y,a\n"}, "y", r"a\.csv: no rows to learn from"),
        ({"a__csv__gz": b"xx"}, 0, r"a\.csv\.gz: it is no whole gzip file"),
        ({"a__csv__gz": gzip.compress(b"1,2\n")[:-4]}, 0, "it is no whole gzip file"),
        ({"a__jsonl": b'{"y":"a","b":1}\n{"y":null,"b":2}\n'}, "y", "row 2 has no label"),
        ({"a__libsvm": b"1 1:2\n1:0.5 1:2\n"}, None, "line 2 has no label, or one with a weight"),
        ({"a__libsvm": b"1:2\n"}, None, r"a\.libsvm: line 1 has no label"),
        ({"a__json": b'"a"'}, 0, r"a\.json: "),
    ],
)
def test_what_cannot_be_learnt_from_is_told(
    tmp_path: Path, files: dict[str, bytes], label: Any, told: str
) -> None:
    with pytest.raises(TrainingError, match=told):
        channel(tmp_path, None, **files).table(label)


def test_what_nothing_reads_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="application/pdf"):
        channel(tmp_path, "application/pdf", a__csv=b"1\n").table()
    with pytest.raises(DeclarationError, match="has labels itself"):
        channel(tmp_path, "text/libsvm", a__csv=b"1 1:1\n").table(0)
    for strange in (5, CSV, "cvs"):
        with pytest.raises(DeclarationError, match=r"serializer|is a class"):
            channel(tmp_path, None, a__csv=b"1\n").table(format=strange)  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="label=True: expected a position"):
        channel(tmp_path, None, a__csv=b"1\n").table(True)  # noqa: FBT003
    with pytest.raises(TrainingError, match="does not exist"):
        Channel("train", tmp_path / "absent").table()


def test_text_is_kept_where_it_is_declared(tmp_path: Path) -> None:
    body = b"y,colour\n1,red\n0,blue\n"
    found = channel(tmp_path, a__csv=body).table("y", format=CSV(header=True, text=["colour"]))
    assert found.features["colour"].tolist() == ["red", "blue"]
    assert found.label is not None
    assert found.label.tolist() == [1, 0]


def test_what_links_lead_to_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/b.csv").write_bytes(b"3,4\n")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.csv").write_bytes(b"1,2\n")
    (tmp_path / "data/more").symlink_to(tmp_path / "real")
    (tmp_path / "data/back").symlink_to(tmp_path / "data")
    found = Channel("train", tmp_path / "data")
    assert [path.name for path in found.files()] == ["a.csv", "b.csv"]
    (tmp_path / "data/gone.csv").symlink_to(tmp_path / "nowhere")
    with pytest.raises(TrainingError, match=r"gone\.csv is a link that leads nowhere"):
        found.table(0)


def test_rows_of_named_columns_are_taken_as_rows_of_others_are(tmp_path: Path) -> None:
    found = channel(tmp_path, None, a__csv=csv(TABLE, NAMES)).table("y")
    assert found.names == ["a", "b", "c"]
    assert found.label_name == "y"
    assert found.features[:2].values.tolist() == TABLE[:2, 1:].tolist()
    assert found.features[TABLE[:, 0] > 0].names == ("a", "b", "c")
    with pytest.raises(DeclarationError, match="no column named 'd'"):
        found.features["d"]
