"""A prior's run in a worker and in the engine: from its own folder alone once it has its codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vqcore.config.prior import HistogramConfig, PixelCNNConfig
from vqcore.config.run import TrainConfig
from vqcore.control import Command
from vqcore.jobs import worker
from vqcore.records import Checkpoint, PriorEvaluation, Record
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

PRIOR = PixelCNNConfig(hidden=8, layers=1)
TRAIN = TrainConfig(steps=20, batch_size=16, threads=1, device="cpu", evaluate_every=10, evaluation_images=32, checkpoint_every=5)


@pytest.fixture(scope="module")
def parent(store: RunStore, tools: Any) -> RunFolder:
    """A trained model of digits, as 2×2 grids of 8 codes."""
    folder = tools.create(store, tools.config(device="cpu"))
    assert worker.run(folder, "cli") == "finished"
    return folder


def evaluations(folder: RunFolder) -> list[PriorEvaluation]:
    return [record for record in folder.metrics().records if isinstance(record, PriorEvaluation)]


def test_it_makes_its_codes_and_trains_to_its_end(store: RunStore, parent: RunFolder) -> None:
    folder = store.create_prior(parent, PRIOR, TRAIN, name="Prior")
    assert worker.run(folder, "cli") == "finished", folder.status().error
    codes, state = folder.codes(), folder.checkpoint()
    assert codes is not None and state is not None and codes.layout.length == 4 and codes.layout.vocabulary == 8
    assert any(name.startswith("prior.") for name in state.tensors) and not any(name.startswith("model.") for name in state.tensors)
    assert [found.step for found in evaluations(folder)] == [0, 10, 20] == folder.sample_steps()
    figures = folder.status().figures
    assert figures is not None and figures.bits == evaluations(folder)[-1].bits


def test_without_its_parent_and_its_data_it_goes_on(
    store: RunStore, tools: Any, parent: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan = tools.create(store, tools.config(device="cpu", seed=3))
    assert worker.run(orphan, "cli") == "finished"
    folder = store.create_prior(orphan, PRIOR, TRAIN, name="Prior")

    def stop(record: Record) -> None:
        if isinstance(record, Checkpoint) and record.step == 5:
            folder.send(Command("stop"))

    assert worker.run(folder, "cli", on_record=stop) == "stopped"
    store.delete(orphan.id)

    def no_data(*_: Any, **__: Any) -> Any:
        raise AssertionError("a prior that has its codes needs no data")

    monkeypatch.setattr(worker._Attempt, "_dataset", no_data)
    assert worker.run(folder, "cli") == "finished" and folder.status().step == 20
    whole = store.create_prior(folder, PRIOR, TRAIN, name="Uninterrupted")
    assert worker.run(whole, "cli") == "finished"
    one, other = folder.checkpoint(), whole.checkpoint()
    assert one is not None and other is not None and all(np.array_equal(one.tensors[name], other.tensors[name]) for name in one.tensors)


def test_codes_that_were_damaged_are_made_again(store: RunStore, parent: RunFolder) -> None:
    folder = store.create_prior(parent, HistogramConfig(), TRAIN, name="Counted")
    folder.codes_path.write_bytes(b"torn")
    assert worker.run(folder, "cli") == "finished" and folder.codes() is not None
    (found,) = evaluations(folder)
    assert found.bits == pytest.approx(found.position_bits) and found.bits < found.uniform_bits


def test_a_copy_of_the_model_that_is_gone_is_the_runs_error(store: RunStore, parent: RunFolder) -> None:
    folder = store.create_prior(parent, PRIOR, TRAIN, name="No model")
    folder.model_path.unlink()
    assert worker.run(folder, "cli") == "failed" and "lost its copy" in folder.status().error


def test_the_engine_trains_treats_pauses_and_resumes_it(idle: Any, store: RunStore, tools: Any, parent: RunFolder) -> None:
    train = TRAIN.edited({"steps": 100_000, "speed_limit": 50.0})
    folder = store.create_prior(parent, PRIOR, train, name="Live")
    idle.submit(folder.id)
    tools.trains(folder, seconds=60)
    idle.send(folder.id, Command("treat", changes={"train.lr": 1e-4}))
    tools.until(lambda: "treated" in tools.events(folder))
    idle.send(folder.id, Command("pause"))
    tools.reaches(folder, "paused")
    idle.stop(folder.id)
    tools.reaches(folder, "stopped")
    at = folder.status().step
    idle.send(folder.id, Command("resume"))
    tools.trains(folder, beyond=at, seconds=60)
    assert folder.effective_config().train.lr == 1e-4
    idle.stop(folder.id)
    tools.reaches(folder, "stopped")
    store.delete(folder.id)
    assert not folder.path.exists()
