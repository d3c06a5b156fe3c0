from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from scriptmode.errors import (
    BodyTooLargeError,
    DeclarationError,
    NotAcceptableError,
    RequestError,
)
from scriptmode.serializers import images
from scriptmode.serializers.images import Image
from scriptmode.serializers.json import JSON
from scriptmode.testing.conformance import SerializerSuite
from tests.serializers.checks import BINARY, assert_same, outcome, refusal, within
from tests.serializers.memory import MIB, memory_within
from tests.serializers.strategies import mutated

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
PIXELS = (np.arange(4 * 3 * 3) * 7 % 251).astype(np.uint8).reshape(4, 3, 3)


def saved(picture: Any, kind: str = "PNG", **options: Any) -> bytes:
    target = io.BytesIO()
    made = Pillow.fromarray(picture) if isinstance(picture, np.ndarray) else picture
    made.save(target, kind, **options)
    return target.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, data: bytes = b"", extra: bytes = b"") -> bytes:
    """A PNG of any dimensions, whatever it holds."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    end = chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + extra + end


ONE = png(1, 1, b"\x00\x01\x02\x03")


def as_base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


class TestImage(SerializerSuite):
    values = (PIXELS[None], np.zeros((1, 1, 1, 3), np.uint8))
    malformed = (
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"BM",
        b"\xff\xd8\xff",
        b"II*\x00",
        b"%!PS-Adobe",
    )
    is_text = False

    def serializer(self) -> Image:
        return Image()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_read_as_one_row_of_pixels(kind: str) -> None:
    found = Image().decode(
        saved(PIXELS, kind, **({"lossless": True} if kind == "WEBP" else {})), {}
    )
    assert found.shape == (1, 4, 3, 3)
    assert found.dtype == np.uint8
    if kind in ("PNG", "BMP", "WEBP", "TIFF"):
        assert_same(found[0], PIXELS)


@given(st.sampled_from([(1,), (3,), (4,), ()]), st.integers(1, 5), st.integers(1, 5), st.data())
@settings(deadline=None, max_examples=50)
def test_pixels_make_the_round_trip(
    channels: tuple[int, ...], height: int, width: int, data: st.DataObject
) -> None:
    shape = (height, width, *channels)
    size = int(np.prod(shape))
    cells = data.draw(st.binary(min_size=size, max_size=size))
    pixels = np.frombuffer(cells, np.uint8).reshape(shape)
    mode = {(): "L", (1,): "L", (3,): "RGB", (4,): "RGBA"}[channels]
    for read in (Image(mode), Image(None)):
        found = read.decode(Image().encode(pixels, {}), {})
        assert_same(found, pixels.reshape(1, height, width, -1))


@pytest.mark.parametrize("kind", BINARY)
def test_every_kind_of_body_is_read_alike(kind: Any) -> None:
    assert_same(Image().decode(kind(saved(PIXELS)), {}), PIXELS[None])


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("L", 1), ("RGBA", 4)])
@pytest.mark.parametrize("own", ["RGB", "L", "RGBA", "P", "1", "LA", "CMYK"])
def test_the_mode_decides_the_channels(mode: str, channels: int, own: str) -> None:
    body = saved(Pillow.new(own, (2, 3)), "TIFF" if own == "CMYK" else "PNG")
    assert Image(mode).decode(body, {}).shape == (1, 3, 2, channels)


def test_a_picture_is_turned_upright() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    found = Image().decode(saved(PIXELS, "PNG", exif=exif), {})
    assert_same(found[0], np.ascontiguousarray(np.rot90(PIXELS, -1)))


def test_the_first_frame_of_an_animation_is_read() -> None:
    frames = [Pillow.new("L", (2, 2), shade) for shade in (10, 200)]
    body = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert Image("L").decode(body, {}).ravel().tolist() == [10] * 4


@pytest.mark.parametrize("mode", ["RGB", "L", None])
def test_deep_grey_keeps_its_shades_or_is_refused(mode: str | None) -> None:
    deep = (np.arange(4, dtype=np.uint16) * 16384).reshape(2, 2)
    found = outcome(lambda: Image(mode).decode(saved(deep), {}))
    assert found is RequestError or np.diff(found[..., 0].ravel().astype(int)).min() > 0


@pytest.mark.parametrize("mode", ["rgb", "nonsense", "", "CMYK;"])
def test_the_mode_is_checked_when_declared(mode: str) -> None:
    with pytest.raises(DeclarationError):
        Image(mode)


# Malice


@pytest.mark.parametrize(
    ("width", "height"),
    [(100_000, 100_000), (2**31 - 1, 2**31 - 1), (2**31 - 1, 1), (1, 60_000_000), (7072, 7072)],
)
def test_enormous_dimensions_are_refused_before_a_pixel_is_decoded(width: int, height: int) -> None:
    with memory_within(MIB), within(0.5), pytest.raises(BodyTooLargeError) as caught:
        Image().decode(png(width, height), {})
    assert "50000000" in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\x00\x00\x00,",
        b"BM" + bytes(8) + struct.pack("<IIiiHHI", 54, 40, 2**30, 2**30, 1, 24, 0) + bytes(24),
        saved(PIXELS, "TIFF").replace(
            struct.pack("<HHIH", 256, 4, 1, 3), struct.pack("<HHII", 256, 4, 1, 2**31)
        ),
        b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00",
    ],
    ids=["gif", "bmp", "tiff", "jpeg"],
)
def test_enormous_dimensions_of_other_formats_are_refused(body: bytes) -> None:
    with memory_within(4 * MIB), within(0.5):
        assert (
            outcome(lambda: Image(limit=10_000).decode(body, {})) is RequestError or len(body) > 60
        )


def test_pillows_own_limit_is_named_where_it_is_the_lower_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = Image().encode(np.zeros((10, 20, 3), dtype=np.uint8), {})
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 50)
    with pytest.raises(BodyTooLargeError, match="more than 100 pixels"):
        Image(limit=10**9).decode(body, {})


def test_the_limit_counts_pixels() -> None:
    body = saved(np.zeros((10, 20, 3), np.uint8))
    assert Image(limit=200).decode(body, {}).shape == (1, 10, 20, 3)
    with pytest.raises(BodyTooLargeError, match="10"):
        Image(limit=199).decode(body, {})


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP", b"iTXt"])
def test_text_that_compresses_well_is_not_unpacked(kind: bytes) -> None:
    packed = zlib.compress(bytes(64 * MIB))
    head = {b"zTXt": b"a\0\0", b"iCCP": b"a\0\0", b"iTXt": b"a\0\1\0\0\0"}[kind]
    body = png(1, 1, b"\x00\x01\x02\x03", chunk(kind, head + packed))
    with memory_within(16 * MIB), within(1):
        outcome(lambda: Image().decode(body, {}))


@pytest.mark.parametrize("kind", FORMATS)
def test_every_truncation_is_read_or_refused(kind: str) -> None:
    body = saved(PIXELS, kind)
    for end in range(len(body)):
        found = outcome(partial(Image().decode, body[:end], {}))
        assert found is RequestError or found.shape[-1] == 3


@given(mutated(st.sampled_from([saved(PIXELS, kind) for kind in FORMATS])))
@settings(deadline=None, max_examples=100)
def test_damage_is_read_or_refused(body: bytes) -> None:
    for mode in ("RGB", None):
        found = outcome(partial(Image(mode, 10_000).decode, body, {}))
        assert found is RequestError or found.ndim == 4


def test_what_is_no_picture_is_refused_without_an_address_in_memory() -> None:
    assert "0x" not in str(refusal(Image(), b"not a picture"))


# Writing


@pytest.mark.parametrize(
    "value",
    [
        None,
        1.5,
        "text",
        [[1]],
        PIXELS.astype(np.float64),
        PIXELS.astype(np.int8),
        PIXELS > 5,
        np.zeros(3, np.uint8),
        np.zeros((2, 2, 2), np.uint8),
        np.zeros((2, 2, 5), np.uint8),
        np.zeros((2, 2, 2, 3), np.uint8),
        np.zeros((0, 2, 3), np.uint8),
        np.zeros((1, 0, 0, 3), np.uint8),
        np.array(5, np.uint8),
    ],
    ids=repr,
)
def test_what_is_no_picture_is_not_acceptable(value: Any) -> None:
    with pytest.raises(NotAcceptableError) as caught:
        Image().encode(value, {})
    assert str(caught.value)


# Pictures in JSON


def in_json(value: Any) -> Any:
    return JSON(image="b64").decode(json.dumps(value).encode(), {})


@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: {"b64": text},
        lambda text: [{"b64": text}],
        lambda text: {"instances": [{"b64": text}]},
        lambda text: {"inputs": {"b64": text}},
        lambda text: [{"b64": {"b64": text}}],
        lambda text: [{"b64": f"data:image/png;base64,{text}"}],
    ],
)
def test_a_picture_in_json_is_one_row(wrap: Any) -> None:
    assert_same(in_json(wrap(as_base64(saved(PIXELS)))), PIXELS[None])


def test_pictures_in_json_are_rows() -> None:
    found = in_json([{"b64": as_base64(saved(PIXELS))}, {"b64": as_base64(saved(255 - PIXELS))}])
    assert_same(found, np.stack([PIXELS, 255 - PIXELS]))


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        [1],
        [None],
        "text",
        {"instances": []},
        {"instances": 5},
        {"other": "x"},
        [{"b64": as_base64(ONE), "more": 1}],
        [{"b64": 5}],
        [{"b64": None}],
        [{"b64": "x"}],
        [{"b64": "é"}],
        [{"b64": ""}],
        [{"b64": as_base64(ONE) + "\n"}],
        [{"b64": as_base64(b"no picture")}],
        [{"b64": as_base64(ONE)}, {"b64": as_base64(saved(PIXELS))}],
        [{"b64": {"b64": {"b64": as_base64(ONE)}}}],
        {"instances": {"inputs": [{"b64": as_base64(ONE)}]}},
    ],
    ids=lambda value: repr(value)[:40],
)
def test_records_without_a_picture_are_refused(value: Any) -> None:
    body = json.dumps(value).encode()
    assert str(refusal(JSON(image="b64"), body))


def test_a_picture_in_json_is_refused_by_its_row() -> None:
    body = json.dumps([{"b64": as_base64(ONE)}, {"b64": as_base64(b"no picture")}]).encode()
    assert refusal(JSON(image="b64"), body).where.get("row") == 2


def test_a_name_that_stands_twice_is_refused() -> None:
    text = as_base64(ONE)
    refusal(JSON(image="b64"), f'{{"b64":"{text}","b64":"{text}"}}')


def test_an_enormous_picture_in_json_is_refused() -> None:
    with memory_within(MIB), pytest.raises(BodyTooLargeError):
        in_json([{"b64": as_base64(png(100_000, 100_000))}])


def test_many_pictures_in_json_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_JSON_LIMIT", 10_000)
    text = as_base64(saved(np.zeros((100, 100, 3), np.uint8)))
    with pytest.raises(BodyTooLargeError):
        in_json([{"b64": text}] * 50)
