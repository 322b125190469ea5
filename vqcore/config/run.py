"""The configuration of one training run: data, model, training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Self, cast

from pydantic import BaseModel, Field, model_validator

from vqcore.config.base import MACHINE, SHORT, TREATABLE, Config, fingerprint
from vqcore.config.data import DataConfig, DigitsConfig
from vqcore.config.model import ModelConfig, VQVAEConfig
from vqcore.config.prior import PixelCNNConfig, PriorConfig
from vqcore.config.quantizer import VQConfig
from vqcore.errors import ConfigError
from vqcore.shape import Book, Level

SCHEMA_VERSION = 1

# what changes how fast or where a run goes, not what it computes
_NOT_IDENTITY = frozenset(
    {"train.device", "train.threads", "train.speed_limit", "train.record_every", "train.checkpoint_every", "parent.run", "parent.name"}
)


class TrainConfig(Config):
    """Adam on batches drawn without replacement, epoch by epoch."""

    steps: int = Field(
        2000, ge=1, le=10_000_000, title="Steps", description="Training steps, one batch each.", json_schema_extra=TREATABLE | SHORT
    )
    batch_size: int = Field(64, ge=1, le=8192, title="Batch size", description="Examples per step, 1 to 8,192.")
    lr: float = Field(1e-3, gt=0, le=10, title="Learning rate", description="Adam's step size, above 0.", json_schema_extra=TREATABLE)
    schedule: Literal["constant", "cosine"] = Field(
        "constant", title="Schedule", description="Keep the learning rate, or let it fall to a twentieth along half a cosine."
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, title="Seed", description="The same seed and settings give the same run.")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        "auto",
        title="Device",
        description="auto takes an NVIDIA GPU (cuda), else Apple's (mps), else the processor (cpu).",
        json_schema_extra=MACHINE,
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        title="Precision",
        description="Of encoder and decoder. The quantizer always computes in float32. auto: bfloat16 where it pays.",
        json_schema_extra=MACHINE,
    )
    threads: int | Literal["auto"] = Field(
        "auto",
        title="Threads",
        description="Processor threads. auto shares the cores among running trainers; a number makes runs repeat bit for bit.",
        json_schema_extra=MACHINE,
    )
    speed_limit: float = Field(
        0.0,
        ge=0,
        le=1000,
        title="Speed limit",
        description="Steps per second at most, for watching. 0: as fast as it goes.",
        json_schema_extra=TREATABLE | MACHINE,
    )
    record_every: int = Field(
        10, ge=1, le=10_000, title="Record every", description="Steps between points of the curves.", json_schema_extra=MACHINE
    )
    evaluate_every: int = Field(
        100,
        ge=1,
        le=100_000,
        title="Evaluate every",
        description="Steps between evaluations on validation data, with pictures and a snapshot of the codebook.",
        json_schema_extra=MACHINE,
    )
    evaluation_images: int = Field(
        1024,
        ge=16,
        le=1_000_000,
        title="Evaluate on",
        description="Validation examples per evaluation; the last one takes them all.",
        json_schema_extra=MACHINE,
    )
    checkpoint_every: int = Field(
        500,
        ge=1,
        le=1_000_000,
        title="Checkpoint every",
        description="Steps between checkpoints, from which a run resumes.",
        json_schema_extra=MACHINE,
    )

    @model_validator(mode="after")
    def _threads_in_range(self) -> Self:
        if self.threads != "auto" and not 1 <= self.threads <= 256:
            raise ValueError(f"threads must be 'auto' or 1 to 256, not {self.threads}")
        return self


class RunConfig(Config):
    """Everything that a run of a model depends on."""

    schema_version: Literal[1] = 1
    kind: Literal["model"] = "model"
    data: DataConfig = Field(default_factory=DigitsConfig)
    model: ModelConfig = Field(default_factory=VQVAEConfig)
    train: TrainConfig = Field(default_factory=TrainConfig)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.data.modality == "points" and self.model.downsampling != "vector":
            raise ValueError("rings are points, not pictures: set model.downsampling to 'vector'")
        if self.model.reconstruction == "bce" and not getattr(self.data, "binarise", False):
            raise ValueError("binary cross-entropy needs binary data: set data.binarise to true, or model.reconstruction to 'mse'")
        try:
            self.levels()
        except ConfigError as error:
            raise ValueError(str(error).rstrip(".")) from None
        steps = self.train.steps
        for path, learner in self.model.learners().items():
            if self.kind == "model" and learner.start_after >= steps:  # a prior's steps are its own
                raise ValueError(
                    f"model.{path}.start_after is {learner.start_after:,}, and training ends at step {steps:,} (train.steps), so codes "
                    f"would never be trained: choose 0 to {steps - 1:,}, or train longer"
                )
        return self

    @classmethod
    def parse(cls, data: Any) -> Self:
        """Validate plain data (parsed JSON), as the kind of run that it says it is. Raises ConfigError listing every problem."""
        if cls is RunConfig and isinstance(data, dict) and data.get("kind") == "prior":
            return cast(Self, PriorRunConfig.parse(data))
        return super().parse(data)

    def levels(self) -> tuple[Level, ...]:
        """The model's levels, coarse to fine, each with its grid and its books."""
        return self.model.levels(self.data.shape)

    def books(self) -> tuple[Book, ...]:
        """The books of all levels, in the order of the indices."""
        return tuple(book for level in self.levels() for book in level.books)

    def learners(self) -> dict[str, VQConfig]:
        """Dotted path → the settings of each codebook that is learned, in the order of the books."""
        return {f"model.{path}": found for path, found in self.model.learners().items()}

    def plain_vq(self) -> VQConfig:
        """The quantizer's settings, for what was made for one learned book. Raises ConfigError where it is another kind."""
        quantizer = self.model.quantizer
        if not isinstance(quantizer, VQConfig):
            raise ConfigError(f"model.quantizer.kind: one learned codebook is needed, 'vq', and this is {quantizer.kind!r}.")
        return quantizer

    @property
    def identity(self) -> str:
        """A hash of all that decides the result; two runs that share it are the same experiment."""
        # configurations from before there was a choice keep their identity
        since = {"model.net": "conv", "model.freeze_encoder": False, "model.quantizer.start_after": 0}
        data = self.model_dump(mode="json")
        return fingerprint(self, _NOT_IDENTITY | {path for path, before in since.items() if _plain_at(data, path) == before})

    @property
    def codes_start(self) -> int:
        """The step after which all codebooks quantise: nothing is recorded of codes until then. 0: from the first step."""
        return max((learner.start_after for learner in self.model.learners().values()), default=0)


def _plain_at(data: Any, path: str) -> Any:
    for key in path.split("."):
        data = data.get(key) if isinstance(data, dict) else None
    return data


class Parent(Config):
    """The run whose codes a prior learns: its id, its name then, and its checkpoint's step and hash (`vqcore.runs.analysis.Stamp`)."""

    run: str = Field(min_length=1, max_length=64)
    name: str = Field("", max_length=200)
    checkpoint: str = Field(pattern=r"^[0-9a-f]{12}$")
    step: int = Field(0, ge=0)


class PriorRunConfig(RunConfig):
    """A prior over the codes of a frozen model. `data` and `model` are the parent's, with its treatments; `train` is the prior's own."""

    kind: Literal["prior"] = "prior"  # type: ignore[assignment]
    parent: Parent
    prior: PriorConfig = Field(default_factory=PixelCNNConfig)


def treatable_paths(config: Config) -> dict[str, Any]:
    """Dotted path → current value of every field that may be changed while a run trains."""
    frozen = ("data.", "model.") if isinstance(config, PriorRunConfig) else ()
    return {path: value for path, value in _walk_treatable(config, "") if not path.startswith(frozen)}


def _walk_treatable(config: BaseModel, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        for place, part in enumerate(value) if isinstance(value, tuple) else ():
            if isinstance(part, BaseModel):
                yield from _walk_treatable(part, f"{prefix}{name}.{place}.")
        if isinstance(value, BaseModel):
            yield from _walk_treatable(value, f"{prefix}{name}.")
        elif isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("treatable"):
            yield f"{prefix}{name}", value
