"""Five quantizers with a bug each, and nothing else wrong: for the museum alone.

No configuration leads here: whoever wants one names its class. Each states the line that went wrong and what it should be.

Axes: B batch, D code dimension, S the latent grid, K codes, N = B times the grid's cells.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from vqcore.config.quantizer import VQConfig
from vqcore.quantizers.base import Quantized
from vqcore.quantizers.gradients import straight_through
from vqcore.quantizers.lookup import nearest_code
from vqcore.quantizers.revival import dead_codes, replacements
from vqcore.quantizers.vq import VQ

_TINY = 1e-30  # counts of codes that nothing hits halve and halve; code and sum shrink alike until then


class _Altered(VQ):
    """Plain VQ with a Euclidean distance, whose loss and whose way to the decoder a subclass gets wrong."""

    def forward(self, z: Tensor, generator: torch.Generator | None = None) -> Quantized:
        flat = z.movedim(1, -1).reshape(-1, self.config.D).float()  # (N, D)
        nearest = nearest_code(flat, self.codebook)  # (N,)
        chosen = F.embedding(nearest, self.codebook)  # (N, D)
        z_q = self._passed(flat, chosen)
        if self.training:
            self._last = flat.detach(), nearest
        grid = z.shape[:1] + z.shape[2:]  # (B, *S)
        with torch.no_grad():
            apart = F.mse_loss(flat, chosen)  # what both terms measure, whatever their gradients do
        return Quantized(
            z_q=z_q.view(*grid, self.config.D).movedim(-1, 1).to(z.dtype),  # (B, D, *S)
            indices=(nearest.view(grid),),
            loss=self._loss(flat, chosen, z_q),
            terms={"codebook": apart, "commitment": apart},
        )

    def _passed(self, z: Tensor, e: Tensor) -> Tensor:
        """What the decoder is given, (N, D)."""
        return straight_through(z, e)

    def _loss(self, z: Tensor, e: Tensor, z_q: Tensor) -> Tensor:
        """z, the chosen codes e and what the decoder is given, (N, D) each. As it should be: arXiv:1711.00937 eq. 3."""
        return F.mse_loss(e, z.detach()) + self.config.commitment_weight * F.mse_loss(z, e.detach())


class WrongTerm(_Altered):
    """β scales the codebook term, and the commitment term goes unscaled."""

    def _loss(self, z: Tensor, e: Tensor, z_q: Tensor) -> Tensor:
        return self.config.commitment_weight * F.mse_loss(e, z.detach()) + F.mse_loss(z, e.detach())


class LossOnOutput(_Altered):
    """The codebook term is taken on the straight-through output, which carries its gradient to z instead of to the codes."""

    def _loss(self, z: Tensor, e: Tensor, z_q: Tensor) -> Tensor:
        return F.mse_loss(z_q, z.detach()) + self.config.commitment_weight * F.mse_loss(z, z_q.detach())


class NoStopGradient(_Altered):
    """z + (e − z) without the stop-gradient around the bracket: z cancels backwards as well as forwards."""

    def _passed(self, z: Tensor, e: Tensor) -> Tensor:
        return z + (e - z)


class NoCodebookGradient(_Altered):
    """The codes are detached where they are looked up, so that the codebook term has nothing to move."""

    def _loss(self, z: Tensor, e: Tensor, z_q: Tensor) -> Tensor:
        return super()._loss(z, e.detach(), z_q)


class StaleAverage(VQ):
    """EMA as most code has it, with a running sum of each code's vectors; revival moves the code and leaves count and sum alone.

    `VQ` keeps no such sum, so that it cannot be forgotten.
    """

    ema_sum: Tensor

    def __init__(self, config: VQConfig) -> None:
        super().__init__(config)
        self.register_buffer("ema_sum", torch.zeros(config.K, config.D))

    @torch.no_grad()
    def update_(self, generator: torch.Generator) -> None:
        if self._last is None:
            return
        z, nearest = self._last  # (N, D), (N,)
        self._last = None
        config = self.config
        if self.updates == 0:
            self.ema_count.fill_(len(z) / config.K)
            self.ema_sum.copy_(self.codebook * self.ema_count[:, None])
        hits = z.new_zeros(config.K).index_add_(0, nearest, z.new_ones(len(z)))
        sums = torch.zeros_like(self.codebook).index_add_(0, nearest, z)
        dead = dead_codes(self.ema_count, config.revival_threshold)
        self.codebook.copy_(torch.where(dead[:, None], replacements(dead, z, generator), self.codebook))
        self.rewritten.logical_or_(dead)
        # here count and sum of the revived codes should begin anew; as they do not, the next lines put each back where it was
        self.ema_count.mul_(config.ema_decay).add_(hits, alpha=1 - config.ema_decay)
        self.ema_sum.mul_(config.ema_decay).add_(sums, alpha=1 - config.ema_decay)
        self.codebook.copy_(self.ema_sum / self.ema_count[:, None].clamp_min(_TINY))
        self.updates.add_(1)


BUGS: Mapping[str, type[VQ]] = {
    "wrong_term": WrongTerm,
    "stale_average": StaleAverage,
    "loss_on_output": LossOnOutput,
    "no_stop_gradient": NoStopGradient,
    "no_codebook_gradient": NoCodebookGradient,
}
