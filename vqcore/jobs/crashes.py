"""What is said of a run whose worker ended without a word, and the end of those that do not stop when asked. No torch here."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import psutil

from vqcore.errors import RunError
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import process_of
from vqcore.runs.status import ENDED, Lease, RunState, Status, judge, judged
from vqcore.runs.store import RunStore

KILL_S = 5.0
DYING_S = 2.0
QUEUED_S = 3.0  # a run queued just now may be about to start at someone's command line


def mark(folder: RunFolder, lease: Lease | None, state: RunState, message: str, *, sure: bool = False) -> None:
    """Write the end of a run that `lease` held and holds no more; nothing when it ended by itself, or someone else has it now.

    `sure`: the engine saw the worker end. Then a heartbeat from another host, younger than 30 s, is no sign of life.
    """

    def change(old: Status) -> Status:
        if old.state in ENDED or old.lease is None or lease is None or old.lease.token != lease.token:
            return old
        if judge(old) == "alive" and not (sure and old.lease.host != socket.gethostname()):
            return old
        return replace(old, state=state, lease=None, message=message, error="" if state != "failed" else message)

    folder.change_status(change)


def mark_interrupted(folder: RunFolder, lease: Lease | None, reason: str, *, sure: bool = False) -> None:
    """`reason` is a sentence. Says also where a resumed run would go on."""
    mark(folder, lease, "interrupted", f"{reason} {_goes_on(folder)}", sure=sure)


def judge_crashed(folder: RunFolder, future: Any) -> None:
    """The task ended without a result: its worker died, or the program has a fault."""
    lease = folder.status().lease
    # its connection is gone a moment before it is
    deadline = time.monotonic() + DYING_S
    while judge(folder.status()) == "alive" and time.monotonic() < deadline:
        time.sleep(0.02)
    error = future.exception() if future is not None and future.status == "error" else None
    if error is None or type(error).__name__ == "KilledWorker":
        mark_interrupted(folder, lease, "Its worker process ended at once: it was killed, it crashed, or the memory ran out.", sure=True)
    else:
        mark(folder, lease, "failed", f"A fault of the program ended the run: {type(error).__name__}: {error}", sure=True)


def left_behind(store: RunStore, ours: Set[str]) -> list[RunFolder]:
    """Marks as interrupted what a dead process left running. Returns the runs that are queued, the oldest first.

    `ours`: ids of the runs that the engine has placed, and will judge itself.
    """
    queued = []
    for summary in reversed(store.list()):
        if summary.id in ours or summary.read_only or summary.problem or summary.state not in ("queued", "interrupted"):
            continue
        try:
            folder = store.get(summary.id)
            status = folder.status()
            if status.state == "queued" and judge(status) == "dead" and _age(status) >= QUEUED_S:
                queued.append(folder)
            elif judged(status) == "interrupted" and status.state != "interrupted":
                mark_interrupted(folder, status.lease, "The process that trained it has ended.")
        except RunError:
            continue  # deleted, or taken by another server meanwhile
    return queued


def at_rest(status: Status) -> bool:
    """Whether no process has the run, and it is not in line."""
    return status.state != "queued" and (status.lease is None or judge(status) == "dead")


def last_command(folder: RunFolder) -> int:
    """The id of the last command that was sent to the run; 0 without any."""
    commands = folder.commands()
    return commands[-1].id if commands else 0


def resumed_late(folder: RunFolder, heard: int | None) -> int | None:
    """Whether a resume came after the last command that its worker heard, while that was on its way out: the id before it, else None.

    `heard` None: it was not trained.
    """
    late = [command for command in folder.commands(after=heard) if command.kind in ("resume", "step")] if heard is not None else []
    status = folder.status()
    return late[0].id - 1 if late and status.state != "finished" and at_rest(status) else None


def _age(status: Status) -> float:
    """Seconds since the status was written."""
    try:
        return time.time() - datetime.fromisoformat(status.updated).timestamp()
    except ValueError:
        return float("inf")


def _goes_on(folder: RunFolder) -> str:
    try:
        state = folder.checkpoint()
    except RunError:
        return "Its checkpoint cannot be read."
    if state is None:
        return "There is no checkpoint yet: Resume starts it from the beginning."
    return f"Resume goes on from the checkpoint at step {int(state.meta.get('step', 0)):,}."


@dataclass(frozen=True, slots=True)
class _Stop:
    lease: Lease
    who: str
    deadline: float


class Stops:
    """Runs that were asked to stop, and until when they have time. `add` may be called by any thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._asked: dict[str, _Stop] = {}

    def add(self, run_id: str, lease: Lease, who: str, grace: float) -> None:
        """`grace` in seconds, from now. A second call for the same attempt does not put it off."""
        with self._guard:
            before = self._asked.get(run_id)
            if before is None or before.lease.token != lease.token:
                self._asked[run_id] = _Stop(lease, who, time.monotonic() + grace)

    def enforce(self, store: RunStore, end_elsewhere: Callable[[str], bool]) -> None:
        """End the process of each run whose time is over; `end_elsewhere(run_id)` does it on other hosts, and says whether it could."""
        with self._guard:
            asked = dict(self._asked)
        ended: set[tuple[str, int]] = set()
        for run_id, stop in asked.items():
            try:
                folder = store.get(run_id)
                lease = folder.status().lease
                obeyed = lease is None or lease.token != stop.lease.token
                # a process that has two runs ends once
                if not obeyed and time.monotonic() < stop.deadline and _process(stop.lease) not in ended:
                    continue
                if not obeyed:
                    ended.add(_process(stop.lease))
                    _end(folder, stop, end_elsewhere)
                    _tell_others(store.group(run_id), run_id, stop)
            except RunError:
                pass  # deleted meanwhile
            with self._guard:
                self._asked.pop(run_id, None)


def _tell_others(group: Sequence[RunFolder], run_id: str, stop: _Stop) -> None:
    """The runs that are kept in step with it ended with the process that had all of them."""
    for other in group:
        lease = other.status().lease if other.id != run_id else None
        if lease is not None and _process(lease) == _process(stop.lease):
            message = "Its process was ended because a run that it is kept in step with did not stop when asked."
            mark_interrupted(other, lease, message, sure=True)


def _process(lease: Lease) -> tuple[str, int]:
    return lease.host, lease.pid


def _end(folder: RunFolder, stop: _Stop, end_elsewhere: Callable[[str], bool]) -> None:
    """Kill by process id and creation time: ids come round again."""
    if stop.lease.host != socket.gethostname():
        if not end_elsewhere(folder.id):
            return
    elif (process := process_of(stop.lease)) is not None:
        try:
            process.kill()
            process.wait(KILL_S)
        except (psutil.NoSuchProcess, psutil.TimeoutExpired):
            pass
        except psutil.AccessDenied:
            return
    mark(
        folder, stop.lease, "stopped", f"Stopped by {stop.who}: it did not answer, so its process was ended. {_goes_on(folder)}", sure=True
    )
