"""How long requests take, by the size of their bodies."""

from __future__ import annotations

import math

_BITS = 2  # of a size; four times as much is another class
_CLASSES = 32
_NEWEST = 0.2  # how much of an estimate is the last that was seen
_OUTLIER = 2.0  # times the estimate, beyond which others must have been in the way


class Costs:
    """Estimates in seconds, one for each class of sizes."""

    def __init__(self) -> None:
        self._known: list[float | None] = [None] * _CLASSES

    def learn(self, size: int, seconds: float) -> None:
        """Note what a request took.

        Args:
            size: of its body, in bytes.
            seconds: that nothing else was done.
        """
        place = size.bit_length() // _BITS
        known = self._known[place]
        if known is None:
            self._known[place] = seconds
        else:
            self._known[place] = known + _NEWEST * (min(seconds, _OUTLIER * known) - known)

    def of(self, size: int) -> float:
        """What a request will take; infinite where none was seen.

        Args:
            size: of its body, in bytes.
        """
        place = size.bit_length() // _BITS
        known = self._known[place]
        return self._guess(place) if known is None else known

    def _guess(self, place: int) -> float:
        """From larger bodies, else in proportion from smaller ones."""
        larger = next((cost for cost in self._known[place:] if cost is not None), None)
        if larger is not None:
            return larger
        for steps, cost in enumerate(reversed(self._known[:place]), 1):
            if cost is not None:
                return math.ldexp(cost, _BITS * steps)
        return math.inf
