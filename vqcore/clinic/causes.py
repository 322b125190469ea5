"""Five runs that collapse, each for one cause, and the same run without it. Measured by `python -m tests.benchmarks.clinic`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vqcore.config.data import DigitsConfig
from vqcore.config.model import VQVAEConfig
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import RunConfig, TrainConfig


@dataclass(frozen=True, slots=True)
class Cause:
    """One way to collapse.

    `title` names the cause and `reveal` tells it in two sentences; `patient` and `symptom` say what one sees and do not give
    it away. `config` is `healthy` but for `paths` (dotted). Treat before the step after `treat_at`.
    """

    title: str
    patient: str
    symptom: str
    reveal: str
    config: RunConfig
    paths: tuple[str, ...]
    healthy: RunConfig
    treat_at: int

    @property
    def changes(self) -> dict[str, Any]:
        """What makes `config` of `healthy`: dotted path → value."""
        return {path: self.config.at(path) for path in self.paths}


# the treatment comes after a third: two thirds are left to see what it does
STEPS, TREAT_AT, LOOK_EVERY = 600, 204, 12


def _healthy(quantizer: VQConfig, *, lr: float, hidden: int = 32, residual_blocks: int = 2) -> RunConfig:
    return RunConfig(
        data=DigitsConfig(),
        model=VQVAEConfig(quantizer=quantizer, downsampling=2, hidden=hidden, residual_blocks=residual_blocks),
        train=TrainConfig(
            steps=STEPS,
            batch_size=64,
            lr=lr,
            # pinned, so that everybody gets the same run
            device="cpu",
            precision="float32",
            threads=1,
            evaluate_every=LOOK_EVERY,
            evaluation_images=360,
        ),
    )


def _cause(title: str, patient: str, symptom: str, reveal: str, healthy: RunConfig, changes: dict[str, Any]) -> Cause:
    return Cause(title, patient, symptom, reveal, healthy.edited(changes), tuple(changes), healthy, TREAT_AT)


CAUSES: dict[str, Cause] = {
    "far_init": _cause(
        "The codes started far from the data",
        "Wallflowers",
        "A few codes do everything from the first step on. Most of the others have never been chosen once.",
        "The codes were drawn from a normal distribution of standard deviation 10, while the encoder's outputs lie within a few units of "
        "zero. Only the codes nearest to the crowd are ever chosen, and no term of the loss moves the others.",
        _healthy(VQConfig(K=32, D=4, init="data"), lr=2e-3),
        {"model.quantizer.init": "normal", "model.quantizer.init_scale": 10.0},
    ),
    "no_commitment": _cause(
        "Nothing holds the encoder: β = 0",
        "Runaway",
        "All codes are in use at first, and hardly any a hundred steps later. One of the two lengths climbs and climbs.",
        "With β = 0 the commitment term counts for nothing, so the encoder's outputs run away faster than codes can follow. "
        "The few codes in front win everything; the others are left behind.",
        _healthy(VQConfig(K=32, D=4, init="data"), lr=5e-4),
        {"model.quantizer.commitment_weight": 0.0},
    ),
    "large_k": _cause(
        "The codebook is far too large",
        "Crowded house",
        "Codes come back one after another, and at this pace most of the book will still lie idle at the end.",
        "There are 1,024 codes, and a code learns only while it is chosen. Once the encoder has moved, a few codes in its way win "
        "everything, and the rest wait where they were left.",
        _healthy(VQConfig(K=32, D=4, init="data"), lr=2e-3),
        {"model.quantizer.K": 1024},
    ),
    "high_lr": _cause(
        "The learning rate is too high",
        "In a hurry",
        "The error falls fast and then stays high. A handful of codes took everything within the first steps.",
        "Adam's steps are thirty times as large as in the healthy run. The first codes to be chosen jump into the crowd at once and take "
        "all of it, before the encoder has spread out far enough to find the others.",
        _healthy(VQConfig(K=128, D=8, init="normal", init_scale=1.0), lr=1e-3, hidden=16, residual_blocks=1),
        {"train.lr": 0.03},
    ),
    "high_d": _cause(
        "The codes have too many numbers each",
        "Lost in space",
        "Codes and encoder outputs are about equally long, the steps are ordinary, and yet hardly any code is chosen.",
        "Each code has 64 numbers, where 4 would do. Among so many directions a code drawn by chance points nowhere near the encoder's "
        "outputs, so the few that were chosen first keep winning.",
        _healthy(VQConfig(K=256, D=4, init="normal", init_scale=1.0), lr=2e-3),
        {"model.quantizer.D": 64},
    ),
}
