"""Pictures from codes. Axes: N examples, C H W a picture's, M codes an example, S a book's grid."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vqcore.errors import GridError
from vqcore.layout import Grid, Layout
from vqcore.models.base import Model

_BATCH_NUMBERS = 1 << 22  # of the decoder's input held at once


@torch.no_grad()
def layout_of(model: Model, shape: tuple[int, ...], classes: int = 0) -> Layout:
    """The grids that the model gives an example of `shape`. Raises GridError for a model without codes."""
    if not model.quantizer.books:
        raise GridError("This model has no codebook, so it gives no codes.")
    was_training = model.training
    model.eval()
    try:
        device = next(model.parameters()).device
        indices = model.quantize(model.encode(torch.zeros(1, *shape, device=device))).indices
    finally:
        model.train(was_training)
    grids = (Grid(book.name, book.K, tuple(found.shape[1:])) for book, found in zip(model.quantizer.books, indices, strict=True))
    return Layout(tuple(grids), classes)


@torch.no_grad()
def decode_codes(model: Model, layout: Layout, codes: Any) -> Tensor:
    """Rows (N, M) decoded: float32 (N, …) in the data's range, on the model's device. Raises GridError for codes it cannot take."""
    rows = torch.from_numpy(layout.checked(codes))
    device = next(model.parameters()).device
    batch = max(1, min(256, _BATCH_NUMBERS // max(1, math.prod(model.latent_shape) * model.quantizer.dim)))
    was_training = model.training
    model.eval()
    try:
        parts = [
            model.decode_indices(layout.split(rows[start : start + batch].to(device))).float()
            for start in range(0, max(1, len(rows)), batch)
        ]
    finally:
        model.train(was_training)
    return torch.cat(parts)


def draw_codes(model: Model, layout: Layout, codes: Any) -> NDArray[Any]:
    """Rows (N, M) as pictures uint8 (N, H, W, C), or points float32 (N, 2). Raises GridError."""
    return drawable(decode_codes(model, layout, codes))


def drawable(x: Tensor) -> NDArray[Any]:
    """Pictures (N, C, H, W), uint8 or float in [0, 1], as uint8 (N, H, W, C); points as float32."""
    if x.ndim != 4:
        points: NDArray[np.float32] = x.detach().float().cpu().numpy()
        return points
    if x.dtype != torch.uint8:
        x = x.detach().float().nan_to_num().clamp(0, 1).mul(255).round().to(torch.uint8)
    return np.ascontiguousarray(x.cpu().movedim(1, -1).numpy())
