"""Configurations of the quantizers. One class an entry of `vqcore.quantizers.registry`.

A field marked `treatable` may be changed while a run trains.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from vqcore.config.base import SHORT, TREATABLE, Config
from vqcore.shape import Book

MOST_CODES = 65_536


class BaseQuantizerConfig(Config):
    """What every quantizer's configuration can say about its codes. Whoever asks no more works with any kind."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """How many numbers a cell of the grid has."""

    @abstractmethod
    def books(self) -> tuple[Book, ...]:
        """The codebooks, in the order of the indices."""

    @abstractmethod
    def learners(self) -> Mapping[str, VQConfig]:
        """Path below this configuration (empty for itself) → the settings of each codebook that is learned."""


class VQConfig(BaseQuantizerConfig):
    """Plain vector quantisation: K codes of D numbers each, nearest neighbour wins (arXiv:1711.00937)."""

    kind: Literal["vq"] = "vq"
    K: int = Field(
        128, ge=2, le=MOST_CODES, title="Codes K", description="How many vectors the codebook holds, 2 to 65,536.", json_schema_extra=SHORT
    )
    D: int = Field(
        16, ge=1, le=1024, title="Code dimension D", description="How many numbers each code has, 1 to 1,024.", json_schema_extra=SHORT
    )
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
    start_after: int = Field(
        0,
        ge=0,
        le=10_000_000,
        title="Start codes after",
        description="Training steps without quantising, in which the decoder gets the encoder's outputs as they are. "
        "Then codes start. 0: from the first step.",
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

    @property
    def dim(self) -> int:
        return self.D

    def books(self) -> tuple[Book, ...]:
        return (Book("codes", self.K, self.D),)

    def learners(self) -> Mapping[str, VQConfig]:
        return {"": self}


class ResidualConfig(BaseQuantizerConfig):
    """Residual vector quantisation: each stage quantises what the earlier ones left over (arXiv:2107.03312, section III-C)."""

    kind: Literal["residual"] = "residual"
    stages: tuple[VQConfig, ...] = Field(
        (VQConfig(K=32), VQConfig(K=32), VQConfig(K=32)),
        min_length=1,
        max_length=8,
        title="Stages",
        description="The codebooks, coarse to fine, 1 to 8, all of one code dimension D.",
    )
    shared: bool = Field(
        False,
        title="One shared codebook",
        description="All stages use one codebook. Their settings must then be the same.",
        json_schema_extra=SHORT,
    )
    stage_dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Stage dropout",
        description="Share of the training examples whose decoder gets only the first stages, how many is drawn; 0 to below 1. "
        "0: all stages, always.",
        json_schema_extra=TREATABLE,
    )

    @model_validator(mode="after")
    def _stages_fit(self) -> Self:
        sizes = [stage.D for stage in self.stages]
        if len(set(sizes)) > 1:
            raise ValueError(
                f"stages must have one code dimension D, not {', '.join(map(str, sizes))}: each quantises what the last one left"
            )
        for place, stage in enumerate(self.stages):
            if stage.distance != "euclidean":
                raise ValueError(f"stage {place} has distance {stage.distance}, but what is left over has a length: choose 'euclidean'")
            if stage.start_after != self.stages[0].start_after:
                raise ValueError(
                    f"stages start together, but start_after of stage {place} is {stage.start_after:,} and that of stage 0 "
                    f"{self.stages[0].start_after:,}: give all the same"
                )
            if self.shared and stage != self.stages[0]:
                raise ValueError(
                    f"stages that share a codebook have the same settings, but those of stage {place} are not those of stage 0"
                )
        return self

    @property
    def dim(self) -> int:
        return self.stages[0].D

    def books(self) -> tuple[Book, ...]:
        return tuple(Book(f"stage {place}", stage.K, stage.D) for place, stage in enumerate(self.stages, start=1))

    def learners(self) -> Mapping[str, VQConfig]:
        return {f"stages.{place}": stage for place, stage in enumerate(self.stages)}


def _codes_fit(levels: tuple[int, ...]) -> tuple[int, ...]:
    if math.prod(levels) > MOST_CODES:
        product = "·".join(map(str, levels))
        raise ValueError(f"{product} = {math.prod(levels):,} codes; at most {MOST_CODES:,} are allowed: use fewer or smaller levels")
    return levels


class FSQConfig(BaseQuantizerConfig):
    """Finite scalar quantisation: each of D numbers is rounded to one of its levels; codes are all combinations (arXiv:2309.15505)."""

    kind: Literal["fsq"] = "fsq"
    levels: Annotated[tuple[Annotated[int, Field(ge=2, le=MOST_CODES)], ...], AfterValidator(_codes_fit)] = Field(
        (8, 6, 5),
        min_length=1,
        title="Levels",
        description=f"How many values each number of a code may take, 2 or more each. Their product is K, at most {MOST_CODES:,}.",
        json_schema_extra=SHORT,
    )

    @property
    def dim(self) -> int:
        return len(self.levels)

    def books(self) -> tuple[Book, ...]:
        return (Book("codes", math.prod(self.levels), len(self.levels), learned=False),)

    def learners(self) -> Mapping[str, VQConfig]:
        return {}


AnyQuantizerConfig = VQConfig | ResidualConfig | FSQConfig
QuantizerConfig = Annotated[VQConfig | ResidualConfig | FSQConfig, Field(discriminator="kind")]
