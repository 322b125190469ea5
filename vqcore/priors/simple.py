"""The two lowest rungs: every code alike, and codes as often as the training data have them.

Axes: B batch, M codes an example, K the largest book's codes, N training examples, L labels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vqcore.config.prior import HistogramConfig, UniformConfig
from vqcore.layout import Layout
from vqcore.priors.base import Prior, Stepper

_COUNT_ROWS = 1 << 14


class Uniform(Prior):
    """log2 K bits for every code: the fixed-length price, and what training the autoencoder assumes."""

    def __init__(self, config: UniformConfig, layout: Layout) -> None:
        super().__init__(layout, conditional=False)

    def forward(self, codes: Tensor, labels: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        logits = self.only_existing(torch.zeros(self.allowed.shape, device=codes.device))  # (M, K)
        return logits.expand(len(codes), -1, -1)

    def stepper(self, batch: int, labels: Tensor | None = None) -> Stepper:
        logits = self.only_existing(torch.zeros(self.allowed.shape, device=self.device))
        return _Table(logits.expand(batch, -1, -1))


class Histogram(Prior):
    """p(code_i) from counts: those of its position, or those of its whole book; one for each label where `conditional`.

    Logits are log(count + smoothing). Before `fit_` all counts are 0, that is, every code alike.
    """

    counts: Tensor

    def __init__(self, config: HistogramConfig, layout: Layout) -> None:
        super().__init__(layout, conditional=config.conditional)
        self.smoothing = config.smoothing
        columns = torch.arange(layout.length)
        if not config.per_position:
            columns = torch.repeat_interleave(torch.arange(len(layout.grids)), torch.tensor([grid.cells for grid in layout.grids]))
        self.register_buffer("column", columns, persistent=False)  # (M,): which histogram a position has
        shape = (layout.classes if config.conditional else 1, int(columns[-1]) + 1, layout.vocabulary)
        self.register_buffer("counts", torch.zeros(shape))

    def forward(self, codes: Tensor, labels: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        return self._logits(len(codes), labels)

    def stepper(self, batch: int, labels: Tensor | None = None) -> Stepper:
        return _Table(self._logits(batch, labels))

    @torch.no_grad()
    def fit_(self, codes: Tensor, labels: Tensor | None) -> None:
        given = self.checked_labels(labels, len(codes))
        classes, columns, K = self.counts.shape
        total = torch.zeros(self.counts.numel(), dtype=torch.int64, device=self.counts.device)
        for start in range(0, len(codes), _COUNT_ROWS):
            rows = codes[start : start + _COUNT_ROWS].to(total.device)  # (n, M)
            row = torch.zeros(len(rows), 1, dtype=torch.int64, device=total.device)
            if given is not None:
                row = given[start : start + _COUNT_ROWS, None].to(total.device)
            total += torch.bincount(((row * columns + self.get_buffer("column")) * K + rows).reshape(-1), minlength=len(total))
        self.counts.copy_(total.view(classes, columns, K))

    def _logits(self, batch: int, labels: Tensor | None) -> Tensor:
        """(B, M, K)."""
        given = self.checked_labels(labels, batch)
        table = self.only_existing((self.counts + self.smoothing).log()[:, self.get_buffer("column")])  # (L, M, K)
        return table.expand(batch, -1, -1) if given is None else table[given]


class _Table(Stepper):
    """Logits that no code changes, (B, M, K)."""

    def __init__(self, table: Tensor) -> None:
        self.table = table

    def logits(self, codes: Tensor, position: int) -> Tensor:
        return self.table[:, position]
