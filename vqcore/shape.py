"""The shape of a model, known before anything is trained: its levels, and the books of each. No torch here.

A run's are `RunConfig.levels()`; `vqcore.layout.Layout.of` says where each code of an example stands.

Axes: C channels, H W height and width, S the axes of a level's grid (two for pictures, one for sequences, none for single vectors),
D code dimension, K codes a book.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vqcore.errors import ConfigError

_SMALLEST_SIDE = 4  # where halving stops on the way to a single vector


@dataclass(frozen=True, slots=True)
class Book:
    """One codebook: K codes of D numbers each. Nothing moves the codes of one that is not `learned`: they are where a rule puts them."""

    name: str
    K: int
    D: int
    learned: bool = True


@dataclass(frozen=True, slots=True)
class Level:
    """One bottleneck: `dim` numbers in each cell of a `grid` S, made of the codes of its `books` (none: it has no codes)."""

    name: str
    grid: tuple[int, ...]
    dim: int
    books: tuple[Book, ...]

    @property
    def cells(self) -> int:
        return math.prod(self.grid)


def sizes(books: Sequence[Book]) -> str:
    """How many codes there are: "32", "3 × 32" for three books alike, "32 + 8" for others."""
    counts = [f"{book.K:,}" for book in books]
    return f"{len(counts)} × {counts[0]}" if len(counts) > 1 and len(set(counts)) == 1 else " + ".join(counts)


def described(books: Sequence[Book]) -> str:
    """The books in a few words: "32 codes of 4 numbers", "3 × 32 codes of 16 numbers", "240 fixed codes of 3 numbers"."""
    if not books:
        return "no codes"
    numbers = " and ".join(dict.fromkeys(f"{book.D}" for book in books))
    return f"{sizes(books)} {'codes' if any(book.learned for book in books) else 'fixed codes'} of {numbers} numbers"


@dataclass(frozen=True, slots=True)
class Geometry:
    """How a picture (C, H, W) becomes a grid (h, w): `halvings` stride-2 convolutions of a picture padded to multiples of 2^halvings."""

    channels: int
    height: int
    width: int
    halvings: int
    vector: bool  # the grid is flattened to one vector

    @classmethod
    def plan(cls, shape: tuple[int, int, int], downsampling: Literal[2, 4, 8, "vector"]) -> Geometry:
        """Raises ConfigError when the picture is smaller than one latent cell."""
        channels, height, width = shape
        if downsampling == "vector":
            # as many halvings as bring the longer side to 4, yet no more than the shorter side has room for
            halvings = math.ceil(math.log2(max(1, max(height, width) / _SMALLEST_SIDE)))
            return cls(channels, height, width, min(halvings, int(math.log2(min(height, width)))), vector=True)
        if min(height, width) < downsampling:
            raise ConfigError(
                f"model.downsampling {downsampling}: pictures of {height}×{width} pixels are smaller than one latent cell. "
                f"Choose {' or '.join(str(d) for d in (2, 4) if d <= min(height, width)) or 'vector'}, or larger pictures."
            )
        return cls(channels, height, width, downsampling.bit_length() - 1, vector=False)

    @property
    def grid(self) -> tuple[int, int]:
        """(h, w) after the last halving."""
        cell = 2**self.halvings
        return -(-self.height // cell), -(-self.width // cell)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        return () if self.vector else self.grid

    def widths(self, hidden: int) -> list[int]:
        """Channels after each halving: half the width first, where pictures are largest, then all of it."""
        return [hidden // 2] * (self.halvings > 1) + [hidden] * (self.halvings - (self.halvings > 1))
