"""Capital letters in the font that comes with Pillow, white on black, each turned, slanted, scaled and shifted at random."""

from __future__ import annotations

import string

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vqcore.config.data import GlyphsConfig
from vqcore.data.base import DATA_SEED, Dataset, Labels, random_split

SIZE = 28
LETTERS = tuple(string.ascii_uppercase)
_FINE = 2  # drawn this many times larger, then averaged down: soft edges
_FONT_SIZE = 24  # pixels
_TURN, _SLANT, _SHIFT = 0.25, 0.2, 1.5  # radians, pixels sideways per pixel up, pixels; each way
_SCALE = (0.75, 1.05)


def load_glyphs(config: GlyphsConfig) -> Dataset:
    """uint8 (count, 1, 28, 28). Every letter is as frequent, up to one. A fifth is for validation."""
    generator = np.random.default_rng(DATA_SEED)
    letter = generator.permutation(np.arange(config.count, dtype=np.int64) % len(LETTERS))
    matrices = _affine(generator, config.count)
    masters = [_master(name) for name in LETTERS]
    x = np.stack([_warp(masters[k], matrix) for k, matrix in zip(letter, matrices, strict=True)])
    train, validation = random_split(config.count, generator)
    return Dataset(
        name="glyphs",
        x=x[:, None],
        modality="image",
        value_range=(0.0, 1.0),
        labels={"letter": Labels(letter, LETTERS)},
        train=train,
        validation=validation,
    )


def _master(letter: str) -> Image.Image:
    """The letter upright in the middle, `_FINE` times larger than in the data set."""
    side = SIZE * _FINE
    image = Image.new("L", (side, side))
    ImageDraw.Draw(image).text((side / 2, side / 2), letter, fill=255, font=ImageFont.load_default(_FONT_SIZE * _FINE), anchor="mm")
    return image


def _affine(generator: np.random.Generator, count: int) -> NDArray[np.float64]:
    """(count, 6): rows a b c, d e f of the map from a place in the drawing back to a place in the upright letter."""
    turn, slant = generator.uniform(-_TURN, _TURN, count), generator.uniform(-_SLANT, _SLANT, count)
    scale = generator.uniform(*_SCALE, count)
    shift = generator.uniform(-_SHIFT, _SHIFT, (count, 2)) * _FINE
    cosine, sine, zero, one = np.cos(turn), np.sin(turn), np.zeros(count), np.ones(count)
    back = np.moveaxis(np.array([[cosine, sine], [-sine, cosine]]), -1, 0) @ np.moveaxis(np.array([[one, slant], [zero, one]]), -1, 0)
    back /= scale[:, None, None]  # (count, 2, 2)
    centre = np.full(2, SIZE * _FINE / 2)
    offset = centre - (back @ (centre + shift)[..., None])[..., 0]
    return np.concatenate([back, offset[..., None]], axis=2).reshape(count, 6)


def _warp(master: Image.Image, matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
    """uint8 (28, 28)."""
    image = master.transform(master.size, Image.Transform.AFFINE, tuple(matrix), Image.Resampling.BILINEAR)
    return np.asarray(image.reduce(_FINE))
