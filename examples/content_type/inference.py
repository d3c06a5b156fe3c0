"""A content type of one's own: any object with media_types and decode and/or encode."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from scriptmode import compose
from scriptmode.errors import MalformedBodyError


class FixedWidth:
    """Rows of numbers, each in a field of eight characters, as mainframes send them."""

    media_types = ("application/x-fixed-width",)

    def decode(self, body: bytes, params: Mapping[str, str]) -> Any:
        rows = []
        for number, line in enumerate(body.decode("ascii").splitlines(), 1):
            fields = [line[start : start + 8].strip() for start in range(0, len(line), 8)]
            try:
                rows.append([float(field or "nan") for field in fields])
            except ValueError:
                raise MalformedBodyError(f"line {number} is not numeric", line=number) from None
        return np.array(rows)

    def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
        return "".join(f"{score:8.3f}\n" for score in np.ravel(value)).encode("ascii")


model_fn, input_fn, predict_fn, output_fn = compose(
    "xgboost", accepts=["json", FixedWidth()], returns=["json", FixedWidth()]
)
