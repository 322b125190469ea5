"""Pictures of codes: whole grids decoded, grids that fill, one cell with each of several codes.

Rows of codes are in the order of `vqcore.layout`. Axes: n grids, M codes a grid, H W C a picture's, P places, T candidates a place,
t the side of a tile in pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqcore.layout import Layout
from vqcore.models.base import Model
from vqcore.models.draw import draw_codes
from vqcore.runs.codes import CodeSet

_BATCH = 128
_AROUND = 1  # cells of surroundings on each side of a tile

Codes = NDArray[np.int64]
Pixels = NDArray[np.uint8]


def decoded(model: Model, layout: Layout, rows: NDArray[Any], report: Callable[[int, int], None] | None = None) -> Pixels:
    """What rows of codes (n, M) decode to, uint8 (n, H, W, C). `report(done, n)` is called as it goes. For models of pictures."""
    parts = []
    for start in range(0, max(1, len(rows)), _BATCH):
        parts.append(draw_codes(model, layout, rows[start : start + _BATCH]))
        if report is not None:
            report(min(len(rows), start + _BATCH), len(rows))
    return np.concatenate(parts)


def commonest(codes: CodeSet) -> Codes:
    """Each book's most frequent code in training, at each of its positions, (M,): what stands in cells that nothing is known of."""
    parts = [
        np.full(grid.cells, np.bincount(rows.reshape(-1), minlength=grid.K).argmax(), dtype=np.int64)
        for grid, rows in zip(codes.layout.grids, codes.layout.split(codes.train), strict=True)
    ]
    return np.concatenate(parts)


def partial(row: Codes, blank: Codes, counts: NDArray[Any]) -> Codes:
    """The row (M,) with only its first codes, the rest `blank`; one line for each of `counts`, (n, M)."""
    return np.where(np.arange(len(row)) < np.asarray(counts)[:, None], row, blank)


def tiles(
    model: Model,
    layout: Layout,
    row: Codes,
    blank: Codes,
    places: NDArray[Any],
    candidates: NDArray[Any],
    report: Callable[[int, int], None] | None = None,
) -> Pixels:
    """Each place with each of its candidates (P, T) in it, what comes before it true and the rest blank: uint8 (P, T, t, t, C).

    A tile shows the cell and one cell around it, the picture's edge repeated where it ends; the whole picture where there is no grid.
    """
    T = candidates.shape[1]
    rows = np.repeat(partial(row, blank, places), T, axis=0)
    rows[np.arange(len(rows)), np.repeat(places, T)] = candidates.reshape(-1)
    pictures = decoded(model, layout, rows, report)
    out = [_cut(layout, int(place), pictures[i * T : (i + 1) * T]) for i, place in enumerate(places)]
    # books of other grids have other tiles: all take the largest one's size
    side = max((cut.shape[1] for cut in out), default=1)
    return np.stack([_resized(cut, side) for cut in out]) if out else np.zeros((0, T, 1, 1, pictures.shape[-1]), dtype=np.uint8)


def _cut(layout: Layout, place: int, pictures: Pixels) -> Pixels:
    """(T, t, t, C)."""
    book = int(np.searchsorted(layout.starts(), place, side="right")) - 1
    shape = layout.grids[book].shape
    H, W = pictures.shape[1:3]
    if len(shape) != 2:
        return _resized(pictures, max(H, W))
    h, w = shape
    row, column = divmod(place - layout.starts()[book], w)
    cell = max(1, round(H / h), round(W / w))
    side = cell * (1 + 2 * _AROUND)
    top, left = row * cell - _AROUND * cell, column * cell - _AROUND * cell
    down, right = (np.arange(start, start + side).clip(0, size - 1) for start, size in ((top, H), (left, W)))
    return pictures[:, down][:, :, right]


def _resized(pictures: Pixels, side: int) -> Pixels:
    """Square, by the nearest pixel."""
    H, W = pictures.shape[1:3]
    return pictures[:, np.arange(side) * H // side][:, :, np.arange(side) * W // side]
