"""What every model promises: encode, quantise, decode.

Axes: B batch, … an example's shape, D code dimension, S the latent grid's axes (none for single vectors).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from vqcore.quantizers.base import Quantized, Quantizer
from vqcore.records import Term


@dataclass(frozen=True, slots=True)
class Output:
    """`x_hat` like x, in the data's range; `loss` the weighted sum to train on and `terms` its unweighted parts, float32 scalars.

    `codes`: one int64 grid (B, *S) a book, none for a model without books. `z_e`, `z_q`: (B, D, *S).
    """

    x_hat: Tensor
    loss: Tensor
    terms: Mapping[Term, Tensor]
    codes: tuple[Tensor, ...]
    z_e: Tensor
    z_q: Tensor


class Model(nn.Module, ABC):
    """x is float32 (B, …): pictures in [0, 1], points as they are."""

    quantizer: Quantizer
    latent_shape: tuple[int, ...]  # S

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """x (B, …) -> z_e (B, D, *S)."""

    @abstractmethod
    def encoder_weights(self) -> Iterator[nn.Parameter]:
        """What `encode` has learned."""

    def quantize(self, z_e: Tensor) -> Quantized:
        """z_e (B, D, *S) -> its codes."""
        return self.quantizer(z_e)

    @abstractmethod
    def decode(self, z_q: Tensor) -> Tensor:
        """z_q (B, D, *S) -> x_hat (B, …) in the data's range."""

    def indices(self, x: Tensor) -> tuple[Tensor, ...]:
        """The codes of x (B, …): an int64 grid (B, *S) a book."""
        return self.quantize(self.encode(x)).indices

    def decode_indices(self, indices: tuple[Tensor, ...]) -> Tensor:
        """What these codes, a grid (B, *S) a book, stand for: x_hat (B, …) in the data's range."""
        return self.decode(self.quantizer.codes(indices))

    @abstractmethod
    def forward(self, x: Tensor) -> Output:
        """The whole way, with the losses."""

    def __call__(self, x: Tensor) -> Output:
        output: Output = super().__call__(x)
        return output
