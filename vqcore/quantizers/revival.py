"""Dead codes: which they are, and where they are put. Nothing here waits for the device.

Axes: K codes of D numbers, N vectors.
"""

from __future__ import annotations

import torch
from torch import Tensor

_ODD = 0x9E3779B97F4A7C15 - 2**64  # 2⁶⁴ over the golden ratio, as in Fibonacci hashing


def dead_codes(counts: Tensor, threshold: float) -> Tensor:
    """Which codes' EMA counts (K,) lie under `threshold` times the mean count: bool (K,)."""
    return counts < threshold * counts.mean()


def replacements(dead: Tensor, z: Tensor, generator: torch.Generator, codes: Tensor | None = None) -> Tensor:
    """A vector of z (N, D), N at least 1, for each of K codes: float32 (K, D), of which the rows of dead codes (K,) are to be used.

    Drawn at random, no two dead codes get equal vectors, and none gets one that equals a living code of `codes` (K, D), as long as
    there are enough different ones. Where there are not, the dead share evenly those that there are; where each of them equals a
    living code, all vectors. Two equal codes would never be told apart: the lower index would win every tie, the other die again.
    """
    order = torch.randperm(len(z), generator=generator, device=generator.device).to(z.device, non_blocking=True)  # (N,)
    keys = row_keys(z)[order]
    # in front of the vectors, the places that are taken; a dead code's place is not, and a small number is nobody's key
    free = torch.arange(len(dead), device=z.device)
    taken = free[:0] if codes is None else torch.where(dead, free, row_keys(codes))
    new = first_of_each(torch.cat([taken, keys]))[len(taken) :]  # (N,)
    order = order[(~new).to(torch.uint8).argsort(stable=True)]
    different = new.sum()
    rank = (dead.cumsum(0) - 1).clamp_min(0)  # the first dead code takes the first vector of the order, and so on
    return z[order[rank % torch.where(different > 0, different, len(z))]]


def row_keys(rows: Tensor) -> Tensor:
    """A number for each row of float32 (N, D): int64 (N,). Equal rows have the same, and different ones as good as never."""
    bits = (rows.float() + 0.0).contiguous().view(torch.int32).long()  # + 0.0: −0 equals 0
    # whole numbers that wrap around are exact, so that equal rows cannot differ; the shift brings high bits down, where sums keep them
    bits = bits * _ODD
    bits = bits ^ (bits >> 32)
    weights = torch.empty(rows.shape[1], dtype=torch.int64).random_(-(2**62), 2**62, generator=torch.Generator().manual_seed(1))
    return (bits * (2 * weights + 1).to(rows.device, non_blocking=True)).sum(1)


def first_of_each(keys: Tensor) -> Tensor:
    """Which keys (N,) stand before all others that equal them: bool (N,)."""
    ordered, place = keys.sort(stable=True)
    first = torch.ones_like(ordered, dtype=torch.bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return torch.empty_like(first).scatter_(0, place, first)
