from __future__ import annotations

import gzip
import random
import tracemalloc
import zlib
from functools import partial
from typing import TYPE_CHECKING

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from scriptmode.codings import decode_content, encode_content
from scriptmode.errors import (
    BodyTooLargeError,
    MalformedBodyError,
    MissingExtraError,
    RequestError,
    UnsupportedMediaTypeError,
)
from tests.serializers.checks import outcome, within
from tests.serializers.memory import MIB, memory_within

if TYPE_CHECKING:
    from collections.abc import Callable

modest = settings(deadline=None, max_examples=60)


def bare(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False).compress(body)


PACKERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", partial(gzip.compress, mtime=0)),
    ("x-gzip", partial(gzip.compress, mtime=0)),
    ("deflate", zlib.compress),
    ("deflate", bare),
    ("br", brotli.compress),
    ("zstd", zstandard.compress),
    ("zstd", zstd),
]
EACH = pytest.mark.parametrize(
    ("coding", "pack"),
    PACKERS,
    ids=["gzip", "x-gzip", "deflate", "bare deflate", "br", "zstd", "zstd without size"],
)
NOISE = random.Random(0).randbytes(300_000)


@EACH
@given(body=st.binary(max_size=2000), times=st.integers(0, 200))
@modest
def test_what_was_packed_is_unpacked(
    coding: str, pack: Callable[[bytes], bytes], body: bytes, times: int
) -> None:
    whole = body * times
    assert decode_content(pack(whole), coding, len(whole)) == whole


@EACH
def test_large_bodies_are_unpacked(coding: str, pack: Callable[[bytes], bytes]) -> None:
    for body in (NOISE, bytes(3 * MIB), NOISE * 5):
        assert decode_content(pack(body), coding, len(body)) == body


@EACH
def test_the_limit_is_kept_to_the_byte(coding: str, pack: Callable[[bytes], bytes]) -> None:
    for body in (NOISE, bytes(MIB)):
        assert len(decode_content(pack(body), coding, len(body))) == len(body)
        with pytest.raises(BodyTooLargeError) as caught:
            decode_content(pack(body), coding, len(body) - 1)
        assert caught.value.status == 413


@pytest.mark.parametrize("coding", ["", "identity", " identity , ", "Identity", ","])
def test_identity_is_as_sent(coding: str) -> None:
    assert decode_content(b"body", coding, 1) == b"body"


def test_codings_are_undone_in_the_order_opposite_to_that_they_were_applied_in() -> None:
    assert decode_content(gzip.compress(brotli.compress(b"x")), "br, gzip", 100) == b"x"
    assert decode_content(gzip.compress(gzip.compress(b"x")), "GZIP, identity, gzip", 100) == b"x"
    with pytest.raises(MalformedBodyError):
        decode_content(gzip.compress(brotli.compress(b"x")), "gzip, br", 100)


@pytest.mark.parametrize(
    "coding",
    ["klingon", "gzip, klingon", "gzip,gzip,gzip", "gzip;q=1", "compress", "\u00e9", "gzip " * 50],
)
def test_unknown_and_too_many_codings_are_unsupported(coding: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError) as caught:
        decode_content(gzip.compress(b"x"), coding, 100)
    assert caught.value.status == 415
    assert "gzip" in caught.value.supported


@pytest.mark.parametrize("coding", ["br", "zstd"])
def test_a_coding_whose_library_is_missing_is_unsupported(
    coding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(module: str, *, extra: str) -> None:
        raise MissingExtraError(f"{module} is not installed")

    monkeypatch.setattr("scriptmode.codings.require", refuse)
    with pytest.raises(UnsupportedMediaTypeError) as caught:
        decode_content(b"x", coding, 100)
    assert caught.value.supported == ("gzip", "deflate")


@EACH
def test_every_truncation_is_refused(coding: str, pack: Callable[[bytes], bytes]) -> None:
    body = pack(b"some body, some body, and another" + NOISE[:50])
    for end in range(len(body)):
        with pytest.raises(MalformedBodyError) as caught:
            decode_content(body[:end], coding, 1000)
        assert coding in str(caught.value)


@EACH
@pytest.mark.parametrize("tail", [b"x", b"\x00", b"\x00" * 100, b"junk" * 100])
def test_what_follows_the_end_is_refused(
    coding: str, pack: Callable[[bytes], bytes], tail: bytes
) -> None:
    with pytest.raises(MalformedBodyError):
        decode_content(pack(b"body") + tail, coding, 1000)


@EACH
@given(body=st.binary(max_size=60), data=st.data())
@settings(deadline=None, max_examples=60)
def test_damage_is_unpacked_or_refused(
    coding: str, pack: Callable[[bytes], bytes], body: bytes, data: st.DataObject
) -> None:
    packed = bytearray(pack(body * 5))
    at = data.draw(st.integers(0, len(packed)))
    packed[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    outcome(lambda: decode_content(bytes(packed), coding, 10_000))


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
@given(body=st.binary())
@modest
def test_noise_is_refused_or_unpacked(coding: str, body: bytes) -> None:
    found = outcome(lambda: decode_content(body, coding, 1000))
    assert found is RequestError or len(found) <= 1000


@pytest.mark.parametrize(
    ("coding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)]
)
def test_several_members_are_one_body(coding: str, pack: Callable[[bytes], bytes]) -> None:
    assert decode_content(pack(b"one ") + pack(b"") + pack(b"two"), coding, 100) == b"one two"


# Bombs


@EACH
def test_bombs_are_refused_within_the_limit(coding: str, pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(bytes(32 * MIB))
    with memory_within(24 * MIB), within(1), pytest.raises(BodyTooLargeError):
        decode_content(bomb, coding, MIB)


def test_a_bomb_within_a_bomb_is_refused() -> None:
    bomb = gzip.compress(gzip.compress(bytes(64 * MIB)))
    with memory_within(4 * MIB), pytest.raises(BodyTooLargeError):
        decode_content(bomb, "gzip, gzip", MIB)


def test_a_window_larger_than_decoders_must_support_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=0)
    packer = zstandard.ZstdCompressor(compression_params=parameters)
    stream = packer.compressobj()
    body = stream.compress(NOISE) + stream.flush()
    with memory_within(24 * MIB), pytest.raises(MalformedBodyError):
        decode_content(body, "zstd", 64 * MIB)


def test_a_frame_that_lies_about_its_size_is_refused() -> None:
    head = b"\x28\xb5\x2f\xfd\xe0" + (2**62).to_bytes(8, "little")
    with memory_within(4 * MIB):
        outcome(lambda: decode_content(head + b"\x01\x00\x00", "zstd", 100))


@pytest.mark.parametrize(
    ("coding", "member"),
    [
        ("gzip", gzip.compress(b"")),
        ("zstd", zstandard.compress(b"")),
        ("zstd", b"\x50\x2a\x4d\x18\x00\x00\x00\x00"),
    ],
    ids=["gzip", "zstd", "zstd skippable"],
)
def test_very_many_empty_members_are_read_in_linear_time(coding: str, member: bytes) -> None:
    body = member * (2 * MIB // len(member))
    with within(1):
        assert outcome(lambda: decode_content(body, coding, 10)) in (b"", RequestError)


def test_a_body_that_hardly_compresses_is_unpacked_in_linear_time() -> None:
    noise = random.Random(0).randbytes(48 * MIB)
    packed = gzip.compress(noise, 0)
    with within(1.5):
        assert len(decode_content(packed, "gzip", 64 * MIB)) == len(noise)


def test_unpacking_holds_little_more_than_the_body() -> None:
    packed = gzip.compress(bytes(16 * MIB))
    tracemalloc.start()
    decode_content(packed, "gzip", 16 * MIB)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 36 * MIB


# Responses


@pytest.mark.parametrize(
    "accepted",
    [
        "gzip",
        "x-gzip",
        "*",
        "GZIP",
        "br, gzip",
        "gzip;q=0.5",
        "gzip; q=1.0",
        "*;q=0.1",
        "identity, gzip;q=0.001",
    ],
)
def test_a_response_is_packed_where_that_is_accepted(accepted: str) -> None:
    body = b"1.5\n" * 1000
    packed, coding = encode_content(body, accepted)
    assert coding == "gzip"
    assert len(packed) < len(body)
    assert decode_content(packed, coding, len(body)) == body


@pytest.mark.parametrize(
    "accepted",
    [
        None,
        "",
        "identity",
        "br",
        "gzip;q=0",
        "gzip;q=0.000",
        "*;q=0",
        "gzip;q=0, *",
        "gzi",
        "x;q=1",
    ],
)
def test_a_response_is_as_written_where_gzip_is_not_accepted(accepted: str | None) -> None:
    body = b"1.5\n" * 1000
    assert encode_content(body, accepted) == (body, None)


@pytest.mark.parametrize("body", [b"", b"1" * 1023, NOISE[:2000]])
def test_a_response_that_gains_nothing_is_as_written(body: bytes) -> None:
    assert encode_content(body, "gzip") == (body, None)


def test_equal_responses_are_packed_to_equal_bytes() -> None:
    assert encode_content(b"x" * 5000, "gzip") == encode_content(b"x" * 5000, "gzip")
