"""Dead codes: which they are, and where they are put. Nothing here waits for the device.

Axes: K codes of D numbers, N vectors.
"""

from __future__ import annotations

import torch
from torch import Tensor


def dead_codes(counts: Tensor, threshold: float) -> Tensor:
    """Which codes' EMA counts (K,) lie under `threshold` times the mean count: bool (K,)."""
    return counts < threshold * counts.mean()


def replacements(dead: Tensor, z: Tensor, generator: torch.Generator) -> Tensor:
    """A vector of z (N, D), N at least 1, for each code: (K, D). Dead codes (K,) share none, as long as they are at most N.

    Two codes on the same spot would never be told apart: the lower index would win every tie and the other die again.
    """
    order = torch.randperm(len(z), generator=generator, device=generator.device).to(z.device, non_blocking=True)  # (N,)
    rank = dead.cumsum(0) - 1  # the first dead code takes the first vector of the order, and so on
    return z[order[rank.clamp_min(0) % len(z)]]
