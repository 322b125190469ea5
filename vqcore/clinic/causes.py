"""Five runs that collapse, each for one cause, and the same run without it. Measured by `python -m tests.benchmarks.clinic`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vqcore.config.data import DigitsConfig
from vqcore.config.model import VQVAEConfig
from vqcore.config.needs import Need
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import RunConfig, TrainConfig


@dataclass(frozen=True, slots=True)
class Cause:
    """One way to collapse.

    `title` names the cause and `reveal` tells it in two sentences; `patient` and `symptom` say what one sees and do not give
    it away. `config` is `healthy` but for `paths` (dotted). Treat before the step after `treat_at`.
    `needs`: what a model must have to be able to collapse for this cause.
    """

    title: str
    patient: str
    symptom: str
    reveal: str
    config: RunConfig
    paths: tuple[str, ...]
    healthy: RunConfig
    treat_at: int
    needs: tuple[Need, ...] = ("learned codes",)

    @property
    def changes(self) -> dict[str, Any]:
        """What makes `config` of `healthy`: dotted path → value."""
        return {path: self.config.at(path) for path in self.paths}


def _healthy(quantizer: VQConfig, *, lr: float, steps: int, look_every: int, residual_blocks: int = 2) -> RunConfig:
    return RunConfig(
        data=DigitsConfig(),
        model=VQVAEConfig(quantizer=quantizer, downsampling=2, hidden=32, residual_blocks=residual_blocks),
        train=TrainConfig(
            steps=steps,
            batch_size=64,
            lr=lr,
            # pinned, so that everybody gets the same run
            device="cpu",
            precision="float32",
            threads=1,
            evaluate_every=look_every,
            evaluation_images=360,
        ),
    )


# K = 32 codes on a 4×4 grid, started on encoder outputs: all of them in use after 600 steps
_PLAIN = _healthy(VQConfig(K=32, D=4, init="data"), lr=2e-3, steps=600, look_every=12)


def _cause(title: str, patient: str, symptom: str, reveal: str, healthy: RunConfig, changes: dict[str, Any], treat_at: int) -> Cause:
    return Cause(title, patient, symptom, reveal, healthy.edited(changes), tuple(changes), healthy, treat_at)


CAUSES: dict[str, Cause] = {
    "far_init": _cause(
        "The codes started far from the data",
        "Wallflowers",
        "A few codes do everything from the first step on. Most of the others have never been chosen once.",
        "The codes were drawn from a normal distribution of standard deviation 10, while the encoder's first outputs are about 0.3 long. "
        "Only the codes nearest to them are ever chosen, and no term of the loss moves the others.",
        _PLAIN,
        {"model.quantizer.init": "normal", "model.quantizer.init_scale": 10.0},
        204,
    ),
    "no_commitment": _cause(
        "Nothing holds the encoder: β = 0",
        "Runaway",
        "All codes are in use at first, and hardly any sixty steps later. One of the two lengths climbs and climbs.",
        "With β = 0 the commitment term counts for nothing, so the encoder's outputs run away faster than codes can follow. "
        "The few codes in front win everything; the others are left behind.",
        _healthy(VQConfig(K=32, D=4, init="data"), lr=7e-4, steps=600, look_every=10),
        {"model.quantizer.commitment_weight": 0.0},
        60,  # later the encoder is too far away to be called back
    ),
    "large_k": _cause(
        "The codebook is far too large",
        "Crowded house",
        "Nearly every code began on an output of the encoder, yet a hundred steps later one in twenty is in use. Some come back, far too "
        "slowly.",
        "There are 1,024 codes, and a code learns only while it is chosen. Once the encoder has moved, a few codes in its way win "
        "everything, and the rest wait where they were left.",
        _PLAIN,
        {"model.quantizer.K": 1024},
        204,
    ),
    "high_lr": _cause(
        "The learning rate is too high",
        "In a hurry",
        "Every code began on an output of the encoder. Eight steps later a single one does everything, and the others hardly come back.",
        "Adam's steps are twelve times as large as in the healthy run: within eight of them the encoder turned all its outputs away from "
        "the codes, together. One code was left, and a running average moves only towards vectors that it wins.",
        _healthy(
            VQConfig(K=256, D=8, init="data", learning="ema", ema_decay=0.9, distance="l2"),
            lr=2e-3,
            steps=440,
            look_every=8,
            residual_blocks=1,
        ),
        {"train.lr": 0.025},
        200,
    ),
    "high_d": _cause(
        "The codes have too many numbers each",
        "Lost in space",
        "Codes and encoder outputs are about equally long, the steps are ordinary, and yet hardly any code is chosen.",
        "Each code has 64 numbers, where 4 would do. Among so many directions a code drawn by chance points nowhere near the encoder's "
        "outputs, so the few that were chosen first keep winning.",
        _healthy(VQConfig(K=256, D=4, init="normal", init_scale=1.0), lr=2e-3, steps=600, look_every=12),
        {"model.quantizer.D": 64},
        204,
    ),
}
