"""Groups of runs that are kept in step, as the engine sees them: who goes into a slot with whom. No torch here.

A group is a chain: each run names the one that it follows, and the one that follows it. It waits in line under the id of its first run
and takes one slot. A later one is placed by itself only when none before it is queued, for it has ended, is gone, or was started without.
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
    """The task that trains this queued run, and with it the followers that wait for it. Raises RunError."""
    path, attempts = str(folder.path.absolute()), {folder.id: folder.status().attempt}
    followers = queued_followers(store, folder)
    if not followers:
        return Task("vqcore.jobs.worker:run_task", (path, since, release_after), attempts)
    attempts |= {follower.id: follower.status().attempt for follower in followers}
    paths = (path, *(str(follower.path.absolute()) for follower in followers))
    since_each = (since, *(last_command(follower) for follower in followers))
    return Task("vqcore.jobs.pair:run_pair_task", (paths, since_each, release_after), attempts)


def goes_with_leader(store: RunStore, folder: RunFolder) -> bool:
    """Whether this queued run waits for a slot together with one before it."""
    return bool(folder.about().leader) and any(_is_queued(other) for other in _apart(store, folder)[0])


def queued_followers(store: RunStore, leader: RunFolder) -> tuple[RunFolder, ...]:
    """The runs that go into a slot with this queued one."""
    return tuple(other for other in _apart(store, leader)[1] if _is_queued(other)) if leader.about().follower else ()


def bring_followers(store: RunStore, leader: RunFolder, message: str) -> None:
    """Have the followers wait with their leader, which has just been queued, where no process has them and something is left to do."""

    def change(old: Status) -> Status:
        if old.state not in _GOES_ALONG or not at_rest(old):
            return old
        return replace(old, state="queued", lease=None, message=message, error="")

    with contextlib.suppress(RunError):
        for follower in _apart(store, leader)[1]:
            with contextlib.suppress(RunError):  # deleted meanwhile: the leader goes without it
                if follower.status().state in _GOES_ALONG:
                    follower.change_status(change)


def _apart(store: RunStore, folder: RunFolder) -> tuple[tuple[RunFolder, ...], tuple[RunFolder, ...]]:
    """The runs of its group before and after it."""
    group = store.group(folder.id)
    place = [other.id for other in group].index(folder.id)
    return group[:place], group[place + 1 :]


def _is_queued(folder: RunFolder) -> bool:
    try:
        return folder.status().state == "queued"
    except RunError:
        return False
