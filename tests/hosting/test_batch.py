"""Batch Transform on one machine: as many answers as records, whichever way they are cut."""

import csv
import io
import itertools
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st

from scriptmode import compose
from scriptmode.cli import main
from scriptmode.errors import DeclarationError, MalformedBodyError, ModelLoadError, TransformError
from scriptmode.handlers.endpoint import Endpoint
from scriptmode.hosting.batch import Batch
from scriptmode.hosting.json_path import JSONPath
from scriptmode.hosting.records import frames_of, groups_of, lines_of
from scriptmode.hosting.transform_job import TransformJob, identity_of
from scriptmode.serializers.csv import CSV
from scriptmode.serializers.recordio import RecordIO

X = np.round(np.random.default_rng(0).normal(size=(23, 3)), 3)
MINIMAL = Path(__file__).parents[2] / "examples" / "minimal" / "inference.py"


class Lengths:
    """A model of numbers and words that answers how long the words are."""

    name = "lengths"

    def load(self, model_dir: Path) -> None:
        """Nothing is kept."""

    def predict(self, model: None, data: Any) -> Any:
        return np.array([float(len(word)) for word in data.iloc[:, 1]])


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    booster = xgb.train({"nthread": 1}, xgb.DMatrix(X, X @ [1, 2, 3]), 4)
    (folder / "xgboost-model").write_bytes(booster.save_raw("ubj"))
    return folder


@pytest.fixture(scope="module")
def expected(model_dir: Path) -> Any:
    booster = xgb.Booster(model_file=bytearray((model_dir / "xgboost-model").read_bytes()))
    return booster.predict(xgb.DMatrix(X)).tolist()


def endpoint(model_dir: Path, model: Any = "xgboost", **options: Any) -> Endpoint:
    every = ["csv", "json", "jsonlines", "recordio"]
    made = Endpoint(compose(model, **{"accepts": every, "returns": every[:3], **options}))
    made.load(str(model_dir))
    return made


def written(batch: Batch, served: Endpoint, body: bytes) -> bytes:
    return b"".join(each.written for each in batch.transform(served, io.BytesIO(body)))


def table(rows: Any, end: str = "\n", *, final: bool = True) -> bytes:
    lines = [",".join(map(repr, row)) for row in rows.tolist()]
    return (end.join(lines) + end * final).encode()


TAILS = [True, False]

CHOICES = {
    "split_type": ("None", "Line"),
    "strategy": ("SingleRecord", "MultiRecord"),
    "assemble_with": ("None", "Line"),
}
WORDS = ["plain", "two\nlines", 'a "quote"', "comma, here", "\n", "three\n\nlines", "é"]


@pytest.mark.parametrize("has_final_newline", TAILS)
@pytest.mark.parametrize("has_quoted_newline", TAILS)
@pytest.mark.parametrize("max_payload", [0, 6, 0.00003])
@pytest.mark.parametrize("way", list(itertools.product(*CHOICES.values())), ids=str)
def test_as_many_answers_as_records_whichever_way_they_are_cut(
    way: tuple[Any, ...], max_payload: float, *, has_final_newline: bool, has_quoted_newline: bool
) -> None:
    words = [word for word in WORDS if has_quoted_newline or "\n" not in word]
    target = io.StringIO()
    csv.writer(target, lineterminator="\n").writerows([[1.5, word] for word in words])
    body = target.getvalue().removesuffix("" if has_final_newline else "\n").encode()
    batch = Batch(**dict(zip(CHOICES, way, strict=True)), max_payload=max_payload)
    served = endpoint(Path(), Lengths(), accepts=[CSV(text=[1])], returns=["csv"])
    answered = list(batch.transform(served, io.BytesIO(body)))
    lines = b"".join(each.written for each in answered).decode().splitlines()
    assert [float(line) for line in lines] == [len(word) for word in words]
    if batch.split_type == "None":
        return
    assert sum(each.records for each in answered) == len(words)
    assert sum(each.read for each in answered) == len(body) + (not has_final_newline)
    if batch.strategy == "SingleRecord":
        assert len(answered) == len(words)
    else:
        assert (len(answered) == 1) == (max_payload != 0.00003)


FORMS: dict[str, Callable[[], bytes]] = {
    "text/csv": lambda: table(X),
    "application/jsonlines": lambda: b"".join(b"%s\n" % repr(r).encode() for r in X.tolist()),
    "application/x-recordio-protobuf": lambda: RecordIO().encode(X, {}),
}


@pytest.mark.parametrize("content_type", FORMS)
@pytest.mark.parametrize("accept", ["text/csv", "application/jsonlines"])
@pytest.mark.parametrize("strategy", ["SingleRecord", "MultiRecord"])
def test_every_form_is_answered_in_order(
    model_dir: Path, expected: Any, content_type: str, accept: str, strategy: Any
) -> None:
    for workers in (1, 4):
        batch = Batch(
            content_type=content_type,
            accept=accept,
            split_type="RecordIO" if "recordio" in content_type else "Line",
            strategy=strategy,
            max_payload=0.0002,
            max_concurrent=workers,
        )
        found = written(batch, endpoint(model_dir), FORMS[content_type]())
        assert [float(line) for line in found.splitlines()] == pytest.approx(expected, rel=1e-6)


def test_one_document_goes_as_it_is(model_dir: Path, expected: Any) -> None:
    batch = Batch(content_type="application/json", split_type="None", assemble_with="None")
    found = json.loads(written(batch, endpoint(model_dir), json.dumps(X.tolist()).encode()))
    assert np.array(found, "f4").tolist() == expected


@pytest.mark.parametrize(
    ("options", "line", "answer"),
    [
        ({"join_source": "Input"}, "0.5,1,2", r"0\.5,1,2,-?[\d.]+"),
        ({"join_source": "Input", "input_filter": "$[1:]"}, "id7,0.5,1,2", r"id7,0\.5,1,2,[-\d.]+"),
        (
            {"join_source": "Input", "input_filter": "$[1:]", "output_filter": "$[0,-1]"},
            '"id, 7",0.5,1,2',
            r'"id, 7",[-\d.]+',
        ),
        ({"input_filter": "$[0:3]"}, "0.5,1,2,extra", r"[-\d.]+"),
        ({"output_filter": "$[0]"}, "0.5,1,2", r"[-\d.]+"),
    ],
)
def test_lines_of_csv_are_filtered_and_joined(
    model_dir: Path, options: dict[str, str], line: str, answer: str
) -> None:
    import re

    paths = {n: JSONPath(v) if "filter" in n else v for n, v in options.items()}
    found = written(Batch(**paths), endpoint(model_dir), f"{line}\n{line}".encode())  # type: ignore[arg-type]
    lines = found.decode().splitlines()
    assert len(lines) == 2
    assert all(re.fullmatch(answer, each) for each in lines), lines


@pytest.mark.parametrize(
    ("options", "record", "expected"),
    [
        (
            {"join_source": "Input"},
            [0.5, 1, 2],
            {"SageMakerInput": [0.5, 1, 2], "SageMakerOutput": 0},
        ),
        (
            {"join_source": "Input", "input_filter": "$.features"},
            {"id": 7, "features": [0.5, 1, 2]},
            {"id": 7, "features": [0.5, 1, 2], "SageMakerOutput": 0},
        ),
        (
            {
                "join_source": "Input",
                "input_filter": "$.features",
                "output_filter": "$['id','SageMakerOutput']",
            },
            {"id": 7, "features": [0.5, 1, 2]},
            {"id": 7, "SageMakerOutput": 0},
        ),
        (
            {"input_filter": "$.a['b'][0]", "output_filter": "$"},
            {"a": {"b": [[0.5, 1, 2]]}},
            0,
        ),
    ],
)
def test_json_lines_are_filtered_and_joined(
    model_dir: Path, options: dict[str, str], record: Any, expected: Any
) -> None:
    paths = {n: JSONPath(v) if "filter" in n else v for n, v in options.items()}
    batch = Batch(content_type="application/jsonlines", **paths)  # type: ignore[arg-type]
    body = (json.dumps(record) + "\n").encode() * 3
    for line in written(batch, endpoint(model_dir), body).splitlines():
        found = json.loads(line)
        answer = found.pop("SageMakerOutput") if isinstance(found, dict) else found
        assert isinstance(answer, float)
        assert expected == ({**found, "SageMakerOutput": 0} if isinstance(found, dict) else 0)


@pytest.mark.parametrize(
    "text", ["x", "$.", "$[", "$[a]", "$['a',0]", "$..a", "$[?(@.a)]", "$['a]", "$[1:2:3]", "$ a"]
)
def test_what_is_no_filter_is_told(text: str) -> None:
    with pytest.raises(DeclarationError, match="is no filter: expected"):
        JSONPath(text)


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("$", {"a": 1}, {"a": 1}),
        ("$.a", {"a": 1}, 1),
        ("$['a b']", {"a b": 1}, 1),
        ('$["a","b"]', {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2}),
        ("$[0]", [7, 8], 7),
        ("$[-1]", [7, 8], 8),
        ("$[0,2:]", [5, 6, 7, 8], [5, 7, 8]),
        ("$[:2]", [5, 6, 7, 8], [5, 6]),
        ("$[:]", [5, 6], [5, 6]),
        ("$.a[1].b", {"a": [0, {"b": 9}]}, 9),
    ],
)
def test_a_filter_takes_a_part(text: str, value: Any, expected: Any) -> None:
    assert JSONPath(text)(value) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [("$.a", {"b": 1}), ("$.a", [1]), ("$[5]", [1]), ("$[0:]", {"a": 1}), ("$[0]", 5)],
)
def test_a_part_that_a_record_has_not_is_told(text: str, value: Any) -> None:
    with pytest.raises(MalformedBodyError, match=r"a record has no part"):
        JSONPath(text)(value)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"1,2,3\n1,2\n", "records 1 to 2: .*"),
        (b"1,2,3\n1,x,3\n4,5,6\n", r"records 1 to 3: 400: \(record 2\) line 2, column 2"),
        (b"1,2\n", r"record 1: 422: the model has 3 features"),
        (b"1,2,3\n\n4,5,6\n", r"records 1 to 3: 400: \(record 2\)"),
        (b'1,2,"3\n4,5,6\n', r"record 1: 400"),
    ],
)
def test_which_records_are_wrong_is_told(model_dir: Path, body: bytes, told: str) -> None:
    with pytest.raises(TransformError, match=told):
        written(Batch(), endpoint(model_dir), body)


def test_a_record_is_counted_from_the_beginning_of_its_file(model_dir: Path) -> None:
    body = table(X) + b"1,x,3\n"
    with pytest.raises(TransformError, match=r"record 24: 400: \(record 24\) line 1, column 2"):
        written(Batch(strategy="SingleRecord"), endpoint(model_dir), body)


def test_answers_that_are_lost_are_told(model_dir: Path) -> None:
    def output_fn(prediction: Any, accept: str) -> str:
        return "".join(f"{value}\n" for value in prediction[1:])

    served = Endpoint(compose("xgboost")._replace(output_fn=output_fn))  # type: ignore[arg-type]
    served.load(str(model_dir))
    with pytest.raises(TransformError, match="23 records were asked for, and 22 were answered"):
        written(Batch(), served, table(X))


def test_a_record_beyond_a_request_is_told(model_dir: Path) -> None:
    with pytest.raises(TransformError, match="record 1 has 5 bytes; a request has at most 3"):
        written(Batch(max_payload=3 / 2**20), endpoint(model_dir), b"1,2,3\n")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"split_type": "TFRecord"}, "split_type='TFRecord': expected None or Line or RecordIO"),
        ({"strategy": "Any"}, "strategy='Any'"),
        ({"assemble_with": "Comma"}, "assemble_with='Comma'"),
        ({"join_source": "Output"}, "join_source='Output'"),
        ({"max_payload": -1}, "max_payload is 0 or more"),
        ({"max_concurrent": 0}, "max_concurrent 1 or more"),
        ({"content_type": "text/csv; header=present"}, "only the first request would have"),
        ({"accept": "application/json"}, "answers many records with one document"),
        (
            {"content_type": "application/x-recordio-protobuf", "join_source": "Input"},
            "filters and joins are for JSON",
        ),
        ({"split_type": "None", "join_source": "Input"}, "filters and joins are for JSON"),
    ],
)
def test_what_cannot_go_together_is_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        Batch(**options)


@given(st.lists(st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"")), min_size=1))
@settings(deadline=None)
def test_lines_are_cut_at_line_feeds_alone(records: list[bytes]) -> None:
    body = b"\n".join(records) + b"\n"
    assert list(lines_of(io.BytesIO(body), is_quoted=False)) == records


@given(st.lists(st.lists(st.text(max_size=6), min_size=2, max_size=3), min_size=1, max_size=5))
@settings(deadline=None)
def test_lines_of_csv_are_rows(rows: list[list[str]]) -> None:
    rows = [[cell.replace("\r", "").replace("\x00", "") for cell in row] for row in rows]
    target = io.StringIO()
    csv.writer(target, lineterminator="\n").writerows(rows)
    body = target.getvalue().encode(errors="replace")
    found = list(lines_of(io.BytesIO(body), is_quoted=True))
    assert len(found) == len(rows)
    assert b"\n".join(found) + b"\n" == body


@given(
    st.lists(st.binary(min_size=0, max_size=20), max_size=30), st.integers(21, 80), st.booleans()
)
@settings(deadline=None)
def test_groups_hold_every_record_in_order(
    records: list[bytes],
    most: int,
    are_single: bool,  # noqa: FBT001
) -> None:
    groups = list(groups_of(records, most=most, are_single=are_single))
    assert list(itertools.chain.from_iterable(groups)) == records
    assert all(sum(len(each) + 1 for each in group) <= most for group in groups)
    if are_single:
        assert all(len(group) == 1 for group in groups)
    else:
        for one, other in itertools.pairwise(groups):
            assert sum(len(each) + 1 for each in (*one, other[0])) > most


def test_damaged_recordio_is_told() -> None:
    body = RecordIO().encode(X, {})
    assert b"".join(frames_of(io.BytesIO(body))) == body
    for cut in (body[:-1], body[:5], b"x" * 20):
        with pytest.raises(MalformedBodyError, match="is no whole RecordIO record"):
            list(frames_of(io.BytesIO(cut)))


class Counting(Endpoint):
    """Counts what it is asked, and fails from some request on."""

    asked = 0
    fails_from = 10**9
    lock = threading.Lock()

    def invoke(self, request: Any) -> Any:
        with self.lock:
            self.asked += 1
            if self.asked >= self.fails_from:
                request = replace(request, body=b"x")
        return super().invoke(request)


def job(model_dir: Path, target: Path, **options: Any) -> tuple[TransformJob, Counting]:
    served = Counting(compose("xgboost"))
    served.load(str(model_dir))
    batch = Batch(strategy="SingleRecord", **options)
    return TransformJob(batch, served, target, "this model", resume=True), served


def nothing(count: int) -> None:
    """Nobody watches."""


def test_what_was_answered_is_not_asked_again(
    model_dir: Path, tmp_path: Path, expected: Any
) -> None:
    source = tmp_path / "data" / "x.csv"
    source.parent.mkdir()
    source.write_bytes(table(X))
    first, served = job(model_dir, tmp_path / "out")
    served.fails_from = 10
    with pytest.raises(TransformError, match=r"x\.csv: record 10: 400"):
        first.run(source.parent, nothing)
    assert not (tmp_path / "out/x.csv.out").exists()
    again, served = job(model_dir, tmp_path / "out")
    told: list[int] = []
    assert again.run(source.parent, told.append) == 23
    assert served.asked == 23 - 9
    assert sum(told) == source.stat().st_size
    found = (tmp_path / "out/x.csv.out").read_text().splitlines()
    assert np.array(found, "f4").tolist() == expected
    third, served = job(model_dir, tmp_path / "out")
    assert third.run(source.parent, nothing) == 23
    assert served.asked == 0
    other, served = job(model_dir, tmp_path / "out", max_payload=5)
    assert other.run(source.parent, nothing) == 23
    assert served.asked == 23
    source.write_bytes(table(X[:4]))
    changed, served = job(model_dir, tmp_path / "out", max_payload=5)
    assert changed.run(source.parent, nothing) == 4
    assert len((tmp_path / "out/x.csv.out").read_text().splitlines()) == 4


def test_one_bad_file_does_not_keep_the_others(model_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "data/more").mkdir(parents=True)
    (tmp_path / "data/a.csv").write_bytes(b"1,x,3\n")
    (tmp_path / "data/more/b.csv").write_bytes(table(X))
    (tmp_path / "data/.hidden").write_bytes(b"x")
    with pytest.raises(TransformError, match=r"a\.csv: record 1"):
        job(model_dir, tmp_path / "out")[0].run(tmp_path / "data", nothing)
    assert (tmp_path / "out/more/b.csv.out").read_text().count("\n") == 23
    assert not (tmp_path / "out/a.csv.out").exists()


def test_the_command_line_does_the_same(
    model_dir: Path, tmp_path: Path, expected: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.csv").write_bytes(table(X, "\r\n"))
    arguments = ["batch", str(MINIMAL), "--model-dir", str(model_dir), "--input"]
    arguments += [str(tmp_path / "x.csv"), "--output", str(tmp_path / "out"), "--max-concurrent=3"]
    assert main(arguments) == 0
    assert "23 records of 1 files are answered in" in capsys.readouterr().out
    found = (tmp_path / "out/x.csv.out").read_text().splitlines()
    assert np.array(found, "f4").tolist() == expected
    assert main([*arguments, "--resume"]) == 0
    for wrong in (["--split-type=TFRecord"], ["--input-filter=x"], ["--accept=application/json"]):
        assert main([*arguments, *wrong]) == 1
    assert main([*arguments[:5], str(tmp_path / "none"), *arguments[6:]]) == 1
    assert "there are no files at" in capsys.readouterr().err


def test_a_model_is_told_apart_by_its_content(tmp_path: Path, model_dir: Path) -> None:
    before = identity_of(MINIMAL, model_dir)
    assert identity_of(MINIMAL, model_dir) == before
    (tmp_path / "xgboost-model").write_bytes((model_dir / "xgboost-model").read_bytes() + b" ")
    assert identity_of(MINIMAL, tmp_path) != before
    with pytest.raises(ModelLoadError, match="does not exist"):
        identity_of(MINIMAL, tmp_path / "none")
