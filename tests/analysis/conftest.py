"""Small runs, trained for a moment, to look into; and models with several books, with none, and of known weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from vqcore.config.data import DigitsConfig, RingsConfig
from vqcore.config.model import VQVAEConfig
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import RunConfig, TrainConfig
from vqcore.jobs import worker
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

DIGITS = RunConfig(
    data=DigitsConfig(),
    model=VQVAEConfig(quantizer=VQConfig(K=16, D=4, init="data", learning="ema", ema_decay=0.9), downsampling=2, hidden=8),
    train=TrainConfig(
        steps=60, batch_size=64, lr=2e-3, threads=1, device="cpu", evaluate_every=1000, evaluation_images=64, checkpoint_every=1000
    ),
)
RINGS = RunConfig(
    data=RingsConfig(count=1000),
    model=VQVAEConfig(quantizer=VQConfig(K=8, D=2, init="data"), downsampling="vector", hidden=8, residual_blocks=0),
    train=DIGITS.train,
)


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> Callable[[RunConfig], RunFolder]:
    """Trains a run to its end."""
    store = RunStore(Path(tmp_path_factory.mktemp("runs")))

    def trained(config: RunConfig, **changes: Any) -> RunFolder:
        folder = store.create(config.edited(changes), name="test")
        threads = torch.get_num_threads()
        assert worker.run(folder, "cli") == "finished"
        torch.set_num_threads(threads)
        return folder

    return trained


@pytest.fixture(scope="session")
def digits(train: Callable[[RunConfig], RunFolder]) -> RunFolder:
    """A run of 16 codes of 4 numbers on 4×4 grids. Tests must leave it as it is, results apart."""
    return train(DIGITS)


@pytest.fixture(scope="session")
def rings(train: Callable[[RunConfig], RunFolder]) -> RunFolder:
    """A run of 8 codes of 2 numbers, one for each point."""
    return train(RINGS)
