from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vqcore.errors import Diverged, LeaseLost, RunError
from vqcore.runs import lease as leases
from vqcore.runs.files import process_created
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import HeldLease, acquire, process_of
from vqcore.runs.status import Lease, Status, judge, judged

ROOT = Path(__file__).resolve().parents[2]
HERE = socket.gethostname()
HOLD = """
import sys, time
from pathlib import Path
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import acquire
from vqcore.errors import RunError
while time.time() < float(sys.argv[2]): time.sleep(0.001)
try:
    lease = acquire(RunFolder(Path(sys.argv[1])), "engine")
except RunError as error:
    print("refused", flush=True)
else:
    lease.set_status(state="running")
    print("held", flush=True)
    time.sleep(60)
"""


def holder(folder: RunFolder, at: float = 0.0) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", HOLD, str(folder.path), str(at)], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def lease(**changes: Any) -> Lease:
    pid = os.getpid()
    return replace(Lease("engine", HERE, pid, process_created(pid) or 0, 1, "t", time.time()), **changes)


def test_acquiring_and_releasing(folder: RunFolder) -> None:
    held = acquire(folder, "cli")
    status = folder.status()
    assert (status.state, status.attempt) == ("starting", 1)
    assert status.lease and (status.lease.kind, status.lease.pid, status.lease.host) == ("cli", os.getpid(), HERE)
    held.check(now=True)
    held.release("finished", "Done.")
    held.release("failed")
    status = folder.status()
    assert (status.state, status.lease, status.message, status.attempt) == ("finished", None, "Done.", 1)
    with acquire(folder, "cli") as again:
        assert again.attempt == 2


def test_a_run_has_one_owner_at_a_time(folder: RunFolder) -> None:
    with acquire(folder, "engine"):
        with pytest.raises(RunError, match=f"is being trained by process {os.getpid()} on {HERE}. Watch it, or stop it") as caught:
            acquire(folder, "cli")
        assert not isinstance(caught.value, LeaseLost)
    acquire(folder, "cli").release()


def test_of_several_processes_that_try_at_once_one_gets_it(folder: RunFolder) -> None:
    at = time.time() + 1.5
    processes = [holder(folder, at) for _ in range(4)]
    try:
        assert sorted(said(process) for process in processes) == ["held", "refused", "refused", "refused"]
        assert folder.status().attempt == 1
    finally:
        for process in processes:
            end(process)


def test_a_killed_owner_is_seen_dead_at_once_and_the_run_can_be_taken(folder: RunFolder) -> None:
    process = holder(folder)
    try:
        assert said(process) == "held"
        status = folder.status()
        assert (judge(status), judged(status)) == ("alive", "running")
        assert status.lease
        found = process_of(status.lease)
        assert found is not None and found.pid == process.pid
        with pytest.raises(RunError, match="only that process writes its status"):
            folder.set_status(state="failed")
    finally:
        end(process)
    status = folder.status()
    assert status.state == "running"
    assert (judge(status), judged(status)) == ("dead", "interrupted")
    assert process_of(status.lease) is None
    folder.set_status(state="interrupted")
    with acquire(folder, "cli") as held:
        assert held.attempt == 2


def test_judging_by_process_and_by_heartbeat() -> None:
    now = time.time()
    assert judge(Status("running")) == "dead"
    assert judge(Status("running", lease=lease(heartbeat=now - 600))) == "alive"  # suspended, not dead
    assert judge(Status("running", lease=lease(pid=2**22 + 1))) == "dead"
    # a pid that another process has now
    assert judge(Status("running", lease=lease(created=now - 1e6, heartbeat=now - 60))) == "dead"
    # the clock was set: the same process, heard just now
    assert judge(Status("running", lease=lease(created=now - 1e6, heartbeat=now - 1))) == "alive"
    for silence, verdict in ((0, "alive"), (29, "alive"), (31, "dead"), (-29, "alive"), (-60, "unknown")):
        assert judge(Status("running", lease=lease(host="elsewhere", heartbeat=now - silence))) == verdict


def test_judged_states() -> None:
    dead = lease(pid=2**22 + 1)
    for state in ("starting", "running", "paused"):
        assert judged(Status(state, lease=dead)) == "interrupted"
        assert judged(Status(state, lease=lease())) == state
        assert judged(Status(state, lease=lease(host="elsewhere", heartbeat=time.time() + 60))) == state
    assert judged(Status("running")) == "interrupted"
    assert judged(Status("paused")) == "paused"  # left its slot
    for state in ("queued", "finished", "stopped", "interrupted", "failed"):
        assert judged(Status(state)) == state


def test_an_owner_whose_clock_disagrees_is_not_robbed(folder: RunFolder) -> None:
    folder.change_status(lambda old: replace(old, state="running", lease=lease(host="elsewhere", heartbeat=time.time() + 600)))
    with pytest.raises(RunError, match="may still be trained"):
        acquire(folder, "cli")


def test_a_stale_attempt_learns_it_and_leaves_the_run_to_its_new_owner(
    folder: RunFolder, taken_over: Callable[[RunFolder], HeldLease]
) -> None:
    old = acquire(folder, "engine")
    old.note(step=5)
    new = taken_over(folder)
    old.check()  # it looked within the last second
    with pytest.raises(LeaseLost, match=f"process {os.getpid()} on {HERE} holds it now. Attempt 1 ends without writing"):
        old.check(now=True)
    with pytest.raises(LeaseLost):
        old.check()
    with pytest.raises(LeaseLost):
        old.set_status(message="mine")
    old.release("failed", error="no")
    status = folder.status()
    assert (status.state, status.attempt, status.step, status.error, status.message) == ("starting", 2, 0, "", "")
    assert status.lease and status.lease.token == new.lease.token
    new.release("stopped")


def test_looking_is_throttled_to_once_a_second(held: HeldLease, folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    status = folder.status()
    monkeypatch.setattr(held.folder, "status", lambda: looks.append(1) or status)
    for _ in range(1000):
        held.check()
    assert len(looks) == 0
    monkeypatch.setattr(held, "_checked", time.monotonic() - 2)
    for _ in range(1000):
        held.check()
    assert len(looks) == 1


def test_the_heartbeat_beats_and_writes_what_was_noted(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT_S", 0.02)
    with acquire(folder, "cli") as held:
        first = folder.status().lease
        held.note(step=123)
        deadline = time.monotonic() + 5
        while folder.status().step != 123 and time.monotonic() < deadline:
            time.sleep(0.01)
        status = folder.status()
        assert status.step == 123
        assert first and status.lease and status.lease.heartbeat > first.heartbeat
    assert not [thread for thread in threading.enumerate() if thread.name == f"heartbeat {folder.id}"]


def test_many_writers_of_one_process_lose_no_update(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT_S", 0.001)
    with acquire(folder, "cli") as held:
        jobs = [
            lambda: [held.set_status(step=i) for i in range(40)],
            lambda: [folder.set_status(message=str(i)) for i in range(40)],
            lambda: [folder.rename(f"n{i}") for i in range(40)],
        ]
        threads = [threading.Thread(target=job) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        status = folder.status()
        assert (status.step, status.message, folder.about().name) == (39, "39", "n39")
        held.check(now=True)


@pytest.mark.parametrize(
    ("error", "state", "text"),
    [
        (Diverged("The loss became NaN."), "failed", "The loss became NaN."),
        (ZeroDivisionError("by zero"), "failed", "ZeroDivisionError: by zero"),
        (KeyboardInterrupt(), "interrupted", ""),
        (SystemExit(1), "interrupted", ""),
    ],
)
def test_how_a_context_ends(folder: RunFolder, error: BaseException, state: str, text: str) -> None:
    with pytest.raises(type(error)), acquire(folder, "cli"):
        raise error
    status = folder.status()
    assert (status.state, status.error, status.lease) == (state, text, None)


def test_a_context_without_an_outcome_is_interrupted(folder: RunFolder) -> None:
    with acquire(folder, "cli"):
        pass
    assert folder.status().state == "interrupted"
    with acquire(folder, "cli") as held:
        held.outcome, held.outcome_message = "finished", "Finished."
    assert (folder.status().state, folder.status().message) == ("finished", "Finished.")


def test_a_deleted_run_is_a_lost_one(folder: RunFolder) -> None:
    held = acquire(folder, "cli")
    folder.path.rename(folder.path.with_name("gone"))
    with pytest.raises(LeaseLost, match="no longer there"):
        held.set_status(step=1)
    with pytest.raises(LeaseLost, match="no longer there"):
        held.check(now=True)
    held.release()


def test_a_damaged_status_is_mended_by_its_owner(held: HeldLease, folder: RunFolder) -> None:
    held.set_status(state="running", step=7)
    (folder.path / "status.json").write_text("")
    held.check(now=True)
    held.set_status(step=8)
    status = folder.status()
    assert (status.state, status.step, status.attempt, status.error) == ("running", 8, 1, "")


def test_a_full_disk_delays_the_last_word(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT_S", 0.02)
    full = threading.Event()

    def write(path: Path, data: Any) -> None:
        if full.is_set():
            raise OSError(28, "No space left on device")
        write_json(path, data)

    from vqcore.runs import folder as folders

    write_json = folders.write_json  # type: ignore[attr-defined]
    monkeypatch.setattr(folders, "write_json", write)
    with pytest.raises(ZeroDivisionError), acquire(folder, "cli"):
        full.set()
        raise ZeroDivisionError
    assert folder.status().state == "starting"
    full.clear()
    deadline = time.monotonic() + 5
    while folder.status().lease is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert folder.status().state == "failed"


def test_what_killed_writers_left_is_swept(folder: RunFolder) -> None:
    old, young = folder.path / ".status.json.1.ab.tmp", folder.path / "gallery" / ".0.npz.1.cd.tmp"
    for path in (old, young):
        path.touch()
    os.utime(old, (time.time() - 600,) * 2)
    acquire(folder, "cli").release()
    assert not old.exists()
    assert young.exists()


def test_an_example_cannot_be_taken(folder: RunFolder) -> None:
    with pytest.raises(RunError, match="example that comes with the program"):
        acquire(RunFolder(folder.path, read_only=True), "cli")
