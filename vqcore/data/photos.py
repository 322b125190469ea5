"""Patches of the two photographs that come with scikit-learn, 32×32, colour.

A vertical strip of each photograph is for validation, and every patch lies whole on one side of its edges: no pixel is shared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vqcore.config.data import PhotosConfig
from vqcore.data.base import DATA_SEED, VALIDATION_SHARE, Dataset, Labels
from vqcore.data.scikit import scikit_file

SIZE = 32
PHOTOS = ("china", "flower")
WIDTH, HEIGHT = 640, 427  # of both
# first column of the strip, and the one after its last: a fifth of the width, and some of everything (roof, sky, trees; petals, leaves)
STRIPS = ((230, 358), (345, 473))


@dataclass(frozen=True, slots=True)
class Places:
    """Where the patches are cut, all int64 (N,): index into PHOTOS, first row and column, and 0, 1, 2: left of the strip, in it, right."""

    photo: NDArray[np.int64]
    top: NDArray[np.int64]
    left: NDArray[np.int64]
    side: NDArray[np.int64]


def patch_places(count: int) -> Places:
    """`count` different places, half in each photo, a fifth of them in the strips, in random order."""
    generator = np.random.default_rng(DATA_SEED)
    held_out = round(count * VALIDATION_SHARE)
    parts = []
    for photo, (start, stop) in enumerate(STRIPS):
        outside = np.r_[0 : start - SIZE + 1, stop : WIDTH - SIZE + 1]
        within = np.arange(start, stop - SIZE + 1)
        for columns, wanted in ((outside, count - held_out), (within, held_out)):
            wanted = wanted // 2 + (wanted % 2 if photo == 0 else 0)
            top, column = np.divmod(generator.choice((HEIGHT - SIZE + 1) * len(columns), wanted, replace=False), len(columns))
            left = columns[column]
            side = np.where(left < start, 0, np.where(left < stop, 1, 2))
            parts.append(np.stack([np.full(wanted, photo), top, left, side]))
    places = np.concatenate(parts, axis=1).astype(np.int64)
    return Places(*places[:, generator.permutation(count)])


def load_photos(config: PhotosConfig) -> Dataset:
    """uint8 (patches, 3, 32, 32). A fifth is for validation. `group`: the region that a patch comes from, three in a photo."""
    places = patch_places(config.patches)
    pictures = np.stack([_picture(name) for name in PHOTOS])  # (2, H, W, 3)
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (SIZE, SIZE), axis=(1, 2))  # (2, tops, lefts, 3, 32, 32), a view
    return Dataset(
        name="photos",
        x=np.ascontiguousarray(windows[places.photo, places.top, places.left]),
        modality="image",
        value_range=(0.0, 1.0),
        labels={"photo": Labels(places.photo, PHOTOS)},
        train=np.flatnonzero(places.side != 1).astype(np.int64),
        validation=np.flatnonzero(places.side == 1).astype(np.int64),
        group=places.photo * 3 + places.side,
    )


def _picture(name: str) -> NDArray[np.uint8]:
    with Image.open(scikit_file(f"images/{name}.jpg")) as picture:
        return np.asarray(picture.convert("RGB"))
