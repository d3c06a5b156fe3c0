"""Pictures as arrays of pixels."""

from __future__ import annotations

import base64
import binascii
import io
import struct
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode._imports import require
from scriptmode.errors import (
    BodyTooLargeError,
    DeclarationError,
    MalformedBodyError,
    NotAcceptableError,
)
from scriptmode.serializers.base import Body, as_bytes
from scriptmode.serializers.layouts import ENVELOPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_MODES = ("RGB", "L", "RGBA", None)
_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
# What Pillow lets through from damaged pictures.
_DAMAGE = (
    *(OSError, ValueError, SyntaxError, EOFError, OverflowError, struct.error),
    *(TypeError, KeyError, AttributeError, ZeroDivisionError),
)
_DIMENSIONS = (2, 3)
_BATCH = 4  # rows, height, width, channels
_CHANNELS = (1, 3, 4)
_WHITE, _STEP = 65535, 257  # 16 bits to 8: 65535 is 255 times 257
_JSON_MODE, _JSON_LIMIT = "RGB", 50_000_000


@dataclass(frozen=True)
class Image:
    """One picture a request; of an animation, the first frame.

    Args:
        mode: what the pixels become: ``"RGB"``, ``"L"`` (grey) or ``"RGBA"``; None keeps the
            picture's own, of which palettes become RGB.
        limit: how many pixels a picture may have; Pillow's own limit, of some 180 million, holds
            too.

    Raises:
        DeclarationError: an unknown mode.
    """

    mode: str | None = "RGB"
    limit: int = 50_000_000

    def __post_init__(self) -> None:
        if self.mode not in _MODES:
            raise DeclarationError(f"Image(mode={self.mode!r}): expected one of {_MODES}")

    media_types: ClassVar[tuple[str, ...]] = (
        "image/png",
        "image/jpeg",
        "application/x-image",
        "image/webp",
        "image/bmp",
        "image/gif",
        "image/tiff",
    )

    def decode(self, body: Body, params: Mapping[str, str]) -> NDArray[Any]:
        """Read one picture, turned upright as its camera says.

        Returns:
            uint8 ``(1, height, width, channels)``; one row, as every other body of one thing.

        Raises:
            MalformedBodyError: not a picture, or a damaged one.
            BodyTooLargeError: more than ``limit`` pixels, known before any is decoded.
            MissingExtraError: Pillow is not installed.
        """
        return read_image(as_bytes(body), self.mode, self.limit)[None]

    def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
        """Write one array of pixels as PNG.

        Args:
            value: uint8 ``(height, width)`` or ``(height, width, 1, 3 or 4)``, or a batch of one.
            params: unused.

        Raises:
            NotAcceptableError: not such an array.
        """
        return write_png(value)


def read_image(raw: bytes, mode: str | None, limit: int) -> NDArray[Any]:
    """The pixels of a picture, uint8 ``(height, width, channels)``.

    Raises:
        MalformedBodyError: not a picture, or a damaged one.
        BodyTooLargeError: more than ``limit`` pixels.
    """
    import numpy as np

    pillow, ops = require("PIL.Image", extra="images"), require("PIL.ImageOps", extra="images")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damage that is read over, and of its own limit
            picture = pillow.open(io.BytesIO(raw), formats=_FORMATS)
            if picture.width * picture.height > limit:
                size = f"{picture.width} x {picture.height}"
                raise BodyTooLargeError(f"the picture has {size} pixels; the limit is {limit}")
            narrow = _narrow(ops.exif_transpose(picture))
            pixels = np.asarray(narrow.convert(mode or _own_mode(narrow)))
    except _DAMAGE as error:
        problem = str(error).partition(" <")[0][:200]  # Pillow shows the address of the stream
        raise MalformedBodyError(f"not a picture: {problem}") from None
    except pillow.DecompressionBombError:  # of twice as many pixels as Pillow warns of
        most = min(limit, 2 * pillow.MAX_IMAGE_PIXELS)
        raise BodyTooLargeError(f"the picture has more than {most} pixels") from None
    return pixels if pixels.ndim == _DIMENSIONS[1] else pixels[..., None]


def write_png(value: Any) -> bytes:
    """An array of pixels as PNG.

    Raises:
        NotAcceptableError: see :meth:`Image.encode`.
    """
    import numpy as np

    pillow = require("PIL.Image", extra="images")
    pixels = value[0] if getattr(value, "ndim", 0) == _BATCH and len(value) == 1 else value
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8:
        raise NotAcceptableError("PNG carries arrays of uint8 pixels only")
    if pixels.ndim not in _DIMENSIONS or not pixels.size:
        raise NotAcceptableError(f"PNG carries one picture; the prediction has {pixels.shape}")
    if pixels.ndim == _DIMENSIONS[1] and pixels.shape[2] not in _CHANNELS:
        raise NotAcceptableError(f"PNG has 1, 3 or 4 channels, not {pixels.shape[2]}")
    target = io.BytesIO()
    flat = pixels[..., 0] if pixels.ndim == _DIMENSIONS[1] and pixels.shape[2] == 1 else pixels
    pillow.fromarray(np.ascontiguousarray(flat)).save(target, "PNG")
    return target.getvalue()


def read_pictures(value: Any, field: str) -> NDArray[Any]:
    """A JSON value whose records each hold one picture in base64.

    Args:
        value: one record or a list of them, also under ``instances`` or ``inputs``.
        field: the one field of each.

    Returns:
        uint8 ``(rows, height, width, 3)``.

    Raises:
        MalformedBodyError: other fields, no base64, no picture, or pictures of unequal size.
    """
    import numpy as np

    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ENVELOPES:
        value = next(iter(value.values()))
    records: list[Any] = value if isinstance(value, list) else [value]
    if not records:
        raise MalformedBodyError("the body holds no rows")
    pictures: list[NDArray[Any]] = []
    for row, record in enumerate(records, 1):
        if not isinstance(record, dict) or record.keys() != {field}:
            raise MalformedBodyError(
                f"row {row} is no object with the one field {field!r}", row=row
            )
        raw = read_base64(record[field], row, field)
        left = _JSON_LIMIT - sum(picture.size for picture in pictures) // 3
        pictures.append(_read_row(raw, left, row, field))
        if pictures[-1].shape != pictures[0].shape:
            raise MalformedBodyError(
                f"the picture of row {row} is {pictures[-1].shape[:2]} pixels, that of row 1"
                f" {pictures[0].shape[:2]}",
                row=row,
                field=field,
            )
    return np.stack(pictures)


def _read_row(raw: bytes, left: int, row: int, field: str) -> NDArray[Any]:
    try:
        return read_image(raw, _JSON_MODE, left)
    except MalformedBodyError as error:
        raise MalformedBodyError(f"row {row}: {error}", row=row, field=field) from None


def read_base64(cell: Any, row: int, field: str | None) -> bytes:
    """The bytes in a JSON string, which may be a data URL.

    Raises:
        MalformedBodyError: no string, or not base64; names the row and the field.
    """
    where = f"row {row}" + (f", field {field!r}" if field else "")
    if isinstance(cell, dict) and cell.keys() == {"b64"}:  # as TensorFlow Serving spells bytes
        cell = cell["b64"]
    if not isinstance(cell, str):
        raise MalformedBodyError(f"{where} is no base64 string", row=row, field=field)
    if cell.startswith("data:"):
        cell = cell.partition(",")[2]
    try:
        return base64.b64decode(cell, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedBodyError(f"{where} is not base64", row=row, field=field) from None


def _narrow(picture: Any) -> Any:
    """A picture of 16 bits a pixel in 8, which converting it would clip to white."""
    if not picture.mode.startswith("I"):
        return picture
    import numpy as np

    pillow = require("PIL.Image", extra="images")
    grey = np.asarray(picture).astype(np.int64)
    return pillow.fromarray((grey.clip(0, _WHITE) // _STEP).astype(np.uint8))


def _own_mode(picture: Any) -> str:
    own: str = picture.mode
    return own if own in ("L", "RGB", "RGBA") else "RGB"
