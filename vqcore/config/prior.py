"""Configurations of the priors over codes. One class an entry of `vqcore.priors.registry`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vqcore.config.base import Config


class UniformConfig(Config):
    """Every code as likely as every other, everywhere: what training the autoencoder assumes."""

    kind: Literal["uniform"] = "uniform"


class HistogramConfig(Config):
    """Each code as often as the training data have it, independent of the other cells."""

    kind: Literal["histogram"] = "histogram"
    per_position: bool = Field(
        True, title="One per position", description="A histogram for each cell of the grid; otherwise one for all cells of a codebook."
    )
    conditional: bool = Field(False, title="Given the label", description="A histogram for each label of the data.")
    smoothing: float = Field(
        0.5, gt=0, le=1000, title="Smoothing", description="Added to every count, so that no code is impossible; above 0."
    )


class PixelCNNConfig(Config):
    """Gated convolutions, masked so that a cell sees those before it in raster order, with no blind spot (arXiv:1606.05328)."""

    kind: Literal["pixelcnn"] = "pixelcnn"
    hidden: int = Field(64, ge=4, le=512, title="Width", description="Channels of each layer, 4 to 512.")
    layers: int = Field(6, ge=1, le=32, title="Layers", description="Gated residual layers, 1 to 32.")
    kernel: Literal[3, 5, 7] = Field(3, title="Kernel", description="Cells that one layer spans: 3, 5 or 7.")
    dropout: float = Field(0.1, ge=0, lt=1, title="Dropout", description="Share of activations left out in training, 0 to below 1.")
    conditional: bool = Field(False, title="Given the label", description="Learns one distribution for each label of the data.")


class TransformerConfig(Config):
    """Causal self-attention over the codes as one sequence (arXiv:1706.03762; blocks as in GPT-2)."""

    kind: Literal["transformer"] = "transformer"
    hidden: int = Field(128, ge=8, le=1024, multiple_of=8, title="Width", description="Numbers per token, 8 to 1,024, a multiple of 8.")
    layers: int = Field(4, ge=1, le=24, title="Layers", description="Blocks of attention and MLP, 1 to 24.")
    heads: Literal[1, 2, 4, 8] = Field(4, title="Heads", description="Attention heads: 1, 2, 4 or 8.")
    dropout: float = Field(0.1, ge=0, lt=1, title="Dropout", description="Share of activations left out in training, 0 to below 1.")
    conditional: bool = Field(False, title="Given the label", description="Learns one distribution for each label of the data.")


PriorConfig = Annotated[UniformConfig | HistogramConfig | PixelCNNConfig | TransformerConfig, Field(discriminator="kind")]
AnyPriorConfig = UniformConfig | HistogramConfig | PixelCNNConfig | TransformerConfig
