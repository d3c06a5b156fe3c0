"""How long one call takes."""

import time
from collections.abc import Callable
from typing import Any

SECONDS_A_ROUND = 0.03


def microseconds(function: Callable[[], Any]) -> float:
    """The time of one call, averaged over a short while."""
    function()
    started, calls = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < SECONDS_A_ROUND:
        function()
        calls += 1
    return elapsed / calls * 1e6
