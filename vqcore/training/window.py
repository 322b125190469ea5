"""Losses summed where they are computed, and read when a point of the curves is due: the one wait for the device."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from vqcore.errors import Diverged
from vqcore.records import Term


class LossWindow:
    """The steps since the last point: sums of the loss and its terms, and the first step at which each was not finite."""

    def __init__(self, remedy: str = "Lower the learning rate") -> None:
        self.remedy = remedy  # what to try when it diverges
        self.names: tuple[str, ...] = ()  # "loss" and the terms
        self.sums: Tensor | None = None  # float32 (1 + terms,)
        self.bad: Tensor | None = None  # int64 (1 + terms,); −1: always finite
        self.steps = 0

    def add(self, loss: Tensor, terms: Mapping[Term, Tensor], step: int) -> None:
        """The scalars of one step. Does not wait for the device."""
        values = torch.stack([loss.detach().float(), *(term.detach().float() for term in terms.values())])
        if self.sums is None or self.bad is None:
            self.names = ("loss", *terms)
            self.sums = torch.zeros_like(values)
            self.bad = torch.full_like(values, -1, dtype=torch.int64)
        self.sums += values
        self.bad = torch.where((self.bad < 0) & ~torch.isfinite(values), step, self.bad)
        self.steps += 1

    def take(self) -> dict[str, float]:
        """The means since the last call; starts anew. Raises Diverged when a term was NaN or infinite."""
        assert self.sums is not None and self.bad is not None
        sums, bad = self.sums.tolist(), self.bad.tolist()
        # a term is to blame before their sum is
        for name, first in [*zip(self.names[1:], bad[1:], strict=True), (self.names[0], bad[0])]:
            if first >= 0:
                raise Diverged(
                    f"The {name.replace('_', '-')} became NaN or infinite at step {first:,}. "
                    f"{self.remedy}, then start again or resume from the last checkpoint."
                )
        means = {name: value / self.steps for name, value in zip(self.names, sums, strict=True)}
        self.steps = 0
        self.sums.zero_()
        return means
