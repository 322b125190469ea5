"""Configurations of the quantizers. One class an entry of `vqcore.quantizers.registry`.

A field marked `treatable` may be changed while a run trains.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from vqcore.config.base import Config

TREATABLE: dict[str, Any] = {"treatable": True}


class VQConfig(Config):
    """Plain vector quantisation: K codes of D numbers each, nearest neighbour wins (arXiv:1711.00937)."""

    kind: Literal["vq"] = "vq"
    K: int = Field(128, ge=2, le=65_536, title="Codes K", description="How many vectors the codebook holds, 2 to 65,536.")
    D: int = Field(16, ge=1, le=1024, title="Code dimension D", description="How many numbers each code has, 1 to 1,024.")
    learning: Literal["gradient", "ema"] = Field(
        "gradient",
        title="How codes learn",
        description="By the codebook loss's gradient, or as a moving average (EMA) of the vectors they win.",
        json_schema_extra=TREATABLE,
    )
    estimator: Literal["straight_through", "rotation"] = Field(
        "straight_through",
        title="Gradient estimator",
        description="How the decoder's gradient passes the argmin: copied (straight-through), or rotated from code to encoder output.",
        json_schema_extra=TREATABLE,
    )
    init: Literal["uniform", "normal", "data", "kmeans"] = Field(
        "kmeans",
        title="Initial codes",
        description="Uniform in ±1/K, normal around zero, a sample of the encoder's outputs, or their k-means.",
    )
    init_scale: float = Field(
        1.0,
        gt=0,
        le=1000,
        title="Scale of the initial codes",
        description="Multiplies the uniform range, or is the normal's standard deviation. Data and k-means ignore it.",
    )
    distance: Literal["euclidean", "l2"] = Field(
        "euclidean",
        title="Distance",
        description="Euclidean as it is, or after both sides are scaled to length 1 (l2-normalised).",
        json_schema_extra=TREATABLE,
    )
    codebook_weight: float = Field(
        1.0, ge=0, le=100, title="Codebook weight", description="Scales the codebook term, which moves codes to encoder outputs."
    )
    commitment_weight: float = Field(
        0.25,
        ge=0,
        le=100,
        title="Commitment weight β",
        description="Scales the commitment term, which holds encoder outputs near their codes.",
        json_schema_extra=TREATABLE,
    )
    ema_decay: float = Field(
        0.99,
        ge=0,
        lt=1,
        title="EMA decay",
        description="How much of the running average survives each step, 0 to below 1. Also the memory of the EMA count.",
        json_schema_extra=TREATABLE,
    )
    revival_threshold: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Revival threshold",
        description="A code whose EMA count falls under this share of the mean count is moved onto an encoder output. 0: never.",
        json_schema_extra=TREATABLE,
    )


QuantizerConfig = VQConfig
