"""The decoders of bytes, with their options; see `python -m benchmarks.fuzz`."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.fuzzing import binary, hostile, roads, textual
from benchmarks.fuzzing.target import JSON_TOKENS, MIB, Target, both
from scriptmode.codings import decode_content
from scriptmode.serializers.arrow import ArrowFile, ArrowStream
from scriptmode.serializers.images import Image
from scriptmode.serializers.json import JSON
from scriptmode.serializers.npy import NPY
from scriptmode.serializers.npz import NPZ
from scriptmode.serializers.parquet import Parquet
from scriptmode.serializers.recordio import RecordIO

if TYPE_CHECKING:
    from collections.abc import Iterator

_WIRE = (
    b"\x12",
    b"\x1a",
    b"\n",
    b"\n\x06values",
    b"\x12\x00",
    b"\x22\x04",
    b"\xff\xff\xff\xff\x0f",
)


def binary_targets() -> Iterator[Target]:
    """Arrays, records, pictures, columns and content codings."""
    for group in (_arrays(), _pictures(), _columns(), _codings()):
        yield from group


def _arrays() -> Iterator[Target]:
    npy: dict[str, Any] = {
        "seeds": binary.npys,
        "hostile": hostile.npys,
        "tokens": (b"(", b")", b",", b"'", b"<f8"),
    }
    small: dict[str, Any] = {
        "seeds": binary.npzs,
        "hostile": hostile.npzs,
        "tokens": (b"PK\1\2", b"PK\3\4", b".npy"),
    }
    yield Target(name="npy", ratio=2, **both(NPY()), **npy)
    yield Target(name="npz", limit=256 * MIB, **both(NPZ()), **small)
    yield Target(name="npz limit", limit=MIB, **both(NPZ(MIB)), **small)
    yield Target(name="npz member", limit=256 * MIB, wrap=_zipped, **both(NPZ()), **npy)
    records: dict[str, Any] = {"tokens": _WIRE, "ratio": 20, "peak": 300, **both(RecordIO())}
    yield Target(name="recordio", seeds=binary.recordios, roads=roads.of_recordio(), **records)
    yield Target(
        name="recordio messages",
        seeds=binary.messages,
        roads=roads.of_recordio(),
        wrap=_framed,
        **records,
    )


def _zipped(member: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.npy"), member)
        archive.writestr(zipfile.ZipInfo("arr_0.npy"), member)
    return target.getvalue()


def _framed(message: bytes) -> bytes:
    """Two records of one message, each with its true length."""
    head = (0xCED7230A).to_bytes(4, "little") + len(message).to_bytes(4, "little")
    return (head + message + bytes(-len(message) % 4)) * 2


def _pictures() -> Iterator[Target]:
    common: dict[str, Any] = {"seeds": binary.pictures, "hostile": hostile.pictures, "peak": 300}
    for mode in ("RGB", "L", "RGBA", None):
        codec = Image(mode, limit=MIB)
        yield Target(name=f"image {mode}", limit=4 * MIB, ratio=4, **both(codec), **common)
    yield Target(name="image", limit=150_000_000, ratio=4, **both(Image()), **common)
    yield Target(name="image sums", limit=4 * MIB, wrap=_summed, **both(Image(limit=MIB)), **common)
    pictured = JSON(image="picture")
    common["limit"] = 256 * MIB
    yield Target(
        name="image base64", read=lambda raw: pictured.decode(raw, {}), wrap=_pictured, **common
    )
    common["seeds"] = textual.picture_requests
    yield Target(
        name="json image", read=lambda raw: pictured.decode(raw, {}), tokens=JSON_TOKENS, **common
    )


def _pictured(raw: bytes) -> bytes:
    return json.dumps([{"picture": base64.b64encode(raw).decode()}] * 2).encode()


def _summed(raw: bytes) -> bytes:
    """A PNG with the right sum after each of its chunks."""
    written, place = [raw[:8]], 8
    while raw[:4] == b"\x89PNG" and place + 12 <= len(raw):
        end = place + 8 + int.from_bytes(raw[place : place + 4], "big")
        if end + 4 > len(raw):
            break
        written.append(hostile.png_chunk(raw[place + 4 : place + 8], raw[place + 8 : end]))
        place = end + 4
    return b"".join(written) + raw[place:] if len(written) > 1 else raw


def _columns() -> Iterator[Target]:
    tight = 4 * MIB
    stream: dict[str, Any] = {"seeds": binary.arrows, "hostile": hostile.arrows}
    file: dict[str, Any] = {
        "seeds": partial(binary.arrows, "new_file"),
        "hostile": partial(hostile.arrows, "new_file"),
    }
    parquet: dict[str, Any] = {"seeds": binary.parquets, "hostile": hostile.parquets}
    wide: dict[str, Any] = {"ratio": 100, "peak": 1000, "spread": 16}
    yield Target(name="arrow", limit=256 * MIB, **both(ArrowStream()), **stream, **wide)
    yield Target(name="arrow limit", limit=tight, **both(ArrowStream(tight)), **stream, **wide)
    yield Target(name="feather", limit=256 * MIB, **both(ArrowFile()), **file, **wide)
    yield Target(name="feather limit", limit=tight, **both(ArrowFile(tight)), **file, **wide)
    yield Target(name="parquet", limit=256 * MIB, **both(Parquet()), **parquet, **wide)
    yield Target(name="parquet limit", limit=tight, **both(Parquet(tight)), **parquet, **wide)


def _codings() -> Iterator[Target]:
    for name in ("gzip", "deflate", "br", "zstd"):
        yield Target(
            name=name,
            read=lambda raw, name=name: decode_content(raw, name, MIB),  # type: ignore[misc]
            seeds=partial(binary.packed, name),
            hostile=partial(hostile.packed, name),
            ratio=1,
            limit=MIB,
        )
