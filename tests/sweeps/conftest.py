"""Sweeps of tiny runs, and runs whose records are written by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vqcore.config.presets import PRESETS
from vqcore.records import BookEvaluation, BookStep, Evaluation, Event, Step
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import acquire
from vqcore.runs.store import RunStore
from vqcore.runs.writer import RunWriter
from vqcore.sweeps.spec import SweepSpec
from vqcore.sweeps.store import SweepStore

K_PATH, D_PATH, DISTANCE = "model.quantizer.K", "model.quantizer.D", "model.quantizer.distance"


def axis(path: str, *values: Any) -> dict[str, Any]:
    return {"name": path, "levels": [{"label": str(value), "changes": {path: value}} for value in values]}


@pytest.fixture
def spec() -> SweepSpec:
    """D = 4, 16 × both distances × seeds 0, 1: eight runs of 20 steps."""
    base = PRESETS["digits"].config.edited({"train.steps": 20, "train.threads": 1, "model.hidden": 8, "train.evaluation_images": 16})
    return SweepSpec.parse({"base": base, "axes": [axis(D_PATH, 4, 16), axis(DISTANCE, "euclidean", "l2")], "seeds": [0, 1]})


@pytest.fixture
def sweeps(tmp_path: Path) -> SweepStore:
    return SweepStore(tmp_path / "runs")


@pytest.fixture
def finish(tmp_path: Path) -> Callable[..., RunFolder]:
    """Makes a finished run with an evaluation: `finish(config, used=20)`; `ended="failed"` ends it otherwise."""

    def make(config: Any, *, used: int = 20, psnr: float = 18.0, sweep: str = "", ended: str = "finished") -> RunFolder:
        folder = RunStore(tmp_path / "runs").create(config, name="One of a sweep", sweep=sweep)
        K, steps = config.model.quantizer.K, config.train.steps
        with acquire(folder, "cli") as lease:
            writer = RunWriter(folder, lease)
            writer.write(Event(0, "started", "On the processor."))
            book = BookStep("codes", 3.5, used - 1, used, K - used + 1, used, 0.7)
            writer.write(Step(steps, 1.0, 64 * steps, 2.5, 6400.0, 1e-3, 0.5, {"reconstruction": 0.4}, 0.5, (book,)))
            entry = BookEvaluation("codes", K, used, 9.0, 3.17, 5744, 16, 80.0)
            writer.write(Evaluation(steps, 359, True, 0.3, {"reconstruction": 0.3}, 0.01, 0.1, 0.52, psnr, (entry,)))
            writer.write(Event(steps, "finished" if ended == "finished" else "stopped", "Over."))
        if ended == "failed":
            folder.set_status(state="failed", error="The loss is NaN.")
        return folder

    return make
