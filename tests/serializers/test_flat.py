from __future__ import annotations

import json
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scriptmode.serializers import flat
from scriptmode.serializers.flat import parse_flat
from tests.serializers.checks import assert_same_bits

ODD = ("null", "-0", "-0.0", "1e999", "-1e-400", "true", "+1", ".5", "5.", "01", "", " 1 ", "NaN")
LITERALS = (
    st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.integers(-(2**70), 2**70).map(str)
    | st.sampled_from(ODD)
)


@pytest.fixture(params=["simdjson", "without simdjson"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flat, "_FEW", 0)
    if request.param != "simdjson":
        monkeypatch.setattr(flat, "_simdjson", lambda: None)


def by_python(text: str) -> Any:
    """The doubles that Python's own parser finds, or None."""
    try:
        cells = json.loads(f"[{text}]", parse_constant=lambda _: [])
    except ValueError:
        return None
    if any(isinstance(cell, (bool, list)) for cell in cells):
        return None
    found = np.array([np.nan if cell is None else float(cell) for cell in cells])
    return None if np.isinf(found).any() else found


@pytest.mark.usefixtures("parser")
@settings(deadline=None, max_examples=300)
@given(st.lists(LITERALS, min_size=1, max_size=12))
def test_cells_are_those_of_pythons_own_parser(literals: list[str]) -> None:
    assume("true" not in literals)
    text = ",".join(literals)
    found, expected = parse_flat(text.encode()), by_python(text)
    if any(literal.strip() == "-0" for literal in literals) or expected is None:
        assert found is None
    else:
        assert_same_bits(found, expected)


@pytest.mark.usefixtures("parser")
@settings(deadline=None, max_examples=200)
@given(st.binary(min_size=8, max_size=8))
def test_every_double_survives_in_its_shortest_form(raw: bytes) -> None:
    number = struct.unpack("<d", raw)[0]
    assume(np.isfinite(number))
    assert_same_bits(parse_flat(f"{number!r},1".encode()), np.array([number, 1.0]))


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    "literal",
    [
        *("9007199254740993", "-9007199254740993", "9223372036854775807", "9223372036854775808"),
        *("18446744073709551615", "18446744073709551616", "-9223372036854775809", "5e-324"),
        *("2.4703282292062327e-324", "2.4703282292062328e-324", "1.7976931348623157e308"),
        *("0.500000000000000166533453693773481063544750213623046875", "1e23", "8.41e21"),
        "0." + "0" * 300 + "1",
        "1" + "0" * 300,
    ],
)
def test_hard_decimals_become_the_nearest_double(literal: str) -> None:
    assert_same_bits(parse_flat(f"{literal},1".encode()), np.array([float(literal), 1.0]))


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("form", ["{}", "1,{}", "{},1", "1,{},2", "1, {} ,2"])
def test_the_integer_minus_zero_is_left_to_others(form: str) -> None:
    assert parse_flat(form.format("-0").encode()) is None
    kept = parse_flat(form.format("-0.0").encode())
    assert kept is not None
    assert np.signbit(kept).sum() == 1


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("cells", [b"1,-0.5", b"1,-0.5,0", b"1e-5,0"])
def test_minus_zero_is_not_seen_where_there_is_none(cells: bytes) -> None:
    assert parse_flat(cells) is not None


@pytest.mark.usefixtures("parser")
def test_both_parsers_give_arrays_of_their_own() -> None:
    first = parse_flat(b"1.5," * 100 + b"2")
    assert first is not None
    kept = first.copy()
    parse_flat(b"7.5," * 100 + b"8")
    assert_same_bits(first, kept)


def test_threads_do_not_share_a_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flat, "_FEW", 0)

    def read(number: int) -> bool:
        found = parse_flat(f"{number}.5,".encode() * 2000 + b"0.5")
        return found is not None and bool((found[:-1] == number + 0.5).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(200)))


def test_a_large_body_does_not_stay_in_the_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flat, "_MOST_KEPT", 1000)
    parse_flat(b"1.5," * 100 + b"2")
    kept = flat._OF_THREAD.parser
    assert parse_flat(b"1.5," * 1000 + b"2") is not None
    assert flat._OF_THREAD.parser is kept
