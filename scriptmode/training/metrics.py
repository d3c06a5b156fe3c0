"""Numbers in a script's log, found by the expressions that SageMaker finds them by."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NamedTuple

from scriptmode.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd


class Metric(NamedTuple):
    """One number that was logged.

    Args:
        name: of the metric.
        value: the number.
        seconds: since the job began.
    """

    name: str
    value: float
    seconds: float


class Metrics:
    """Gathers metrics from lines.

    Args:
        definitions: each with ``Name`` and ``Regex``, whose first group is the number; as
            ``metric_definitions`` of the SageMaker Python SDK.

    Raises:
        DeclarationError: a definition without either, or an expression that is none.
    """

    def __init__(self, definitions: Sequence[Mapping[str, str]]) -> None:
        self.found: list[Metric] = []
        self._began = time.monotonic()
        self._patterns = [_pattern(each) for each in definitions]

    def read(self, line: str) -> None:
        """Keep what a line tells."""
        for name, pattern in self._patterns:
            for match in pattern.finditer(line):
                try:
                    value = float(match[1] or "")  # a group that took no part is None
                except ValueError:
                    continue
                self.found.append(Metric(name, value, time.monotonic() - self._began))

    def latest(self) -> dict[str, float]:
        """The last value of each metric."""
        return {each.name: each.value for each in self.found}

    def to_pandas(self) -> pd.DataFrame:
        """Columns ``metric_name``, ``value`` and ``timestamp``, as the SDK's analytics have them.

        ``timestamp`` is in seconds since the job began.
        """
        import pandas as pd

        return pd.DataFrame(self.found, columns=["metric_name", "value", "timestamp"])


def _pattern(definition: Mapping[str, str]) -> tuple[str, re.Pattern[str]]:
    if set(definition) != {"Name", "Regex"}:
        raise DeclarationError(f"metric_definitions: {definition} has not just Name and Regex")
    try:
        pattern = re.compile(definition["Regex"])
    except (re.error, TypeError) as error:
        raise DeclarationError(f"metric {definition['Name']!r}: {error}") from None
    if not pattern.groups:
        raise DeclarationError(f"metric {definition['Name']!r}: the number needs a group, (...)")
    return definition["Name"], pattern
