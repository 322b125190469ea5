"""Fully connected encoder and decoder for points.

Axes: B batch, F numbers a point has, D code dimension.
"""

from __future__ import annotations

from torch import Tensor, nn

from vqcore.nets.layers import ResidualLayer


class MLP(nn.Module):
    """(B, inputs) -> (B, outputs) through `blocks` residual layers of `hidden` features; encoder and decoder alike."""

    def __init__(self, inputs: int, hidden: int, blocks: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(inputs, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            *(ResidualLayer(hidden) for _ in range(blocks)),
            nn.ReLU(),
            nn.Linear(hidden, outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        return y
