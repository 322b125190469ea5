"""Runs and records to test with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vqcore.config.run import RunConfig
from vqcore.records import BookEvaluation, BookSnapshot, BookStep, Evaluation, Gallery, Snapshot, State, Step
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import HeldLease, acquire
from vqcore.runs.store import RunStore


class Make:
    """Records of any step."""

    @staticmethod
    def step(step: int, loss: float = 1.0) -> Step:
        book = BookStep("codes", 3.5, 5, 6, 3, 5, 0.7)
        return Step(step, step / 10, step * 64, step / 100, 6400.0, 1e-3, loss, {"reconstruction": loss, "commitment": 0.1}, 0.5, (book,))

    @staticmethod
    def evaluation(step: int, nmse: float = 0.25, used: int = 5) -> Evaluation:
        book = BookEvaluation("codes", 8, used, 4.5, 2.1, 640, 16, 48.0)
        return Evaluation(step, 40, False, nmse, {"reconstruction": nmse}, 0.01, nmse, 0.8, 20.0, (book,))

    @staticmethod
    def gallery(step: int) -> Gallery:
        picture = np.full((4, 8, 8, 1), step % 256, dtype=np.uint8)
        colours = np.zeros((4, 2, 2, 3), dtype=np.uint8)
        return Gallery(step, picture, picture, colours, colours, (np.full((4, 2, 2), 3, dtype=np.int32),), np.arange(4))

    @staticmethod
    def snapshot(step: int, K: int = 8, D: int = 4) -> Snapshot:
        book = BookSnapshot(
            "codes",
            np.random.default_rng(step).normal(size=(K, D)).astype(np.float16),
            np.arange(K),
            np.arange(K)[::-1].copy(),
            np.full(K, -1),
            np.ones(K, dtype=np.float32),
        )
        return Snapshot(step, (book,))

    @staticmethod
    def state(step: int) -> State:
        tensors = {
            "model.codebook": np.arange(12, dtype=np.float32).reshape(3, 4) + step,
            "optimizer.step": np.array(step, dtype=np.float32),
            "meter0.last_hit": np.arange(3),
            "mask": np.array([True, False]),
            "empty": np.zeros((0, 4), dtype=np.float32),
        }
        return State(tensors, {"step": step, "config": RunConfig().model_dump(mode="json"), "last_command": 2})


@pytest.fixture
def make() -> type[Make]:
    return Make


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


@pytest.fixture
def folder(store: RunStore) -> RunFolder:
    return store.create(RunConfig(), name="A run", owner="cafe", nickname="Ada", preset="digits")


@pytest.fixture
def held(folder: RunFolder) -> Iterator[HeldLease]:
    with acquire(folder, "cli") as lease:
        yield lease


@pytest.fixture
def taken_over() -> Callable[[RunFolder], HeldLease]:
    """Takes a run from a living owner, as another program would that thought it dead. The new lease is never released."""

    def take(folder: RunFolder) -> HeldLease:
        folder.change_status(lambda old: replace(old, lease=None))
        return acquire(folder, "engine")

    return take
