from __future__ import annotations

import io
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib import format as npy_format

from scriptmode.errors import MalformedBodyError, NotAcceptableError, RequestError
from scriptmode.serializers.npy import NPY
from scriptmode.values import Table
from tests.serializers.checks import BINARY, assert_same, outcome, refusal, within
from tests.serializers.strategies import DTYPES, arrays, mutated, npy

if TYPE_CHECKING:
    from numpy.typing import NDArray

modest = settings(deadline=None, max_examples=100)
EIGHT = b"\x00" * 8


def decode(body: bytes) -> Any:
    return NPY().decode(body, {})


def handmade(
    descr: str = "'<f8'",
    fortran_order: str = "False",
    shape: str = "(1,)",
    cells: bytes = EIGHT,
    version: int = 1,
) -> bytes:
    """An npy file whose header says whatever one likes."""
    header = f"{{'descr': {descr}, 'fortran_order': {fortran_order}, 'shape': {shape}, }}\n"
    return with_header(header.encode("latin-1"), cells, version)


def with_header(header: bytes, cells: bytes = EIGHT, version: int = 1) -> bytes:
    length = len(header).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + cells


def as_read(array: NDArray[Any]) -> NDArray[Any]:
    """The array in native byte order, at least two-dimensional."""
    native = array.astype(array.dtype.newbyteorder("="))
    return native.reshape(1, -1) if array.ndim <= 1 else native


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


# Reading


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((3,), (1, 3)), ((), (1, 1)), ((0,), (1, 0)), ((3, 1), (3, 1)), ((1, 3), (1, 3))],
)
def test_a_table_is_two_dimensional(shape: tuple[int, ...], expected: tuple[int, int]) -> None:
    assert decode(npy(np.ones(shape))).shape == expected


def test_a_tensor_keeps_its_shape() -> None:
    tensor = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert_same(decode(npy(tensor)), tensor)


@given(arrays())
@modest
def test_what_numpy_saves_is_read_as_numpy_reads_it(array: NDArray[Any]) -> None:
    body = npy(array)
    assert_same(decode(body), as_read(np.load(io.BytesIO(body))))


@given(arrays(), st.sampled_from([(1, 0), (2, 0), (3, 0)]))
@modest
def test_every_version_of_the_format_is_read(array: NDArray[Any], version: tuple[int, int]) -> None:
    body = io.BytesIO()
    npy_format.write_array(body, array, version)
    assert_same(decode(body.getvalue()), as_read(array))


@pytest.mark.parametrize("kind", BINARY)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_kind_of_body_is_read_alike(kind: Any, dtype: str) -> None:
    array = np.array([[1, 0], [2, 3]]).astype(dtype)
    assert_same(decode(kind(npy(array))), as_read(array))


@pytest.mark.parametrize("dtype", ["<f8", ">f8", "|u1"])
@pytest.mark.parametrize("shape", [(2, 2), (4,)])
def test_the_array_is_read_only(dtype: str, shape: tuple[int, ...]) -> None:
    assert not decode(npy(np.ones(shape, dtype=dtype))).flags.writeable


def test_a_large_body_is_not_copied() -> None:
    body = npy(np.zeros((4, 4)))
    assert np.shares_memory(decode(body), np.frombuffer(body, dtype=np.uint8))


def test_bodies_with_equal_headers_keep_their_own_cells() -> None:
    first, second = decode(npy(np.array([[1.0]]))), decode(npy(np.array([[2.0]])))
    assert (first.item(), second.item()) == (1.0, 2.0)


# Nothing is executed


@pytest.mark.parametrize("shape", [(1,), (), (1, 1)])
def test_pickled_objects_are_refused_and_not_executed(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    trap = tmp_path / "executed"
    array = np.empty(shape, dtype=object)
    array[...] = Payload(trap)
    body = npy(array, allow_pickle=True)
    assert "objects" in str(refusal(NPY(), body))
    assert not trap.exists()
    np.load(io.BytesIO(body), allow_pickle=True)
    assert trap.exists()  # the body was a working trap


@pytest.mark.parametrize(
    "descr",
    [
        *("'|O'", "'O8'", "'object'", "'<U3'", "'|S3'", "'<M8[s]'", "'<m8[ns]'", "'|V8'", "'T'"),
        *("'f8,f8'", "'3f8'", "'(2,)f8'", "[('a', '<f8')]", "[('a', '|O')]", "('<f8', (1,))"),
        *("{'names': ['a'], 'formats': ['<f8']}", "None", "8", "''", "'x'", "'f3'", "b'<f8'"),
        *(
            "'<f8\\x00'",
            "'U99999999999999999999'",
            "'m8[99999999999999999999s]'",
            "'(f8'",
            "['<f8']",
        ),
    ],
)
def test_cells_that_are_no_numbers_are_refused(descr: str) -> None:
    refusal(NPY(), handmade(descr))


def test_no_dtype_ends_the_process() -> None:
    code = """
        from scriptmode.errors import MalformedBodyError
        from scriptmode.serializers.npy import NPY

        try:
            NPY().decode(bytes.fromhex("{body}"), {{}})
        except MalformedBodyError:
            print("refused")
    """
    program = textwrap.dedent(code).format(body=handmade("'m8[s/0]'").hex())
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "refused\n")


# Damage


@given(arrays(), st.data())
@modest
def test_a_truncated_body_is_refused(array: NDArray[Any], data: st.DataObject) -> None:
    body = npy(array)
    refusal(NPY(), body[: data.draw(st.integers(0, len(body) - 1))])


@given(arrays(), st.binary(min_size=1))
@modest
def test_a_body_with_something_behind_it_is_refused(array: NDArray[Any], rest: bytes) -> None:
    refusal(NPY(), npy(array) + rest)


def test_a_wrong_length_is_told_apart() -> None:
    message = str(refusal(NPY(), npy(np.zeros((2, 3)))[:-1]))
    assert "48" in message
    assert "47" in message


HUGE = "9" * 40


@pytest.mark.parametrize(
    "shape",
    [
        *("(2,)", "(-1,)", "(1, -1)", "(-1, -1)", "(-8,)", f"({HUGE},)", f"({HUGE}, {HUGE})"),
        *(f"(-{HUGE},)", "(4294967297,)", "(18446744073709551617,)", "(2305843009213693953,)"),
        *("(1e999,)", "(-1e999,)", "(1e999 - 1e999,)", "(1j,)", "(None,)", "('a',)", "((1,),)"),
        *("1", "None", "'a'", "(2" + "," * 5 + ")", f"(0x{'f' * 4000}, 0x{'f' * 4000})"),
        *(f"(-0x{'f' * 4500},)", f"(0x{'f' * 4000},)"),
    ],
)
@pytest.mark.parametrize("order", ["True", "False"])
def test_a_shape_that_lies_is_refused(shape: str, order: str) -> None:
    refusal(NPY(), handmade(shape=shape, fortran_order=order))


@pytest.mark.parametrize(
    "shape",
    [
        f"(0, {HUGE})",
        f"({HUGE}, 0)",
        "(0, 9223372036854775807)",
        "(0, 9223372036854775807, 9223372036854775807)",
        "(0, 18446744073709551616)",
        "(0, -1)",
        f"(0, {'1, ' * 70})",
        f"(0, 0x{'f' * 4000})",
    ],
)
def test_a_huge_shape_of_no_cells_is_refused(shape: str) -> None:
    refusal(NPY(), handmade(shape=shape, cells=b""))


def test_more_dimensions_than_numpy_has_are_refused() -> None:
    refusal(NPY(), handmade(shape=f"({'1, ' * 70})"))


ODD = {
    "shape is text": handmade(shape="'1'"),
    "shape is a list": handmade(shape="[1]"),
    "shape is a dict": handmade(shape="{1: 2}"),
    "shape holds a float": handmade(shape="(1.5,)"),
    "order is text": handmade(fortran_order="'no'"),
    "order is a number": handmade(fortran_order="0"),
    "version 0": b"\x93NUMPY\x00\x00" + handmade()[8:],
    "version 4": handmade(version=4),
    "version 255": handmade(version=255),
    "a field too many": with_header(
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'extra': 1}"
    ),
    "no shape": with_header(b"{'descr': '<f8', 'fortran_order': False}"),
    "no order": with_header(b"{'descr': '<f8', 'shape': (1,)}"),
    "no dtype": with_header(b"{'fortran_order': False, 'shape': (1,)}"),
}


@pytest.mark.parametrize("odd", ODD)
def test_a_header_that_numpy_refuses_is_refused(odd: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - numpy's one class for all of them
        np.load(io.BytesIO(ODD[odd]), allow_pickle=False)
    refusal(NPY(), ODD[odd])


@pytest.mark.parametrize(
    "header",
    [
        b"('descr', 'fortran_order', 'shape')",
        b"['descr']",
        b"{}",
        b"None",
        b"",
        b"\x00" * 20,
        b"\xff" * 20,
        b"{" * 100,
        b"__import__('os').getcwd()",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,)} # \xe9 \x00",
        b"1 if 1 else 2",
        b"'\\d'",
    ],
)
def test_a_header_of_something_else_is_refused(header: bytes) -> None:
    refusal(NPY(), with_header(header))


@pytest.mark.parametrize(
    "header",
    [
        b"(" * 9_000,
        b"[" * 150 + b"]" * 150,
        b"{1:" * 3_000,
        b"-" * 9_000 + b"1",
        b"-" * 2_000 + b"1",
        b"1+" * 4_000 + b"1",
        b"1" * 9_000,
        b"{'descr': " * 90 + b"1" + b"}" * 90,
    ],
)
def test_deeply_nested_header_text_is_refused_quickly(header: bytes) -> None:
    with within(1):
        refusal(NPY(), with_header(header))


@pytest.mark.parametrize("length", [10_001, 65_536, 2**31, 2**32 - 1])
@pytest.mark.parametrize("version", [2, 3])
def test_a_long_header_is_refused(length: int, version: int) -> None:
    head = b"\x93NUMPY" + bytes([version, 0]) + length.to_bytes(4, "little")
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }"
    with within(1):
        refusal(NPY(), head + header.ljust(20_000) + EIGHT)


@pytest.mark.parametrize(
    "body",
    [b"", b"\x93", b"\x93NUMPY", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x01\x00\x00\x00", b"[[1, 2]]"],
)
def test_what_is_no_npy_file_is_refused(body: bytes) -> None:
    refusal(NPY(), body)


def test_decoded_text_is_refused() -> None:
    refusal(NPY(), npy(np.zeros(3)).decode("latin-1"))


# Writing


@given(arrays())
@modest
def test_numpy_loads_what_is_written(array: NDArray[Any]) -> None:
    loaded = np.load(io.BytesIO(NPY().encode(array, {})), allow_pickle=False)
    assert loaded.dtype == array.dtype
    assert loaded.shape == array.shape
    assert loaded.tobytes() == array.tobytes()


@given(arrays())
@modest
def test_what_is_encoded_decodes_to_the_same_array(array: NDArray[Any]) -> None:
    assert_same(decode(NPY().encode(array, {})), as_read(array))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([[1, 2]], np.array([[1, 2]])),
        ([True, False], np.array([True, False])),
        (1.5, np.array(1.5)),
        (np.float32(0.5), np.array(0.5, dtype=np.float32)),
        (Table(["a", "b"], np.array([[1.0, 2.0]])), np.array([[1.0, 2.0]])),
        (pd.DataFrame({"a": [1.0], "b": [2.0]}), np.array([[1.0, 2.0]])),
        (pd.Series([1, 2], dtype="int32"), np.array([1, 2], dtype=np.int32)),
        (np.arange(6).reshape(2, 3)[:, ::2], np.array([[0, 2], [3, 5]])),
    ],
)
def test_whatever_is_an_array_of_numbers_is_written(value: Any, expected: NDArray[Any]) -> None:
    assert_same(np.load(io.BytesIO(NPY().encode(value, {}))), expected)


@pytest.mark.parametrize(
    "value",
    [
        ["a"],
        "text",
        b"bytes",
        None,
        {"a": 1},
        [[1], [2, 3]],
        [1, None],
        np.array([1, "a"], dtype=object),
        np.array(["2020-01-01"], dtype="M8[D]"),
        np.array([(1, 2.0)], dtype="i4,f8"),
        np.empty(0, dtype=object),
        pd.DataFrame({"a": ["x"]}),
        object(),
    ],
)
def test_what_is_no_array_of_numbers_is_not_acceptable(value: Any) -> None:
    with pytest.raises(NotAcceptableError) as caught:
        NPY().encode(value, {})
    assert caught.value.status == 406


# Properties

TOKENS = st.sampled_from(
    [
        *("{", "}", "(", ")", "[", "]", ",", ":", "'", "'descr'", "'fortran_order'", "'shape'"),
        *("'<f8'", "'|O'", "'>i4'", "'f8,i4'", "True", "False", "None", "1", "0", "-1", "1e999"),
        *("9" * 30, "0x" + "f" * 4000, " ", "\n", "\\", "é", "*", "+", "lambda", "b''", "\x00"),
    ]
)
HEADERS = st.lists(TOKENS, max_size=20).map("".join)
SHAPES = st.lists(TOKENS, max_size=6).map(lambda tokens: f"({','.join(tokens)})")


@given(
    st.binary()
    | mutated(arrays().map(npy))
    | HEADERS.map(lambda header: with_header(header.encode()))
    | st.builds(handmade, shape=SHAPES, cells=st.sampled_from([b"", EIGHT]))
)
@settings(deadline=None, max_examples=300)
def test_nothing_but_request_errors_leave_a_decoder(body: bytes) -> None:
    found = outcome(lambda: decode(body))
    assert found is RequestError or (found.dtype.kind in "fiubc" and found.ndim >= 2)


@given(mutated(arrays().map(npy)))
@settings(deadline=None, max_examples=200)
def test_a_damaged_body_is_refused_or_read_as_numpy_reads_it(body: bytes) -> None:
    found = outcome(lambda: decode(body))
    if found is not RequestError:
        assert_same(found, as_read(np.load(io.BytesIO(body), allow_pickle=False)))


@pytest.mark.parametrize("dtype", ["<f16", "<c32", "<f3", "<b2"])
def test_numbers_of_a_width_that_not_every_platform_has_are_refused(dtype: str) -> None:
    body = io.BytesIO()
    np.save(body, np.zeros((1, 2)))
    with pytest.raises(MalformedBodyError, match="numbers"):
        NPY().decode(body.getvalue().replace(b"'<f8', ", f"'{dtype}',".encode().ljust(7)), {})
