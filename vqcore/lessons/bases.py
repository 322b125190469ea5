"""Configurations that lessons and links start from, each under a short name that never changes its meaning. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vqcore.clinic.causes import CAUSES
from vqcore.config.base import Config
from vqcore.config.data import DigitsConfig
from vqcore.config.model import VQVAEConfig
from vqcore.config.presets import PRESETS
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import RunConfig, TrainConfig
from vqcore.errors import LessonError

# pinned, so that everybody sees the same
_TRAIN = TrainConfig(
    steps=400,
    batch_size=64,
    lr=4e-3,
    device="cpu",
    precision="float32",
    threads=1,
    record_every=10,
    evaluate_every=20,
    evaluation_images=360,
    checkpoint_every=400,
)

BASES: Mapping[str, RunConfig] = {
    # one code a picture, in a plane: steps of about a millisecond
    "lesson.one": RunConfig(
        data=DigitsConfig(),
        model=VQVAEConfig(quantizer=VQConfig(K=16, D=2, init="data"), downsampling="vector", net="mlp", hidden=128, residual_blocks=1),
        train=_TRAIN,
    ),
    # a grid of 4×4 codes
    "lesson.grid": RunConfig(
        data=DigitsConfig(),
        model=VQVAEConfig(quantizer=VQConfig(K=16, D=2, init="data"), downsampling=2, hidden=32, residual_blocks=1),
        train=_TRAIN.edited({"lr": 6e-3, "schedule": "cosine", "evaluate_every": 50, "evaluation_images": 128}),
    ),
    **{f"preset.{name}": preset.config for name, preset in PRESETS.items()},
    **{f"cause.{name}": cause.config for name, cause in CAUSES.items()},
    **{f"healthy.{name}": cause.healthy for name, cause in CAUSES.items()},
}


def base(name: str) -> RunConfig:
    """The configuration of that name. Raises LessonError for an unknown one."""
    if name not in BASES:
        raise LessonError(f"There is no configuration called {name[:40]!r} to start from; there are: {', '.join(BASES)}.")
    return BASES[name]


def differences(old: Config, new: Config) -> dict[str, Any]:
    """What `old.edited` needs to become `new`: dotted path → plain value. A part of another kind is given whole."""
    return dict(_walk(old.model_dump(mode="json"), new.model_dump(mode="json"), ""))


def _walk(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, dict) and isinstance(before, dict) and value.get("kind") == before.get("kind"):
            found += _walk(before, value, f"{prefix}{name}.")
        elif value != before or name not in old:
            found.append((f"{prefix}{name}", value))
    return found
