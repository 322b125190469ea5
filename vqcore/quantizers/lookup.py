"""Which code is nearest: the one place where distances are computed.

The floor is the product z eᵀ, 2 N K D floating point operations: 0.54, 8.6 and 17.2 GFLOP at (N, D, K) = (16384, 64, 512),
(16384, 64, 8192) and (65536, 64, 1024), against which the N K scores, written once and read once, stay in the cache.
On the CPU the product alone took 60 to 85 % of the time measured; torch's argmin, which is not vectorised as amin is, would
take as long again.

Axes: N vectors, K codes, D numbers each; R rows of a block, G groups.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# scores held at once. 4 MiB of float32 fit a processor's outer cache; a GPU needs more to be kept busy: 64 MiB
_BLOCK_CPU, _BLOCK_ELSEWHERE = 1 << 20, 1 << 24
_GROUP = 64
_MIDDLE = 64  # codes whose median is the origin: enough to stand among them, and few enough to cost nothing


@torch.no_grad()
def nearest_code(z: Tensor, codebook: Tensor) -> Tensor:
    """The index of the Euclidean nearest code for each vector: z (N, D), codebook (K, D) -> int64 (N,), K at least 1.

    argmin over k of |e_k|² / 2 − z·e_k, which differs from |z − e_k|² / 2 by |z|² / 2, the same for all k, with the origin in the
    middle of the codes. Float32 whatever comes in, under autocast too; exact up to its rounding, in units of squared distances from
    that middle, wherever the codes lie; equal scores go to the lowest index. A vector with NaN or Inf gets some index in range. A
    code with NaN or Inf, or more than 10¹⁹ away, is chosen only where all are so. Never waits for the device, never holds more than
    a block of the N × K scores.
    """
    z, codebook = z.detach().float(), codebook.detach().float()
    N, K, D = len(z), *codebook.shape
    on_cpu = z.device.type == "cpu"
    middle = _middle(codebook)
    codebook = codebook - middle
    half_norms = codebook.square().sum(1).div_(2)
    # NaN would win every argmin
    unusable = half_norms.isfinite().logical_not_()
    codebook.masked_fill_(unusable[:, None], 0)
    half_norms.masked_fill_(unusable, torch.inf)
    grouped = on_cpu and K >= 4 * _GROUP
    if grouped and K % _GROUP:
        # codes that are farther than any fill the last group; where none is usable the index is clamped
        missing = _GROUP - K % _GROUP
        codebook, half_norms = F.pad(codebook, (0, 0, 0, missing)), F.pad(half_norms, (0, missing), value=torch.inf)
    nearest = torch.empty(N, dtype=torch.int64, device=z.device)
    rows = min(N, max(1, (_BLOCK_CPU if on_cpu else _BLOCK_ELSEWHERE) // max(len(codebook), D)))
    scores = torch.empty(rows, len(codebook), device=z.device)
    centred = torch.empty(rows, D, device=z.device)
    with torch.autocast(z.device.type, enabled=False):
        for start in range(0, N, rows or 1):
            block = z[start : start + rows]
            count = len(block)
            torch.sub(block, middle, out=centred[:count])
            torch.addmm(half_norms, centred[:count], codebook.T, alpha=-1, out=scores[:count])  # (R, K)
            nearest[start : start + rows] = _grouped_argmin(scores[:count]) if grouped else scores[:count].argmin(1)
    return nearest.clamp_max_(K - 1)


def _middle(codebook: Tensor) -> Tensor:
    """Where the codes (K, D) are, (D,): each dimension's median over some of them, which a few that are far away do not move.

    Far from the origin, scores would be differences of large numbers that rounding has made alike.
    """
    return codebook[:: -(-len(codebook) // _MIDDLE)].nanmedian(0).values.nan_to_num_(0, 0, 0)


def _grouped_argmin(scores: Tensor) -> Tensor:
    """argmin over the rows of scores (R, K), K a multiple of 64: amin finds the group, argmin searches only that: int64 (R,)."""
    groups = scores.view(len(scores), -1, _GROUP)  # (R, G, 64)
    best = groups.amin(2).argmin(1)  # (R,)
    rows = torch.arange(len(scores), device=scores.device)
    return best * _GROUP + groups[rows, best].argmin(1)
