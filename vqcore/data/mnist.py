"""MNIST and Fashion-MNIST: 60,000 training and 10,000 test pictures, 28×28, grey. The test pictures are the validation data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqcore.config.data import FashionMnistConfig, MnistConfig
from vqcore.data.base import Dataset, Labels
from vqcore.data.idx import read_idx
from vqcore.errors import DataError

SIZE = 28
DIGITS = tuple("0123456789")
CLOTHES = ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")


def load_mnist(config: MnistConfig, files: Mapping[str, Path]) -> Dataset:
    """Handwritten digits. `files`: name → path of the four IDX files. Raises DataError for what is not MNIST."""
    return _load("mnist", "digit", DIGITS, files)


def load_fashion_mnist(config: FashionMnistConfig, files: Mapping[str, Path]) -> Dataset:
    """Pieces of clothing. `files`: name → path of the four IDX files. Raises DataError for what is not Fashion-MNIST."""
    return _load("fashion_mnist", "clothing", CLOTHES, files)


def _load(name: str, factor: str, names: tuple[str, ...], files: Mapping[str, Path]) -> Dataset:
    parts = [_part(files[f"{part}-images-idx3-ubyte"], files[f"{part}-labels-idx1-ubyte"], len(names)) for part in ("train", "t10k")]
    trained, count = len(parts[0][0]), sum(len(images) for images, _ in parts)
    return Dataset(
        name=name,
        x=np.concatenate([images for images, _ in parts])[:, None],
        modality="image",
        value_range=(0.0, 1.0),
        labels={factor: Labels(np.concatenate([values for _, values in parts]), names)},
        train=np.arange(trained, dtype=np.int64),
        validation=np.arange(trained, count, dtype=np.int64),
    )


def _part(images_path: Path, labels_path: Path, classes: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pictures (N, 28, 28) and labels (N,) that belong together."""
    images, labels = read_idx(images_path, axes=3), read_idx(labels_path, axes=1)
    for path, values in ((images_path, images), (labels_path, labels)):
        _check_bytes(path, values)
    if images.shape[1:] != (SIZE, SIZE):
        raise DataError(f"{images_path}: bytes 8 to 15 say {images.shape[1]}×{images.shape[2]} pixels, where {SIZE}×{SIZE} are expected.")
    if len(labels) != len(images):
        raise DataError(
            f"{labels_path}: bytes 4 to 7 say {len(labels):,} labels, but {images_path.name} has {len(images):,} pictures. "
            "Take both files from the same source."
        )
    if len(wrong := np.flatnonzero(labels >= classes)):
        where = int(wrong[0])
        raise DataError(f"{labels_path}: byte {8 + where} is label {labels[where]}, where 0 to {classes - 1} are allowed.")
    return images, labels.astype(np.int64)


def _check_bytes(path: Path, values: NDArray[Any]) -> None:
    if values.dtype != np.uint8:
        raise DataError(f"{path}: byte 2 says that its values are {values.dtype}, where unsigned bytes (08) are expected.")
    if not len(values):
        raise DataError(f"{path}: bytes 4 to 7 say that it is empty.")
