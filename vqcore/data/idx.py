"""The IDX format of MNIST: four bytes of magic (0, 0, type, number of axes), each axis' length, then the values, row by row.

All numbers are big-endian. Offsets in error messages count from 0; in a packed (gzip) file they count unpacked bytes,
except where the packing itself is broken, and then the message says so.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from vqcore.errors import DataError

# http://yann.lecun.com/exdb/mnist/, "the IDX file format": third byte of the magic → type of the values
_TYPES: dict[int, str] = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP_MAGIC = b"\x1f\x8b"
_BLOCK = 1 << 20


def read_idx(path: Path, axes: int | None = None) -> NDArray[Any]:
    """The array in a file, packed or not (told by its first bytes, not by its name), in the machine's byte order.

    `axes`: how many there must be. Raises DataError naming file and byte offset: no such file, not IDX, wrong number of axes,
    broken packing, fewer or more bytes than the header says.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _GZIP_MAGIC
            raw.seek(0)
            if not packed:
                return _parse(raw, path, axes)
            # the offset of broken packing is in the file as it lies on disk, so that file must be at hand
            try:
                with gzip.GzipFile(fileobj=raw, mode="rb") as unpacked:
                    return _parse(unpacked, path, axes)
            except EOFError:
                raise DataError(f"{path}: cut off at byte {raw.tell()}, in the middle of the packed data. {_REMEDY}") from None
            except (gzip.BadGzipFile, zlib.error) as error:
                raise DataError(f"{path}: damaged at or before byte {raw.tell()} of the packed data ({error}). {_REMEDY}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}).") from None


_REMEDY = "Delete the file, so that it is fetched anew, or replace it."


def _parse(stream: BinaryIO | gzip.GzipFile, path: Path, axes: int | None) -> NDArray[Any]:
    magic = _read(stream, 4)
    if len(magic) < 4:
        raise DataError(f"{path}: ends at byte {len(magic)}, before the end of its header. {_REMEDY}")
    if magic[:2] != b"\0\0" or magic[2] not in _TYPES:
        raise DataError(f"{path}: not an IDX file: bytes 0 to 3 are {magic.hex(' ')}, not 00 00, a type and a number of axes. {_REMEDY}")
    if magic[3] == 0 or (axes is not None and magic[3] != axes):
        raise DataError(f"{path}: byte 3 says {magic[3]} axes, where {axes or 'at least 1'} are expected. Is it under its right name?")
    header = _read(stream, 4 * magic[3])
    start = 4 + 4 * magic[3]
    if len(header) < 4 * magic[3]:
        raise DataError(f"{path}: ends at byte {4 + len(header)}, before the end of its header at byte {start}. {_REMEDY}")
    shape = tuple(int(length) for length in np.frombuffer(header, ">u4"))
    kind = np.dtype(_TYPES[magic[2]])
    expected = math.prod(shape) * kind.itemsize
    values = _read(stream, expected)
    if len(values) < expected:
        raise DataError(f"{path}: ends at byte {start + len(values)}; its header promises {shape}, to byte {start + expected}. {_REMEDY}")
    if stream.read(1):
        raise DataError(f"{path}: goes on after byte {start + expected}, where its header {shape} ends it. {_REMEDY}")
    return np.frombuffer(values, kind).reshape(shape).astype(kind.newbyteorder("="), copy=False)


def _read(stream: BinaryIO | gzip.GzipFile, count: int) -> bytearray:
    """`count` bytes, or all that there are. In blocks: a header may lie, and nothing is reserved on its word."""
    data = bytearray()
    while len(data) < count and (block := stream.read(min(_BLOCK, count - len(data)))):
        data += block
    return data
