"""Codes that a prior can learn, and the smallest model that decodes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from vqcore.config.model import VQVAEConfig
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import Parent, PriorRunConfig
from vqcore.layout import Grid, Layout
from vqcore.models.base import Model
from vqcore.models.registry import build_model
from vqcore.runs.codes import CodeSet

K = 5
MODEL = VQVAEConfig(quantizer=VQConfig(K=K, D=3, init="normal"), downsampling=2, hidden=4, residual_blocks=0)


@pytest.fixture
def model() -> Model:
    """Of 6×6 pictures as 3×3 grids."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return build_model(MODEL, (1, 6, 6), "image", 0.1)


@pytest.fixture
def codes() -> CodeSet:
    """3×3 grids of 5 codes in which a code often repeats the one before it; the label is where a grid begins."""
    random = np.random.default_rng(1)
    labels = random.integers(0, 2, 600)
    rows = np.zeros((600, 9), dtype=np.uint16)
    rows[:, 0] = labels
    for i in range(1, 9):
        stays = random.random(600) < 0.8
        rows[:, i] = np.where(stays, rows[:, i - 1], random.integers(0, K, 600))
    layout = Layout((Grid("codes", K, (3, 3)),), 2)
    where = np.arange(600)
    return CodeSet(layout, 40, rows[:400], rows[400:], labels[:400], labels[400:], where[:400], where[400:], "digit", ("nought", "one"))


@pytest.fixture
def prior_config() -> Callable[..., PriorRunConfig]:
    """`prior_config({"kind": "histogram"}, steps=20)`."""

    def make(prior: dict[str, Any] | None = None, **train: Any) -> PriorRunConfig:
        settings = {"steps": 24, "batch_size": 32, "lr": 5e-3, "device": "cpu", "precision": "float32", "threads": 1}
        settings |= {"record_every": 4, "evaluate_every": 12, "evaluation_images": 64, "checkpoint_every": 8}
        return PriorRunConfig.parse(
            {
                "kind": "prior",
                "data": {"kind": "digits"},
                "model": MODEL.model_dump(mode="json"),
                "prior": prior or {"kind": "pixelcnn", "hidden": 8, "layers": 2, "dropout": 0.1},
                "parent": Parent(run="a-parent", checkpoint="0123456789ab", step=40).model_dump(mode="json"),
                "train": settings | train,
            }
        )

    return make
