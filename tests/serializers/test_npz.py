from __future__ import annotations

import io
import math
import tracemalloc
import warnings
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scriptmode.errors import BodyTooLargeError, NotAcceptableError, RequestError
from scriptmode.serializers.npz import NPZ
from scriptmode.values import Table
from tests.serializers.checks import BINARY, assert_same, outcome, refusal, within
from tests.serializers.strategies import arrays, mutated, npy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

MIB = 2**20
modest = settings(deadline=None, max_examples=100)


def decode(body: bytes, limit: int = 256 * MIB) -> Any:
    return NPZ(limit).decode(body, {})


def saved(save: Callable[..., None] = np.savez, /, *unnamed: Any, **named: Any) -> bytes:
    """What ``numpy.savez`` writes."""
    target = io.BytesIO()
    save(target, *unnamed, **named)
    return target.getvalue()


def zipped(
    members: dict[str, bytes] | list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    target = io.BytesIO()
    pairs = members.items() if isinstance(members, dict) else members
    with zipfile.ZipFile(target, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of names that stand twice
        for name, raw in pairs:
            archive.writestr(name, raw)
    return target.getvalue()


def forged(body: bytes, *, local: int, central: int, field: bytes) -> bytes:
    """A zip of one member with other bytes at an offset of both its headers."""
    forgery = bytearray(body)
    for signature, offset in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        start = forgery.index(signature) + offset
        forgery[start : start + len(field)] = field
    return bytes(forgery)


def bomb(size: int, name: str = "arr_0.npy") -> bytes:
    """A small, valid archive of one array of zeros, written through a stream."""
    target = io.BytesIO()
    zeros = npy(np.zeros(size, dtype=np.uint8))
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(name, "w", force_zip64=True) as member,
    ):
        for start in range(0, len(zeros), MIB):
            member.write(zeros[start : start + MIB])
    return target.getvalue()


@contextmanager
def memory_within(limit: int) -> Iterator[None]:
    """The block never holds more bytes than that at a time."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < limit


# Reading


def as_read(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(array.dtype.newbyteorder("="))


@given(
    st.dictionaries(st.sampled_from(["a", "b", "arr_1", "größe", "x/y"]), arrays(), min_size=1),
    st.sampled_from([np.savez, np.savez_compressed]),
)
@modest
def test_named_arrays_are_read_under_their_names(named: dict[str, Any], save: Any) -> None:
    body = saved(save, **named)
    with np.load(io.BytesIO(body)) as loaded:
        expected = {name: as_read(loaded[name]) for name in loaded.files}
    assert_same(decode(body), expected)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    ("shape", "expected"), [((3,), (1, 3)), ((), (1, 1)), ((2, 3), (2, 3)), ((1, 2, 3), (1, 2, 3))]
)
def test_one_array_without_a_name_is_read_alone_and_two_dimensional(
    save: Any, shape: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    array = np.ones(shape, dtype=np.float32)
    assert_same(decode(saved(save, array)), array.reshape(expected))


def test_several_arrays_without_names_are_numbered() -> None:
    found = decode(saved(np.savez, np.zeros(1), np.ones((2, 2))))
    assert_same(found, {"arr_0": np.zeros(1), "arr_1": np.ones((2, 2))})


@pytest.mark.parametrize("kind", BINARY)
def test_every_kind_of_body_is_read_alike(kind: Any) -> None:
    named = {"a": np.array([1, 2]), "b": np.zeros((2, 2))}
    assert_same(decode(kind(saved(**named))), named)


def test_names_need_no_suffix() -> None:
    assert_same(decode(zipped({"a": npy(np.ones(2))})), {"a": np.ones(2)})


# Nothing is executed


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return type(self.path).touch, (self.path,)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_pickled_members_are_refused_and_not_executed(tmp_path: Path, save: Any) -> None:
    trap = tmp_path / "executed"
    body = saved(save, a=np.zeros(1), b=np.array([Payload(trap)], dtype=object))
    assert "objects" in str(refusal(NPZ(), body))
    assert not trap.exists()
    with np.load(io.BytesIO(body), allow_pickle=True) as loaded:
        assert "b" in loaded.files
        loaded["b"]
    assert trap.exists()  # the body was a working trap


# Bombs


@pytest.fixture(scope="module")
def gigabyte() -> bytes:
    """1 GB of zeros: one compressed block of 16 MB, repeated."""
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    block = packer.compress(bytes(16 * MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = block * 64 + packer.flush()
    empty = zipped({"arr_0.npy": b""})
    start = empty.index(b"PK\x01\x02")
    local, central = empty[: 30 + len("arr_0.npy")], empty[start : start + 46 + len("arr_0.npy")]
    sizes = len(packed).to_bytes(4, "little") + (1024 * MIB).to_bytes(4, "little")
    end = bytearray(empty[start + len(central) :])
    end[16:20] = (len(local) + len(packed)).to_bytes(4, "little")
    return b"".join(
        [
            local[:18] + sizes + local[26:],
            packed,
            central[:20] + sizes + central[28:],
            bytes(end),
        ]
    )


def test_the_gigabyte_is_one(gigabyte: bytes) -> None:
    assert len(gigabyte) < 8 * MIB
    with (
        zipfile.ZipFile(io.BytesIO(gigabyte)) as archive,
        archive.open("arr_0.npy") as member,
    ):
        assert member.read(20 * MIB).count(0) == 20 * MIB


def test_a_bomb_is_refused_before_it_goes_off(gigabyte: bytes) -> None:
    with memory_within(4 * MIB), within(1), pytest.raises(BodyTooLargeError) as caught:
        decode(gigabyte)
    assert caught.value.status == 413
    assert str(256 * MIB) in str(caught.value)


def test_a_streamed_bomb_is_refused_before_it_goes_off() -> None:
    body = bomb(64 * MIB)
    assert len(body) < MIB
    with memory_within(4 * MIB), within(1), pytest.raises(BodyTooLargeError):
        decode(body, limit=MIB)


@pytest.mark.parametrize("claim", [0, 1, 128, MIB])
def test_a_bomb_whose_directory_lies_is_refused_within_the_limit(claim: int) -> None:
    size = claim.to_bytes(4, "little")
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("arr_0.npy", npy(np.zeros(64 * MIB, dtype=np.uint8)))
    body = forged(target.getvalue(), local=22, central=24, field=size)
    with memory_within(5 * MIB), within(1), pytest.raises(RequestError) as caught:
        decode(body, limit=MIB)
    assert caught.value.status in {400, 413}


def test_members_are_counted_together() -> None:
    array = np.zeros(MIB // 2, dtype=np.uint8)
    body = saved(np.savez_compressed, a=array, b=array)
    with pytest.raises(BodyTooLargeError):
        decode(body, limit=MIB)
    assert decode(body, limit=MIB + 256).keys() == {"a", "b"}


@pytest.mark.parametrize("count", [1025, 5000])
def test_very_many_members_are_refused(count: int) -> None:
    raw = npy(np.zeros(0))
    body = zipped({f"{number}.npy": raw for number in range(count)}, zipfile.ZIP_STORED)
    with within(1):
        refusal(NPZ(), body)


# Damage

ONE = zipped({"arr_0.npy": npy(np.arange(6.0))})


def test_an_encrypted_member_is_refused() -> None:
    refusal(NPZ(), forged(ONE, local=6, central=8, field=b"\x01\x00"))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(method: int) -> None:
    assert "arr_0.npy" in str(refusal(NPZ(), zipped({"arr_0.npy": npy(np.zeros(9))}, method)))


@pytest.mark.parametrize("method", [1, 9, 93, 99, 65535])
def test_unknown_compressions_are_refused(method: int) -> None:
    field = method.to_bytes(2, "little")
    refusal(NPZ(), forged(ONE, local=8, central=10, field=field))


def test_a_newer_zip_is_refused() -> None:
    refusal(NPZ(), forged(ONE, local=4, central=6, field=b"\xff\x00"))


@pytest.mark.parametrize("names", [("a.npy", "a.npy"), ("a", "a.npy"), ("a.npy", "b.npy", "a.npy")])
def test_a_name_that_stands_twice_is_refused(names: tuple[str, ...]) -> None:
    raw = npy(np.zeros(1))
    assert "a" in str(refusal(NPZ(), zipped([(name, raw) for name in names])))


@pytest.mark.parametrize(
    "member", [b"", b"text", npy(np.array(["text"])), npy(np.zeros(9))[:-1], ONE]
)
def test_a_member_that_is_no_npy_file_is_refused(member: bytes) -> None:
    refusal(NPZ(), zipped({"a.npy": npy(np.zeros(1)), "b.npy": member}))


@pytest.mark.parametrize(
    "body", [b"", b"PK", b"not a zip", npy(np.zeros(3)), zipped({}), zipped({"folder/": b""})]
)
def test_what_is_no_archive_of_arrays_is_refused(body: bytes) -> None:
    refusal(NPZ(), body)


def test_a_wrong_checksum_is_refused() -> None:
    refusal(NPZ(), forged(ONE, local=14, central=16, field=b"\x00\x00\x00\x00"))


@pytest.mark.parametrize("field", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x01\x00\x00\x00"])
@pytest.mark.parametrize(
    ("local", "central"),
    [(18, 20), (22, 24), (26, 28), (28, 30), (0, 42)],
    ids=["packed size", "size", "name and extra lengths", "extra length", "offset"],
)
def test_lying_headers_change_no_cell(local: int, central: int, field: bytes) -> None:
    if field == b"\x00\x00\x00\x00" and central == 42:
        field = b"\x02\x00\x00\x00"  # 0 is where the member does begin
    found = outcome(lambda: decode(forged(ONE, local=local, central=central, field=field)))
    if found is not RequestError:
        assert_same(found, np.arange(6.0).reshape(1, -1))


@given(st.integers(0, len(ONE) - 1))
@modest
def test_a_truncated_body_is_refused(length: int) -> None:
    refusal(NPZ(), ONE[:length])


# Writing


@given(st.dictionaries(st.sampled_from(["a", "b", "größe", "x/y"]), arrays(), min_size=1))
@modest
def test_numpy_loads_what_is_written(named: dict[str, Any]) -> None:
    with np.load(io.BytesIO(NPZ().encode(named, {})), allow_pickle=False) as loaded:
        assert loaded.files == list(named)
        for name, array in named.items():
            assert loaded[name].dtype == array.dtype
            assert loaded[name].shape == array.shape
            assert loaded[name].tobytes() == array.tobytes()


@given(st.dictionaries(st.sampled_from(["a", "b", "arr_1"]), arrays(), min_size=1))
@modest
def test_what_is_encoded_decodes_to_the_same_arrays(named: dict[str, Any]) -> None:
    expected = {name: as_read(array) for name, array in named.items()}
    assert_same(decode(NPZ().encode(named, {})), expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.array([[1.0, 2.0]]), {"arr_0": np.array([[1.0, 2.0]])}),
        ([1, 2], {"arr_0": np.array([1, 2])}),
        (
            Table(["a", "b"], np.array([[1.0, math.nan]])),
            {"a": np.array([1.0]), "b": np.array([math.nan])},
        ),
        (
            pd.DataFrame({"a": [1.0], 7: np.array([2], dtype=np.int32)}),
            {"a": np.array([1.0]), "7": np.array([2], dtype=np.int32)},
        ),
        (
            {"scores": [0.5], "n": np.int64(1)},
            {"scores": np.array([0.5]), "n": np.array(1, dtype=np.int64)},
        ),
    ],
)
def test_columns_are_written_under_their_names(value: Any, expected: dict[str, Any]) -> None:
    with np.load(io.BytesIO(NPZ().encode(value, {}))) as loaded:
        assert_same(dict(loaded), expected)


def test_equal_values_make_equal_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    first = NPZ().encode({"a": np.zeros(3)}, {})
    clock: Iterator[float] = iter([2e9] * 100)
    monkeypatch.setattr("time.time", lambda: next(clock))
    assert NPZ().encode({"a": np.zeros(3)}, {}) == first


@pytest.mark.parametrize(
    "value",
    [
        ["a"],
        None,
        {"a": ["x"]},
        {"a": np.zeros(1), "b": object()},
        {"a": [[1], [2, 3]]},
        pd.DataFrame({"a": [1], "b": ["x"]}),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
    ],
)
def test_what_are_no_arrays_of_numbers_is_not_acceptable(value: Any) -> None:
    with pytest.raises(NotAcceptableError) as caught:
        NPZ().encode(value, {})
    assert caught.value.status == 406


# Properties

BODIES = st.dictionaries(st.sampled_from(["a", "b", "arr_0"]), arrays(), max_size=3).map(
    lambda named: saved(np.savez_compressed, **named)
)


@given(st.binary() | mutated(BODIES) | mutated(mutated(BODIES)))
@settings(deadline=None, max_examples=200)
def test_nothing_but_request_errors_leave_a_decoder(body: bytes) -> None:
    found = outcome(lambda: decode(body, limit=MIB))
    if isinstance(found, dict):
        assert all(array.dtype.kind in "fiubc" for array in found.values())
    else:
        assert found is RequestError or found.ndim >= 2


@given(mutated(arrays().map(npy)))
@settings(deadline=None, max_examples=150)
def test_a_damaged_member_is_refused_or_read(raw: bytes) -> None:
    found = outcome(lambda: decode(zipped({"a.npy": raw}), limit=MIB))
    assert found is RequestError or list(found) == ["a"]
