"""The 1,797 handwritten digits that come with scikit-learn: 8×8, grey. Who wrote which is not known, so writers are on both sides."""

from __future__ import annotations

import numpy as np

from vqcore.config.data import DigitsConfig
from vqcore.data.base import DATA_SEED, Dataset, Labels, random_split
from vqcore.data.scikit import scikit_file


def load_digits(config: DigitsConfig) -> Dataset:
    """uint8 (1797, 1, 8, 8): the ink of 4×4 cells, 0 to 16 there, scaled to 0 to 255. A fifth is for validation."""
    # each row: 64 values, row by row, and the digit
    rows = np.loadtxt(scikit_file("data/digits.csv.gz"), delimiter=",", dtype=np.int64)
    ink = rows[:, :-1].reshape(-1, 1, 8, 8)
    train, validation = random_split(len(rows), np.random.default_rng(DATA_SEED))
    return Dataset(
        name="digits",
        x=np.rint(ink * (255 / 16)).astype(np.uint8),
        modality="image",
        value_range=(0.0, 1.0),
        labels={"digit": Labels(rows[:, -1].copy(), tuple("0123456789"))},
        train=train,
        validation=validation,
    )
