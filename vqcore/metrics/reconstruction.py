"""How far a reconstruction is from its original. Means over all elements; pictures are in [0, 1].

Axes: N examples, … the rest of an example's shape.
"""

from __future__ import annotations

import math

from torch import Tensor


def mse(x: Tensor, x_hat: Tensor) -> Tensor:
    """The mean squared difference over all elements."""
    return (x_hat.float() - x.float()).square().mean()


def nmse(mse: float, variance: float) -> float:
    """Mean squared error over the training data's variance (one number, over all elements): 0 perfect, 1 no better than grey."""
    return mse / variance


def psnr(mse: float, peak: float = 1.0) -> float:
    """Peak signal-to-noise ratio in dB; infinite for a perfect reconstruction."""
    return math.inf if mse == 0 else 10 * math.log10(peak**2 / mse)
