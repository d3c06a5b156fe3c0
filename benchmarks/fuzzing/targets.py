"""Every decoder that is fuzzed, with its options; see `python -m benchmarks.fuzz`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.fuzzing.targets_binary import binary_targets
from benchmarks.fuzzing.targets_text import text_targets

if TYPE_CHECKING:
    from benchmarks.fuzzing.target import Target


def all_targets() -> list[Target]:
    """Every target, in the order in which they are reported."""
    return [*text_targets(), *binary_targets()]
