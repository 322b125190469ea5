"""Convolutional encoder and decoder for pictures of any size.

Axes: B batch, C channels, H W height and width, h w the latent grid's, D code dimension.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vqcore.nets.layers import ResidualBlock
from vqcore.shape import Geometry


class ConvEncoder(nn.Module):
    """(B, C, H, W) in [0, 1] -> (B, D, h, w), or (B, D) for a vector."""

    def __init__(self, geometry: Geometry, hidden: int, blocks: int, D: int) -> None:
        super().__init__()
        self.geometry = geometry
        layers: list[nn.Module] = []
        channels = geometry.channels
        for width in geometry.widths(hidden):
            layers += [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.ReLU()]
            channels = width
        layers += [nn.Conv2d(channels, hidden, 3, padding=1)]
        layers += [ResidualBlock(hidden, hidden // 2) for _ in range(blocks)]
        self.body = nn.Sequential(*layers, nn.ReLU())
        h, w = geometry.grid
        self.head = nn.Linear(hidden * h * w, D) if geometry.vector else nn.Conv2d(hidden, D, 1)

    def forward(self, x: Tensor) -> Tensor:
        h, w = self.geometry.grid
        cell = 2**self.geometry.halvings
        bottom, right = h * cell - self.geometry.height, w * cell - self.geometry.width
        if bottom or right:
            x = F.pad(x, (0, right, 0, bottom), mode="replicate")
        x = (x - 0.5).contiguous(memory_format=torch.channels_last)
        x = self.body(x)
        z: Tensor = self.head(x.flatten(1) if self.geometry.vector else x)
        return z


class ConvDecoder(nn.Module):
    """(B, D, h, w), or (B, D) for a vector -> (B, C, H, W), unbounded, 0 for mid-grey."""

    def __init__(self, geometry: Geometry, hidden: int, blocks: int, D: int) -> None:
        super().__init__()
        self.geometry = geometry
        self.hidden = hidden
        h, w = geometry.grid
        self.stem = nn.Linear(D, hidden * h * w) if geometry.vector else nn.Conv2d(D, hidden, 3, padding=1)
        layers: list[nn.Module] = [ResidualBlock(hidden, hidden // 2) for _ in range(blocks)]
        # the encoder's widths backwards, and at last the picture's channels
        outwards = [*geometry.widths(hidden)[-2::-1], geometry.channels]
        channels = hidden
        for width in outwards[: geometry.halvings]:
            layers += [nn.ReLU(), nn.ConvTranspose2d(channels, width, 4, stride=2, padding=1)]
            channels = width
        if geometry.halvings == 0:
            layers += [nn.ReLU(), nn.Conv2d(hidden, geometry.channels, 3, padding=1)]
        self.body = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        x = self.stem(z)
        if self.geometry.vector:
            x = x.unflatten(1, (self.hidden, *self.geometry.grid))
        y: Tensor = self.body(x.contiguous(memory_format=torch.channels_last))
        return y[..., : self.geometry.height, : self.geometry.width]
