"""One run in this process, with a trainer that does as it is told."""

import os
import threading
import time

import numpy as np
import pytest
import torch

from vqcore.control import Command
from vqcore.errors import Diverged, LeaseLost, RunError
from vqcore.jobs import core_sharing, preload, worker
from vqcore.jobs.core_sharing import CoreSharing
from vqcore.records import Checkpoint, Event, State, Step
from vqcore.runs.lease import acquire
from vqcore.runs.store import RunStore


class Fake:
    """Counts steps; `fail` is raised at step 3."""

    def __init__(self, config, dataset, state, fail=None, pause=0.0):
        self.config, self.dataset, self.fail, self.pause = config, dataset, fail, pause
        self.step = self.started_at = int(state.meta["step"]) if state else 0
        self.heard = int(state.meta["last_command"]) if state else 0
        self.obeyed = []
        self.threads = 0

    def state(self):
        meta = {"config": self.config.model_dump(mode="json"), "step": self.step, "last_command": self.heard}
        return State({"x": np.zeros(2, np.float32)}, meta)

    def run(self, control):
        yield Event(self.step, "resumed" if self.step else "started", "Here we go.")
        while self.step < self.config.train.steps:
            for command in control.poll():
                self.obeyed.append(command.kind)
                self.heard = max(self.heard, command.id)
                if command.kind in ("stop", "release"):
                    yield Event(self.step, "stopped" if command.kind == "stop" else "released", "So be it.")
                    yield Checkpoint(self.step)
                    return
            self.step += 1
            time.sleep(self.pause)
            if self.fail and self.step == 3:
                raise self.fail
            yield Step(self.step, 0.0, self.step, 0.0, 1.0, 0.1, 1.0, {}, 1.0)
        yield Event(self.step, "finished", "Done.")
        yield Checkpoint(self.step)


class Maker:
    """Makes fakes, and keeps them to be looked at."""

    def __init__(self, **how):
        self.how, self.made = how, []

    def __call__(self, config, dataset, state):
        self.made.append(Fake(config, dataset, state, **self.how))
        return self.made[-1]


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path)


@pytest.fixture
def folder(store, tools):
    return tools.create(store, tools.config(steps=5))


def train(folder, **how):
    maker = Maker(**how)
    return worker.run(folder, "cli", make_trainer=maker), maker.made[0]


def test_to_the_end(folder):
    seen = []
    assert worker.run(folder, "cli", on_record=seen.append, make_trainer=Maker()) == "finished"
    status = folder.status()
    assert (status.state, status.step, status.lease, status.message) == ("finished", 5, None, "Done.")
    assert [type(record).__name__ for record in seen] == ["Event", *["Step"] * 5, "Event", "Checkpoint"]
    assert folder.checkpoint().meta["step"] == 5


def test_an_error_for_people_is_the_runs_error(folder):
    assert train(folder, fail=Diverged("The loss became NaN."))[0] == "failed"
    assert folder.status().error == "The loss became NaN." and folder.status().lease is None
    assert not (folder.path / worker.LOG).exists()


def test_a_fault_is_one_line_and_the_traceback_is_kept(folder):
    assert train(folder, fail=KeyError("oops"))[0] == "failed"
    error = folder.status().error
    assert "KeyError" in error and worker.LOG in error and "\n" not in error
    assert "Traceback" in (folder.path / worker.LOG).read_text()


@pytest.mark.parametrize("fault", [MemoryError(), RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes")])
def test_too_little_memory_says_what_to_do(folder, fault):
    train(folder, fail=fault)
    assert "not enough memory" in folder.status().error and "batch size" in folder.status().error


def test_going_on_from_the_checkpoint_after_a_stop(folder, tools):
    maker = Maker(pause=0.06)

    def stop_at(record):
        if isinstance(record, Step) and record.step == 2:
            folder.send(Command("stop"))

    assert worker.run(folder, "cli", on_record=stop_at, make_trainer=maker) == "stopped"
    at = folder.checkpoint().meta["step"]
    assert 2 <= at < 5
    # the stop lies in the control file, but it was for the attempt before
    state, trainer = train(folder)
    assert state == "finished" and trainer.started_at == at and trainer.obeyed == [] and folder.status().attempt == 2


def test_treatments_that_the_lost_part_had_are_given_again(folder):
    folder.send(Command("treat", changes={"train.lr": 0.1}))
    folder.send(Command("stop"))
    folder.send(Command("revive"))
    assert train(folder)[1].obeyed == ["treat", "revive"]


def test_a_run_that_another_holds_is_left_alone(folder):
    with acquire(folder, "engine") as lease:
        with pytest.raises(RunError, match="is being trained by process"):
            train(folder)
        lease.outcome = "finished"
    assert folder.status().attempt == 1


def test_losing_the_lease_ends_it_without_a_word(folder, tools):
    def steal(record):
        if isinstance(record, Step) and record.step == 2:
            folder.change_status(lambda old: old.__class__(state="queued", attempt=old.attempt))
            time.sleep(1.1)  # the lease is looked at once a second

    with pytest.raises(LeaseLost):
        worker.run(folder, "cli", on_record=steal, make_trainer=Maker())
    assert folder.status().state == "queued" and tools.steps(folder) <= 3


def test_a_task_for_a_run_that_is_not_queued_does_nothing(folder):
    folder.set_status(state="stopped")
    assert worker.run_task(str(folder.path), 0) == {folder.id: {"state": "stopped", "heard": None}}
    assert folder.status().attempt == 0
    assert worker.run_task(str(folder.path / "nowhere"), 0)["nowhere"]["state"] == "gone"


def test_a_process_that_is_asked_to_end_keeps_a_checkpoint(folder, monkeypatch):
    monkeypatch.setattr(worker, "closing", threading.Event())

    def end(record):
        if isinstance(record, Step) and record.step == 2:
            worker.closing.set()

    assert worker.run(folder, "engine", on_record=end, make_trainer=Maker(pause=0.06)) == "interrupted"
    status = folder.status()
    assert "The server ended. Resume goes on from step" in status.message
    assert folder.checkpoint().meta["step"] == status.step >= 2


def test_a_stop_while_data_is_on_the_way(folder, monkeypatch):
    def slow(config, progress):
        progress("MNIST", 3 * worker.MIB, 11 * worker.MIB)
        messages.append(folder.status().message)
        folder.send(Command("stop"))
        time.sleep(0.1)
        progress("MNIST", 4 * worker.MIB, 11 * worker.MIB)
        raise AssertionError("went on")

    messages = []
    monkeypatch.setattr("vqcore.data.registry.load", slow)
    monkeypatch.setattr(worker, "_kept", None)
    assert worker.run(folder, "cli", make_trainer=Maker()) == "stopped"
    assert messages == ["Downloading MNIST: 3 of 11 MB."]


def test_a_full_disk_leaves_no_owner_behind(folder, monkeypatch):
    """The last status cannot be written at first, and the worker process lives on."""
    from vqcore.runs import lease as leases

    monkeypatch.setattr(worker, "GIVE_BACK_S", 0.1)
    release = leases.HeldLease.release

    def full(self, *args, **kwargs):
        self._ended.set()
        raise RunError("The disk is full.")

    monkeypatch.setattr(leases.HeldLease, "release", full)
    assert worker.run(folder, "engine", make_trainer=Maker()) in ("starting", "running", "failed")
    monkeypatch.setattr(leases.HeldLease, "release", release)
    deadline = time.monotonic() + 5
    while folder.status().lease is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    status = folder.status()
    assert (status.state, status.lease, status.error) == ("failed", None, "The disk is full.")


def test_the_same_data_is_loaded_once(store, tools, monkeypatch):
    monkeypatch.setattr(worker, "_kept", None)
    first, second = train(tools.create(store, tools.config(steps=1)))[1], train(tools.create(store, tools.config(steps=2)))[1]
    assert first.dataset is second.dataset


def test_cores_are_shared_among_those_that_train(store, tools, monkeypatch):
    monkeypatch.setattr(core_sharing, "cores", lambda: 4)
    runs = [tools.create(store, tools.config(steps=5, threads="auto")) for _ in range(3)]
    beside = CoreSharing(runs[0])
    assert beside.due() and beside.threads() == 4 and not beside.due()
    with acquire(runs[0], "engine"), acquire(runs[1], "engine") as second:
        assert beside.threads() == 2
        second.set_status(state="paused")
        assert beside.threads() == 4
    assert beside.waiting()
    runs[2].set_status(state="stopped")
    assert not beside.waiting()


def test_threads_are_set_only_where_the_config_leaves_it_open(store, tools, monkeypatch):
    monkeypatch.setattr(core_sharing, "cores", lambda: 3)
    assert train(tools.create(store, tools.config(steps=1, threads="auto")))[1].threads == 3
    assert train(tools.create(store, tools.config(steps=1, threads=2)))[1].threads == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has classes instead of niceness")
def test_being_nice_never_takes_priority_back():
    import psutil

    before = psutil.Process().nice()
    preload.be_nice(0)
    assert psutil.Process().nice() == before


def test_warming_up_trains_a_real_model_and_leaves_no_trace():
    before = torch.random.get_rng_state()
    worker.warm()
    assert torch.equal(torch.random.get_rng_state(), before)
