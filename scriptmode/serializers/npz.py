"""NumPy's archive of named arrays: a zip file of npy files, read within bounds."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from scriptmode.errors import BodyTooLargeError, MalformedBodyError, NotAcceptableError
from scriptmode.serializers.base import Body, as_bytes
from scriptmode.serializers.npy import read_npy, write_npy
from scriptmode.serializers.plain import check_unique, encode_text
from scriptmode.values import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

_UNNAMED = "arr_0"  # what numpy.savez calls the first array that it is given without a name
_MOST_MEMBERS = 1024
_HEADER = struct.Struct("<26xHH")  # before a member: the lengths of its name and of what is extra
_BLOCK = 2**16  # bytes
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class NPZ:
    """Named arrays of numbers, as ``numpy.savez`` and ``savez_compressed`` write them.

    Args:
        limit: how many bytes all arrays together may take once decompressed.
    """

    limit: int = 256 * 2**20

    media_types: ClassVar[tuple[str, ...]] = ("application/x-npz", "application/npz")

    def decode(self, body: Body, params: Mapping[str, str]) -> Any:
        """Read every array.

        Returns:
            ``dict[str, ndarray]``; or the array alone, at least 2-D, where it is the only one
            and has no name.

        Raises:
            MalformedBodyError: not such an archive, or cells that are no numbers.
            BodyTooLargeError: more than ``limit`` bytes once decompressed.
        """
        raw = as_bytes(body)
        try:
            with zipfile.ZipFile(io.BytesIO(raw)) as archive:
                arrays = self._read(archive, raw)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError) as error:
            raise MalformedBodyError(f"not an npz archive: {error}") from None
        except (RuntimeError, NotImplementedError) as error:  # encrypted, or a newer zip
            raise MalformedBodyError(f"the npz archive cannot be read: {error}") from None
        if arrays.keys() != {_UNNAMED}:
            return arrays
        array = arrays[_UNNAMED]
        return array.reshape(1, -1) if array.ndim <= 1 else array

    def encode(self, value: Any, params: Mapping[str, str]) -> bytes:
        """Write named columns or tensors under their names, any other array as ``arr_0``.

        Raises:
            NotAcceptableError: some cells are not numbers.
        """
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for name, array in _named(value):
                encode_text(name)  # which a name that is no Unicode text cannot be
                member = zipfile.ZipInfo(f"{name}.npy")  # no time of day: equal in, equal out
                archive.writestr(member, write_npy(array))
        return target.getvalue()

    def _read(self, archive: zipfile.ZipFile, raw: bytes) -> dict[str, NDArray[Any]]:
        members = archive.infolist()
        total = sum(member.file_size for member in members)
        if total > self.limit:
            raise BodyTooLargeError(
                f"the npz archive holds {total} bytes of arrays; the limit is {self.limit}"
            )
        if not members or len(members) > _MOST_MEMBERS:
            raise MalformedBodyError(f"an npz archive holds 1 to {_MOST_MEMBERS} arrays")
        arrays: dict[str, NDArray[Any]] = {}
        for member in members:
            name = member.filename.removesuffix(".npy")
            is_stored = member.compress_type == zipfile.ZIP_STORED
            lies = is_stored and member.compress_size != member.file_size
            if name in arrays or member.compress_type not in _METHODS or lies:
                raise MalformedBodyError(f"the npz member {member.filename!r} is refused")
            arrays[name] = read_npy(_member(archive, member, raw))
        return arrays


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, raw: bytes) -> bytes | memoryview:
    """What a member holds, its checksum looked at."""
    with archive.open(member) as stream:  # which looks at the member's own header
        if member.compress_type != zipfile.ZIP_STORED:
            # Reading with a size inflates no more than that; without one it inflates
            # all, and only then cuts to the size that the directory announces.
            return stream.read(member.file_size)
    name_length, extra_length = _HEADER.unpack_from(raw, member.header_offset)
    start = member.header_offset + _HEADER.size + name_length + extra_length
    content, checksum = _copy(memoryview(raw)[start : start + member.file_size])
    if len(content) != member.file_size or checksum != member.CRC:
        raise zipfile.BadZipFile(f"the checksum of {member.filename!r} is another")
    return content


def _copy(stored: memoryview) -> tuple[memoryview, int]:
    """The same bytes, where arrays may begin, and their checksum.

    A block at a time, which is still in the processor's cache when its checksum is computed.
    """
    import numpy as np

    copied = np.empty(len(stored), np.uint8).data
    checksum = 0
    for start in range(0, len(stored), _BLOCK):
        copied[start : start + _BLOCK] = stored[start : start + _BLOCK]
        checksum = zlib.crc32(copied[start : start + _BLOCK], checksum)
    return copied, checksum


def _named(value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Table):
        return [(name, value[name]) for name in value.names]
    if isinstance(value, dict):
        check_unique([str(name) for name in value])
        return [(str(name), array) for name, array in value.items()]
    if hasattr(value, "columns"):  # a data frame
        if not len(value.columns):
            raise NotAcceptableError("the prediction has no columns")
        check_unique([str(name) for name in value.columns])
        return [(str(name), value[name].to_numpy()) for name in value.columns]
    return [(_UNNAMED, value)]
