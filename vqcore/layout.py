"""Where each code of an example stands: the grids of a model's books, laid out as one row of codes. No torch here.

The order is the one in which priors factorise: book after book, each in raster order.
Axes: N examples, M codes an example, K codes a book, S a grid's axes (two, one, or none for single vectors).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqcore.errors import GridError
from vqcore.shape import Level


@dataclass(frozen=True, slots=True)
class Grid:
    """The codes that one book gives an example: `shape` S of indices in [0, K)."""

    name: str
    K: int
    shape: tuple[int, ...]

    @property
    def cells(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Layout:
    """All grids of an example. `classes`: how many labels the data have, 0 without labels."""

    grids: tuple[Grid, ...]
    classes: int = 0

    @classmethod
    def of(cls, levels: Sequence[Level], classes: int = 0) -> Layout:
        """A grid for each book of each level, coarse to fine."""
        return cls(tuple(Grid(book.name, book.K, level.grid) for level in levels for book in level.books), classes)

    @property
    def length(self) -> int:
        """M."""
        return sum(grid.cells for grid in self.grids)

    @property
    def vocabulary(self) -> int:
        """K of the largest book."""
        return max(grid.K for grid in self.grids)

    def sizes(self) -> NDArray[np.int64]:
        """K of the book at each position, (M,)."""
        return np.repeat([grid.K for grid in self.grids], [grid.cells for grid in self.grids])

    def starts(self) -> tuple[int, ...]:
        """The first position of each book."""
        return tuple(int(start) for start in np.cumsum([0, *(grid.cells for grid in self.grids)])[:-1])

    def split(self, codes: Any) -> tuple[Any, ...]:
        """Rows (N, M), an array or a tensor, as one grid (N, *S) a book."""
        return tuple(
            codes[:, start : start + grid.cells].reshape(len(codes), *grid.shape)
            for start, grid in zip(self.starts(), self.grids, strict=True)
        )

    def join(self, grids: Sequence[NDArray[Any]]) -> NDArray[np.int64]:
        """One grid (N, *S) a book as rows (N, M). Raises GridError for what does not fit."""
        if len(grids) != len(self.grids):
            raise GridError(f"{len(grids)} grids were given, while this model has {len(self.grids)}: one for each codebook.")
        rows = []
        for grid, given in zip(self.grids, grids, strict=True):
            array = np.asarray(given)
            if array.shape[1:] != grid.shape:
                raise GridError(f"A grid of {_form(array.shape[1:])} was given, while {grid.name} takes {_form(grid.shape)} codes.")
            rows.append(array.reshape(len(array), -1))
        return self.checked(np.concatenate(rows, axis=1))

    def checked(self, rows: Any) -> NDArray[np.int64]:
        """`rows` (N, M) as int64. Raises GridError for another shape, for what is no whole number, and for indices outside [0, K)."""
        array = np.asarray(rows)
        if array.ndim != 2 or array.shape[1] != self.length:
            raise GridError(f"Codes of shape {array.shape} were given, while this model takes rows of {self.length}.")
        if array.dtype.kind not in "iu":
            raise GridError(f"Codes are whole numbers from 0; given: {array.dtype}.")
        wrong = (array < 0) | (array >= self.sizes())
        if wrong.any():
            row, position = (int(i) for i in np.argwhere(wrong)[0])
            raise GridError(
                f"Code {int(array[row, position])} at position {position} does not exist: indices go from 0 to "
                f"{int(self.sizes()[position]) - 1}."
            )
        return array.astype(np.int64)


def _form(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "1"
