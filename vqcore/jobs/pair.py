"""Two runs in one slot, kept in step: the leader in the task's own thread, the follower in one beside it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from vqcore.errors import RunError
from vqcore.jobs.control import RELEASE_S
from vqcore.jobs.lockstep import Lockstep, LockstepControl
from vqcore.jobs.worker import MakeTrainer, train_under, untouched
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import HeldLease, acquire
from vqcore.runs.status import judge


def run_pair_task(
    leader: str,
    follower: str,
    leader_since: int,
    follower_since: int,
    release_after: float = RELEASE_S,
    make_trainer: MakeTrainer | None = None,
) -> dict[str, Any]:
    """What the engine places on a worker for the queued pair in these folders.

    Returns for each, under its id, what `worker.run_task` does. When one of them is no longer queued, the other is trained alone.
    """
    first, second = RunFolder(Path(leader)), RunFolder(Path(follower))
    # the follower first: a queued follower beside a leader that is not queued is one that is to be trained alone, for every engine
    held_second = _taken(second)
    if held_second is None and _is_trained(second):  # by another server, which takes the leader too
        return {first.id: untouched(first), second.id: untouched(second)}
    held_first = _taken(first)
    lockstep = Lockstep() if held_first and held_second else None
    results = {folder.id: untouched(folder) for folder in (first, second)}

    def train(folder: RunFolder, held: HeldLease | None, since: int, control: LockstepControl | None) -> None:
        try:
            if held is not None:
                results[folder.id] = train_under(held, since, make_trainer=make_trainer, release_after=release_after, lockstep=control)
        except RunError as error:  # the run is gone, or another has it: that is no matter of its partner
            results[folder.id] = {"state": "gone", "heard": None, "message": str(error)}

    controls = lockstep.controls if lockstep else (None, None)
    beside = threading.Thread(
        target=train, args=(second, held_second, follower_since, controls[1]), name=f"follower {second.id}", daemon=True
    )
    beside.start()
    try:
        train(first, held_first, leader_since, controls[0])
    finally:
        beside.join()
    return results


def _taken(folder: RunFolder) -> HeldLease | None:
    """The lease of a queued run; None when it is not queued, or gone."""
    try:
        return acquire(folder, "engine") if folder.status().state == "queued" else None
    except RunError:
        return None


def _is_trained(folder: RunFolder) -> bool:
    try:
        status = folder.status()
    except RunError:
        return False
    return status.lease is not None and judge(status) != "dead"
