"""VQ-VAE (arXiv:1711.00937): encoder, bottleneck, decoder. One level, whatever the bottleneck, with any number of books or none.

Axes: B batch, C H W a picture's, F a point's, D code dimension, S the latent grid (h, w), or none for single vectors.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vqcore.config.model import ModelConfig, VQVAEConfig
from vqcore.errors import ConfigError
from vqcore.models.base import LevelOutput, Model, Output
from vqcore.nets.conv import ConvDecoder, ConvEncoder
from vqcore.nets.mlp import MLP, FlatDecoder, FlatEncoder
from vqcore.quantizers.base import Bottleneck, Quantizer
from vqcore.quantizers.registry import build_quantizer
from vqcore.shape import Geometry, Level


class VQVAE(Model):
    """x float32 (B, C, H, W) in [0, 1], or points (B, F) as they are."""

    variance: Tensor

    def __init__(
        self, config: VQVAEConfig, shape: tuple[int, ...], modality: str, variance: float, quantizer: Bottleneck | None = None
    ) -> None:
        """For examples of `shape` and the training data's `variance`; `quantizer` stands in for the one that the config describes.

        Raises ConfigError for a shape that the config cannot take.
        """
        super().__init__()
        self.config = config
        self.is_picture = modality == "image"
        # before the nets: the order in which random numbers are drawn is part of what a seed means
        self.quantizer: Bottleneck = build_quantizer(config.quantizer) if quantizer is None else quantizer
        dim_in, dim_out = self.quantizer.dim_in, self.quantizer.dim_out
        self.encoder: nn.Module
        self.decoder: nn.Module
        self.grid: tuple[int, ...] = ()
        if self.is_picture:
            if len(shape) != 3:
                raise ConfigError(f"pictures of shape {shape}: (channels, height, width) is needed. Check the data set.")
            if config.net == "mlp":
                self.encoder = FlatEncoder(shape, config.hidden, config.residual_blocks, dim_in)
                self.decoder = FlatDecoder(shape, config.hidden, config.residual_blocks, dim_out)
            else:
                geometry = Geometry.plan((shape[0], shape[1], shape[2]), config.downsampling)
                self.encoder = ConvEncoder(geometry, config.hidden, config.residual_blocks, dim_in)
                self.decoder = ConvDecoder(geometry, config.hidden, config.residual_blocks, dim_out)
                self.grid = geometry.latent_shape
        elif modality == "points":
            if len(shape) != 1:
                raise ConfigError(f"points of shape {shape}: one axis is needed. Check the data set.")
            if config.downsampling != "vector":
                raise ConfigError(f"model.downsampling {config.downsampling}: points have no grid. Choose 'vector'.")
            self.encoder = MLP(shape[0], config.hidden, config.residual_blocks, dim_in)
            self.decoder = MLP(dim_out, config.hidden, config.residual_blocks, shape[0])
        else:
            raise ConfigError(f"a VQ-VAE takes images or points, not {modality}. Choose another data set.")
        self.register_buffer("variance", torch.tensor(variance, dtype=torch.float32))
        # convolutions on the CPU and on tensor cores are faster in this layout; torch's annotations do not know the argument
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def levels(self) -> tuple[Level, ...]:
        books = self.quantizer.books if isinstance(self.quantizer, Quantizer) else ()
        return (Level("codes", self.grid, self.quantizer.dim_out, books),)

    @property
    def bottlenecks(self) -> tuple[Bottleneck, ...]:
        return (self.quantizer,)

    def outputs(self, x: Tensor) -> tuple[Tensor, ...]:
        return (self.encoder(x),)

    def encoder_weights(self) -> Iterator[nn.Parameter]:
        return self.encoder.parameters()

    def decode(self, z_q: tuple[Tensor, ...]) -> Tensor:
        return self._in_range(self._raw(z_q[0]))

    def errors(self, z_q: tuple[Tensor, ...], x: Tensor) -> Tensor:
        return self._reconstruction(self._raw(z_q[0]), x, reduction="none").flatten(1).mean(1)

    def forward(self, x: Tensor, *, generator: torch.Generator | None = None) -> Output:
        (z_e,) = self.outputs(x)  # (B, D, *S)
        quantized = self.quantizer(z_e, generator)
        raw = self._raw(quantized.z_q)  # (B, …)
        with torch.autocast(x.device.type, enabled=False):
            reconstruction = self._reconstruction(raw, x.float())
        return Output(
            x_hat=self._in_range(raw.detach()),
            loss=reconstruction + quantized.loss,
            terms={"reconstruction": reconstruction, **quantized.terms},
            levels=(LevelOutput(z_e, quantized.z_q, quantized.indices),),
        )

    def reconfigure_(self, config: ModelConfig, optimizer: torch.optim.Optimizer | None = None) -> None:
        if config.quantizer != self.config.quantizer:
            self.quantizer.reconfigure_(config.quantizer, optimizer)
        self.config = config

    def _raw(self, z_q: Tensor) -> Tensor:
        """What the loss sees, float32: logits under bce, else x_hat before it is clamped. A clamp has no gradient to learn from."""
        raw: Tensor = self.decoder(z_q).float()
        return raw + 0.5 if self.is_picture and self.config.reconstruction == "mse" else raw

    def _in_range(self, raw: Tensor) -> Tensor:
        if self.config.reconstruction == "bce":
            return raw.sigmoid()
        return raw.clamp(0, 1) if self.is_picture else raw

    def _reconstruction(self, raw: Tensor, x: Tensor, reduction: str = "mean") -> Tensor:
        """The normalised squared error, or nats per pixel."""
        if self.config.reconstruction == "bce":
            return F.binary_cross_entropy_with_logits(raw, x, reduction=reduction)
        return F.mse_loss(raw, x, reduction=reduction) / self.variance
