"""Fully connected encoder and decoder for points, and for small pictures that become one vector.

Axes: B batch, F numbers a point has, C H W a picture's, D code dimension.
"""

from __future__ import annotations

import math

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


class FlatEncoder(nn.Module):
    """(B, C, H, W) in [0, 1] -> (B, D)."""

    def __init__(self, shape: tuple[int, ...], hidden: int, blocks: int, D: int) -> None:
        super().__init__()
        self.net = MLP(math.prod(shape), hidden, blocks, D)

    def forward(self, x: Tensor) -> Tensor:
        z: Tensor = self.net((x - 0.5).flatten(1))
        return z


class FlatDecoder(nn.Module):
    """(B, D) -> (B, C, H, W), unbounded, 0 for mid-grey."""

    def __init__(self, shape: tuple[int, ...], hidden: int, blocks: int, D: int) -> None:
        super().__init__()
        self.shape = shape
        self.net = MLP(D, hidden, blocks, math.prod(shape))

    def forward(self, z: Tensor) -> Tensor:
        x: Tensor = self.net(z).unflatten(1, self.shape)
        return x
