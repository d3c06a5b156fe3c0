"""A sample of rows and what was predicted for them, kept as JSON."""

from __future__ import annotations

import math
from typing import Any

from scriptmode.errors import DeclarationError, NotAcceptableError, RequestError
from scriptmode.handlers.rows import count_rows
from scriptmode.serializers.layouts import read_layout
from scriptmode.serializers.plain import dump_json

_MOST_ROWS = 1000
_RELATIVE, _ABSOLUTE = 1e-5, 1e-8  # float32 sums come out otherwise on another processor


def write_sample(sample: Any) -> Any:
    """Rows as JSON that :func:`read_sample` reads back.

    Args:
        sample: a table or tensor, as ``predict_fn`` takes it.

    Raises:
        DeclarationError: no table, none or too many rows, or cells that JSON cannot keep.
    """
    try:
        data = plain(_in_doubles(sample))
        rows = count_rows(read_sample(data))
    except RequestError as error:
        raise DeclarationError(f"the sample is no table that JSON can keep: {error}") from error
    if not rows or rows > _MOST_ROWS:
        raise DeclarationError(f"the sample has {rows} rows: give 1 to {_MOST_ROWS}")
    return data


def _in_doubles(sample: Any) -> Any:
    """The same cells, of which JSON keeps every digit.

    Raises:
        DeclarationError: some are infinite, for which JSON has no form.
    """
    import numpy as np

    if isinstance(sample, dict):
        return {name: _in_doubles(part) for name, part in sample.items()}
    if hasattr(sample, "columns") and not all(isinstance(name, str) for name in sample.columns):
        sample = sample.to_numpy()
    cells = getattr(sample, "values", sample)
    if hasattr(sample, "select_dtypes"):
        cells = sample.select_dtypes("float").to_numpy()
    is_float = isinstance(cells, np.ndarray) and cells.dtype.kind == "f"
    if is_float and np.isinf(cells).any():
        raise DeclarationError("the sample holds infinity, which JSON cannot keep")
    return sample.astype(np.float64) if is_float and cells is sample else sample


def read_sample(data: Any) -> Any:
    """The rows of a sample as a neutral value; a list of strings is texts, one a row.

    Raises:
        MalformedBodyError: it is none of the layouts that requests have.
    """
    if isinstance(data, list) and data and all(isinstance(text, str) for text in data):
        return data
    return read_layout(data, "auto", has_text=True)


def write_prediction(prediction: Any) -> Any:
    """A prediction as JSON.

    Raises:
        DeclarationError: JSON has no form for it.
    """
    try:
        return plain(prediction)
    except NotAcceptableError as error:
        raise DeclarationError(f"the manifest cannot keep the prediction: {error}") from error


def difference(expected: Any, found: Any, place: str = "") -> str | None:
    """Where two predictions differ, in words; None where they do not.

    Args:
        expected: as JSON.
        found: as JSON.
        place: what is compared, for the words.

    Numbers may differ by a hundred-thousandth: other processors sum in another order.
    """
    pairs = _pairs(expected, found, place)
    if pairs is not None:
        problems = (difference(one, other, inner) for inner, one, other in pairs)
        return next((problem for problem in problems if problem), None)
    if _is_equal(expected, found):
        return None
    return f"{place or 'the prediction'}: expected {_short(expected)}, found {_short(found)}"


def _pairs(expected: Any, found: Any, place: str) -> list[tuple[str, Any, Any]] | None:
    """What stands at equal places of two lists or objects of one size; else None."""
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        prefix = f"{place}, item" if place else "row"
        numbers = range(1, len(expected) + 1)
        places = [f"{prefix} {number}" for number in numbers]
        return list(zip(places, expected, found, strict=True))
    if isinstance(expected, dict) and isinstance(found, dict) and expected.keys() == found.keys():
        prefix = f"{place}, " if place else ""
        return [(f"{prefix}{name}", expected[name], found[name]) for name in expected]
    return None


def _is_equal(expected: Any, found: Any) -> bool:
    if _is_number(expected) and _is_number(found) and not _are_whole(expected, found):
        try:
            return math.isclose(expected, found, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
        except OverflowError:
            return False
    return bool(expected == found)


def _short(value: Any) -> str:
    if isinstance(value, (list, dict)):
        return f"{len(value)} items"
    return repr(value)


def _are_whole(expected: Any, found: Any) -> bool:
    """Labels, ranks and the numbers of leaves are equal or they are not."""
    return isinstance(expected, int) and isinstance(found, int)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def plain(value: Any) -> Any:
    """Any value as what its JSON is read back as.

    Raises:
        NotAcceptableError: JSON has no form for it.
    """
    import orjson

    return orjson.loads(dump_json(value))
