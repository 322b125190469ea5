"""How the decoder's gradient passes the argmin. Both give exactly z_q forwards; they differ backwards.

Axes: N vectors of D numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor


def straight_through(z: Tensor, z_q: Tensor) -> Tensor:
    """z_q (any shape) forwards; backwards z receives the gradient as it is, z_q none (arXiv:1308.3432, arXiv:1711.00937 §3.2)."""
    # z − z is exactly zero, unlike the usual z + (z_q − z), which is z_q only up to rounding
    return z_q.detach() + (z - z.detach())


def rotation(z: Tensor, z_q: Tensor, eps: float = 1e-6) -> Tensor:
    """z_q (N, D) forwards; backwards z (N, D) receives the gradient turned and scaled as z was turned and scaled onto z_q.

    The rotation trick, arXiv:2410.06424 eq. 4 and §4.2: z_q = λ R z with λ = |z_q| / |z| and
    R = I − 2 r rᵀ + 2 q̂ ẑᵀ, r = (ẑ + q̂) / |ẑ + q̂|, all held constant, so that z receives λ Rᵀ times the gradient.
    Departure: a vector shorter than `eps` has no direction to turn from; there the gradient passes as it is.
    """
    with torch.no_grad():
        z_norm = z.norm(dim=1, keepdim=True)  # (N, 1)
        q_norm = z_q.norm(dim=1, keepdim=True)
        z_hat = z / z_norm.clamp_min(eps)
        q_hat = z_q / q_norm.clamp_min(eps)
        r = z_hat + q_hat
        r = r / r.norm(dim=1, keepdim=True).clamp_min(eps)  # opposite directions leave r = 0, and R a reflection onto q̂
        scale = q_norm / z_norm.clamp_min(eps)
    turned = z - 2 * (z * r).sum(1, keepdim=True) * r + 2 * (z * z_hat).sum(1, keepdim=True) * q_hat
    return straight_through(torch.where(z_norm > eps, scale * turned, z), z_q)
