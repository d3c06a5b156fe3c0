"""What several test files assert with."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from scriptmode.errors import MalformedBodyError, RequestError
from scriptmode.values import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BINARY: tuple[Callable[[bytes], Any], ...] = (bytes, bytearray, memoryview)
"""The kinds of body that every decoder reads."""


def assert_same(actual: Any, expected: Any) -> None:
    """Two neutral values are of one kind and equal; NaN equals NaN."""
    assert type(actual) is type(expected)
    if isinstance(expected, Table):
        assert actual.names == expected.names
        assert_same(actual.values, expected.values)
    elif isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(actual, expected)
    elif isinstance(expected, np.ndarray):
        assert actual.dtype == expected.dtype
        assert actual.shape == expected.shape
        with np.errstate(invalid="ignore"):  # comparing NaN to NaN is the point
            assert np.array_equal(actual, expected, equal_nan=expected.dtype.kind in "fc")
    elif isinstance(expected, dict):
        assert list(actual) == list(expected)
        for name, item in expected.items():
            assert_same(actual[name], item)
    else:
        assert actual == expected


def assert_same_bits(actual: Any, expected: Any) -> None:
    """As :func:`assert_same` for arrays of floats, and -0.0 is not 0.0."""
    assert_same(actual, expected)
    known = ~np.isnan(expected)
    assert np.array_equal(np.signbit(actual[known]), np.signbit(expected[known]))


def refusal(
    serializer: Any, body: bytes | bytearray | memoryview | str, **params: str
) -> MalformedBodyError:
    """The error that a body is refused with."""
    with pytest.raises(MalformedBodyError) as caught:
        serializer.decode(body, params)
    assert caught.value.status == 400
    return caught.value


def outcome(read: Callable[[], Any]) -> Any:
    """What a reader returns, or the one class of errors that it may raise."""
    try:
        return read()
    except RequestError:
        return RequestError


def strict_json(body: bytes) -> Any:
    """Parse what a strict client would, and nothing else."""

    def refuse(token: str) -> None:
        raise AssertionError(f"{token} is not JSON")

    return json.loads(body.decode(), parse_constant=refuse)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """The block takes less processor time than that."""
    start = time.process_time()
    yield
    assert time.process_time() - start < seconds
