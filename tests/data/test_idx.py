"""The IDX parser: what it reads, and what it says about what it cannot read."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vqcore.data.idx import read_idx
from vqcore.errors import DataError

Encode = Callable[[np.ndarray], bytes]

ARRAYS = st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8"]).flatmap(
    lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx") / "some-images"


@settings(deadline=None)
@given(array=ARRAYS, packed=st.booleans())
def test_reads_back_what_was_written(idx_bytes: Encode, path: Path, array: np.ndarray, packed: bool) -> None:
    data = idx_bytes(array)
    path.write_bytes(gzip.compress(data) if packed else data)
    read = read_idx(path, axes=array.ndim)
    assert read.dtype == array.dtype and read.dtype.isnative and read.flags.writeable
    np.testing.assert_array_equal(read, array)


@settings(deadline=None)
@given(array=ARRAYS, packed=st.booleans(), share=st.floats(0, 1, exclude_max=True))
def test_any_cut_is_told_with_file_and_offset(idx_bytes: Encode, path: Path, array: np.ndarray, packed: bool, share: float) -> None:
    data = idx_bytes(array)
    whole = gzip.compress(data) if packed else data
    cut = int(len(whole) * share)
    path.write_bytes(whole[:cut])
    with pytest.raises(DataError, match=rf"some-images: (ends at|cut off at|not an IDX).* byte(s 0 to)? {'' if packed else f'({cut}|3)'}"):
        read_idx(path)


@settings(deadline=None)
@given(array=ARRAYS, where=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_damaged_byte_in_a_packed_file_is_found_or_harmless(
    idx_bytes: Encode, path: Path, array: np.ndarray, where: int, flip: int
) -> None:
    whole = bytearray(gzip.compress(idx_bytes(array)))
    whole[where % len(whole)] ^= flip
    path.write_bytes(whole)
    try:
        read = read_idx(path)
    except DataError as error:
        assert "some-images: " in str(error) and "byte" in str(error)
    else:
        np.testing.assert_array_equal(read, array)


def header(*shape: int, kind: int = 8) -> bytes:
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, kind, len(shape), *shape)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "ends at byte 0, before the end of its header"),
        (b"<html>sign in</html>", "bytes 0 to 3 are 3c 68 74 6d"),
        (b"\0\0\x07\x01" + bytes(8), "not an IDX file"),
        (header(), "byte 3 says 0 axes"),
        (header(4), "byte 3 says 1 axes, where 3 are expected"),
        (header(2, 3, 3)[:9], "ends at byte 9, before the end of its header at byte 16"),
        (header(2, 3, 3) + bytes(17), r"ends at byte 33; its header promises \(2, 3, 3\), to byte 34"),
        (header(2, 3, 3) + bytes(19), "goes on after byte 34"),
        (header(2**32 - 1, 2**32 - 1, 2**32 - 1) + bytes(5), "ends at byte 21"),  # a lie must not reserve memory
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_wrong_files_are_told_apart(path: Path, data: bytes, message: str, packed: bool) -> None:
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path, axes=3)
    assert str(path) in str(caught.value)


def test_packing_that_is_cut_names_the_byte_on_disk(path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, 300_000).astype(np.uint8)
    whole = gzip.compress(header(len(values)) + values.tobytes())
    path.write_bytes(whole[:200_000])
    with pytest.raises(DataError, match="cut off at byte 200000, in the middle of the packed data"):
        read_idx(path)


def test_packing_that_is_damaged_says_so(path: Path) -> None:
    whole = bytearray(gzip.compress(header(1000) + bytes(1000)))
    whole[-6] ^= 255  # in the checksum
    path.write_bytes(whole)
    with pytest.raises(DataError, match="damaged at or before byte"):
        read_idx(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: cannot be read"):
        read_idx(tmp_path / "nowhere")
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path)
