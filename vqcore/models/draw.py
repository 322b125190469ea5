"""Pictures from codes. Axes: N examples, C H W a picture's, M codes an example, S a book's grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vqcore.errors import GridError
from vqcore.layout import Grid, Layout
from vqcore.models.base import Model, frozen

_BATCH_NUMBERS = 1 << 22  # of the decoder's input held at once


def layout_of(model: Model, classes: int = 0) -> Layout:
    """The grids that the model gives an example. Raises GridError for a model without codes."""
    if not model.books:
        raise GridError("This model has no codebook, so it gives no codes.")
    return Layout(tuple(Grid(book.name, book.K, grid) for book, grid in zip(model.books, model.grids, strict=True)), classes)


def decode_codes(model: Model, layout: Layout, codes: Any) -> Tensor:
    """Rows (N, M) decoded: float32 (N, …) in the data's range, on the model's device. Raises GridError for codes it cannot take."""
    rows = torch.from_numpy(layout.checked(codes))
    batch = model.batch(_BATCH_NUMBERS)
    with frozen(model):
        parts = [
            model.decode_indices(layout.split(rows[start : start + batch].to(model.device))).float()
            for start in range(0, max(1, len(rows)), batch)
        ]
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
