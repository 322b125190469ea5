"""Parts that the networks share.

Axes: B batch, C channels, H W height and width, F features.
"""

from __future__ import annotations

from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """x + conv 1×1(ReLU(conv 3×3(ReLU(x)))), narrow in the middle, as in arXiv:1711.00937 §4.1: (B, C, H, W) -> the same."""

    def __init__(self, channels: int, middle: int) -> None:
        super().__init__()
        self.look = nn.Conv2d(channels, middle, 3, padding=1)
        self.mix = nn.Conv2d(middle, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.mix(self.look(x.relu()).relu())
        return x + change


class ResidualLayer(nn.Module):
    """x + linear(ReLU(linear(ReLU(x)))): (B, F) -> the same."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.first = nn.Linear(features, features)
        self.second = nn.Linear(features, features)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.second(self.first(x.relu()).relu())
        return x + change
