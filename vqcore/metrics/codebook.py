"""Who uses which code: perplexity, entropy, hits, ages.

Axes: K codes, N indices. Counts may be any non-negative numbers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def entropy_bits(counts: Tensor) -> Tensor:
    """The entropy of the histogram counts (K,) in bits: 0 (one code does it all) to log2 K; 0 for no counts at all."""
    counts = counts.float()
    p = counts / counts.sum().clamp_min(1e-30)
    entropy: Tensor = -torch.special.xlogy(p, p).sum() / math.log(2)
    return entropy


def perplexity(counts: Tensor) -> Tensor:
    """2 to the entropy of counts (K,): how many codes, used equally often, would be as varied. 1 to K."""
    return torch.exp2(entropy_bits(counts))


def used(counts: Tensor) -> Tensor:
    """How many codes have a count above zero: int64, 0 to K."""
    return (counts > 0).sum()


def histogram(indices: Tensor, K: int) -> Tensor:
    """How often each of K codes occurs in indices (any shape): int64 (K,). Unlike bincount it does not wait for the device."""
    flat = indices.reshape(-1)
    return torch.zeros(K, dtype=torch.int64, device=flat.device).scatter_add_(0, flat, torch.ones_like(flat))


class UsageMeter(nn.Module):
    """The hits of one book's K codes. Everything stays on the device until somebody asks."""

    counts: Tensor
    last_hit: Tensor

    def __init__(self, K: int) -> None:
        super().__init__()
        self.register_buffer("counts", torch.zeros(K, dtype=torch.int64))  # hits since `clear_`
        self.register_buffer("last_hit", torch.full((K,), -1, dtype=torch.int64))  # the step of each code's last hit; −1: never

    @torch.no_grad()
    def update_(self, indices: Tensor, step: int) -> Tensor:
        """Count indices (any shape) of step `step`. Returns this batch's histogram, int64 (K,)."""
        hits = histogram(indices, len(self.counts))
        self.counts.add_(hits)
        self.last_hit.masked_fill_(hits > 0, step)
        return hits

    def clear_(self) -> None:
        """Start counting anew; when codes were last hit is kept."""
        self.counts.zero_()

    def forget_(self) -> None:
        """Nothing was ever hit: for codes that start anew."""
        self.counts.zero_()
        self.last_hit.fill_(-1)

    def used_since(self, step: int) -> Tensor:
        """How many codes were hit at `step` or later (0 or more): int64."""
        return (self.last_hit >= step).sum()

    def used_ever(self) -> Tensor:
        """How many codes were ever hit: int64."""
        return (self.last_hit >= 0).sum()

    def age(self, step: int) -> Tensor:
        """Steps since each code was last hit, int64 (K,); −1: never."""
        return torch.where(self.last_hit < 0, self.last_hit, step - self.last_hit)
