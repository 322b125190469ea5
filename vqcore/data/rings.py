"""Points on two noisy rings around the origin: two dimensions, so that everything can be seen."""

from __future__ import annotations

import numpy as np

from vqcore.config.data import RingsConfig
from vqcore.data.base import DATA_SEED, Dataset, Labels, random_split

RADII = (0.5, 1.0)
RINGS = ("inner", "outer")


def load_rings(config: RingsConfig) -> Dataset:
    """float32 (count, 2), half on each ring. `noise` moves each point along the same direction, further the more there is."""
    generator = np.random.default_rng(DATA_SEED)
    ring = generator.permutation(np.arange(config.count, dtype=np.int64) % 2)
    angle = generator.uniform(0, 2 * np.pi, config.count)
    radius = np.asarray(RADII)[ring] + config.noise * generator.standard_normal(config.count)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).astype(np.float32)
    bound = float(np.abs(x).max())
    train, validation = random_split(config.count, generator)
    return Dataset(
        name="rings",
        x=x,
        modality="points",
        value_range=(-bound, bound),
        labels={"ring": Labels(ring, RINGS)},
        train=train,
        validation=validation,
    )
