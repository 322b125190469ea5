"""Configurations of the models. One class an entry of `vqcore.models.registry`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from vqcore.config.base import SHORT, Config
from vqcore.config.quantizer import QuantizerConfig, VQConfig
from vqcore.shape import Geometry, Level


class BaseModelConfig(Config):
    """What every model's configuration can say about its levels. Whoever asks no more works with any kind."""

    @abstractmethod
    def levels(self, shape: tuple[int, ...]) -> tuple[Level, ...]:
        """The levels, coarse to fine, for examples of `shape`. Raises ConfigError for a shape that the model cannot take."""

    @abstractmethod
    def learners(self) -> Mapping[str, VQConfig]:
        """Path below this configuration → the settings of each codebook that is learned, in the order of the books."""


class VQVAEConfig(BaseModelConfig):
    """Encoder, quantizer, decoder (arXiv:1711.00937)."""

    kind: Literal["vqvae"] = "vqvae"
    quantizer: QuantizerConfig = Field(default_factory=VQConfig)
    downsampling: Literal[2, 4, 8, "vector"] = Field(
        4,
        title="Downsampling",
        description="Pixels per latent cell along each side: 2, 4 or 8; or 'vector': one vector for the whole input, as points need.",
        json_schema_extra=SHORT,
    )
    net: Literal["conv", "mlp"] = Field(
        "conv",
        title="Network",
        description="Convolutions (conv), or fully connected layers (mlp): faster for one vector of a small picture. Points take mlp.",
    )
    hidden: int = Field(
        64, ge=4, le=512, multiple_of=4, title="Width", description="Channels of the hidden layers, 4 to 512, a multiple of 4."
    )
    residual_blocks: int = Field(
        2, ge=0, le=8, title="Residual blocks", description="Blocks in the encoder, and as many in the decoder, 0 to 8."
    )
    reconstruction: Literal["mse", "bce"] = Field(
        "mse",
        title="Reconstruction loss",
        description="Squared error over the data's variance (mse), or binary cross-entropy in nats per pixel (bce) for binarised data.",
    )
    freeze_encoder: bool = Field(
        False,
        title="Freeze the encoder",
        description="The encoder stays as it was drawn and only codes and decoder learn: no model to keep, but it shows what codes die of.",
    )

    @field_validator("quantizer", mode="before")
    @classmethod
    def _of_some_kind(cls, given: Any) -> Any:
        # configurations from when there was one kind need not name it
        return {"kind": "vq"} | given if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _net_has_no_grid(self) -> Self:
        if self.net == "mlp" and self.downsampling != "vector":
            raise ValueError("fully connected layers give one vector: set downsampling to 'vector', or net to 'conv'")
        return self

    def levels(self, shape: tuple[int, ...]) -> tuple[Level, ...]:
        # points have one axis, and no grid whatever the downsampling
        grid = Geometry.plan((shape[0], shape[1], shape[2]), self.downsampling).latent_shape if len(shape) == 3 else ()
        return (Level("codes", grid, self.quantizer.dim, self.quantizer.books()),)

    def learners(self) -> Mapping[str, VQConfig]:
        return {f"quantizer.{path}".removesuffix("."): found for path, found in self.quantizer.learners().items()}


ModelConfig = VQVAEConfig
