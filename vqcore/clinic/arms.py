"""Why codes die, as an experiment: a run with far too many codes, the same with its encoder frozen, and with a late start. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vqcore.clinic.causes import CAUSES
from vqcore.clinic.treatments import LATE_STEPS
from vqcore.config.run import RunConfig

TITLE = "Why codes die"
SENTENCE = (
    "1,024 codes that start on outputs of the encoder: as it is, with the encoder frozen, and with codes that start late. Watch how far "
    "the encoder walks away from its codes."
)


@dataclass(frozen=True, slots=True)
class Arm:
    """One run of the experiment. `changes` (dotted path → value) make it of `BASE`."""

    title: str
    changes: Mapping[str, Any]

    @property
    def config(self) -> RunConfig:
        return BASE.edited(self.changes)


BASE = CAUSES["large_k"].config.edited({"train.steps": 300, "train.evaluate_every": 10})
ARMS: tuple[Arm, ...] = (
    Arm("As it is", {}),
    Arm("Encoder frozen", {"model.freeze_encoder": True}),
    Arm("Late start", {"model.quantizer.start_after": LATE_STEPS}),
)


def title_of(config: RunConfig) -> str:
    """Which arm a run of the experiment is, by the configuration that it was started with."""
    return next(arm.title for arm in reversed(ARMS) if all(config.at(path) == value for path, value in arm.changes.items()))
