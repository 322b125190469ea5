"""What runs in line say of themselves: written to their folders, where every page reads it. No torch here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from vqcore.errors import RunError
from vqcore.jobs.pairing import queued_followers
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

AGAIN_S = 5.0  # after this long all are looked at anew: another server may have written them


def still_queued(store: RunStore, run_id: str) -> RunFolder | None:
    try:
        folder = store.get(run_id)
        return folder if folder.status().state == "queued" else None
    except RunError:
        return None


class QueueMessages:
    """Keeps the messages of waiting runs true. For one thread."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._explained: tuple[str, ...] = ()
        self._next = 0.0

    def explain(self, order: Sequence[str], why: Callable[[int], str]) -> None:
        """`order`: ids in the order of service; `why(place)`: what one says that so many come before. Costs little when nothing changed."""
        explained = (why(0), *order)
        if explained == self._explained and time.monotonic() < self._next:
            return
        self._explained = explained
        self._next = time.monotonic() + AGAIN_S
        for place, run_id in enumerate(order):
            try:
                self._explain(run_id, why(place))
            except RunError:  # one that cannot be written must not keep the others from it
                continue

    def _explain(self, run_id: str, message: str) -> None:
        leader = still_queued(self._store, run_id)
        if leader is None:
            return
        for folder in (leader, *queued_followers(self._store, leader)):
            if folder.status().message != message:
                folder.change_status(lambda old: replace(old, message=message) if old.state == "queued" else old)
