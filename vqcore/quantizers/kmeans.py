"""k-means, for a codebook's start and as a treatment.

Axes: N vectors, K codes, D numbers each.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vqcore.errors import ConfigError
from vqcore.quantizers.lookup import nearest_code
from vqcore.quantizers.revival import first_of_each, replacements, row_keys


def sample_codes(z: Tensor, K: int, generator: torch.Generator) -> Tensor:
    """K different vectors of z (N, D), at random: (K, D). Raises ConfigError when N < K.

    Where z has fewer than K different vectors, the codes share them evenly.
    """
    _require(z, K)
    return replacements(torch.ones(K, dtype=torch.bool, device=z.device), z, generator)


def kmeans(z: Tensor, K: int, generator: torch.Generator, iterations: int = 10) -> Tensor:
    """K centres of z (N, D): float32 (K, D). Raises ConfigError when N < K.

    Seeds spread as in k-means++ (Arthur and Vassilvitskii, 2007), but twice as many each round rather than one more; then
    Lloyd's iterations. A centre that no vector is nearest to moves to where a new seed would go. No two centres are equal where z
    has K different vectors; where it has fewer, each of them is a centre and the other centres repeat them.
    """
    z = z.detach().float()
    _require(z, K)
    keys = row_keys(z)
    centres = sample_codes(z, 1, generator)
    while len(centres) < K:
        seeds = _far_rows(z, centres, nearest_code(z, centres), min(len(centres), K - len(centres)), generator, keys)
        centres = torch.cat([centres, seeds])
    for _ in range(iterations):
        nearest = nearest_code(z, centres)  # (N,)
        counts = z.new_zeros(K).index_add_(0, nearest, z.new_ones(len(z)))
        means = torch.zeros_like(centres).index_add_(0, nearest, z) / counts[:, None].clamp_min(1)
        empty = counts == 0
        far = _far_rows(z, centres, nearest, K, generator, keys)  # more than enough; the empty take the first of them
        centres = torch.where(empty[:, None], far[(empty.cumsum(0) - 1).clamp_min(0)], means)
    repeated = ~first_of_each(row_keys(centres))
    if repeated.any():
        centres = torch.where(repeated[:, None], replacements(repeated, z, generator, centres), centres)
    return centres


def _far_rows(z: Tensor, centres: Tensor, nearest: Tensor, count: int, generator: torch.Generator, keys: Tensor) -> Tensor:
    """`count` different vectors of z (N, D), drawn in proportion to their squared distances from their centres: (count, D).

    `keys` (N,): z's row keys. Where z has fewer different vectors, the first that were drawn come again.
    """
    farness = (z - centres[nearest]).square().sum(1)  # (N,)
    # who is first of N exponential clocks that tick at these rates is such a draw, the second the next, and so on
    times = torch.empty(len(z), device=generator.device).exponential_(generator=generator).to(z.device) / farness
    order = times.argsort()
    return z[torch.cat([order[first_of_each(keys[order])], order])[:count]]


def _require(z: Tensor, K: int) -> None:
    if len(z) < K:
        raise ConfigError(
            f"K = {K} codes cannot start from {len(z)} vectors. Lower K to {len(z)} or less, use more data, or start from 'uniform'."
        )
