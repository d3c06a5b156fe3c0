"""The fast road through large JSON tables of numbers: rows, records and JSON Lines.

As in CSV: without every byte that occurs in a number, what is left of a rectangular table is one
pattern, repeated. The cells are then read at once, without a Python object for each.
"""

from __future__ import annotations

import re
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from scriptmode.serializers.flat import IN_NUMBERS, kernel, pack, parse_nested
from scriptmode.values import Table

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

SMALL = 1500
"""Bytes, below which orjson and numpy are quicker; ``python -m benchmarks.codecs`` shows it."""

_SMALL_RECORDS = 2**18  # bytes; records pay for finding their names

_QUOTE = ord('"')
_BLANK = rb"[ \t\r\n]*"
_PARTS = (b"", rb"\{", rb'"(?:instances|inputs)"', b":", rb"(\[.*\])", rb"\}", b"")
_ENVELOPE = re.compile(_BLANK.join(_PARTS), re.DOTALL)
_BLANKS = b"\n\r\t"
_FEWEST = 4  # bodies, below which reading each is quicker
_BETWEEN = b"\0"
_TO_CELLS = bytes.maketrans(b"[]" + _BETWEEN, b"  ,")
# Objects whose names are blanks, as arrays: the parser sees every other byte.
_TO_ARRAYS = bytes.maketrans(b'{}":', b"[]  ")


def read_table(raw: bytes, *, rows: bool, records: bool) -> NDArray[Any] | Table | None:
    """A JSON body as a table of numbers; None sends it down the careful road.

    Args:
        raw: the body, also under ``instances`` or ``inputs``.
        rows: whether a list of lists is read.
        records: whether a list of objects is read.
    """
    enveloped = _ENVELOPE.fullmatch(raw) if raw[:1] == b"{" else None
    if enveloped is not None:
        raw = enveloped[1]
    head = raw[:64].translate(None, b" \n\r\t")
    if rows and head.startswith(b"[["):
        return _read_rows(raw, b",", IN_NUMBERS + _BLANKS)
    if records and head.startswith(b"[{"):
        return _read_records(raw, b",", _BLANKS)
    return None


def read_lines(raw: bytes) -> NDArray[Any] | Table | None:
    """A JSON Lines body as a table of numbers; None sends it down the careful road."""
    if b"\r" in raw:
        return None
    if raw[:1] == b"[":
        return _read_rows(b"[%b]" % raw, b"\n", IN_NUMBERS)
    if raw[:1] == b"{":
        return _read_records(b"[%b]" % raw, b"\n", b"")
    return None


def read_few_rows(raw: bytes) -> NDArray[Any] | None:
    """A small JSON list of rows of numbers; None sends it down the careful road."""
    if _QUOTE in raw:  # numpy reads text as numbers
        return None
    loads, array, float64 = kernel()
    try:
        matrix = array(loads(raw), float64)
    except (ValueError, TypeError):  # no JSON, ragged, or cells that are none
        return None
    return matrix if matrix.ndim == 2 and matrix.size else None  # noqa: PLR2004 - a table


def read_single_rows(bodies: Sequence[bytes]) -> list[NDArray[Any]] | None:
    """Some small bodies as one, each a JSON list of one row of numbers.

    Between the bodies stands a byte that none of them has where the pattern of all is found: no
    bracket that one leaves open is closed by another.

    Returns:
        What :func:`read_few_rows` makes of each; None where one of them must be read by itself.
    """
    if len(bodies) < _FEWEST:
        return None
    joined = _BETWEEN.join(bodies)
    width = bodies[0].count(b",") + 1
    row = b"[[" + b"," * (width - 1) + b"]]"
    if joined.translate(None, IN_NUMBERS + _BLANKS) != _BETWEEN.join([row] * len(bodies)):
        return None
    found = parse_nested(b"[%b]" % joined.translate(_TO_CELLS))
    if found is None or len(found) != len(bodies) * width:
        return None
    return [*found.reshape(-1, 1, width)]


def read_few_records(raw: bytes) -> Table | None:
    """A small JSON list of objects of numbers; None sends it down the careful road."""
    try:
        records = kernel()[0](raw)
        first = records[0]
        height, width = len(records), len(first)
        # A colon a name and no more: no further name, and none that stands twice.
        if not width or raw.count(b":") != height * width:
            return None
        cells = first.values() if height == 1 else _cells_alike(records, tuple(first))
        matrix = pack(cells, height, width)
        if matrix is None and raw.count(b'"') == 2 * height * width:  # no text: some are null
            matrix = _with_nulls(cells, height)
    except (ValueError, TypeError, AttributeError, LookupError):  # no JSON, other names or cells
        return None
    return None if matrix is None else Table(first, matrix)


def _cells_alike(records: list[dict[str, Any]], names: tuple[str, ...]) -> list[Any]:
    """The cells of records that all have the names of the first."""
    if len(names) == 1:
        return [record[names[0]] for record in records]
    return [*chain.from_iterable(map(itemgetter(*names), records))]


def _with_nulls(cells: Collection[Any], height: int) -> NDArray[Any]:
    import numpy as np

    return np.fromiter(cells, np.float64, len(cells)).reshape(height, -1)


def read_few_lines(raw: bytes) -> NDArray[Any] | Table | None:
    """A small JSON Lines body of numbers; None sends it down the careful road."""
    is_rows = raw[:1] == b"["
    if is_rows and raw.find(b"\n", 0, -1) < 0:
        return _read_row(raw)
    raw = raw.removesuffix(b"\n")
    breaks = raw.count(b"\n")
    if raw.count(b"]\n[" if is_rows else b"}\n{") != breaks:
        return None
    listed = b"[%b]" % raw.replace(b"\n", b",")
    table = read_few_rows(listed) if is_rows else read_few_records(listed)
    return table if table is not None and len(table) == breaks + 1 else None


def _read_row(line: bytes) -> NDArray[Any] | None:
    if _QUOTE in line:
        return None
    loads, array, float64 = kernel()
    try:
        matrix = array([loads(line)], float64)
    except (ValueError, TypeError):
        return None
    return matrix if matrix.ndim == 2 and matrix.size else None  # noqa: PLR2004 - a table


def _read_rows(raw: bytes, between: bytes, ignored: bytes) -> NDArray[Any] | None:
    width = raw.count(b",", 0, raw.find(b"]")) + 1
    height = raw.count(b"[") - 1
    if width * height > len(raw):
        return None  # ragged, and a pattern of that size is never made
    row = b"[" + b"," * (width - 1) + b"]"
    if raw.translate(None, ignored) != b"[" + between.join([row] * height) + b"]":
        return None
    found = parse_nested(raw if between == b"," else raw.replace(between, b","))
    return None if found is None or len(found) != height * width else found.reshape(-1, width)


def _read_records(raw: bytes, between: bytes, blanks: bytes) -> Table | None:
    """Objects whose names are the same bytes in the same order as those of the first."""
    import orjson

    if len(raw) < _SMALL_RECORDS:
        return read_few_records(raw) if between == b"," else None
    start, end = raw.find(b"{"), raw.find(b"}") + 1
    try:
        names = tuple(orjson.loads(raw[start:end]))
    except orjson.JSONDecodeError:
        return None
    blanked = _blank_names(raw, len(names)) if names and b"\\" not in raw else None
    found = None if blanked is None else _read_blanked(blanked, len(names), between, blanks)
    return None if found is None else Table(names, found)


def _read_blanked(blanked: bytes, width: int, between: bytes, blanks: bytes) -> NDArray[Any] | None:
    height = blanked.count(b"{")
    if width * height > len(blanked):
        return None  # ragged, and a pattern of that size is never made
    record = b"{" + b",".join([b'"":'] * width) + b"}"
    skeleton = blanked.translate(None, IN_NUMBERS + blanks)
    if skeleton != b"[" + between.join([record] * height) + b"]":
        return None
    arrays = blanked.translate(_TO_ARRAYS)
    found = parse_nested(arrays if between == b"," else arrays.replace(between, b","))
    if found is None or len(found) != height * width:
        return None
    return found.reshape(-1, width)


def _blank_names(raw: bytes, width: int) -> bytes | None:
    """The body with blanks for names, where all objects have those of the first, in its order."""
    import numpy as np

    text = np.frombuffer(raw, dtype=np.uint8).copy()
    quotes = np.flatnonzero(text == ord('"'))
    if len(quotes) % (2 * width):
        return None
    if not _are_after(text, quotes[::2], b"{,"):  # a number there would be taken for the name's
        return None
    starts = quotes[::2].reshape(-1, width) + 1
    ends = quotes[1::2].reshape(-1, width)
    lengths = ends[0] - starts[0]
    if not (ends - starts == lengths).all():
        return None
    for column, length in enumerate(lengths.tolist()):
        places = starts[:, column, None] + np.arange(length)
        names = text[places]
        if not (names == names[0]).all():
            return None
        text[places] = ord(" ")
    return text.tobytes()


def _are_after(text: NDArray[Any], places: NDArray[Any], marks: bytes) -> bool:
    """Whether one of the marks stands before each place, with a blank between them or none."""
    import numpy as np

    is_mark = np.zeros(256, np.bool_)
    is_mark[list(marks)] = True
    before, further = text[places - 1], text[places - 2]
    return bool((is_mark[before] | ((before == ord(" ")) & is_mark[further])).all())
