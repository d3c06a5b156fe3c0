"""How long requests will take."""

import math

from hypothesis import given
from hypothesis import strategies as st

from scriptmode.hosting.costs import Costs

sizes = st.integers(0, 2**30)


def test_nothing_is_known_at_first() -> None:
    assert Costs().of(100) == math.inf


@given(sizes, st.floats(1e-6, 1.0))
def test_what_was_seen_is_what_is_expected(size: int, seconds: float) -> None:
    costs = Costs()
    costs.learn(size, seconds)
    assert costs.of(size) == seconds


@given(sizes, sizes, st.floats(1e-6, 1.0))
def test_smaller_bodies_take_no_longer_and_larger_ones_in_proportion(
    seen: int, asked: int, seconds: float
) -> None:
    costs = Costs()
    costs.learn(seen, seconds)
    assert costs.of(asked) <= seconds * max(1, asked / max(seen, 1)) * 16
    if asked <= seen:
        assert costs.of(asked) == seconds


def test_one_outlier_moves_little_and_a_change_is_followed() -> None:
    costs = Costs()
    costs.learn(100, 0.001)
    costs.learn(100, 10.0)
    assert costs.of(100) < 0.0013
    for _ in range(100):
        costs.learn(100, 10.0)
    assert costs.of(100) > 9
