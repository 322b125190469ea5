from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vqcore.config.run import RunConfig
from vqcore.errors import LeaseLost, RunError
from vqcore.records import Checkpoint, Event, Step
from vqcore.runs import files
from vqcore.runs import writer as writers
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import HeldLease, acquire
from vqcore.runs.writer import RunWriter


def test_a_whole_run(folder: RunFolder, make: Any) -> None:
    with acquire(folder, "engine") as held:
        writer = RunWriter(folder, held)
        for record in (
            Event(0, "started", "On the processor."),
            make.evaluation(0),
            make.gallery(0),
            make.snapshot(0),
            make.step(10),
            Checkpoint(10),
        ):
            writer.write(record)
        assert folder.status().state == "running"
        assert folder.checkpoint() is None
        writer.checkpoint(make.state(10))
        writer.write(make.step(20))
        writer.write(make.evaluation(20, nmse=0.125, used=8))
        writer.write(Event(20, "finished", "Finished 20 steps."))
    status = folder.status()
    assert (status.state, status.step, status.message, status.lease) == ("finished", 20, "Finished 20 steps.", None)
    assert status.figures and (status.figures.nmse, status.figures.used, status.figures.K) == (0.125, 8, 8)
    assert [record.step for record in folder.metrics().records] == [0, 10, 20, 20]
    assert [event.kind for event in folder.events().records] == ["started", "finished"]
    state = folder.checkpoint()
    assert state and state.meta["step"] == 10


@pytest.mark.parametrize(("kind", "state"), [("paused", "paused"), ("continued", "running")])
def test_events_move_the_state(held: HeldLease, folder: RunFolder, kind: Any, state: str) -> None:
    RunWriter(folder, held).write(Event(5, kind, "As asked."))
    assert (folder.status().state, folder.status().step, folder.status().message) == (state, 5, "As asked.")


@pytest.mark.parametrize(("kind", "state"), [("finished", "finished"), ("stopped", "stopped"), ("released", "paused")])
def test_events_decide_how_it_ends(folder: RunFolder, kind: Any, state: str) -> None:
    with acquire(folder, "engine") as held:
        RunWriter(folder, held).write(Event(5, kind, "The end."))
    assert (folder.status().state, folder.status().lease) == (state, None)


def test_a_treatment_is_remembered(held: HeldLease, folder: RunFolder) -> None:
    config = RunConfig().edited({"train.steps": 77, "train.lr": 0.5})
    RunWriter(folder, held).write(Event(5, "treated", "lr = 0.5", 1, {"config": config.model_dump(mode="json")}))
    assert (folder.status().treated, folder.status().steps) == (True, 77)
    assert folder.effective_config() == config
    assert folder.config() == RunConfig()


def test_after_a_crash_the_folder_reads_as_if_it_had_not_been(folder: RunFolder, make: Any) -> None:
    with acquire(folder, "engine") as held:
        writer = RunWriter(folder, held)
        writer.write(Event(0, "started", ""))
        for step in (0, 50, 100, 150):
            writer.write(make.step(step))
            writer.write(make.evaluation(step))
            writer.write(make.gallery(step))
            writer.write(make.snapshot(step))
        writer.checkpoint(make.state(100))
    size = (folder.path / "metrics.jsonl").stat().st_size
    with acquire(folder, "engine") as held:
        writer = RunWriter(folder, held)
        writer.write(Event(100, "resumed", ""))
        assert folder.galleries() == folder.snapshots() == [0, 50, 100]
        assert [record.step for record in folder.metrics().records] == [0, 0, 50, 50, 100, 100]
        writer.write(make.step(150, loss=9.0))
        steps = [(record.step, record.loss) for record in folder.metrics().records if isinstance(record, Step)]
        assert steps == [(0, 1.0), (50, 1.0), (100, 1.0), (150, 9.0)]
        assert (folder.path / "metrics.jsonl").stat().st_size > size  # nothing is cut away
    with acquire(folder, "engine") as held:
        RunWriter(folder, held).write(Event(0, "started", ""))  # from the beginning
        assert folder.metrics().records == ()
        assert folder.galleries() == []


def test_a_stale_attempt_writes_nothing(folder: RunFolder, make: Any, taken_over: Callable[[RunFolder], HeldLease]) -> None:
    old = acquire(folder, "engine")
    writer = RunWriter(folder, old)
    writer.checkpoint(make.state(1))
    new = taken_over(folder)
    before = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file() and path.name != "status.json"}
    with pytest.raises(LeaseLost):
        writer.checkpoint(make.state(2))
    for record in (make.step(2), make.evaluation(2), make.gallery(2), make.snapshot(2), Event(2, "finished", ""), Checkpoint(2)):
        with pytest.raises(LeaseLost):
            writer.write(record)
    assert {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file() and path.name != "status.json"} == before
    old.release()
    assert folder.status().state == "starting"
    new.release()


def test_pictures_and_snapshots_are_thinned(held: HeldLease, folder: RunFolder, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "GALLERIES", 6)
    monkeypatch.setattr(writers, "SNAPSHOTS", 10)
    writer = RunWriter(folder, held)
    for step in range(0, 2001, 50):
        writer.write(make.gallery(step))
        writer.write(make.snapshot(step))
        assert folder.galleries()[-1] == folder.snapshots()[-1] == step
        assert len(folder.galleries()) <= 6
        assert len(folder.snapshots()) <= 10
    assert folder.galleries() == [0, 400, 800, 1200, 1600, 2000]
    assert folder.snapshots()[:3] == [0, 400, 800]


def test_snapshots_stay_within_their_bytes(held: HeldLease, folder: RunFolder, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "SNAPSHOT_BYTES", 60_000)
    writer = RunWriter(folder, held)
    for step in range(0, 1000, 50):
        writer.write(make.snapshot(step, K=64, D=64))
        assert sum(path.stat().st_size for path in (folder.path / "snapshots").iterdir()) <= 60_000
        assert folder.snapshots()[-1] == step
    assert len(folder.snapshots()) >= 3


def test_a_full_disk_keeps_the_last_checkpoint(held: HeldLease, folder: RunFolder, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = RunWriter(folder, held)
    writer.checkpoint(make.state(1))
    opened = Path.open

    class Full:
        """A disk that takes a hundred bytes more."""

        def __init__(self, file: Any) -> None:
            self.file = file

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()

        def write(self, data: bytes) -> None:
            self.file.write(data[:100])
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda self, mode="r", **more: Full(opened(self, mode)) if mode == "wb" else opened(self, mode, **more))
        for write in (
            lambda: writer.checkpoint(make.state(2)),
            lambda: writer.write(make.gallery(2)),
            lambda: writer.write(make.evaluation(2)),
        ):
            with pytest.raises(RunError, match=r"is full \([\d,]+ MB free\).*the last checkpoint included: make room, then resume"):
                write()
    state = folder.checkpoint()
    assert state and state.meta["step"] == 1
    assert np.array_equal(state.tensors["model.codebook"], make.state(1).tensors["model.codebook"])
    assert not list(folder.path.rglob("*.tmp"))
    writer.checkpoint(make.state(3))  # room was made


def test_a_short_write_is_told_as_a_full_disk(held: HeldLease, folder: RunFolder, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = RunWriter(folder, held)
    writer.write(make.step(1))
    write, calls = files.os.write, []  # type: ignore[attr-defined]

    def short(descriptor: int, data: bytes) -> int:
        calls.append(1)
        if len(calls) == 1:
            return write(descriptor, data[:10])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "write", short)  # type: ignore[attr-defined]
        with pytest.raises(RunError, match="is full"):
            writer.write(make.step(2))
    writer.write(make.step(3))
    found = folder.metrics()
    assert [record.step for record in found.records] == [1, 3]
    assert found.skipped == 1


def test_a_run_deleted_meanwhile_ends_the_attempt(folder: RunFolder, make: Any) -> None:
    held = acquire(folder, "engine")
    writer = RunWriter(folder, held)
    folder.path.rename(folder.path.with_name(".trash"))
    for record in (make.step(1), make.evaluation(1), make.gallery(1)):
        with pytest.raises(RunError, match="no longer there"):
            writer.write(record)
    with pytest.raises(LeaseLost):
        writer.checkpoint(make.state(1))
    held.release()
    assert not folder.path.exists()
