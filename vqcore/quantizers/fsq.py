"""Finite scalar quantisation (arXiv:2309.15505): each number of a vector is bounded, then rounded to one of a few levels.

The codes are all combinations of levels, a fixed lattice that is never stored: nothing learns them, no loss pulls at them, and none can
be left behind as the codes of plain VQ can.

Axes: B batch, D numbers of a vector, one for each entry of `levels`, S the latent grid, K codes, N = B times the grid's cells.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vqcore.config.quantizer import AnyQuantizerConfig, FSQConfig
from vqcore.errors import ConfigError
from vqcore.quantizers.base import Quantized, Quantizer
from vqcore.quantizers.gradients import straight_through

_EDGE = 1e-3  # how far tanh reaches beyond the outermost levels, so that they can be reached at all (arXiv:2309.15505, appendix A.1)


class FSQ(Quantizer):
    """Number i of a vector takes one of levels[i] values, evenly spaced from −1 to 1, or to just under 1 where their count is even.

    Index = Σ digit_i · Π levels before i, with digit_i counted from the lowest level. No weights, no terms, and a loss of 0.
    """

    levels: Tensor
    centre: Tensor
    basis: Tensor
    bound: Tensor
    offset: Tensor
    shift: Tensor

    def __init__(self, config: FSQConfig) -> None:
        super().__init__()
        self.config = config
        self.books = config.books()
        self.dim = len(config.levels)
        levels = torch.tensor(config.levels)
        bound = (levels - 1) * (1 + _EDGE) / 2
        offset = torch.where(levels % 2 == 0, 0.5, 0.0)
        # two levels get no shift, unlike in the paper: its shift would put their boundary at z = −3.8, where hardly a vector is
        shift = torch.where(levels == 2, 0.0, torch.atanh(offset / bound))
        basis = torch.tensor([math.prod(config.levels[:i]) for i in range(self.dim)])
        constants = {"levels": levels, "centre": levels // 2, "basis": basis, "bound": bound, "offset": offset, "shift": shift}
        for name, value in constants.items():
            self.register_buffer(name, value, persistent=False)  # all of it follows from the configuration

    def forward(self, z: Tensor, generator: torch.Generator | None = None) -> Quantized:
        self._check_z(z)
        with torch.autocast(z.device.type, enabled=False):
            bounded = self._bounded(z.movedim(1, -1).float())  # (B, *S, D), one between two levels
            # wide ranges reach further than a level beyond their ends
            level = bounded.round().maximum(-self.centre).minimum(self.levels - 1 - self.centre)
            z_q = straight_through(bounded, level) / self.centre
            digits = (level.detach().nan_to_num(0) + self.centre).long()
        return Quantized(
            z_q=z_q.movedim(-1, 1).to(z.dtype),  # (B, D, *S)
            indices=((digits * self.basis).sum(-1),),
            loss=bounded.new_zeros(()),
            terms={},
        )

    def codes(self, indices: tuple[Tensor, ...]) -> Tensor:
        self._check_indices(indices)
        return self._at(indices[0]).movedim(-1, 1)

    def codebooks(self) -> tuple[Tensor, ...]:
        return (self._at(torch.arange(self.books[0].K, device=self.basis.device)),)

    def compared(self, z: Tensor) -> tuple[Tensor, ...]:
        return (self._bounded(z.detach().float()) / self.centre,)

    def initialise_(self, z: Tensor, generator: torch.Generator) -> None:
        self._check_vectors(z)

    def reconfigure_(self, config: AnyQuantizerConfig, optimizer: torch.optim.Optimizer | None = None) -> None:
        if config != self.config:
            raise ConfigError("the levels are what the codes are, and cannot change while it trains. Start a new run with other levels.")

    def _bounded(self, z: Tensor) -> Tensor:
        """z (…, D) in units of a level, 0 where z is 0: f of arXiv:2309.15505 §3.1, as in its appendix A.1."""
        return torch.tanh(z + self.shift) * self.bound - self.offset

    def _at(self, indices: Tensor) -> Tensor:
        """The codes of int64 indices (…): float32 (…, D)."""
        digits = indices.unsqueeze(-1) // self.basis % self.levels
        return (digits - self.centre) / self.centre
