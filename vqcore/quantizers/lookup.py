"""Which code is nearest: the one place where distances are computed.

The floor is the product z eᵀ, 2 N K D floating point operations: 0.54, 8.6 and 17.2 GFLOP at (N, D, K) = (16384, 64, 512),
(16384, 64, 8192) and (65536, 64, 1024), against which the N K scores, written once and read once, stay in the cache.
On the CPU the product alone took 60 to 85 % of the time measured; torch's argmin, which is not vectorised as amin is, would
take as long again.

Axes: N vectors, K codes, D numbers each; R rows of a block, G groups.
"""

from __future__ import annotations

import torch
from torch import Tensor

# scores held at once. 4 MiB of float32 fit a processor's outer cache; a GPU needs more to be kept busy: 64 MiB
_BLOCK_CPU, _BLOCK_ELSEWHERE = 1 << 20, 1 << 24
_GROUP = 64


@torch.no_grad()
def nearest_code(z: Tensor, codebook: Tensor) -> Tensor:
    """The index of the Euclidean nearest code for each vector: z (N, D), codebook (K, D) -> int64 (N,), K at least 1.

    argmin over k of |e_k|² / 2 − z·e_k, which differs from |z − e_k|² / 2 by |z|² / 2, the same for all k. Float32 whatever
    comes in, under autocast too; exact up to its rounding; equal scores go to the lowest index. A vector with NaN or Inf gets
    some index in range. Never waits for the device, never holds more than a block of the N × K scores.
    """
    z, codebook = z.detach().float(), codebook.detach().float()
    N, K = len(z), len(codebook)
    on_cpu = z.device.type == "cpu"
    grouped = on_cpu and K >= 4 * _GROUP
    if grouped and K % _GROUP:
        # copies of the last code fill the last group: should rounding let one win, its index is clamped to the original's
        codebook = torch.cat([codebook, codebook[-1:].expand(_GROUP - K % _GROUP, -1)])
    half_norms = codebook.square().sum(1) / 2
    nearest = torch.empty(N, dtype=torch.int64, device=z.device)
    rows = min(N, max(1, (_BLOCK_CPU if on_cpu else _BLOCK_ELSEWHERE) // len(codebook)))
    scores = torch.empty(rows, len(codebook), device=z.device)
    with torch.autocast(z.device.type, enabled=False):
        for start in range(0, N, rows or 1):
            block = z[start : start + rows]
            torch.addmm(half_norms, block, codebook.T, alpha=-1, out=scores[: len(block)])  # (R, K)
            nearest[start : start + rows] = _grouped_argmin(scores[: len(block)]) if grouped else scores[: len(block)].argmin(1)
    return nearest.clamp_max_(K - 1)


def _grouped_argmin(scores: Tensor) -> Tensor:
    """argmin over the rows of scores (R, K), K a multiple of 64: amin finds the group, argmin searches only that: int64 (R,)."""
    groups = scores.view(len(scores), -1, _GROUP)  # (R, G, 64)
    best = groups.amin(2).argmin(1)  # (R,)
    rows = torch.arange(len(scores), device=scores.device)
    return best * _GROUP + groups[rows, best].argmin(1)
