"""What of the picture each latent cell can depend on: its receptive field, found by autograd on the encoder's own geometry.

Axes: C channels, H W a picture's, h w the latent grid's, F fields asked for.
"""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vqcore.models.base import Model


def receptive_fields(model: Model, shape: tuple[int, ...], level: int = 0) -> NDArray[np.int32]:
    """The picture's rows and columns that each cell of a level depends on, as int32 (h, w, 4): top, left, bottom, right, the last two
    exclusive.

    `shape` is a picture's (C, H, W). Fields are clipped at its borders. A single vector depends on all of it: (1, 1, 4).

    The encoder's copy is given weights that are all positive and a bright picture: no ReLU cuts anything off and nothing cancels, so
    that exactly the pixels which can matter have a gradient, whatever the trained weights happen to be. Convolutions see rectangles,
    so one cell of each row and one of each column tell all.
    """
    _, H, W = shape
    grid = model.levels[level].grid
    if len(grid) != 2:
        return np.array([[[0, 0, H, W]]], dtype=np.int32)
    h, w = grid
    encode = copy.deepcopy(model)
    for module in encode.modules():
        _open(module)
    fields = np.zeros((h, w, 4), dtype=np.int32)
    rows = np.any(_touched(encode, shape, level, [(r, 0) for r in range(h)]), axis=2)  # (h, H)
    columns = np.any(_touched(encode, shape, level, [(0, c) for c in range(w)]), axis=1)  # (w, W)
    fields[:, :, 0], fields[:, :, 2] = (ends[:, None] for ends in _ends(rows))
    fields[:, :, 1], fields[:, :, 3] = (ends[None, :] for ends in _ends(columns))
    return fields


def _open(module: nn.Module) -> None:
    for name, parameter in module.named_parameters(recurse=False):
        with torch.no_grad():
            fan_in = max(1, math.prod(parameter.shape[1:]))
            parameter.fill_(1 / fan_in if name == "weight" else 0.0)


def _touched(model: Model, shape: tuple[int, ...], level: int, cells: list[tuple[int, int]]) -> NDArray[np.bool_]:
    """Which pixels have a gradient from each of the F cells: bool (F, H, W)."""
    x: Tensor = torch.ones(len(cells), *shape, requires_grad=True)
    with torch.enable_grad():
        z = model.outputs(x)[level]  # (F, D, h, w)
        total = torch.stack([z[i, :, row, column].sum() for i, (row, column) in enumerate(cells)]).sum()
        (gradient,) = torch.autograd.grad(total, x)
    touched: NDArray[np.bool_] = (gradient != 0).any(dim=1).numpy()
    return touched


def _ends(lines: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """First and one past the last true place of each row."""
    first = lines.argmax(axis=1)
    return first.astype(np.int32), (lines.shape[1] - lines[:, ::-1].argmax(axis=1)).astype(np.int32)
