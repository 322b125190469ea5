"""What is killed, and what is left of it: workers, the cluster's process, a whole server."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from vqcore.control import Command
from vqcore.jobs.engine import Engine
from vqcore.runs.store import RunStore

REPOSITORY = Path(__file__).resolve().parents[2]

SERVER = """
import json, sys, time
from pathlib import Path
from vqcore.config.run import RunConfig
from vqcore.jobs.engine import Engine
from vqcore.runs.store import RunStore
if __name__ == "__main__":
    store = RunStore(Path(sys.argv[1]))
    engine = Engine(store)
    engine.start()
    while engine.health().state != "ready":
        time.sleep(0.02)
    for config in sys.argv[2:]:
        folder = store.create(RunConfig.parse(json.loads(config)), name="test")
        engine.submit(folder.id)
        print(folder.id, flush=True)
    time.sleep(600)
"""


def test_a_killed_worker_is_seen_and_the_other_run_goes_on(idle, store, tools):
    hit, other = (tools.create(store, tools.endless()) for _ in range(2))
    for folder in (hit, other):
        idle.submit(folder.id)
        tools.trains(folder, 10)
    waiting = tools.create(store, tools.config(steps=3))
    idle.submit(waiting.id)
    tools.kill(tools.worker_of(hit))
    assert tools.until(lambda: hit.status().state == "interrupted", 5) < 5
    message = hit.status().message
    assert "worker process ended" in message and "from the checkpoint at step" in message
    tools.trains(other, tools.steps(other) + 10)
    # the one in line gets the place, and is not blamed
    tools.reaches(waiting, "finished", seconds=60)
    kept = hit.checkpoint().meta["step"]
    assert kept >= 5
    idle.send(hit.id, Command("resume"))
    tools.trains(hit, kept + 5)
    resumed = next(event for event in hit.events().records if event.kind == "resumed")
    assert resumed.step == kept and hit.status().attempt == 2


def test_a_killed_cluster_comes_back_and_its_runs_can_be_resumed(idle, store, tools):
    runs = [tools.create(store, tools.endless()) for _ in range(3)]
    for folder in runs:
        idle.submit(folder.id)
    tools.trains(runs[0], 5)
    tools.trains(runs[1], 5)
    assert idle._backend is not None
    tree = psutil.Process(idle._backend.pid).children(recursive=True)
    answer = idle.light("time:sleep", 60)
    tools.kill(idle._backend.pid)
    tools.until(lambda: idle.health().state == "starting", 5)
    assert "being started again" in idle.health().message
    for folder in runs[:2]:
        tools.reaches(folder, "interrupted", seconds=8)
        assert "engine's process ended" in folder.status().message
    with pytest.raises(Exception, match="ended"):
        answer.result(5)
    assert not psutil.wait_procs(tree, timeout=5)[1]
    # what had waited needs nobody's help
    tools.trains(runs[2], seconds=90)
    assert idle.health().state == "ready" and runs[2].status().attempt == 1
    at = runs[0].checkpoint().meta["step"]
    idle.send(runs[0].id, Command("resume"))
    tools.trains(runs[0], at + 5)


def test_a_killed_server_leaves_no_process_and_another_takes_over(idle, store, tools):
    configs = [config.model_dump_json() for config in (tools.endless(), tools.config())]
    environment = {**os.environ, "VQ_SLOTS": "1", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", SERVER, str(store.root), *configs]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as server:
        assert server.stdout is not None
        killed, queued = (store.get(server.stdout.readline().decode().strip()) for _ in configs)
        tools.trains(killed, 10)
        # two servers on one folder: ours takes what waits there, and leaves alone what trains there
        tools.reaches(queued, "finished")
        assert queued.status().attempt == 1
        idle.submit(killed.id)
        tree = psutil.Process(server.pid).children(recursive=True)
        assert len(tree) >= 3 and tools.worker_of(killed) in [process.pid for process in tree]
        server.kill()
    assert not psutil.wait_procs(tree, timeout=10)[1]
    tools.reaches(killed, "interrupted", seconds=10)
    assert killed.status().attempt == 1 and killed.status().lease is None
    kept = killed.checkpoint().meta["step"]
    idle.send(killed.id, Command("resume"))
    tools.trains(killed, kept + 5)
    assert killed.status().attempt == 2


def test_closing_keeps_what_was_reached(tools, tmp_path, monkeypatch):
    store = RunStore(tmp_path)
    monkeypatch.setenv("VQ_SLOTS", "1")
    folder, waiting = (
        tools.create(store, tools.config(steps=1_000_000, speed_limit=50.0, checkpoint_every=100_000)),
        tools.create(store, tools.config()),
    )
    engine = Engine(store)
    engine.start()
    try:
        engine.submit(folder.id)
        engine.submit(waiting.id)
        assert "warming up" in folder.status().message
        tools.trains(folder, 10, seconds=90)
    finally:
        engine.close()
    status = folder.status()
    assert status.state == "interrupted" and "The server ended" in status.message
    # nothing is lost: the checkpoint is of the last step
    assert folder.checkpoint().meta["step"] == status.step > 10
    assert waiting.status().state == "queued"


def test_without_a_slot_a_run_says_why(tools, tmp_path, monkeypatch):
    """A cluster outside that has no workers, named by VQ_SCHEDULER."""
    store = RunStore(tmp_path / "runs")
    port = _free_port()
    engine = Engine(store)
    code = "import sys; from distributed.cli.dask_scheduler import main; main(sys.argv[1:])"
    command = [
        sys.executable,
        "-c",
        code,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-dashboard",
        "--dashboard-address",
        "127.0.0.1:0",
    ]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as scheduler:
        try:
            monkeypatch.setenv("VQ_SCHEDULER", f"tcp://127.0.0.1:{port}")
            tools.until(lambda: _answers(port), 60)
            folder = tools.create(store, tools.config())
            engine.start()
            engine.submit(folder.id)
            began = time.monotonic()
            tools.until(lambda: "offers the resource 'train'" in folder.status().message, 15)
            assert time.monotonic() - began < 10
            assert engine.health().slots == 0
            engine.stop(folder.id)
            assert folder.status().state == "stopped"
        finally:
            engine.close()
            scheduler.kill()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
