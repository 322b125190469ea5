"""Files placed by hand: used as they are when they are right, and told apart when they are not."""

from __future__ import annotations

import gzip
import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vqcore.config.data import FashionMnistConfig, MnistConfig
from vqcore.data.registry import data_folder, load, missing
from vqcore.errors import DataError


def test_training_and_test_files_are_the_split(placed: Path, small_files: dict[str, bytes]) -> None:
    dataset = load(MnistConfig(), cache=placed)
    assert np.array_equal(dataset.train, np.arange(40)) and np.array_equal(dataset.validation, np.arange(40, 50))
    pixels = small_files["train-images-idx3-ubyte"][16:] + small_files["t10k-images-idx3-ubyte"][16:]
    labels = small_files["train-labels-idx1-ubyte"][8:] + small_files["t10k-labels-idx1-ubyte"][8:]
    assert dataset.x.tobytes() == pixels
    assert bytes(dataset.labels["digit"].values.astype(np.uint8)) == labels


def test_packed_and_unpacked_are_the_same(placed: Path) -> None:
    packed, unpacked = load(MnistConfig(), cache=placed), load(FashionMnistConfig(), cache=placed)
    assert np.array_equal(packed.x, unpacked.x)
    assert unpacked.labels["clothing"].names[9] == "ankle boot"


def test_a_file_that_a_browser_unpacked_under_its_old_name(placed: Path, small_files: dict[str, bytes]) -> None:
    path = placed / "MNIST" / "raw" / "train-images-idx3-ubyte.gz"
    path.write_bytes(small_files["train-images-idx3-ubyte"])
    assert len(load(MnistConfig(), cache=placed).x) == 50


@pytest.mark.parametrize(
    "place", ["train-images.idx3-ubyte", "train-images-idx3-ubyte/train-images-idx3-ubyte", "train-images.idx3-ubyte.gz"]
)
def test_a_file_lies_where_other_programs_unpack_it(placed: Path, small_files: dict[str, bytes], place: str) -> None:
    raw = placed / "MNIST" / "raw"
    (raw / "train-images-idx3-ubyte.gz").unlink()
    assert [path.name for path in missing("mnist", cache=placed)] == ["train-images-idx3-ubyte.gz"]
    (raw / place).parent.mkdir(exist_ok=True)
    (raw / place).write_bytes(small_files["train-images-idx3-ubyte"])
    assert missing("mnist", cache=placed) == ()
    assert len(load(MnistConfig(), cache=placed).x) == 50


def test_a_folder_that_may_only_be_read_is_enough(placed: Path) -> None:
    raw = placed / "MNIST" / "raw"
    before = {path.name: path.stat().st_mtime_ns for path in raw.iterdir()}
    raw.chmod(0o500)
    try:
        load(MnistConfig(), cache=placed)
    finally:
        raw.chmod(0o700)
    assert {path.name: path.stat().st_mtime_ns for path in raw.iterdir()} == before


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "t10k-labels-idx1-ubyte",
            lambda data: b"\0\0\x08\x01" + struct.pack(">I", 9) + data[8:17],
            "bytes 4 to 7 say 9 labels.*has 10 pictures",
        ),
        ("t10k-labels-idx1-ubyte", lambda data: data[:13] + b"\x0c" + data[14:], "byte 13 is label 12, where 0 to 9 are allowed"),
        ("t10k-labels-idx1-ubyte", lambda data: b"\0\0\x08\x01" + bytes(4), "bytes 4 to 7 say that it is empty"),
        ("train-images-idx3-ubyte", lambda data: data[:8] + struct.pack(">II", 14, 56) + data[16:], "bytes 8 to 15 say 14×56 pixels"),
        ("train-images-idx3-ubyte", lambda data: b"\0\0\x09" + data[3:], "byte 2 says that its values are int8"),
        ("train-images-idx3-ubyte", lambda data: data[:-1], r"ends at byte 31375; its header promises \(40, 28, 28\), to byte 31376"),
        ("train-labels-idx1-ubyte", lambda data: b"\0\0\x08\x03" + data[4:], "byte 3 says 3 axes"),
    ],
)
def test_wrong_content_names_file_and_offset(
    placed: Path, small_files: dict[str, bytes], name: str, change: Callable[[bytes], bytes], message: str
) -> None:
    path = placed / "MNIST" / "raw" / f"{name}.gz"
    path.write_bytes(gzip.compress(change(small_files[name])))
    with pytest.raises(DataError, match=message) as caught:
        load(MnistConfig(), cache=placed)
    assert str(path) in str(caught.value)


def test_swapped_files_are_noticed(placed: Path) -> None:
    raw = placed / "FashionMNIST" / "raw"
    (raw / "train-images-idx3-ubyte").replace(raw / "aside")
    (raw / "train-labels-idx1-ubyte").replace(raw / "train-images-idx3-ubyte")
    (raw / "aside").replace(raw / "train-labels-idx1-ubyte")
    with pytest.raises(DataError, match="byte 3 says 1 axes, where 3 are expected"):
        load(FashionMnistConfig(), cache=placed)


@pytest.mark.skipif(bool(missing("mnist")), reason="MNIST is not in the data folder (VQ_DATA)")
def test_the_real_mnist() -> None:
    dataset = load(MnistConfig(), cache=data_folder())
    assert dataset.x.shape == (70_000, 1, 28, 28)
    assert len(dataset.train) == 60_000 and len(dataset.validation) == 10_000
    # the published unpacked files, header and all
    for side, count, images, labels in (
        (
            dataset.train,
            60_000,
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        (
            dataset.validation,
            10_000,
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ):
        pixels = struct.pack(">BBBB3I", 0, 0, 8, 3, count, 28, 28) + dataset.x[side].tobytes()
        digits = struct.pack(">BBBBI", 0, 0, 8, 1, count) + dataset.labels["digit"].values[side].astype(np.uint8).tobytes()
        assert hashlib.sha256(pixels).hexdigest() == images
        assert hashlib.sha256(digits).hexdigest() == labels
