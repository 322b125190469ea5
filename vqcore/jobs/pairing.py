"""Pairs as the engine sees them: who goes into a slot with whom. No torch here.

A pair waits in line under its leader's id and takes one slot. A follower is placed by itself only when its leader is not queued,
for it has ended, is gone, or was started without it. A run is of a pair when both name each other.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import Any

from vqcore.errors import RunError
from vqcore.jobs.crashes import at_rest, last_command
from vqcore.runs.folder import RunFolder
from vqcore.runs.status import RunState, Status
from vqcore.runs.store import RunStore

# not a finished run, which has nothing left to do, nor one that failed, which may fail again: that is for people to decide
_GOES_ALONG: frozenset[RunState] = frozenset({"stopped", "interrupted", "paused"})


@dataclass(frozen=True, slots=True)
class Task:
    """What to place on a worker: `target` as "module:function". `attempts`: id of each run that it trains → attempts before it."""

    target: str
    arguments: tuple[Any, ...]
    attempts: dict[str, int]


def task_for(store: RunStore, folder: RunFolder, since: int, release_after: float) -> Task:
    """The task that trains this queued run, and with it the follower that waits for it. Raises RunError."""
    path, attempts = str(folder.path.absolute()), {folder.id: folder.status().attempt}
    follower = queued_follower(store, folder)
    if follower is None:
        return Task("vqcore.jobs.worker:run_task", (path, since, release_after), attempts)
    attempts[follower.id] = follower.status().attempt
    arguments = (path, str(follower.path.absolute()), since, last_command(follower), release_after)
    return Task("vqcore.jobs.pair:run_pair_task", arguments, attempts)


def pair_of(store: RunStore, run_id: str) -> tuple[str, ...]:
    """Ids of leader and follower, in this order: a leader that goes on takes its follower along. Of a run of no pair, its own."""
    partner = store.partner(run_id)
    if partner is None:
        return (run_id,)
    return (run_id, partner.id) if store.get(run_id).about().follower else (partner.id, run_id)


def goes_with_leader(store: RunStore, folder: RunFolder) -> bool:
    """Whether this queued run waits for a slot together with its leader."""
    return _queued_partner(store, folder, folder.about().leader) is not None


def queued_follower(store: RunStore, leader: RunFolder) -> RunFolder | None:
    """The run that goes into a slot with this queued one."""
    return _queued_partner(store, leader, leader.about().follower)


def bring_follower(store: RunStore, leader: RunFolder, message: str) -> None:
    """Have the follower wait with its leader, which has just been queued, where no process has it and something is left to do."""

    def change(old: Status) -> Status:
        if old.state not in _GOES_ALONG or not at_rest(old):
            return old
        return replace(old, state="queued", lease=None, message=message, error="")

    with contextlib.suppress(RunError):  # deleted meanwhile: the leader goes without it
        follower = store.partner(leader.id) if leader.about().follower else None
        if follower is not None and follower.status().state in _GOES_ALONG:
            follower.change_status(change)


def _queued_partner(store: RunStore, folder: RunFolder, named: str) -> RunFolder | None:
    try:
        partner = store.partner(folder.id) if named else None
        return partner if partner is not None and partner.status().state == "queued" else None
    except RunError:
        return None
