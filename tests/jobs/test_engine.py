"""A real cluster: what is asked of a run reaches it, in the right order."""

import subprocess
import sys
import threading
import time

import psutil
import pytest

from vqcore.control import Command
from vqcore.errors import EngineError, RunError
from vqcore.jobs.engine import Engine


def test_importing_the_engine_is_light():
    heavy = "('torch', 'distributed', 'dask', 'sklearn')"
    code = f"import vqcore.jobs.engine, sys; sys.exit(','.join(m for m in {heavy} if m in sys.modules) or 0)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_a_run_is_trained_to_its_end(idle, store, tools):
    folder = tools.create(store, tools.config())
    idle.submit(folder.id)
    tools.reaches(folder, "finished")
    status = folder.status()
    assert (status.step, status.attempt, status.lease) == (40, 1, None)
    assert folder.checkpoint().meta["step"] == 40
    assert {"started", "finished"} <= set(tools.events(folder))
    with pytest.raises(EngineError, match="finished its steps"):
        idle.submit(folder.id)
    with pytest.raises(EngineError, match="finished its steps"):
        idle.send(folder.id, Command("resume"))


def test_start_is_harmless_twice_and_health_counts(idle, store, tools):
    before = idle.health()
    idle.start()
    assert before.state == "ready" and before.slots == 2 and before.busy == 0
    runs = [tools.create(store, tools.endless()) for _ in range(3)]
    for folder in runs:
        idle.submit(folder.id)
        idle.submit(folder.id)  # a double click
    tools.trains(runs[1])
    assert (idle.health().busy, idle.health().waiting) == (2, 1)
    tools.until(lambda: "next in line" in runs[2].status().message)
    for folder in reversed(runs):
        idle.stop(folder.id, nickname="Ada")
    assert runs[2].status().state == "stopped" and "before it started, by Ada" in runs[2].status().message
    for folder in runs:
        tools.reaches(folder, "stopped")
        assert folder.status().attempt <= 1
    tools.until(lambda: idle.health().busy == 0)


def test_nobodys_second_run_starts_before_anothers_first(idle, store, tools):
    holders = [tools.create(store, tools.endless(), owner) for owner in ("x", "y")]
    for folder in holders:
        idle.submit(folder.id)
    tools.trains(holders[0])
    tools.trains(holders[1])
    runs = {name: tools.create(store, tools.config(steps=5), name[0]) for name in ("a1", "a2", "a3", "b1")}
    for folder in runs.values():
        idle.submit(folder.id)
    idle.stop(holders[0].id)  # one slot serves all
    for folder in runs.values():
        tools.reaches(folder, "finished")
    order = sorted(runs, key=lambda name: (runs[name].path / "checkpoint.safetensors").stat().st_mtime_ns)
    assert order == ["a1", "b1", "a2", "a3"]


def test_commands_reach_the_trainer(idle, store, tools):
    folder = tools.create(store, tools.endless())
    idle.submit(folder.id)
    tools.trains(folder)
    idle.send(folder.id, Command("pause", nickname="Ada"))
    tools.reaches(folder, "paused")
    at = tools.steps(folder)
    idle.send(folder.id, Command("step", steps=3))
    tools.until(lambda: tools.events(folder).count("paused") == 2)
    tools.reaches(folder, "paused")
    assert tools.steps(folder) == at + 3
    idle.send(folder.id, Command("treat", changes={"train.lr": 0.5, "train.speed_limit": 60.0}))
    tools.until(lambda: folder.status().treated)
    assert folder.effective_config().train.lr == 0.5
    idle.send(folder.id, Command("treat", changes={"model.quantizer.K": 9}))
    tools.until(lambda: "refused" in tools.events(folder))
    idle.send(folder.id, Command("resume"))
    tools.trains(folder, at + 10)
    idle.stop(folder.id, author="a", nickname="Ada")
    tools.reaches(folder, "stopped")
    stopped = folder.events().records[-1]
    assert stopped.kind == "stopped" and stopped.data["nickname"] == "Ada"
    # a stop ended that attempt, and must not end the next one
    idle.send(folder.id, Command("resume"))
    tools.trains(folder, stopped.step + 10)
    assert folder.status().attempt == 2 and folder.effective_config().train.lr == 0.5


def test_a_paused_run_leaves_its_slot_to_one_that_waits(idle, store, tools):
    runs = [tools.create(store, tools.endless()) for _ in range(2)]
    for folder in runs:
        idle.submit(folder.id)
        tools.trains(folder)
    idle.send(runs[0].id, Command("pause"))
    tools.reaches(runs[0], "paused")
    time.sleep(1.0)
    assert runs[0].status().lease is not None  # nobody waits
    late = tools.create(store, tools.config())
    idle.submit(late.id)
    tools.reaches(late, "finished")
    assert runs[0].status().state == "paused" and runs[0].status().lease is None
    at = runs[0].checkpoint().meta["step"]
    idle.send(runs[0].id, Command("resume"))
    tools.trains(runs[0], at + 5)


def test_a_run_that_does_not_answer_is_ended_and_the_other_goes_on(idle, store, tools):
    stuck, other = (tools.create(store, tools.endless()) for _ in range(2))
    for folder in (stuck, other):
        idle.submit(folder.id)
        tools.trains(folder, 10)
    pid = tools.worker_of(stuck)
    psutil.Process(pid).suspend()
    idle.stop(stuck.id, nickname="Ada", grace=0.5)
    tools.reaches(stuck, "stopped", seconds=10)
    assert "Ada" in stuck.status().message and "its process was ended" in stuck.status().message
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    tools.trains(other, tools.steps(other) + 10)
    # its slot comes back
    tools.until(lambda: idle.health().slots == 2, 60)
    idle.send(stuck.id, Command("resume"))
    tools.trains(stuck, stuck.checkpoint().meta["step"])


def test_light_work_does_not_wait_for_training(idle, store, tools):
    runs = [tools.create(store, tools.endless()) for _ in range(2)]
    for folder in runs:
        idle.submit(folder.id)
        tools.trains(folder)
    began = time.monotonic()
    assert idle.light("vqcore.jobs.worker:ping").result(20) == "pong"
    assert time.monotonic() - began < 5
    with pytest.raises(AttributeError):
        idle.light("vqcore.jobs.worker:missing").result(20)


def test_a_failing_run_says_why_in_words(idle, store, tools):
    broken = tools.create(store, tools.config())
    (broken.path / "checkpoint.safetensors").write_bytes(b"torn")
    idle.submit(broken.id)
    tools.reaches(broken, "failed")
    assert "checkpoint" in broken.status().error and "Traceback" not in broken.status().error
    store.delete(broken.id)
    with pytest.raises(RunError, match="no run"):
        idle.submit(broken.id)


def test_a_run_deleted_while_it_waits_is_forgotten(idle, store, tools):
    runs = [tools.create(store, tools.endless()) for _ in range(3)]
    for folder in runs:
        idle.submit(folder.id)
    tools.trains(runs[0])
    tools.trains(runs[1])
    store.delete(runs[2].id)
    idle.stop(runs[0].id)
    tools.until(lambda: idle.health().waiting == 0 and idle.health().busy == 1)
    assert runs[1].status().state == "running"


def test_submitting_from_many_threads_runs_each_once(idle, store, tools):
    runs = [tools.create(store, tools.config(steps=3), owner=str(i % 2)) for i in range(4)]
    threads = [threading.Thread(target=idle.submit, args=(folder.id,)) for folder in runs for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for folder in runs:
        tools.reaches(folder, "finished")
        assert folder.status().attempt == 1


def test_before_it_is_ready_a_run_says_so_and_light_work_is_refused(store, tools):
    idle = Engine(store)
    folder = tools.create(store, tools.config())
    idle.submit(folder.id)
    assert folder.status().state == "queued" and idle.health().state == "starting"
    with pytest.raises(EngineError, match="not been started"):
        idle.light("vqcore.jobs.worker:ping")
    idle.stop(folder.id)
    assert folder.status().state == "stopped"
    idle.close()
