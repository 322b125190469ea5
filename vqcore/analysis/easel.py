"""A frozen model to paint with: pictures to codes and back, what each code draws, how far a cell reaches; and what a prior thinks of it.

Everything is on the processor, one example at a time where results must repeat bit for bit: batches of other sizes round otherwise.

Axes: H W C a picture's, M codes an example (the order of `vqcore.layout`), S a book's grid, K codes of a book.
"""

from __future__ import annotations

import copy
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vqcore.analysis.load import Frozen
from vqcore.errors import GridError
from vqcore.models.base import Model
from vqcore.models.draw import draw_codes
from vqcore.priors.base import Prior
from vqcore.priors.sampling import fill, gibbs, is_exact, surprise

Codes = NDArray[np.int64]
Pixels = NDArray[np.uint8]

_KEPT = 512  # decoded pictures
_TILE_BATCH = 64
_FAINT = 1e-3  # of what is sent through the opened decoder: nothing of it reaches an end of the pictures' range
_SHOWN = 12  # steps of a resampling that are kept to be shown


class Easel:
    """Of one checkpoint. Threads may share it; each must have said that it computes with one thread."""

    def __init__(self, frozen: Frozen) -> None:
        """Raises GridError for a model that gives no pictures, or has no codebook."""
        if frozen.modality != "image":
            raise GridError("Painting needs a model of pictures: this run's data are points.")
        self.frozen = frozen
        self.layout = frozen.layout()
        C, H, W = frozen.shape
        self.picture_shape = (H, W, C)
        self._guard = threading.Lock()
        self._decoded: OrderedDict[bytes, Pixels] = OrderedDict()
        self._reach: NDArray[np.int32] | None = None

    @property
    def checkpoint(self) -> str:
        """The hash of the model's checkpoint, 12 hexadecimal digits."""
        return self.frozen.stamp.hash

    @torch.inference_mode()
    def encode(self, picture: NDArray[Any]) -> Codes:
        """The codes (M,) that the encoder chooses for a picture uint8 (H, W, C). Raises GridError for another shape."""
        array = np.asarray(picture)
        if array.shape != self.picture_shape or array.dtype != np.uint8:
            raise GridError(f"A picture of shape {self.picture_shape}, 0 to 255, is needed; given: {array.shape}, {array.dtype}.")
        x = torch.from_numpy(np.ascontiguousarray(np.moveaxis(array, -1, 0))[None]).float() / 255
        grids = self.frozen.model.indices(x)
        codes: Codes = self.layout.join([grid.numpy() for grid in grids])[0]
        return codes

    def decode(self, codes: NDArray[Any]) -> Pixels:
        """What the decoder draws for codes (M,): uint8 (H, W, C). The same codes give the same bytes. Raises GridError."""
        row = self.layout.checked(np.asarray(codes)[None])
        key = row.tobytes()
        with self._guard:
            known = self._decoded.get(key)
            if known is not None:
                self._decoded.move_to_end(key)
                return known
        with torch.inference_mode():
            picture: Pixels = draw_codes(self.frozen.model, self.layout, row)[0]
        picture.setflags(write=False)
        with self._guard:
            self._decoded[key] = picture
            while len(self._decoded) > _KEPT:
                self._decoded.popitem(last=False)
        return picture

    def tiles(self, book: int, codes: NDArray[Any], background: NDArray[Any]) -> Pixels:
        """What each of `codes` (n,) draws where all cells of the book have it, the other books as in `background` (M,).

        uint8 (n, h', w', C): the pixels of the middle cell where a picture divides into the book's cells, else the whole picture.
        """
        grid, start = self.layout.grids[book], self.layout.starts()[book]
        top, left, bottom, right = middle_cell(grid.shape, self.picture_shape)
        found = []
        for first in range(0, len(codes), _TILE_BATCH):
            some = np.asarray(codes[first : first + _TILE_BATCH], dtype=np.int64)
            rows = np.repeat(np.asarray(background, dtype=np.int64)[None], len(some), axis=0)
            rows[:, start : start + grid.cells] = some[:, None]
            with torch.inference_mode():
                found.append(draw_codes(self.frozen.model, self.layout, rows)[:, top:bottom, left:right])
        return np.concatenate(found) if found else np.zeros((0, bottom - top, right - left, self.picture_shape[2]), dtype=np.uint8)

    def reach(self) -> NDArray[np.int32]:
        """The pixels that each cell's code can change, int32 (M, 4): top, left, bottom, right, the last two exclusive."""
        if self._reach is None:
            fields = [reaches(self.frozen.model, self.frozen.shape, place).reshape(-1, 4) for place in range(len(self.frozen.model.levels))]
            self._reach = np.concatenate([fields[place] for place in self.frozen.model.level_of_book])
        return self._reach


def middle_cell(shape: tuple[int, ...], picture: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Top, left, bottom, right of the pixels under the middle cell of a grid; the whole picture where it does not divide into cells."""
    H, W, _ = picture
    if len(shape) != 2 or math.prod(shape) < 2:
        return 0, 0, H, W
    h, w = shape
    high, wide = -(-H // h), -(-W // w)
    top, left = min((h // 2) * high, H - high), min((w // 2) * wide, W - wide)
    return top, left, top + high, left + wide


def reaches(model: Model, shape: tuple[int, ...], level: int = 0) -> NDArray[np.int32]:
    """The pixels of a picture (C, H, W) that each cell of a level can change, int32 (h, w, 4), clipped; (1, 1, 4) for a vector.

    As in `receptive_fields`, the other way round: a copy of the decoder with weights that are all positive, in which nothing cancels,
    and gradients of one pixel of each row and of each column, as convolutions see rectangles.
    """
    _, H, W = shape
    if len(model.levels[level].grid) != 2:
        return np.array([[[0, 0, H, W]]], dtype=np.int32)
    h, w = model.levels[level].grid
    opened = copy.deepcopy(model)
    for module in opened.modules():
        _open(module)
    rows = np.any(_cells_behind(opened, level, [(y, 0) for y in range(H)]), axis=2)  # (H, h)
    columns = np.any(_cells_behind(opened, level, [(0, x) for x in range(W)]), axis=1)  # (W, w)
    fields = np.zeros((h, w, 4), dtype=np.int32)
    fields[:, :, 0], fields[:, :, 2] = (ends[:, None] for ends in _ends(rows.T))
    fields[:, :, 1], fields[:, :, 3] = (ends[None, :] for ends in _ends(columns.T))
    return fields


def _open(module: nn.Module) -> None:
    for name, parameter in module.named_parameters(recurse=False):
        with torch.no_grad():
            parameter.fill_(1 / max(1, math.prod(parameter.shape[1:])) if name == "weight" else 0.0)


def _cells_behind(model: Model, level: int, pixels: list[tuple[int, int]]) -> NDArray[np.bool_]:
    """Which cells of a level each of the pixels depends on: bool (n, h, w)."""
    with torch.inference_mode(False), torch.enable_grad():
        z_q = tuple(torch.full((len(pixels), part.dim, *part.grid), _FAINT, requires_grad=True) for part in model.levels)
        x = model.decode(z_q)  # (n, C, H, W)
        total = torch.stack([x[i, :, row, column].sum() for i, (row, column) in enumerate(pixels)]).sum()
        (gradient,) = torch.autograd.grad(total, z_q[level])
    behind: NDArray[np.bool_] = (gradient != 0).any(dim=1).numpy()
    return behind


def _ends(lines: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """First and one past the last true place of each row; nothing at all for a row without."""
    first = lines.argmax(axis=1)
    last = np.where(lines.any(axis=1), lines.shape[1] - lines[:, ::-1].argmax(axis=1), first)
    return first.astype(np.int32), last.astype(np.int32)


# ── what a prior thinks of it ──


def scored(prior: Prior, codes: NDArray[Any], label: int | None = None) -> NDArray[np.float32]:
    """−log2 p of each code given those before it, bits (M,). Raises GridError, ConfigError."""
    bits: NDArray[np.float32] = surprise(prior, np.asarray(codes)[None], _labels(prior, label))[0]
    return bits


@dataclass(frozen=True, slots=True)
class Drawn:
    """A step of a resampling: `done` of `total` draws are made; `codes` (M,) so far."""

    done: int
    total: int
    codes: Codes


def exact(free: NDArray[np.bool_]) -> bool:
    """Whether drawing the `free` cells (M,) in raster order is exact: every cell after the first free one is free."""
    return is_exact(free)


def resampled(
    prior: Prior,
    codes: NDArray[Any],
    free: NDArray[np.bool_],
    *,
    sweeps: int,
    label: int | None = None,
    temperature: float = 1.0,
    seed: int = 0,
) -> Iterator[Drawn]:
    """Draw the `free` cells (M,) of codes (M,) again: in raster order where that is exact, else by so many Gibbs sweeps.

    Yields after each draw. Gibbs begins with the codes as they are. Raises GridError, also when nothing is free; ConfigError.
    """
    free = np.asarray(free, dtype=bool)
    if not free.any():
        raise GridError("No cell is chosen: choose those that shall be drawn again.")
    row, labels = np.asarray(codes)[None], _labels(prior, label)
    cells = int(free.sum())
    if exact(free):
        drawn = fill(prior, row, free, labels, temperature=temperature, seed=seed)
        for done, filled in enumerate(drawn, 1):
            yield Drawn(done, cells, filled.codes[0])
    else:
        swept = gibbs(prior, row, free, labels, sweeps=sweeps, temperature=temperature, seed=seed)
        for done, step in enumerate(swept, 1):
            yield Drawn(done, cells * sweeps, step.codes[0])


def frames(steps: Iterator[Drawn], every: int, look: Callable[[Drawn], bool]) -> list[Codes]:
    """The codes after every `every` draws, the last ones among them, at most a dozen in all. `look` sees each step; False ends it: []."""
    kept: list[Codes] = []
    last: Codes | None = None
    for step in steps:
        if not look(step):
            return []
        last = step.codes
        if step.done % max(1, every) == 0 or step.done == step.total:
            kept.append(step.codes)
    if last is None:
        return []
    picked = np.unique(np.linspace(0, len(kept) - 1, min(_SHOWN, len(kept))).round().astype(int))
    return [kept[i] for i in picked]


def _labels(prior: Prior, label: int | None) -> list[int] | None:
    return [label] if prior.conditional and label is not None else None
