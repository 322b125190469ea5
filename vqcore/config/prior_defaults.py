"""Priors that are good as they are: for each kind its name, what it knows in one sentence, and settings that suit the data."""

from __future__ import annotations

from dataclasses import dataclass

from vqcore.config.needs import Need
from vqcore.config.prior import AnyPriorConfig, HistogramConfig, PixelCNNConfig, TransformerConfig, UniformConfig
from vqcore.config.run import PriorRunConfig, RunConfig, TrainConfig


@dataclass(frozen=True, slots=True)
class Rung:
    """One prior of the ladder, from the least to the most that a prior may know. `key` names it among all of them.

    `needs`: what the model must have whose codes it learns.
    """

    key: str
    title: str
    sentence: str
    config: AnyPriorConfig
    learns: bool  # by gradient, over many steps
    needs: tuple[Need, ...] = ("codes",)


LADDER: tuple[Rung, ...] = (
    Rung("uniform", "Uniform", "Every code is as likely as any other. This is what training the model assumed.", UniformConfig(), False),
    Rung(
        "histogram",
        "Histogram",
        "Knows how often each code occurs, not where.",
        HistogramConfig(per_position=False),
        False,
    ),
    Rung(
        "positions",
        "Histogram per cell",
        "Knows how often each code occurs in each cell, not what stands beside it.",
        HistogramConfig(per_position=True),
        False,
    ),
    Rung("pixelcnn", "PixelCNN", "Looks at the cells above and to the left, by masked convolutions.", PixelCNNConfig(), True),
    Rung("transformer", "Transformer", "Looks at every cell before this one, by attention.", TransformerConfig(), True),
)


def title_of(kind: str) -> str:
    """What a kind of prior is called."""
    return next((rung.title for rung in LADDER if rung.config.kind == kind), kind)


def rung_of(config: AnyPriorConfig) -> Rung:
    """Where a prior stands on the ladder, whatever its size and whether it is given labels."""
    if isinstance(config, HistogramConfig):
        return LADDER[2] if config.per_position else LADDER[1]
    return next(rung for rung in LADDER if rung.config.kind == config.kind)


def name_of(config: PriorRunConfig) -> str:
    """What such a run is called unless somebody gives it a name, as in "PixelCNN of Letters, by label"."""
    labelled = ", by label" if getattr(config.prior, "conditional", False) else ""
    return f"{rung_of(config.prior).title} of {config.parent.name or config.parent.run}{labelled}"


def sized(rung: Rung, run: RunConfig, *, conditional: bool = False) -> tuple[AnyPriorConfig, TrainConfig]:
    """Settings of this rung for the codes of `run`: a small network for small data, a larger one for MNIST and the like.

    `conditional` is passed over by the uniform prior, which has nothing to condition.
    """
    large = run.data.kind in ("mnist", "fashion_mnist")
    few = run.data.kind == "digits"
    changes: dict[str, object] = {} if isinstance(rung.config, UniformConfig) else {"conditional": conditional}
    if rung.key == "pixelcnn":
        changes |= {"hidden": 64, "layers": 6} if large else {"hidden": 32, "layers": 4, "dropout": 0.3 if few else 0.1}
    elif rung.key == "transformer":
        changes |= {"hidden": 128, "layers": 4} if large else {"hidden": 64, "layers": 3, "dropout": 0.3 if few else 0.1}
    config = rung.config.edited(changes)
    if not rung.learns:
        return config, TrainConfig(steps=1, evaluation_images=1024)
    # on MNIST one pass over the data for the PixelCNN; the Transformer learns more slowly
    epoch = 937
    steps, every = (epoch if rung.key == "pixelcnn" else 3 * epoch, 117) if large else (600, 30) if few else (1000, 50)
    return config, TrainConfig(
        steps=steps,
        batch_size=64,
        lr=1e-3 if rung.key == "transformer" and not large else 2e-3,
        schedule="cosine",
        evaluate_every=every,
        evaluation_images=256,
        checkpoint_every=4 * every,
    )
