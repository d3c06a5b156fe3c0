"""Tab-separated values (IANA's text/tab-separated-values): CSV with another delimiter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from scriptmode.serializers.csv import CSV


@dataclass(frozen=True)
class TSV(CSV):
    """Tables as tab-separated values; the options are those of ``CSV``."""

    delimiter: str = "\t"

    media_types: ClassVar[tuple[str, ...]] = ("text/tab-separated-values", "text/tsv")
