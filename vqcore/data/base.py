"""What every data set looks like once it is loaded. Axes: N examples, C channels, H W height and width."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqcore.config.data import Modality

# drawn once, for every run alike: the run's seed decides how a model learns, never what it learns from
DATA_SEED = 20_171_102
VALIDATION_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Labels:
    """One known factor. `values` int64 (N,) index into `names`."""

    values: NDArray[np.int64]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set in memory, with its fixed split.

    `x`: images uint8 (N, C, H, W), 0 to 255; points float32 (N, 2).
    `value_range`: what the models see: (0.0, 1.0) for images (x / 255), the bounds of both axes for points.
    `labels`: one entry a known factor, the main one first.
    `train`, `validation`: int64 indices into x, ascending; together they are all of it, and share nothing.
    `group`: int64 (N,) or None. Examples of one group (a region of a photograph, a speaker) are never on both sides of the split.
    `source`, `licence`: where it comes from; the registry fills them in.
    """

    name: str
    x: NDArray[Any]
    modality: Modality
    value_range: tuple[float, float]
    labels: Mapping[str, Labels]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    group: NDArray[np.int64] | None = None
    source: str = ""
    licence: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example: (C, H, W), or (2,) for points."""
        return tuple(self.x.shape[1:])


def random_split(
    count: int, generator: np.random.Generator, share: float = VALIDATION_SHARE
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the training and of the validation examples, both ascending; `share` (0 to 1) of them are for validation."""
    order = generator.permutation(count).astype(np.int64)
    held_out = round(count * share)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def binarised(dataset: Dataset) -> Dataset:
    """The images with every value at 0 or 255 (threshold 0.5). Each channel by itself: colours become the cube's eight corners."""
    return replace(dataset, x=np.where(dataset.x >= 128, 255, 0).astype(np.uint8))
