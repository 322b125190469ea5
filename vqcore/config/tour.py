"""The three runs of the tour: one code a picture, the same with codes that start far away, and a grid of codes.

Small enough to be watched: each finishes within seconds on two cores. `threads` is pinned, so that everybody sees the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from vqcore.config.data import DigitsConfig
from vqcore.config.model import VQVAEConfig
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import RunConfig, TrainConfig

K, D = 16, 2
FOLLOW = 10.0  # steps a second at which one can follow


@dataclass(frozen=True, slots=True)
class TourRun:
    """`name` is what the run is called; `pause_at` is the step at which it waits for a treatment (0: it does not)."""

    name: str
    config: RunConfig
    pause_at: int = 0


def _one_code(train: TrainConfig, **start: float | str) -> RunConfig:
    """The whole picture is one code; layers without convolutions make steps of about a millisecond.

    Codes follow the means of what they win, at once: by gradient they ended at errors of 0.30 to 0.32 where EMA reaches 0.29.
    """
    learning = {"learning": "ema", "ema_decay": 0.8, "commitment_weight": 1.0}
    book = VQConfig.parse({"K": K, "D": D, "init": "data"} | learning | start)
    model = VQVAEConfig(quantizer=book, downsampling="vector", net="mlp", hidden=128, residual_blocks=0)
    return RunConfig(data=DigitsConfig(), model=model, train=train)


_SIXTEEN = TrainConfig(
    steps=600,
    batch_size=128,
    lr=6e-3,
    schedule="cosine",
    device="cpu",
    threads=1,
    speed_limit=FOLLOW,
    record_every=10,
    evaluate_every=10,
    evaluation_images=360,
    checkpoint_every=600,
)
_FAR = _SIXTEEN.edited({"steps": 920, "checkpoint_every": 920})
_GRID = TrainConfig(
    steps=450,
    batch_size=64,
    lr=6e-3,
    device="cpu",
    threads=1,
    record_every=10,
    evaluate_every=50,
    evaluation_images=128,
    checkpoint_every=450,
)

TOUR: dict[str, TourRun] = {
    "train": TourRun("Tour: sixteen pictures", _one_code(_SIXTEEN)),
    "broken": TourRun("Tour: codes far away", _one_code(_FAR, init="normal", init_scale=3.0), pause_at=20),
    "grid": TourRun(
        "Tour: a grid of codes",
        RunConfig(
            data=DigitsConfig(),
            model=VQVAEConfig(
                quantizer=VQConfig(K=K, D=D, init="data", learning="ema", ema_decay=0.8, commitment_weight=0.5),
                downsampling=2,
                hidden=32,
                residual_blocks=0,
            ),
            train=_GRID,
        ),
    ),
}
# what comes with the program for the card that needs no engine: the first run at full speed, its first and its last pictures
BUNDLED = TOUR["train"].config.edited({"train.speed_limit": 0.0, "train.evaluate_every": _SIXTEEN.steps})
