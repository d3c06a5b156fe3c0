from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scriptmode import compose
from scriptmode.errors import (
    MalformedBodyError,
    RequestError,
    UnsupportedMediaTypeError,
)
from scriptmode.serializers.forms import Form, Multipart
from scriptmode.values import Enveloped, Table
from tests.serializers.checks import BINARY, assert_same, outcome, refusal, within
from tests.serializers.memory import MIB, memory_within

if TYPE_CHECKING:
    from pathlib import Path

NAN = float("nan")
modest = settings(deadline=None, max_examples=80)
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
PLAIN = st.text(
    st.characters(codec="utf-8", exclude_characters='"\\\r\n', min_codepoint=32),
    min_size=1,
    max_size=6,
)


class Echo:
    name = "echo"

    def load(self, model_dir: Path) -> str:
        return "model"

    def predict(self, model: str, data: Any) -> Any:
        return data


HANDLER = compose(Echo(), accepts=["multipart", "csv", "json", "npy", "form"])


def field(name: str, value: bytes | str) -> tuple[str, bytes]:
    raw = value.encode() if isinstance(value, str) else value
    return f'Content-Disposition: form-data; name="{name}"', raw


def file(
    value: bytes | str, content_type: str | None = "text/csv", filename: str = "x.csv"
) -> tuple[str, bytes]:
    head, raw = field("file", value)
    typed = "" if content_type is None else f"\r\nContent-Type: {content_type}"
    return f'{head}; filename="{filename}"{typed}', raw


def multipart(*parts: tuple[str, bytes], boundary: str = "X", end: bool = True) -> bytes:
    mark = f"--{boundary}".encode("latin-1")
    written = b"".join(
        mark + b"\r\n" + head.encode() + b"\r\n\r\n" + body + b"\r\n" for head, body in parts
    )
    return written + (mark + b"--\r\n" if end else b"")


def decode(body: bytes, boundary: str = "X") -> Any:
    return Multipart().decode(body, {"boundary": boundary})


def through_compose(body: bytes, content_type: str = "multipart/form-data; boundary=X") -> Any:
    return HANDLER.input_fn(body, content_type)


def row(**cells: float) -> Table:
    return Table(tuple(cells), np.array([list(cells.values())], dtype=np.float64))


# Forms


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a=1&b=2.5", row(a=1, b=2.5)),
        ("a=1&b=", row(a=1, b=NAN)),
        ("a=1&b", row(a=1, b=NAN)),
        ("a=+1+", row(a=1)),
        ("a=%2B1&a%20b=-2e3", Table(("a", "a b"), np.array([[1.0, -2000.0]]))),
        ("&&a=1&", row(a=1)),
        ("a=1\r\n", row(a=1)),
        ("%C3%A9=1", Table(("é",), np.array([[1.0]]))),
        ("a=1&b=inf", row(a=1, b=float("inf"))),
    ],
)
def test_the_fields_of_a_form_are_one_row(body: str, expected: Table) -> None:
    assert_same(Form().decode(body.encode(), {}), expected)


@pytest.mark.parametrize("kind", BINARY)
def test_every_kind_of_body_is_read_alike(kind: Any) -> None:
    assert_same(Form().decode(kind(b"a=1&b=2"), {}), Form().decode("a=1&b=2", {}))
    body = multipart(field("a", "1"))
    assert_same(Multipart().decode(kind(body), {"boundary": "X"}), row(a=1))


@given(st.dictionaries(TEXTS, st.floats(allow_infinity=False), min_size=1, max_size=4))
@modest
def test_what_browsers_encode_is_read_back(cells: dict[str, float]) -> None:
    body = urlencode({name: "" if cell != cell else repr(cell) for name, cell in cells.items()})  # noqa: PLR0124
    found = Form().decode(body.encode(), {})
    assert_same(found, Table(tuple(cells), np.array([list(cells.values())])))


@given(st.dictionaries(TEXTS, TEXTS, min_size=1, max_size=4))
@modest
def test_words_stay_as_they_were_sent(cells: dict[str, str]) -> None:
    frame = Form(words=tuple(cells)).decode(urlencode(cells).encode(), {})
    assert frame.iloc[0].tolist() == list(cells.values())
    assert list(frame.columns) == list(cells)


def test_a_missing_word_is_none() -> None:
    frame = Form(words=("a",), missing=("", "?")).decode(b"a=?&b=?", {})
    assert frame["a"].tolist() == [None]
    assert frame["b"].isna().all()


@pytest.mark.parametrize("cell", ["x", "1_0", "0x1", "1e999", "1,5", "true", "%D9%A1", "--1"])
def test_what_is_no_number_is_refused_by_its_field(cell: str) -> None:
    assert refusal(Form(), f"a=1&b={cell}").where == {"field": "b"}
    assert str(refusal(Multipart(), multipart(field("b", cell)), boundary="X"))


@pytest.mark.parametrize(
    "body",
    [b"", b"&", b"\r\n", b"a=1&a=2", b"a=1&%61=2", b"a=\xff", b"a=%ff", b"%ff=1", b"=1", b"a=1&=2"],
)
def test_fields_are_named_once_and_in_utf8(body: bytes) -> None:
    assert str(refusal(Form(), body))


def test_names_of_parts_are_in_utf8() -> None:
    body = multipart(field("name", "1")).replace(b"name", b"n\xff").replace(b"n\xff=", b"name=")
    refusal(Multipart(), body, boundary="X")


def test_parts_are_named() -> None:
    refusal(Multipart(), multipart(field("", "1")), boundary="X")


def test_other_charsets_are_read() -> None:
    assert_same(Form().decode("a=1".encode("utf-16"), {"charset": "utf-16"}), row(a=1))


@pytest.mark.parametrize("count", [10_001, 200_000])
def test_very_many_fields_are_refused_promptly(count: int) -> None:
    body = "&".join(f"f{number}=1" for number in range(count))
    with within(1.5):
        refusal(Form(), body)


def test_many_fields_are_read() -> None:
    body = "&".join(f"f{number}=1" for number in range(10_000))
    with within(1):
        assert Form().decode(body.encode(), {}).shape == (1, 10_000)


def test_a_name_that_stands_twice_among_many_is_found_promptly() -> None:
    names = [f"f{number}" for number in range(9_999)]
    body = "&".join(f"{name}=1" for name in [*names, names[-1]])
    with within(0.2):
        assert refusal(Form(), body).where == {"field": names[-1]}


@given(st.binary())
@modest
def test_nothing_but_request_errors_leave_a_form(body: bytes) -> None:
    outcome(partial(Form().decode, body, {}))
    outcome(partial(Form(words=("a",)).decode, b"a=" + quote_plus(body).encode() + body, {}))


# Multipart


def test_parts_without_files_are_one_row() -> None:
    found = decode(multipart(field("a", "1"), field("é", ""), field("c", " -2.5 ")))
    assert_same(found, Table(("a", "é", "c"), np.array([[1, NAN, -2.5]])))


@given(st.dictionaries(PLAIN, st.floats(), min_size=1, max_size=4))
@modest
def test_what_is_sent_in_parts_is_read_back(cells: dict[str, float]) -> None:
    found = decode(multipart(*(field(name, repr(cell)) for name, cell in cells.items())))
    assert_same(found, Table(tuple(cells), np.array([list(cells.values())])))


@given(st.binary(max_size=40))
@modest
def test_the_bytes_of_a_file_are_handed_over_untouched(raw: bytes) -> None:
    if b"\r\n--X" in b"\r\n" + raw:
        return
    seen: list[Any] = []
    reader = Multipart().reading(lambda body, kind: seen.append((body, kind)))
    reader.decode(multipart(file(raw, "a/b")), {"boundary": "X"})
    assert seen == [(raw, "a/b")]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (file("1,2\n3,4\n"), np.array([[1.0, 2.0], [3.0, 4.0]])),
        (file("[[1,2]]", "application/json"), np.array([[1.0, 2.0]])),
        (file("a,b\n1,2\n", "text/csv; header=present"), row(a=1, b=2)),
        (file("1,2", None), np.array([[1.0, 2.0]])),
        (file("1,2", "application/octet-stream"), np.array([[1.0, 2.0]])),
        (file("a=1", "application/x-www-form-urlencoded"), row(a=1)),
    ],
)
def test_a_file_is_read_as_its_own_type_says(part: tuple[str, bytes], expected: Any) -> None:
    assert_same(through_compose(multipart(part)), expected)


def test_fields_beside_a_file_stand_around_it() -> None:
    found = through_compose(multipart(field("k", "v"), file("1,2"), field("n", "5")))
    assert isinstance(found, Enveloped)
    assert_same(found.data, np.array([[1.0, 2.0]]))
    assert found.parameters == {"k": "v", "n": "5"}


def test_a_form_is_read_through_compose() -> None:
    assert_same(through_compose(b"a=1&b=2", "application/x-www-form-urlencoded"), row(a=1, b=2))


def test_columns_of_text_are_typed_by_what_is_declared() -> None:
    from pydantic import BaseModel

    class Row(BaseModel):
        city: str
        size: float | None

    handler = compose(Echo(), accepts=["form", "multipart"], features=Row, missing=["", "?"])
    for body, kind in (
        (b"city=01&size=?", "application/x-www-form-urlencoded"),
        (multipart(field("city", "01"), field("size", "?")), "multipart/form-data; boundary=X"),
    ):
        frame = handler.input_fn(body, kind)
        assert frame["city"].tolist() == ["01"]
        assert np.isnan(frame["size"][0])


@pytest.mark.parametrize(
    "content_type", ["text/klingon", "é", "a", "multipart/form-data; boundary=Y"]
)
def test_a_file_that_nothing_reads_is_unsupported(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError) as caught:
        through_compose(multipart(file("1", content_type)))
    assert caught.value.supported


@pytest.mark.parametrize(
    "body",
    [
        multipart(file("1"), file("2")),
        multipart(file("")),
        multipart(file("1,x")),
        multipart(file("1"), field("a", "1"), field("a", "2")),
        multipart(file("1"), field("a", b"\xff")),
        multipart(field("a", b"\xff")),
        multipart(field("a", "1"), field("a", "2")),
        multipart(("Content-Type: text/csv", b"1")),
        multipart(("Content-Disposition: form-data", b"1")),
        multipart(("Content-Disposition: form-data; name", b"1")),
        multipart(('Content-Disposition: form-data; name="a"; name="b"', b"1")),
        multipart(("Content-Disposition: form-data; name=a; NAME = b", b"1")),
        multipart(('Content-Disposition: form-data; name="a"; filename="x"; filename=y', b"1")),
        multipart(field("a", "1"), end=False),
        multipart(field("a", "1"))[:-4],
        multipart(field("a", "1")).replace(b"\r\n", b"\n"),
        multipart(field("a", "1"), boundary="Y"),
        multipart(("a: b\r\n" * 17 + field("a", "")[0], b"1")),
        multipart(("a: " + "b" * 100_000 + "\r\n" + field("a", "")[0], b"1")),
        multipart(("\x00: b\r\n" + field("a", "")[0], b"1")),
        multipart(),
        b"",
        b"--X",
        b"--X--",
        b"--X\r\n",
        b"\xff" * 100,
    ],
)
def test_malformed_parts_are_refused_with_a_reason(body: bytes) -> None:
    with pytest.raises(MalformedBodyError) as caught:
        through_compose(body)
    assert str(caught.value)


def test_a_file_where_nothing_reads_files_is_called_so() -> None:
    assert "got 1" not in str(refusal(Multipart(), multipart(file("1")), boundary="X"))


def test_a_file_input_that_was_left_empty_is_no_file() -> None:
    body = multipart(field("a", "1"), file("", "application/octet-stream", ""))
    assert_same(through_compose(body), row(a=1))


@pytest.mark.parametrize(
    "boundary", ["a b", "é", '"', "--", "'()+_,-./:=?", "x" * 70, " ", "a\nb", "a\x00"]
)
def test_boundaries_of_odd_form_are_read_or_refused(boundary: str) -> None:
    body = multipart(field("a", "1"), boundary=boundary)
    found = outcome(lambda: decode(body, boundary))
    if found is not RequestError:
        assert_same(found, row(a=1))


@pytest.mark.parametrize("boundary", ["", "x" * 71, "x" * 100_000, "\u2603", "\ud800"])
def test_boundaries_that_are_none_are_refused(boundary: str) -> None:
    refusal(Multipart(), multipart(field("a", "1")), boundary=boundary)


def test_a_boundary_is_needed() -> None:
    refusal(Multipart(), multipart(field("a", "1")))
    with pytest.raises(MalformedBodyError, match="boundary"):
        through_compose(multipart(field("a", "1")), "multipart/form-data")


def test_very_many_parts_are_refused_promptly() -> None:
    body = multipart(*(field(f"f{number}", "1") for number in range(100_000)))
    with within(2):
        refusal(Multipart(), body, boundary="X")
    with memory_within(32 * MIB):
        refusal(Multipart(), body, boundary="X")


@pytest.mark.parametrize(
    "piece", [b"\r\n--", b"\r", b"\r\n", b"\r\n--XX"[:5], b"-", b"\r\n--" + b"X" * 68]
)
def test_what_nearly_is_a_boundary_is_read_in_linear_time(piece: bytes) -> None:
    boundary = "X" * 69
    body = multipart(field("a", piece * (4 * MIB // len(piece))), boundary=boundary)
    with within(2):
        outcome(lambda: decode(body, boundary))


@pytest.mark.parametrize(
    "tail", ['"' + "\\" * 3_000, ";" * 3_000, '=";' * 1_000, " " * 3_000, "; a=b" * 600]
)
def test_long_dispositions_are_read_in_linear_time(tail: str) -> None:
    with within(0.5):
        outcome(
            lambda: decode(multipart((f'Content-Disposition: form-data; name="a"{tail}', b"1")))
        )


@pytest.mark.parametrize(
    "more",
    [
        "filename*=klingon''%ff",
        "filename*=''",
        "filename*0=a; filename*99=b",
        "filename*=utf-8''%ff",
    ],
)
def test_odd_names_of_files_are_read_or_refused(more: str) -> None:
    outcome(
        lambda: through_compose(
            multipart((f'Content-Disposition: form-data; name="a"; {more}', b"1"))
        )
    )


def test_every_truncation_is_refused() -> None:
    body = multipart(field("a", "1"), file("1,2\n"))
    for end in range(len(body) - 2):
        with pytest.raises(MalformedBodyError):
            through_compose(body[:end])


def test_damage_is_read_or_refused() -> None:
    chance = random.Random(0)
    pieces = (
        b"\r",
        b"\n",
        b"--X",
        b";",
        b'"',
        b"filename",
        b"*",
        b"=",
        b"''",
        b"\\",
        b"\xff",
        b":",
    )
    for _ in range(1500):
        body = bytearray(multipart(field("a", "1"), file("1,2\n")))
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(body) + 1)
            body[at : at + chance.randrange(4)] = chance.choice(pieces)
        outcome(partial(through_compose, bytes(body)))


def test_what_stands_in_quotes_is_no_further_option() -> None:
    body = multipart(('Content-Disposition: form-data; name="a;name=b";', b"1"))
    assert decode(body).names == ("a;name=b",)
