"""Two runs in one task, with the real trainer: in step, and each the same as if it were trained alone."""

import threading
import time

import numpy as np
import pytest

from vqcore.control import Command
from vqcore.errors import Diverged
from vqcore.jobs import worker
from vqcore.jobs.pair import run_pair_task
from vqcore.records import Evaluation, Step
from vqcore.runs.lease import acquire
from vqcore.runs.store import RunStore
from vqcore.training.trainer import Trainer


class Watched(Trainer):
    """Tells each step before it is taken; `fail`: a seed, and the step at which its run fails."""

    fail = (0, 0)
    before = staticmethod(lambda trainer: None)

    def _train_step(self):
        if self.fail == (self.config.train.seed, self.step):
            raise Diverged("The loss became NaN.")
        self.before(self)
        super()._train_step()


@pytest.fixture
def watched():
    """A class of its own for each test."""

    class Mine(Watched):
        pass

    return Mine


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path)


@pytest.fixture
def pair(store, tools):
    """Makes the runs of seeds 1 and 2."""

    def make(**train):
        configs = [tools.config(**{"seed": seed, **train}) for seed in (1, 2)]
        return store.create_group(configs, names=("one", "two"))

    return make


def train(leader, follower, **how):
    results = run_pair_task((str(leader.path), str(follower.path)), (0, 0), **how)
    return tuple(results[folder.id]["state"] for folder in (leader, follower))


class Beside:
    """The pair trained in a thread, to be steered meanwhile."""

    def __init__(self, leader, follower, **how):
        self.states = None
        self.thread = threading.Thread(target=self._train, args=(leader, follower), kwargs=how, daemon=True)
        self.thread.start()

    def _train(self, *runs, **how):
        self.states = train(*runs, **how)

    def end(self):
        self.thread.join(60)
        assert not self.thread.is_alive()
        return self.states


def paused_at(run):
    return [event.step for event in run.events().records if event.kind == "paused"]


def same(one, other):
    a, b = one.checkpoint(), other.checkpoint()
    curves = [
        [(r.step, r.loss) if isinstance(r, Step) else r for r in run.metrics().records if isinstance(r, Step | Evaluation)]
        for run in (one, other)
    ]
    tensors = a.tensors.keys() == b.tensors.keys() and all(np.array_equal(a.tensors[name], b.tensors[name]) for name in a.tensors)
    return tensors and curves[0] == curves[1] and a.meta["step"] == b.meta["step"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model.quantizer.learning": "ema", "model.quantizer.revival_threshold": 0.2, "train.evaluate_every": 15},
        {"model.quantizer.distance": "l2", "model.quantizer.init": "kmeans", "train.precision": "bfloat16"},
    ],
)
def test_each_is_bit_for_bit_the_run_that_it_would_be_alone(store, tools, changes):
    configs = [tools.config(seed=1), tools.config(seed=1).edited(changes)]
    runs = store.create_group(configs, names=("one", "two"))
    assert train(*runs) == ("finished", "finished")
    for run, config in zip(runs, configs, strict=True):
        alone = tools.create(store, config)
        assert worker.run(alone, "engine") == "finished"
        assert same(run, alone) and run.status().attempt == 1


def test_three_are_each_the_run_that_it_would_be_alone_and_in_step(store, tools, watched):
    configs = [tools.config(seed=seed) for seed in (1, 2, 3)]
    runs = store.create_group(configs, names=("one", "two", "three"))
    at, apart = {1: 0, 2: 0, 3: 0}, []

    def before(trainer):
        at[trainer.config.train.seed] = trainer.step
        apart.append(max(at.values()) - min(at.values()))

    watched.before = staticmethod(before)
    results = run_pair_task([str(run.path) for run in runs], [0, 0, 0], make_trainer=watched)
    assert [results[run.id]["state"] for run in runs] == ["finished"] * 3 and max(apart) == 1
    for run, config in zip(runs, configs, strict=True):
        alone = tools.create(store, config)
        assert worker.run(alone, "engine") == "finished"
        assert same(run, alone)


def test_of_three_one_that_is_not_queued_leaves_the_others_in_step(store, tools, watched):
    runs = store.create_group([tools.config(seed=seed) for seed in (1, 2, 3)], names=("one", "two", "three"))
    runs[1].set_status(state="stopped")
    at, apart = {1: 0, 3: 0}, []

    def before(trainer):
        at[trainer.config.train.seed] = trainer.step
        apart.append(abs(at[1] - at[3]))

    watched.before = staticmethod(before)
    run_pair_task([str(run.path) for run in runs], [0, 0, 0], make_trainer=watched)
    assert [run.status().state for run in runs] == ["finished", "stopped", "finished"]
    assert max(apart) == 1 and at == {1: 39, 3: 39}


def test_neither_is_more_than_one_step_ahead(pair, watched):
    at, apart = {1: 0, 2: 0}, []

    def before(trainer):
        at[trainer.config.train.seed] = trainer.step
        apart.append(abs(at[1] - at[2]))
        if trainer.step % 7 == 0:
            time.sleep(0.01 * trainer.config.train.seed)

    watched.before = staticmethod(before)
    assert train(*pair(), make_trainer=watched) == ("finished", "finished")
    assert max(apart) == 1 and at == {1: 39, 2: 39}


def test_a_pause_of_one_holds_the_other_and_it_says_so(pair, tools):
    leader, follower = pair(steps=1_000_000)
    beside = Beside(leader, follower)
    tools.trains(leader, 5)
    said = follower.status().message
    leader.send(Command("pause"))
    tools.reaches(leader, "paused")
    at = paused_at(leader)[0]
    tools.until(lambda: "other run of its pair" in follower.status().message)
    assert follower.status().state == "running" and follower.status().step <= at
    leader.send(Command("resume"))
    tools.until(lambda: follower.status().message == said)
    tools.trains(follower, at + 5)
    # one ends: the other is not held
    follower.send(Command("stop"))
    tools.reaches(follower, "stopped")
    tools.trains(leader, follower.status().step + 10)
    leader.send(Command("stop"))
    assert beside.end() == ("stopped", "stopped")
    assert leader.status().message.startswith("Stopped at step")


def test_both_pause_at_one_step_and_a_treatment_comes_before_the_next(pair, tools):
    leader, follower = pair(steps=1_000_000)
    beside = Beside(leader, follower)
    tools.trains(follower, 5)
    for run in (leader, follower):
        run.send(Command("pause"))
    for run in (leader, follower):
        tools.reaches(run, "paused")
    at = paused_at(leader)[0]
    assert paused_at(follower) == [at]
    follower.send(Command("treat", changes={"train.lr": 0.5}))
    tools.until(lambda: follower.status().treated)
    for run in (leader, follower):
        run.send(Command("step", steps=2))
    tools.until(lambda: len(paused_at(leader)) == len(paused_at(follower)) == 2)
    assert paused_at(leader) == paused_at(follower) == [at, at + 2]
    treated = next(event for event in follower.events().records if event.kind == "treated")
    assert treated.step == at and not leader.status().treated
    for run in (leader, follower):
        run.send(Command("stop"))
    assert beside.end() == ("stopped", "stopped")


@pytest.mark.parametrize("failing", [1, 2])
def test_one_that_fails_leaves_the_other_to_go_on(pair, watched, failing):
    watched.fail = (failing, 7)
    runs = pair()
    states = train(*runs, make_trainer=watched)
    assert states[failing - 1] == "failed" and states[2 - failing] == "finished"
    assert runs[failing - 1].status().error == "The loss became NaN."
    assert runs[2 - failing].checkpoint().meta["step"] == 40


def test_one_that_cannot_begin_leaves_the_other_to_go_on(pair):
    leader, follower = pair()
    follower.checkpoint_path.write_bytes(b"torn")
    assert train(leader, follower) == ("finished", "failed")


def test_resumed_from_unlike_checkpoints_they_meet_and_end_as_ever(pair, tools, store, watched):
    runs = pair()
    # stopped at step 12 and, without its partner, at 25
    for run, at in zip(runs, (12, 25), strict=True):

        class Stopping(Watched):
            before = staticmethod(lambda trainer, run=run, at=at: run.send(Command("stop")) if trainer.step == at else None)

        def slow(config, dataset, state, made=Stopping):
            return made(config.edited({"train.speed_limit": 100.0}), dataset, state)

        assert worker.run(run, "engine", make_trainer=slow) == "stopped"
        run.set_status(state="queued")
    began = [run.checkpoint().meta["step"] for run in runs]
    assert 12 < began[0] < began[1] < 40
    seen = []
    watched.before = staticmethod(lambda trainer: seen.append((trainer.config.train.seed, trainer.step)))
    commands = [run.commands()[-1].id for run in runs]
    run_pair_task([str(run.path) for run in runs], commands, make_trainer=watched)
    # the one that is behind goes alone at first
    alone = [step for seed, step in seen[: seen.index((2, began[1]))] if seed == 1]
    assert alone[: began[1] - began[0]] == list(range(began[0], began[1]))
    assert len(seen) == 80 - sum(began)
    for run, seed in zip(runs, (1, 2), strict=True):
        alone = tools.create(store, tools.config(seed=seed))
        worker.run(alone, "engine")
        a, b = run.checkpoint(), alone.checkpoint()
        assert all(np.array_equal(a.tensors[name], b.tensors[name]) for name in b.tensors)
        assert run.status().state == "finished" and run.status().attempt == 2


def test_a_process_that_is_asked_to_end_keeps_both(pair, monkeypatch, watched):
    monkeypatch.setattr(worker, "closing", threading.Event())
    watched.before = staticmethod(lambda trainer: worker.closing.set() if trainer.step == 5 else time.sleep(0.01))
    runs = pair(steps=1_000_000)
    assert train(*runs, make_trainer=watched) == ("interrupted", "interrupted")
    for run in runs:
        status = run.status()
        assert "The server ended. Resume goes on from step" in status.message and status.lease is None
        assert run.checkpoint().meta["step"] == status.step >= 5


def test_a_slot_is_left_when_both_stand_still_and_someone_waits(pair, tools, store):
    leader, follower = pair(steps=1_000_000)
    beside = Beside(leader, follower, release_after=0.3)
    tools.trains(follower)
    follower.send(Command("pause"))
    tools.reaches(follower, "paused")
    time.sleep(0.6)
    assert beside.states is None  # nobody waits
    tools.create(store, tools.config())
    assert beside.end() == ("paused", "paused")
    assert leader.status().lease is None and follower.status().lease is None
    assert leader.checkpoint().meta["step"] == follower.checkpoint().meta["step"]


def test_who_is_not_queued_stays_as_it_is(pair, store):
    leader, follower = pair()
    follower.set_status(state="stopped")
    assert train(leader, follower) == ("finished", "stopped")
    leader, follower = pair()
    store.delete(leader.id)
    assert train(leader, follower) == ("gone", "finished")
    assert train(*pair()) == ("finished", "finished")


def test_a_pair_that_another_server_has_begun_is_left_to_it(pair):
    leader, follower = pair()
    with acquire(follower, "engine"):
        assert train(leader, follower) == ("queued", "starting")
    assert leader.status().attempt == 0


def test_losing_one_lease_ends_that_run_alone(pair, tools):
    leader, follower = pair(steps=200, speed_limit=100.0)
    beside = Beside(leader, follower)
    tools.trains(follower, 5)
    follower.change_status(lambda old: old.__class__(state="stopped", attempt=old.attempt))
    assert beside.end() == ("finished", "gone")
    assert follower.status().state == "stopped" and tools.steps(follower) < 200
