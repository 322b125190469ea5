"""What every bottleneck promises, and every quantizer. A screen, a model or a trainer that relies on this alone works with all of them.

Axes: B batch, D code dimension, S the latent grid's axes (two, one, or none for single vectors), K codes,
N vectors, that is B times the grid's cells.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vqcore.config.quantizer import AnyQuantizerConfig
from vqcore.errors import ConfigError, ShapeError
from vqcore.records import Term
from vqcore.shape import Book

_FIXED = "These codes stand where they stand: nothing moves them. Use a quantizer whose codes are learned, as vq."


@dataclass(frozen=True, slots=True)
class Quantized:
    """What the quantizer made of z.

    `z_q` (B, D, *S) has z's dtype and carries the gradient estimator. `indices`: one int64 grid (B, *S) a book, none without books.
    `loss` is the weighted sum that training adds to the reconstruction's; `terms` are its parts, unweighted. All float32.
    """

    z_q: Tensor
    indices: tuple[Tensor, ...]
    loss: Tensor
    terms: Mapping[Term, Tensor]


class Bottleneck(nn.Module, ABC):
    """What stands between encoder and decoder: `dim_in` channels come from the encoder, `dim_out` go to the decoder.

    Float32 inside, whatever the precision outside. Whatever ends in `_` changes state. Generators may live on any device. Without one
    `forward` draws nothing: noise takes its mean, nothing is dropped.
    """

    coarser = False  # whether the first books' indices alone stand for something, coarser than all together

    @property
    @abstractmethod
    def dim_in(self) -> int:
        """Channels of z."""

    @property
    @abstractmethod
    def dim_out(self) -> int:
        """Channels of z_q."""

    @property
    def quantises(self) -> bool:
        """Whether `forward` does more than pass z on. While it does not, z passes as it is compared (under l2 scaled to length 1), and
        loss and terms are 0; `indices` are the codes that would be nearest, which nobody should count.
        """
        return True

    @property
    def starts_now(self) -> bool:
        """Whether the codes are to be started from data before the next training batch: `initialise_` does, or else that batch."""
        return False

    @abstractmethod
    def forward(self, z: Tensor, generator: torch.Generator | None = None) -> Quantized:
        """z of shape (B, dim_in, *S) -> z_q of shape (B, dim_out, *S). Raises ShapeError for another shape."""

    def __call__(self, z: Tensor, generator: torch.Generator | None = None) -> Quantized:
        quantized: Quantized = super().__call__(z, generator)
        return quantized

    @abstractmethod
    def reconfigure_(self, config: AnyQuantizerConfig, optimizer: torch.optim.Optimizer | None = None) -> None:
        """A treatment: go on under another configuration, keeping what was learned. Raises ConfigError for what cannot change.

        `optimizer` forgets what it remembers of weights that it moved before and moves no longer, or the other way round.
        """

    def _check_z(self, z: Tensor) -> None:
        """Raises ShapeError unless z is (B, dim_in, *S)."""
        dim = self.dim_in
        if z.ndim >= 2 and z.shape[1] == dim:
            return
        remedy = f"Let the encoder give {dim} channels, or set D to {z.shape[1]}." if z.ndim >= 2 else "Give it those two axes."
        if z.ndim > 2 and z.shape[-1] == dim:
            remedy = "They stand last here: give it z.movedim(-1, 1)."
        raise ShapeError(
            f"The quantizer takes z of shape (batch, D, *grid), and its D is {dim}; this z has shape {tuple(z.shape)}. {remedy}"
        )


class Quantizer(Bottleneck):
    """A bottleneck of codes, which also works alone: `out = quantizer(z)` in the loop, `out.loss` among the losses, and
    `quantizer.update_(generator)` after the optimizer's step.

    Tuples are aligned with `books`; what a book has not is None in its place: implicit codes have no weights, no counts and no rows
    that change. `forward` changes no parameter and no buffer, in training mode neither, but for codes that start from data and were
    not given any with `initialise_`: the first training batch starts them. In training mode it remembers its detached inputs until
    `update_`, which is where EMA, counts and revival happen. Nothing here waits for the device, except k-means.
    """

    books: tuple[Book, ...]
    dim: int  # D, which the encoder must deliver and the decoder is given

    @property
    def dim_in(self) -> int:
        return self.dim

    @property
    def dim_out(self) -> int:
        return self.dim

    @abstractmethod
    def codes(self, indices: tuple[Tensor, ...]) -> Tensor:
        """What the decoder is given for these indices: float32 (B, D, *S). The same as `forward(...).z_q` for its indices, where it
        `quantises`.

        Raises ShapeError unless there is one grid a book.
        """

    @abstractmethod
    def codebooks(self) -> tuple[Tensor, ...]:
        """The codes as they are compared (unit length under l2), each float32 (K, D), detached; implicit ones are computed."""

    def compared(self, z: Tensor) -> tuple[Tensor, ...]:
        """What each book compares with its codes when it is given z (N, D): float32 (N, D of the book), detached."""
        return (z.detach().float(),) * len(self.books)

    def code_weights(self) -> tuple[nn.Parameter | None, ...]:
        """The parameters whose rows are the codes, whatever moves them. Books that share their codes give the same one."""
        return (None,) * len(self.books)

    def ema_counts(self) -> tuple[Tensor | None, ...]:
        """How many vectors a batch each code wins, as a running average, each float32 (K,). Of a shared book, over all its uses."""
        return (None,) * len(self.books)

    @property
    def changed(self) -> tuple[Tensor | None, ...]:
        """Which rows revival or k-means rewrote since `clear_changed_`, each bool (K,): their optimiser moments are stale."""
        return (None,) * len(self.books)

    def clear_changed_(self) -> None:
        """Forget which rows were rewritten."""
        for rows in self.changed:
            if rows is not None:
                rows.zero_()

    def clear_moments_(self, optimizer: torch.optim.Optimizer) -> None:
        """After `update_`, with codes that gradients move and revival: a code that was rewritten must not be carried off by what the
        optimizer remembers of its former place. Whatever it keeps in the codes' shape is zero in their rows afterwards.
        """
        for weight, rows in zip(self.code_weights(), self.changed, strict=True):
            if weight is None or rows is None:
                continue
            for moment in optimizer.state.get(weight, {}).values():
                if isinstance(moment, Tensor) and moment.shape == weight.shape:
                    moment.mul_(~rows[:, None])
        self.clear_changed_()

    def update_(self, generator: torch.Generator) -> None:
        """Once after each optimizer step: learn from the last training batch what gradients do not teach."""

    def initialise_(self, z: Tensor, generator: torch.Generator) -> None:
        """Once before training, with a large sample z (N, D) of encoder outputs. Raises ConfigError when N is too small."""

    def revive_(self, z: Tensor, dead: tuple[Tensor, ...], generator: torch.Generator) -> None:
        """A treatment: move the `dead` codes, bool (K,) a book, onto vectors of z (N, D), once. Raises ConfigError for fixed codes."""
        raise ConfigError(_FIXED)

    def kmeans_(self, z: Tensor, generator: torch.Generator) -> None:
        """A treatment: replace all codes by the k-means of z (N, D), once. Raises ConfigError when N is too small, or codes are fixed."""
        raise ConfigError(_FIXED)

    def start_late_(self, steps: int, generator: torch.Generator) -> None:
        """A treatment: quantise nothing for `steps` updates (1 or more), then start all codes anew, as at the very beginning. Raises
        ConfigError for fixed codes.
        """
        raise ConfigError(_FIXED)

    def _start(self, z: Tensor) -> None:
        """Begin with the first training batch z (N, D), drawing as torch's global seed says."""
        try:
            self.initialise_(z, torch.Generator(device=z.device).manual_seed(torch.initial_seed()))
        except ConfigError as error:
            raise ConfigError(f"{error} Or, before training, call initialise_(z, generator) with more encoder outputs (N, D).") from None

    def _check_vectors(self, z: Tensor) -> None:
        """Raises ShapeError unless z is (N, D)."""
        if z.ndim != 2 or z.shape[1] != self.dim:
            raise ShapeError(
                f"Vectors of shape (N, D) are needed, and D is {self.dim}; these have shape {tuple(z.shape)}. "
                "Of an encoder's output (B, D, *grid): z.movedim(1, -1).flatten(0, -2)."
            )

    def _check_indices(self, indices: tuple[Tensor, ...]) -> None:
        """Raises ShapeError unless there is a grid a book."""
        if isinstance(indices, Tensor):
            raise ShapeError(
                f"codes() takes a tuple with an index grid for each of {len(self.books)} codebook(s), as `indices` of its output is; "
                f"this is a tensor of shape {tuple(indices.shape)}. Write codes((indices,))."
            )
        if len(indices) != len(self.books):
            raise ShapeError(f"There are {len(self.books)} codebook(s) and {len(indices)} index grid(s). Give one grid for each codebook.")
