"""Pairs on a real cluster: one slot for two, and each of them as sensible as a run by itself."""

import psutil
import pytest

from vqcore.control import Command
from vqcore.errors import EngineError
from vqcore.jobs.engine import Engine
from vqcore.runs.store import RunStore


@pytest.fixture
def pair(idle, store, tools):
    """Makes a pair and submits its leader."""

    def make(config=None, submit=True):
        runs = store.create_group([config or tools.endless()] * 2, names=("one", "two"), owner="ada")
        if submit:
            idle.submit(runs[0].id)
        return runs

    return make


def both_train(tools, runs, beyond=0):
    for run in runs:
        tools.trains(run, beyond)


def test_two_runs_take_one_slot_and_finish_together(idle, pair, tools):
    leader, follower = pair()
    idle.submit(follower.id)  # a click too many: it goes with its leader
    both_train(tools, (leader, follower))
    assert tools.worker_of(leader) == tools.worker_of(follower)
    assert (idle.health().busy, idle.health().waiting) == (1, 0)
    idle.send_all(follower.id, Command("treat", changes={"train.steps": tools.steps(leader) + 30, "train.speed_limit": 0.0}))
    for run in (leader, follower):
        tools.reaches(run, "finished")
        assert run.status().attempt == 1
    tools.until(lambda: idle.health().busy == 0)
    with pytest.raises(EngineError, match="finished its steps"):
        idle.send_all(leader.id, Command("resume"))


def test_three_runs_take_one_slot_and_the_first_takes_the_others_along(idle, store, tools):
    runs = store.create_group([tools.endless()] * 3, names=("one", "two", "three"), owner="ada")
    idle.submit(runs[0].id)
    idle.submit(runs[2].id)  # a click too many: it goes with the first
    both_train(tools, runs)
    assert len({tools.worker_of(run) for run in runs}) == 1
    assert (idle.health().busy, idle.health().waiting) == (1, 0)
    idle.send_all(runs[1].id, Command("stop"))
    for run in runs:
        tools.reaches(run, "stopped")
    idle.send(runs[0].id, Command("resume"))
    both_train(tools, runs, max(run.checkpoint().meta["step"] for run in runs))
    assert len({tools.worker_of(run) for run in runs}) == 1
    for run in runs:
        idle.stop(run.id)


def test_stopped_resumed_together_and_each_alone(idle, pair, tools):
    leader, follower = pair()
    both_train(tools, (leader, follower), 5)
    idle.send_all(leader.id, Command("stop", nickname="Ada"))
    for run in (leader, follower):
        tools.reaches(run, "stopped")
    at = leader.checkpoint().meta["step"]
    # the leader takes the follower along
    idle.send(leader.id, Command("resume"))
    both_train(tools, (leader, follower), at + 5)
    assert tools.worker_of(leader) == tools.worker_of(follower) and idle.health().busy == 1
    # one ends, and goes on later in a slot of its own, while the other has never stood still
    idle.stop(leader.id)
    tools.reaches(leader, "stopped")
    idle.send(leader.id, Command("resume"))
    tools.trains(leader, leader.checkpoint().meta["step"] + 5)
    assert idle.health().busy == 2 and tools.worker_of(leader) != tools.worker_of(follower)
    assert (leader.status().attempt, follower.status().attempt) == (3, 2)
    for run in (leader, follower):
        idle.stop(run.id)
        tools.reaches(run, "stopped")
    tools.until(lambda: idle.health().busy == 0)
    # a follower by itself is a run like any other
    idle.send(follower.id, Command("resume"))
    tools.trains(follower, follower.checkpoint().meta["step"])
    assert idle.health().busy == 1 and leader.status().state == "stopped"


def test_a_killed_worker_interrupts_both_and_they_go_on_together(idle, pair, tools):
    leader, follower = pair()
    both_train(tools, (leader, follower), 10)
    tools.kill(tools.worker_of(follower))
    for run in (leader, follower):
        tools.reaches(run, "interrupted", seconds=10)
        assert "worker process ended" in run.status().message and "from the checkpoint at step" in run.status().message
    kept = follower.checkpoint().meta["step"]
    idle.send_all(follower.id, Command("resume"))
    both_train(tools, (leader, follower), kept + 5)
    assert tools.worker_of(leader) == tools.worker_of(follower)
    assert leader.status().attempt == follower.status().attempt == 2


def test_a_stuck_process_ends_with_both_and_says_whose_fault_it_was(idle, pair, tools):
    leader, follower = pair()
    both_train(tools, (leader, follower), 5)
    psutil.Process(tools.worker_of(leader)).suspend()
    idle.stop(leader.id, nickname="Ada", grace=0.5)
    tools.reaches(leader, "stopped", seconds=15)
    tools.reaches(follower, "interrupted", seconds=15)
    assert "its process was ended" in leader.status().message
    assert "a run that it is kept in step with did not stop" in follower.status().message
    tools.until(lambda: idle.health().slots == 2, 90)


def test_in_line_they_say_so_and_can_be_parted(idle, pair, store, tools):
    holders = [tools.create(store, tools.endless()) for _ in range(2)]
    for run in holders:
        idle.submit(run.id)
        tools.trains(run)
    (leader, follower), (first, second) = pair(), pair(tools.config())
    for run in (leader, follower):
        tools.until(lambda run=run: "next in line" in run.status().message)
    for run in (first, second):
        tools.until(lambda run=run: "1 run before" in run.status().message)
    assert idle.health().waiting == 2
    idle.stop(follower.id)
    store.delete(first.id)  # its follower is found some seconds later
    idle.stop(holders[0].id)
    tools.trains(leader)
    assert follower.status().state == "stopped"
    idle.stop(holders[1].id)
    tools.reaches(second, "finished", seconds=60)


def test_a_server_that_starts_places_what_waits_as_a_pair(idle, pair, tools):
    """As after a restart: nobody submits them."""
    leader, follower = pair(submit=False)
    both_train(tools, (leader, follower))
    assert tools.worker_of(leader) == tools.worker_of(follower)


def test_a_light_worker_that_crashes_answers_and_does_the_next_work(idle):
    crashing = idle.light("os:_exit", 1)
    behind = [idle.light("vqcore.jobs.worker:ping") for _ in range(2)]
    with pytest.raises(EngineError, match="it crashed"):
        crashing.result(30)
    assert [answer.result(90) for answer in behind] == ["pong", "pong"]
    with pytest.raises(ModuleNotFoundError):
        idle.light("vqcore.no_such_module:f").result(30)
    assert idle.light("vqcore.jobs.worker:ping").result(30) == "pong"


def test_before_the_engine_is_ready_a_pair_waits_as_one(tmp_path, tools):
    store = RunStore(tmp_path)
    engine = Engine(store)
    leader, follower = store.create_group([tools.config()] * 2, names=("one", "two"))
    engine.submit(leader.id)
    engine.submit(follower.id)
    engine.recover()
    assert engine.health().waiting == 1
    assert leader.status().state == follower.status().state == "queued"
    engine.send_all(leader.id, Command("stop"))
    assert leader.status().state == follower.status().state == "stopped" and engine.health().waiting == 0
    engine.send(leader.id, Command("resume"))
    assert leader.status().state == follower.status().state == "queued" and engine.health().waiting == 1
    engine.stop(leader.id)
    engine.submit(follower.id)
    assert leader.status().state == "stopped" and engine.health().waiting == 1
    engine.stop(follower.id)
    # what has finished or failed is not taken along
    for state in ("finished", "failed"):
        follower.set_status(state=state)
        engine.submit(leader.id)
        assert follower.status().state == state
        engine.stop(leader.id)
