"""How far the encoder walks away from the codes: looks at the same examples, now and then, and what changed since the last look.

Axes: V encoder outputs, D what a book compares of each, K codes.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from vqcore.models.base import Model
from vqcore.quantizers.lookup import nearest_code
from vqcore.records import BookWalk, Walk
from vqcore.training.evaluation import sample

EARLY = frozenset({1, 2, 5, 10, 20, 50})  # steps that are looked at besides the evaluations


class WalkMeter(nn.Module):
    """The encoder's outputs at the last look, one float32 (V, D) a book, with at most 512 outputs. A state holds them, so that a resumed
    run goes on measuring from there.
    """

    at: Tensor

    def __init__(self, books: int) -> None:
        super().__init__()
        self.register_buffer("at", torch.tensor(-1))  # the step of the last look; −1: none yet
        for i in range(books):
            self.register_buffer(f"last{i}", torch.zeros(0, 0))

    @torch.no_grad()
    def look_(self, model: Model, x: Tensor, step: int) -> Walk | None:
        """What `x` (N, …), as stored and the same in each look, becomes in the frozen model at `step`. None without books, and where a
        number is not finite.
        """
        since = int(self.at)
        codebooks = model.codebooks() if model.quantises else (None,) * len(model.books)
        walks = []
        for i, (book, z, codes) in enumerate(zip(model.books, model.compared(sample(model, x)), codebooks, strict=True)):
            last = self.get_buffer(f"last{i}")
            moved, common = _moved(last, z) if since >= 0 else (0.0, 0.0)
            nearest = None if codes is None else _length(z - codes[nearest_code(z, codes)])
            walks.append(BookWalk(book.name, moved, common, nearest))
            self.register_buffer(f"last{i}", z.clone())
        self.at.fill_(step)
        finite = all(math.isfinite(value) for walk in walks for value in (walk.moved, walk.nearest or 0.0))
        return Walk(step, step if since < 0 else since, tuple(walks)) if walks and finite else None

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        # a state from before this was kept has had no look; and how many outputs there are is known from them alone
        for name, buffer in list(self.named_buffers()):
            self.register_buffer(name, state_dict.setdefault(f"{prefix}{name}", buffer).clone())
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _moved(last: Tensor, z: Tensor) -> tuple[float, float]:
    """Root mean square distance from `last` to z (V, D), and the share of its square that is one common direction: |mean|² / mean |·|²."""
    by = (z - last).double()
    square = float(by.square().sum(1).mean())
    return math.sqrt(square), float(by.mean(0).square().sum()) / square if square > 0 else 0.0


def _length(difference: Tensor) -> float:
    return math.sqrt(float(difference.double().square().sum(1).mean()))
