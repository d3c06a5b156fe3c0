"""What several test files draw from."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

ODD_CELLS = (
    *("", " ", "nan", "NaN", "-inf", "Infinity", "+1", ".5", "5.", "007", "1E5", "-0", " 1 "),
    *(
        "\t2",
        '"3"',
        '""',
        '"4',
        "1_000",
        "0x10",
        "1e999",
        "true",
        "null",
        "x",
        "1 2",
        "[1",
        "\uff11",
    ),
)
_WIDE = ("i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
DTYPES = ("|i1", "|u1", "|b1", *(order + kind for kind in _WIDE for order in "<>"))
_NOISE = b'0123456789.,eE+-\n\r "{}[]:x\\\x00\xff\t'


def matrices(
    side: int = 5, *, allow_nan: bool = True, allow_infinity: bool = True
) -> st.SearchStrategy[Matrix]:
    """Tables of float64 with 1 to ``side`` rows and columns, NaN for missing cells."""
    cells = st.floats(allow_nan=allow_nan, allow_infinity=allow_infinity)
    shapes = st.tuples(st.integers(1, side), st.integers(1, side))
    return shapes.flatmap(
        lambda shape: st.lists(
            cells, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]
        ).map(lambda flat: np.array(flat, dtype=np.float64).reshape(shape))
    )


@st.composite
def arrays(draw: st.DrawFn) -> NDArray[Any]:
    """Numbers of any dtype, byte order and memory order, 0 to 4 dimensions."""
    shape = tuple(draw(st.lists(st.integers(0, 3), max_size=4)))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    size = int(np.prod(shape)) * dtype.itemsize
    if dtype.kind == "b":
        cells = np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)), dtype=dtype)
    else:
        cells = np.frombuffer(draw(st.binary(min_size=size, max_size=size)), dtype=dtype)
    order: Any = draw(st.sampled_from("CF"))
    return np.array(cells.reshape(shape), order=order)


@st.composite
def csv_bodies(draw: st.DrawFn) -> bytes:
    """Mostly rectangles of mostly numbers."""
    width, height = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    plain = st.integers().map(str) | st.floats().map(repr) | st.just("")
    cells = draw(st.sampled_from([plain, plain | st.sampled_from(ODD_CELLS)]))
    rows = draw(
        st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=height)
    )
    line_end = draw(st.sampled_from(["\n", "\r\n"]))
    final = draw(st.sampled_from(["", line_end]))
    return (line_end.join(map(",".join, rows)) + final).encode()


@st.composite
def mutated(draw: st.DrawFn, bodies: st.SearchStrategy[bytes]) -> bytes:
    """A body with one to four of its places overwritten, lengthened or cut."""
    body = bytearray(draw(bodies))
    pieces = st.binary(max_size=2) | st.sampled_from([bytes([byte]) for byte in _NOISE])
    for _ in range(draw(st.integers(1, 4))):
        at, cut = draw(st.integers(0, len(body))), draw(st.integers(0, 2))
        body[at : at + cut] = draw(pieces)
    return bytes(body)


def npy(array: Any, **options: Any) -> bytes:
    """What ``numpy.save`` writes."""
    target = io.BytesIO()
    np.save(target, array, **options)
    return target.getvalue()
