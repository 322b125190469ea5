"""How much a model computes, counted without running it at size."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from vqcore.models.base import Model, frozen


def multiplications(model: Model, shape: tuple[int, ...]) -> int:
    """The multiplications of convolutions and linear layers on one example of `shape`, forwards. Training takes about thrice that."""
    total = 0

    def count(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)
        # each weight is used once per place of its output; a transposed convolution's, once per place of its input
        places = inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output
        total += layer.weight.numel() * (places[0, 0].numel() if places.ndim > 2 else 1)

    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]
    hooks: list[Any] = [layer.register_forward_hook(count) for layer in layers]
    try:
        with frozen(model):
            model(torch.zeros(1, *shape, device=model.device))
    finally:
        for hook in hooks:
            hook.remove()
    return total
