from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scriptmode.errors import NotAcceptableError, RequestError, UnsupportedMediaTypeError
from scriptmode.serializers.text import Text
from scriptmode.values import Table
from tests.serializers.checks import BINARY, outcome, refusal

modest = settings(deadline=None, max_examples=100)
TEXT = st.text(st.characters(codec="utf-8"))


@pytest.mark.parametrize("text", ["", "a", "größe", "two\nlines\r\n", "\x00", "a\ufeffb", "👍"])
def test_a_body_is_one_string(text: str) -> None:
    assert Text().decode(text.encode(), {}) == text
    assert Text().decode(text, {}) == text


@pytest.mark.parametrize("kind", BINARY)
def test_every_kind_of_body_is_read_alike(kind: Any) -> None:
    assert Text().decode(kind("é\n".encode()), {}) == Text().decode("é\n", {}) == "é\n"


@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "utf-16-be", "utf-8-sig", "US-ASCII"])
def test_other_charsets_are_read(charset: str) -> None:
    text = "plain" if charset == "US-ASCII" else "größe"
    assert Text().decode(text.encode(charset), {"charset": charset}) == text


def test_a_byte_order_mark_is_dropped() -> None:
    assert Text().decode(b"\xef\xbb\xbfa", {}) == "a"


def test_the_charset_of_decoded_text_is_of_no_matter() -> None:
    assert Text().decode("é", {"charset": "latin-1"}) == "é"


@pytest.mark.parametrize(
    ("body", "charset", "line"),
    [(b"\xff", "utf-8", 1), (b"a\nb\xe9c", "utf-8", 2), (b"\xed\xa0\x80", "UTF-8", 1)],
)
def test_bytes_outside_utf8_are_refused_by_their_line(body: bytes, charset: str, line: int) -> None:
    assert refusal(Text(), body, charset=charset).where == {"line": line}


def test_bytes_outside_the_charset_are_refused() -> None:
    refusal(Text(), b"a", charset="utf-16")


def test_lone_surrogates_are_refused() -> None:
    refusal(Text(), "\ud800")


@pytest.mark.parametrize("charset", ["klingon", "zip", "hex", "rot13", "\x00", ""])
def test_an_unknown_charset_is_unsupported(charset: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError) as caught:
        Text().decode(b"a", {"charset": charset})
    assert caught.value.supported == ("utf-8",)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("as it is\n\n", b"as it is\n\n"),
        ("é", b"\xc3\xa9"),
        ("", b""),
        (["a", "b"], b"a\nb\n"),
        (("a", 1, 2.5), b"a\n1\n2.5\n"),
        ([], b""),
        (np.array([1, 2]), b"1\n2\n"),
        (np.array([0.5]), b"0.5\n"),
        (np.array(["a", "é"]), b"a\n\xc3\xa9\n"),
        (pd.Series(["a", "b"]), b"a\nb\n"),
        ([""], b"\n"),
    ],
)
def test_strings_are_written_as_they_are_and_sequences_one_item_a_line(
    value: Any, expected: bytes
) -> None:
    assert Text().encode(value, {}) == expected


@pytest.mark.parametrize(
    "value",
    [
        np.zeros((2, 2)),
        [[1]],
        [(1, 2)],
        [{"a": 1}],
        [np.array([1, 2])],
        Table(["a"], np.zeros((1, 1))),
        pd.DataFrame({"a": [1]}),
        {"a": 1},
        b"bytes",
        None,
        1.5,
        ["a\nb"],
        ["a\n", "b"],
        ["\n"],
        ["a\r"],
        ["a\u2028b"],
        np.array(["a\n", "b"]),
        "\ud800",
        ["\ud800"],
    ],
)
def test_what_is_not_one_value_a_line_is_not_acceptable(value: Any) -> None:
    with pytest.raises(NotAcceptableError):
        Text().encode(value, {})


@given(TEXT.filter(lambda text: not text.startswith("\ufeff")))
@modest
def test_a_string_makes_the_round_trip(text: str) -> None:
    assert Text().decode(Text().encode(text, {}), {}) == text


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"))))
@modest
def test_an_item_is_a_line(items: list[str]) -> None:
    body = outcome(lambda: Text().encode(items, {}))
    if body is RequestError:
        assert any(len(f"{item}.".splitlines()) > 1 for item in items)
    else:
        assert Text().decode(body, {}) == "".join(f"{item}\n" for item in items)
        assert Text().decode(body, {}).splitlines() == items


@given(st.binary(), st.sampled_from(["utf-8", "utf-16", "latin-1", "utf-7", "cp932", "idna"]))
@modest
def test_nothing_but_request_errors_leave_a_decoder(body: bytes, charset: str) -> None:
    found = outcome(lambda: Text().decode(body, {"charset": charset}))
    assert found is RequestError or isinstance(found, str)


def test_byte_order_marks_are_no_text() -> None:
    assert Text().decode(b"\xef\xbb\xbf" * 3 + b"x", {}) == "x"
