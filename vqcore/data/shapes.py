"""Drawings with four known factors: shape, colour, size, place. What is not a factor varies a little, so that hardly two are alike."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from vqcore.config.data import ShapesConfig
from vqcore.data.base import DATA_SEED, Dataset, Labels, random_split

SIZE = 32
_FINE = 4  # drawn this many times larger, then averaged down: soft edges

SHAPES = ("circle", "square", "triangle", "star", "cross")
# Okabe and Ito's colours, and still seven different ones when binarised
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (213, 94, 0),
    "yellow": (240, 228, 66),
    "green": (0, 158, 115),
    "sky": (86, 180, 233),
    "blue": (0, 114, 178),
    "pink": (204, 121, 167),
    "white": (240, 240, 240),
}
BACKGROUND = (26, 28, 36)
RADII: dict[str, float] = {"small": 4.0, "medium": 6.0, "large": 8.0}  # pixels, of the circle around the shape
_CENTRES = (10.0, 16.0, 22.0)  # pixels
PLACES = ("top left", "top", "top right", "left", "middle", "right", "bottom left", "bottom", "bottom right")

_RADIUS_JITTER, _CENTRE_JITTER, _TURN_JITTER = 0.4, 0.6, 0.2  # pixels, pixels, radians; each way
# angle (in turns, 0 is up, clockwise) and radius of each corner, relative to the circle around the shape
_CORNERS: dict[str, tuple[tuple[float, float], ...]] = {
    "square": tuple((k / 4 + 1 / 8, 1.0) for k in range(4)),
    "triangle": tuple((k / 3, 1.0) for k in range(3)),
    "star": tuple((k / 10, 1.0 if k % 2 == 0 else 0.42) for k in range(10)),
    # three corners an arm: outer left, outer right, and the inner one that the next arm shares; arms are 0.64 radii wide
    "cross": tuple(
        corner for k in range(4) for corner in ((k / 4 - 0.0518, 1.0), (k / 4 + 0.0518, 1.0), (k / 4 + 1 / 8, 0.32 * math.sqrt(2)))
    ),
}


def load_shapes(config: ShapesConfig) -> Dataset:
    """uint8 (count, 3, 32, 32). The factors are drawn independently of each other. A fifth is for validation."""
    generator = np.random.default_rng(DATA_SEED)
    shape, colour, size, place = (generator.integers(0, k, config.count) for k in (len(SHAPES), len(COLOURS), len(RADII), len(PLACES)))
    jitter = generator.uniform(-1, 1, (4, config.count))
    radius = np.asarray(list(RADII.values()))[size] + jitter[0] * _RADIUS_JITTER
    row, column = np.divmod(place, 3)
    x = np.asarray(_CENTRES)[column] + jitter[1] * _CENTRE_JITTER
    y = np.asarray(_CENTRES)[row] + jitter[2] * _CENTRE_JITTER
    masks = np.stack([_mask(SHAPES[k], *rest) for k, *rest in zip(shape, x, y, radius, jitter[3] * _TURN_JITTER, strict=True)])
    train, validation = random_split(config.count, generator)
    return Dataset(
        name="shapes",
        x=_paint(masks, np.asarray(list(COLOURS.values()))[colour]),
        modality="image",
        value_range=(0.0, 1.0),
        labels={
            "shape": Labels(shape, SHAPES),
            "colour": Labels(colour, tuple(COLOURS)),
            "size": Labels(size, tuple(RADII)),
            "place": Labels(place, PLACES),
        },
        train=train,
        validation=validation,
    )


def _mask(shape: str, x: float, y: float, radius: float, turn: float) -> NDArray[np.uint8]:
    """How much of each pixel the shape covers, 0 to 255: uint8 (32, 32). Centre and radius in pixels, turn in radians, clockwise."""
    image = Image.new("L", (SIZE * _FINE, SIZE * _FINE))
    draw = ImageDraw.Draw(image)
    x, y, radius = x * _FINE, y * _FINE, radius * _FINE
    if shape == "circle":
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    else:
        angles = [(2 * math.pi * part + turn, radius * reach) for part, reach in _CORNERS[shape]]
        draw.polygon([(x + reach * math.sin(angle), y - reach * math.cos(angle)) for angle, reach in angles], fill=255)
    return np.asarray(image.reduce(_FINE))


def _paint(masks: NDArray[np.uint8], colours: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Masks (N, H, W) in their colours (N, 3) on the background: uint8 (N, 3, H, W)."""
    cover = masks[:, None].astype(np.float32) / 255
    background = np.asarray(BACKGROUND, np.float32)[:, None, None]
    return np.rint(background + cover * (colours[:, :, None, None] - background)).astype(np.uint8)
