"""What every quantizer promises. A screen, a model or a trainer that relies on this file alone works with all of them.

Axes: B batch, D code dimension, S the latent grid's axes (two, one, or none for single vectors), K codes,
N vectors, that is B times the grid's cells.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vqcore.config.quantizer import QuantizerConfig
from vqcore.records import Term


@dataclass(frozen=True, slots=True)
class Book:
    """One codebook: K codes of D numbers each. Plain VQ has one, a VAE none."""

    name: str
    K: int
    D: int


@dataclass(frozen=True, slots=True)
class Quantized:
    """What the quantizer made of z.

    `z_q` has z's shape and dtype, and carries the gradient estimator. `indices`: one int64 grid (B, *S) a book.
    `loss` is the weighted sum that training adds to the reconstruction's; `terms` are its parts, unweighted. All float32.
    """

    z_q: Tensor
    indices: tuple[Tensor, ...]
    loss: Tensor
    terms: Mapping[Term, Tensor]


class Quantizer(nn.Module, ABC):
    """Float32 inside, whatever the precision outside. Tuples are aligned with `books`.

    `forward` never changes a parameter or a buffer, in training mode neither; in training mode it remembers its
    detached inputs until `update_`, which is where EMA, counts and revival happen. Whatever ends in `_` changes state.
    Generators may live on any device. Nothing here waits for the device, except k-means.
    """

    books: tuple[Book, ...]
    dim: int  # D, which the encoder must deliver

    @abstractmethod
    def forward(self, z: Tensor) -> Quantized:
        """Quantise z of shape (B, D, *S)."""

    def __call__(self, z: Tensor) -> Quantized:
        quantized: Quantized = super().__call__(z)
        return quantized

    @abstractmethod
    def codes(self, indices: tuple[Tensor, ...]) -> Tensor:
        """What the decoder is given for these indices: float32 (B, D, *S). The same as `forward(...).z_q` for its indices."""

    def codebooks(self) -> tuple[Tensor, ...]:
        """The codes as they are compared (unit length under l2), each float32 (K, D), detached."""
        return ()

    def compared(self, z: Tensor) -> tuple[Tensor, ...]:
        """What each book compares with its codes when it is given z (N, D): float32 (N, D of the book), detached."""
        return (z.detach().float(),) * len(self.books)

    def code_weights(self) -> tuple[nn.Parameter, ...]:
        """The parameters whose rows are the codes, whatever moves them."""
        return ()

    def ema_counts(self) -> tuple[Tensor, ...]:
        """How many vectors a batch each code wins, as a running average, each float32 (K,)."""
        return ()

    @property
    def changed(self) -> tuple[Tensor, ...]:
        """Which rows revival or k-means rewrote since `clear_changed_`, each bool (K,): their optimiser moments are stale."""
        return ()

    def clear_changed_(self) -> None:
        """Forget which rows were rewritten."""
        for rows in self.changed:
            rows.zero_()

    def update_(self, generator: torch.Generator) -> None:
        """Once after each optimiser step: learn from the last training batch what gradients do not teach."""

    def initialise_(self, z: Tensor, generator: torch.Generator) -> None:
        """Once before training, with a large sample z (N, D) of encoder outputs. Raises ConfigError when N is too small."""

    def revive_(self, z: Tensor, dead: tuple[Tensor, ...], generator: torch.Generator) -> None:
        """A treatment: move the `dead` codes, bool (K,) a book, onto vectors of z (N, D), once."""

    def kmeans_(self, z: Tensor, generator: torch.Generator) -> None:
        """A treatment: replace all codes by the k-means of z (N, D), once. Raises ConfigError when N is too small."""

    @abstractmethod
    def reconfigure_(self, config: QuantizerConfig) -> None:
        """A treatment: go on under another configuration, keeping the codes. Raises ConfigError for what cannot change."""
