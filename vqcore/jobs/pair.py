"""Runs in one slot, kept in step: the first in the task's own thread, each of the others in one beside it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
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
    paths: Sequence[str],
    since: Sequence[int],
    release_after: float = RELEASE_S,
    make_trainer: MakeTrainer | None = None,
) -> dict[str, Any]:
    """What the engine places on a worker for the queued runs in these folders, leader first.

    Returns for each, under its id, what `worker.run_task` does. Those that are no longer queued are left out; one that is left alone is
    trained alone.
    """
    folders = [RunFolder(Path(path)) for path in paths]
    results = {folder.id: untouched(folder) for folder in folders}
    # the leader last: a queued follower beside a leader that is not queued is one that is to be trained alone, for every engine
    held: dict[str, HeldLease] = {}
    for folder in reversed(folders):
        lease = _taken(folder)
        if lease is not None:
            held[folder.id] = lease
        elif not held and folder is not folders[0] and _is_trained(folder):  # by another server, which takes the others too
            return results
    taken = [place for place, folder in enumerate(folders) if folder.id in held]
    lockstep = Lockstep(len(taken)) if len(taken) > 1 else None

    def train(place: int, control: LockstepControl | None) -> None:
        folder = folders[place]
        try:
            results[folder.id] = train_under(
                held[folder.id], since[place], make_trainer=make_trainer, release_after=release_after, lockstep=control
            )
        except RunError as error:  # the run is gone, or another has it: that is no matter of the others
            results[folder.id] = {"state": "gone", "heard": None, "message": str(error)}

    controls = lockstep.controls if lockstep else (None,) * len(taken)
    beside = [
        threading.Thread(target=train, args=(place, control), name=f"follower {folders[place].id}", daemon=True)
        for place, control in zip(taken[1:], controls[1:], strict=True)
    ]
    for thread in beside:
        thread.start()
    try:
        if taken:
            train(taken[0], controls[0])
    finally:
        for thread in beside:
            thread.join()
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
