"""Residual vector quantisation: each stage quantises what the earlier ones left over; z_q is the sum of all stages' codes.

Algorithm 1 of arXiv:2107.03312 (SoundStream). The losses of the stages are added up, as in arXiv:2210.13438 eq. 3. Where we differ:
the gradient passes once, over the sum (by the first stage's estimator), not once a stage, which would multiply it by their number;
with stage dropout, the stages that an example goes without still learn from it, only its decoder does not get them.

Axes: B batch, D code dimension, S the latent grid, K codes of a stage, N = B times the grid's cells.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vqcore.config.quantizer import AnyQuantizerConfig, ResidualConfig
from vqcore.errors import ConfigError
from vqcore.quantizers.base import Quantized, Quantizer
from vqcore.quantizers.vq import VQ, pass_gradient
from vqcore.records import Term


class Residual(Quantizer):
    """One book a stage, coarse to fine; or one book for all stages, which learns from what each of them is given.

    Stage dropout needs training mode and a generator: of the configured share of examples the decoder gets only the first n stages,
    n drawn evenly from 1 to all but one, so that each prefix of the stages becomes a description of its own (arXiv:2107.03312 §III-C,
    which draws for every example).
    """

    coarser = True

    def __init__(self, config: ResidualConfig) -> None:
        super().__init__()
        self.config = config
        self.books = config.books()
        self.dim = self.books[0].D
        self.stages = nn.ModuleList(VQ(stage) for stage in (config.stages[:1] if config.shared else config.stages))

    @property
    def quantises(self) -> bool:
        return all(stage.quantises for stage in self._vqs())

    @property
    def starts_now(self) -> bool:
        return self.quantises and not all(stage.ready for stage in self._vqs())

    def forward(self, z: Tensor, generator: torch.Generator | None = None) -> Quantized:
        self._check_z(z)
        grid = z.shape[:1] + z.shape[2:]  # (B, *S)
        with torch.autocast(z.device.type, enabled=False):
            flat = z.movedim(1, -1).reshape(-1, self.dim).float()  # (N, D)
            if self.training and len(flat) and self.starts_now:
                self._start(flat.detach())
            stages = self._stage_of_each_book()
            kept = self._kept(len(z), generator)  # (B,)
            left, z_q = flat, torch.zeros_like(flat)
            loss = flat.new_zeros(())
            terms: dict[Term, Tensor] = {}
            inputs, indices = [], []
            for place, stage in enumerate(stages):
                chosen = stage.choose(left)
                codes = chosen.codes.detach()  # (N, D)
                inputs.append(left.detach())
                indices.append(chosen.nearest)
                left = left - codes
                z_q = z_q + (codes if kept is None else codes * self._rows(kept > place, grid))
                loss = loss + chosen.loss
                terms = {name: terms.get(name, 0) + term for name, term in chosen.terms.items()}
            z_q = pass_gradient(flat, z_q, self.config.stages[0].estimator) if self.quantises else flat
        if self.training:
            self._remember(stages, inputs, indices)
        return Quantized(
            z_q=z_q.view(*grid, self.dim).movedim(-1, 1).to(z.dtype),  # (B, D, *S)
            indices=tuple(nearest.view(grid) for nearest in indices),
            loss=loss,
            terms=terms,
        )

    def codes(self, indices: tuple[Tensor, ...]) -> Tensor:
        """Grids of the first stages alone give what these stages say."""
        self._check_indices(indices)
        parts = [F.embedding(grid, stage.codebook) for grid, stage in zip(indices, self._stage_of_each_book(), strict=False)]
        return torch.stack(parts).sum(0).movedim(-1, 1)

    def codebooks(self) -> tuple[Tensor, ...]:
        return tuple(stage.codebook.detach() for stage in self._stage_of_each_book())

    def compared(self, z: Tensor) -> tuple[Tensor, ...]:
        return tuple(self._inputs(z.detach().float()))

    def code_weights(self) -> tuple[nn.Parameter | None, ...]:
        return tuple(stage.codebook for stage in self._stage_of_each_book())

    def ema_counts(self) -> tuple[Tensor | None, ...]:
        return tuple(stage.ema_count for stage in self._stage_of_each_book())

    @property
    def changed(self) -> tuple[Tensor | None, ...]:
        return tuple(stage.rewritten for stage in self._stage_of_each_book())

    def update_(self, generator: torch.Generator) -> None:
        for stage in self._vqs():
            stage.update_(generator)

    @torch.no_grad()
    def initialise_(self, z: Tensor, generator: torch.Generator) -> None:
        self._check_vectors(z)
        self._each_on_the_rest(z, lambda stage, _, left: stage.initialise_(left, generator))

    @torch.no_grad()
    def kmeans_(self, z: Tensor, generator: torch.Generator) -> None:
        self._check_vectors(z)
        self._each_on_the_rest(z, lambda stage, _, left: stage.kmeans_(left, generator))

    @torch.no_grad()
    def revive_(self, z: Tensor, dead: tuple[Tensor, ...], generator: torch.Generator) -> None:
        """Codes of a shared book are dead where no stage uses them."""
        self._check_vectors(z)
        if self.config.shared:
            self._vqs()[0].revive_(torch.cat(self._inputs(z.float())), (torch.stack(dead).all(0),), generator)
        else:
            self._each_on_the_rest(z, lambda stage, place, left: stage.revive_(left, (dead[place],), generator))

    def start_late_(self, steps: int, generator: torch.Generator) -> None:
        for stage in self._vqs():
            stage.start_late_(steps, generator)

    def reconfigure_(self, config: AnyQuantizerConfig, optimizer: torch.optim.Optimizer | None = None) -> None:
        if config.kind != "residual" or config.books() != self.books or config.shared != self.config.shared:
            raise ConfigError(
                f"{len(self.books)} stages of {', '.join(str(book.K) for book in self.books)} codes cannot become others while they train. "
                "Start a new run with other stages."
            )
        for stage, new in zip(self._vqs(), config.stages, strict=False):
            stage.reconfigure_(new, optimizer)
        self.config = config

    # ── small parts ──

    def _vqs(self) -> list[VQ]:
        """What is trained: one a stage, or the shared one."""
        return [stage for stage in self.stages if isinstance(stage, VQ)]

    def _stage_of_each_book(self) -> list[VQ]:
        vqs = self._vqs()
        return vqs * len(self.books) if self.config.shared else vqs

    @torch.no_grad()
    def _inputs(self, z: Tensor) -> list[Tensor]:
        """What each stage is given of z (N, D)."""
        inputs = [z]
        for stage in self._stage_of_each_book()[:-1]:
            inputs.append(inputs[-1] - stage.choose(inputs[-1]).codes)
        return inputs

    def _each_on_the_rest(self, z: Tensor, act: Callable[[VQ, int, Tensor], None]) -> None:
        """`act` on each stage in turn, with what those before it, already acted on, leave of z (N, D).

        A shared book is acted on twice: it cannot know what is left before it has codes.
        """
        z = z.float()
        if self.config.shared:
            (book,) = self._vqs()
            act(book, 0, z)
            act(book, 0, torch.cat(self._inputs(z)))
            return
        for place, stage in enumerate(self._vqs()):
            act(stage, place, z)
            z = z - stage.choose(z).codes

    def _remember(self, stages: list[VQ], inputs: list[Tensor], indices: list[Tensor]) -> None:
        if self.config.shared:
            stages[0].remember(torch.cat(inputs), torch.cat(indices))
            return
        for stage, given, nearest in zip(stages, inputs, indices, strict=True):
            stage.remember(given, nearest)

    def _kept(self, B: int, generator: torch.Generator | None) -> Tensor | None:
        """How many stages each example's decoder gets, int64 (B,); None: all of them."""
        count, share = len(self.books), self.config.stage_dropout
        if not self.training or generator is None or share == 0 or count == 1:
            return None
        device = generator.device
        cut = torch.rand(B, generator=generator, device=device) < share
        first = torch.randint(1, count, (B,), generator=generator, device=device)
        return torch.where(cut, first, count)

    @staticmethod
    def _rows(of_examples: Tensor, grid: torch.Size) -> Tensor:
        """What is said of examples (B,) for each of their vectors: (N, 1)."""
        return of_examples.view(-1, *(1 for _ in grid[1:])).expand(grid).reshape(-1, 1)

    def _check_indices(self, indices: tuple[Tensor, ...]) -> None:
        if isinstance(indices, Tensor) or not 0 < len(indices) < len(self.books):
            super()._check_indices(indices)
