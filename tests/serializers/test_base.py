from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scriptmode.errors import MalformedBodyError, RequestError, UnsupportedMediaTypeError
from scriptmode.serializers.base import Decoder, Encoder, as_bytes, as_text, as_utf8
from tests.serializers.checks import BINARY, outcome, within

if TYPE_CHECKING:
    from collections.abc import Mapping

CHARSETS = ("utf-8", "UTF8", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-8-sig")


@pytest.mark.parametrize("kind", BINARY)
def test_a_body_of_any_kind_becomes_bytes(kind: Any) -> None:
    found = as_bytes(kind(b"\x00\xff"))
    assert type(found) is bytes
    assert found == b"\x00\xff"


def test_text_becomes_utf8() -> None:
    assert as_bytes("é") == b"\xc3\xa9"


def test_bytes_are_not_copied() -> None:
    body = b"a long body"
    assert as_bytes(body) is body


@pytest.mark.parametrize("convert", [as_bytes, lambda text: as_utf8(text, {})])
def test_lone_surrogates_are_refused(convert: Any) -> None:
    with pytest.raises(MalformedBodyError):
        convert("a\ud800")


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("kind", BINARY)
def test_a_named_charset_is_read(kind: Any, charset: str) -> None:
    body = kind("größe\n".encode(charset))
    assert as_text(body, {"charset": charset}) == "größe\n"
    assert as_utf8(body, {"charset": charset}) == "größe\n".encode()


def test_utf8_is_read_without_a_charset() -> None:
    assert as_text("é".encode(), {}) == "é"


def test_decoded_text_has_no_charset() -> None:
    assert as_text("é", {"charset": "klingon"}) == "é"


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        (b"\xef\xbb\xbfa", "utf-8"),
        (b"\xff\xfea\x00", "utf-16"),
        (b"\xfe\xff\x00a", "utf-16"),
        (b"\xff\xfea\x00", "utf-16-le"),
    ],
)
def test_a_byte_order_mark_is_no_part_of_the_text(body: bytes, charset: str) -> None:
    assert as_text(body, {"charset": charset}) == "a"


def test_a_mark_within_the_text_stays() -> None:
    assert as_text("a\ufeffb", {}) == "a\ufeffb"


@pytest.mark.parametrize("charset", ["klingon", "", "\x00", "zip", "base64", "rot13", "utf-9"])
def test_an_unknown_charset_is_unsupported(charset: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError) as caught:
        as_utf8(b"a", {"charset": charset})
    assert caught.value.status == 415
    assert repr(charset) in str(caught.value)
    assert caught.value.supported == ("utf-8",)


@pytest.mark.filterwarnings("ignore:.*invalid escape sequence:DeprecationWarning")
@pytest.mark.parametrize("charset", ["unicode_escape", "raw_unicode_escape", "punycode", "idna"])
def test_what_is_an_encoding_of_python_alone_is_no_charset(charset: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError):
        as_utf8(rb"\x41\d", {"charset": charset})


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        (b"a", "utf-16"),
        (b"\x00\xd8", "utf-16-le"),
        (b"\x81", "cp1252"),
        (b"\xff", "utf-8-sig"),
    ],
)
def test_bytes_outside_the_charset_are_refused(body: bytes, charset: str) -> None:
    with pytest.raises(MalformedBodyError, match=charset):
        as_utf8(body, {"charset": charset})


def test_ascii_has_no_other_bytes() -> None:
    with pytest.raises(MalformedBodyError):
        as_text("é".encode(), {"charset": "us-ascii"})


@pytest.mark.parametrize(
    ("body", "line"),
    [(b"\xff", 1), (b"a\nb\n\xff", 3), (b"a\r\nb\xc3", 2), (b"a\n\xed\xa0\x80", 2)],
)
def test_invalid_utf8_is_refused_by_its_line(body: bytes, line: int) -> None:
    with pytest.raises(MalformedBodyError) as caught:
        as_text(body, {})
    assert caught.value.where == {"line": line}


@pytest.mark.parametrize("charset", ["punycode", "idna", "utf-7"])
def test_no_charset_takes_long_to_read(charset: str) -> None:
    body = b"a" * 100_000 + b"-" + b"a" * 100_000
    with within(1):
        found = outcome(lambda: as_utf8(body, {"charset": charset}))
    assert found is RequestError or len(found) >= len(body) // 2


@given(st.text(st.characters(codec="utf-8")), st.sampled_from(["utf-8", "utf-16-be", "utf-32-le"]))
@settings(deadline=None, max_examples=50)
def test_any_text_is_read_from_any_unicode_charset(text: str, charset: str) -> None:
    expected = text.removeprefix("\ufeff")
    assert as_text(text.encode(charset), {"charset": charset}) == expected
    assert as_text(text, {}) == expected


class Half:
    media_types: tuple[str, ...] = ("text/half",)

    def decode(self, body: Any, params: Mapping[str, str]) -> Any:
        return body


class Other:
    media_types: tuple[str, ...] = ("text/half",)

    def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
        return bytes(value)


def test_any_object_with_the_right_attributes_is_a_serializer() -> None:
    assert isinstance(Half(), Decoder)
    assert not isinstance(Half(), Encoder)
    assert isinstance(Other(), Encoder)
    assert not isinstance(Other(), Decoder)
    assert not isinstance(object(), Decoder)


def test_unknown_charsets_leave_nothing_behind() -> None:
    import encodings

    before = len(encodings._cache)
    for number in range(50):
        with pytest.raises(UnsupportedMediaTypeError):
            as_utf8(b"1", {"charset": f"x-unknown-{number}"})
    assert len(encodings._cache) == before
