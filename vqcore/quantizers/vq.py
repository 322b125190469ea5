"""Plain vector quantisation (arXiv:1711.00937): each vector becomes its nearest code.

Its axes are independent: how codes learn, how the gradient passes, how codes start and when, whether dead ones are revived,
which distance counts.

Axes: B batch, D code dimension, S the latent grid, K codes, N = B times the grid's cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vqcore.config.quantizer import AnyQuantizerConfig, VQConfig
from vqcore.errors import ConfigError
from vqcore.quantizers.base import Quantized, Quantizer
from vqcore.quantizers.gradients import rotation, straight_through
from vqcore.quantizers.kmeans import kmeans, sample_codes
from vqcore.quantizers.lookup import nearest_code
from vqcore.quantizers.revival import dead_codes, replacements
from vqcore.records import Term
from vqcore.shape import Book

_TINY = 1e-12
_PATIENCE = 32  # training batches without `update_` until somebody is told; accumulated gradients need a few


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a codebook answers to N vectors: `nearest` int64 (N,), those `codes` (N, D) with their gradient, loss and terms as in
    Quantized.
    """

    nearest: Tensor
    codes: Tensor
    loss: Tensor
    terms: Mapping[Term, Tensor]


class VQ(Quantizer):
    """One codebook, a parameter whether gradients move it or not.

    The EMA's running sum of a code's vectors is always the code times its count, so it is not stored: a code that was
    moved (by revival, k-means, gradients, a treatment) can never be pulled back by a sum that remembers the old place.
    """

    codebook: nn.Parameter
    ema_count: Tensor
    updates: Tensor
    rewritten: Tensor
    started: Tensor
    waits: Tensor

    def __init__(self, config: VQConfig) -> None:
        """The codes are random, by torch's global generator. "data" and "kmeans" replace them in `initialise_`, or else in the first
        training batch that is quantised: the first of all, or the one after `start_after` updates (arXiv:2005.08520).
        """
        super().__init__()
        self.config = config
        self.books = (Book("codes", config.K, config.D),)
        self.dim = config.D
        self.codebook = nn.Parameter(_drawn(config))
        self.register_buffer("ema_count", torch.ones(config.K))  # vectors per batch
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self.register_buffer("rewritten", torch.zeros(config.K, dtype=torch.bool))
        # whether codes that start from data have done so; beside the buffer a plain bool, lest a GPU be asked in each forward
        self.register_buffer("started", torch.tensor(config.init in ("uniform", "normal")))
        self._started = config.init in ("uniform", "normal")
        self.register_buffer("waits", torch.tensor(config.start_after))  # updates until it quantises
        self._waits = config.start_after
        self._unlearnt = 0
        self._last: tuple[Tensor, Tensor] | None = None  # the training batch that update_ will learn from: (N, D), (N,)

    @property
    def ready(self) -> bool:
        """Whether its codes have started: those that start from data do so in `initialise_`, or in the first training batch."""
        return self._started

    @property
    def quantises(self) -> bool:
        return self._waits == 0

    @property
    def starts_now(self) -> bool:
        return self.quantises and not self.ready

    def forward(self, z: Tensor, generator: torch.Generator | None = None) -> Quantized:
        self._check_z(z)
        config = self.config
        with torch.autocast(z.device.type, enabled=False):
            flat = self._as_compared(z.movedim(1, -1).reshape(-1, config.D).float())  # (N, D)
            if self.training and self.starts_now and len(flat) > 0:
                self._start(flat.detach())
            chosen = self.choose(flat)
            z_q = pass_gradient(flat, chosen.codes, config.estimator) if self.quantises else flat
        if self.training:
            self.remember(flat.detach(), chosen.nearest)
        grid = z.shape[:1] + z.shape[2:]  # (B, *S)
        return Quantized(
            z_q=z_q.view(*grid, config.D).movedim(-1, 1).to(z.dtype),  # (B, D, *S)
            indices=(chosen.nearest.view(grid),),
            loss=chosen.loss,
            terms=chosen.terms,
        )

    def choose(self, z: Tensor) -> Chosen:
        """Each vector's nearest code, of vectors (N, D) as they are compared. Loss and terms are 0 while it does not quantise."""
        codebook = self._as_compared(self.codebook)
        nearest = nearest_code(z, codebook)  # (N,)
        codes = F.embedding(nearest, codebook)  # (N, D)
        if not self.quantises:
            nothing = z.new_zeros(())
            return Chosen(nearest, codes, nothing, {"codebook": nothing, "commitment": nothing})
        moves_codes = self.config.learning == "gradient"
        # ‖sg[z] − e‖² moves codes to vectors; ‖z − sg[e]‖² holds vectors near codes (arXiv:1711.00937 eq. 3)
        codebook_term = _mean_square(z.detach() - (codes if moves_codes else codes.detach()))
        commitment_term = _mean_square(z - codes.detach())
        loss = self.config.commitment_weight * commitment_term
        if moves_codes:
            loss = loss + self.config.codebook_weight * codebook_term
        return Chosen(nearest, codes, loss, {"codebook": codebook_term, "commitment": commitment_term})

    def remember(self, z: Tensor, nearest: Tensor) -> None:
        """Keep a training batch, vectors (N, D) as they are compared and their codes (N,), for `update_`. Raises ConfigError where
        that never comes.
        """
        self._unlearnt = 1 if self._last is None else self._unlearnt + 1  # update_ takes what was remembered
        self._last = z, nearest
        config = self.config
        if self._unlearnt > _PATIENCE and (self._waits or config.learning == "ema" or config.revival_threshold > 0):
            needed = "start_after" if self._waits else 'learning = "ema"' if config.learning == "ema" else "revival"
            do = "start" if self._waits else "move"
            raise ConfigError(
                f"{_PATIENCE} training batches passed without update_, and with {needed} codes {do} nowhere else. "
                "Call quantizer.update_(generator) once after each optimizer.step()."
            )

    def codes(self, indices: tuple[Tensor, ...]) -> Tensor:
        self._check_indices(indices)
        return F.embedding(indices[0], self._as_compared(self.codebook)).movedim(-1, 1)

    def codebooks(self) -> tuple[Tensor, ...]:
        return (self._as_compared(self.codebook.detach()),)

    def compared(self, z: Tensor) -> tuple[Tensor, ...]:
        return (self._as_compared(z.detach().float()),)

    def code_weights(self) -> tuple[nn.Parameter, ...]:
        return (self.codebook,)

    def ema_counts(self) -> tuple[Tensor, ...]:
        return (self.ema_count,)

    @property
    def changed(self) -> tuple[Tensor, ...]:
        return (self.rewritten,)

    @torch.no_grad()
    def update_(self, generator: torch.Generator) -> None:
        if self._last is None:
            return
        z, nearest = self._last  # (N, D), (N,)
        self._last = None
        if len(z) == 0:
            return
        if not self.quantises:
            self._waits -= 1
            self.waits.sub_(1)
            return
        K, decay = self.config.K, self.config.ema_decay
        # a first count of N / K for all gives codes that nothing hits time to be found before they count as dead
        self.ema_count.copy_(torch.where(self.updates == 0, len(z) / K, self.ema_count))
        hits = z.new_zeros(K).index_add_(0, nearest, z.new_ones(len(z)))
        self.ema_count.mul_(decay).add_(hits, alpha=1 - decay)
        if self.config.learning == "ema":
            codes = self._as_compared(self.codebook)
            sums = torch.zeros_like(codes).index_add_(0, nearest, z)
            # (γ count e + (1 − γ) Σz) / (γ count + (1 − γ) n), arXiv:1711.00937 eq. 6–8, as a step from e: exactly none where n = 0
            step = (1 - decay) * (sums - hits[:, None] * codes) / self.ema_count[:, None].clamp_min(_TINY)
            self.codebook.copy_(codes + step)
        self.updates.add_(1)
        if self.config.revival_threshold > 0:
            self._revive(z, dead_codes(self.ema_count, self.config.revival_threshold), generator)

    @torch.no_grad()
    def initialise_(self, z: Tensor, generator: torch.Generator) -> None:
        self._check_vectors(z)
        z = self._as_compared(z.float())
        if self.config.init == "data":
            self._replace_all(sample_codes(z, self.config.K, generator))
        elif self.config.init == "kmeans":
            self._replace_all(kmeans(z, self.config.K, generator))
        self._set_started()

    @torch.no_grad()
    def revive_(self, z: Tensor, dead: tuple[Tensor, ...], generator: torch.Generator) -> None:
        self._check_vectors(z)
        if len(z) > 0:
            self._revive(self._as_compared(z.float()), dead[0], generator)

    @torch.no_grad()
    def kmeans_(self, z: Tensor, generator: torch.Generator) -> None:
        self._check_vectors(z)
        self._replace_all(kmeans(self._as_compared(z.float()), self.config.K, generator))
        self._set_started()

    @torch.no_grad()
    def start_late_(self, steps: int, generator: torch.Generator) -> None:
        self._replace_all(_drawn(self.config, generator).to(self.codebook.device))
        self.ema_count.fill_(1.0)
        self.updates.zero_()
        self._last = None
        self._started, self._waits = self.config.init in ("uniform", "normal"), steps
        self.started.fill_(self._started)
        self.waits.fill_(steps)

    def reconfigure_(self, config: AnyQuantizerConfig, optimizer: torch.optim.Optimizer | None = None) -> None:
        if config.kind != "vq" or (config.K, config.D) != (self.config.K, self.config.D):
            raise ConfigError(
                f"the codebook holds {self.config.K} codes of {self.config.D} numbers and can become no other one while it trains. "
                "Start a new run with the other size."
            )
        if optimizer is not None and config.learning != self.config.learning:
            # moments of gradients long gone would push codes that an average has moved since
            optimizer.state.pop(self.codebook, None)
        self.config = config

    def _as_compared(self, vectors: Tensor) -> Tensor:
        return F.normalize(vectors, dim=-1) if self.config.distance == "l2" else vectors

    def _set_started(self) -> None:
        self.started.fill_(True)
        self._started = True

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        # a state from before this was kept is a trained one
        state_dict.setdefault(f"{prefix}started", torch.tensor(True))
        state_dict.setdefault(f"{prefix}waits", torch.tensor(0))
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self._started, self._waits = bool(self.started), int(self.waits)

    def _revive(self, z: Tensor, dead: Tensor, generator: torch.Generator) -> None:
        if dead.device.type == "cpu" and not dead.any():
            return  # on a GPU the question would make the processor wait
        codes = self._as_compared(self.codebook)
        self.codebook.copy_(torch.where(dead[:, None], replacements(dead, z, generator, codes), self.codebook))
        self.ema_count.copy_(torch.where(dead, self.ema_count.mean(), self.ema_count))
        self.rewritten.logical_or_(dead)

    def _replace_all(self, codes: Tensor) -> None:
        self.codebook.copy_(codes)
        self.ema_count.copy_(self.ema_count.mean().expand_as(self.ema_count))
        self.rewritten.fill_(True)


def _drawn(config: VQConfig, generator: torch.Generator | None = None) -> Tensor:
    """Codes (K, D) by `generator`, or torch's global one: what they are until data replace them, where data do."""
    codebook = torch.empty(config.K, config.D, device=generator.device if generator else None)
    if config.init == "normal":
        return codebook.normal_(std=config.init_scale, generator=generator)
    bound = (config.init_scale if config.init == "uniform" else 1.0) / config.K
    return codebook.uniform_(-bound, bound, generator=generator)


def pass_gradient(z: Tensor, z_q: Tensor, estimator: Literal["straight_through", "rotation"]) -> Tensor:
    """z_q (N, D) forwards; backwards z (N, D) receives the gradient as the estimator says."""
    return rotation(z, z_q) if estimator == "rotation" else straight_through(z, z_q)


def _mean_square(difference: Tensor) -> Tensor:
    # an empty batch has no error, rather than 0/0
    return difference.square().sum() / max(1, difference.numel())
