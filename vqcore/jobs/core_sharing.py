"""What else goes on in the folder of runs: who waits for a slot, and with whom this host's cores are shared. No torch here."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from vqcore.errors import RunError
from vqcore.runs.folder import RunFolder
from vqcore.runs.status import HEARTBEAT_S, Status, judge

COUNT_S = 3.0
# a run that trains writes its status with each heartbeat: older ones need not be read
_FRESH_S = 8 * HEARTBEAT_S


class CoreSharing:
    """The runs beside `folder`, itself among them."""

    def __init__(self, folder: RunFolder) -> None:
        self._root = folder.path.parent
        self._next_count = 0.0

    def waiting(self) -> bool:
        """Whether a run is queued."""
        return any(status.state == "queued" for status in self._statuses(0.0))

    def due(self) -> bool:
        """Whether the last count is older than 3 s."""
        return time.monotonic() >= self._next_count

    def threads(self) -> int:
        """The whole cores that fall to each run that trains on this host, at least 1."""
        self._next_count = time.monotonic() + COUNT_S
        host = socket.gethostname()
        trainers = sum(
            status.state in ("starting", "running") and status.lease is not None and status.lease.host == host and judge(status) == "alive"
            for status in self._statuses(time.time() - _FRESH_S)
        )
        return max(1, cores() // max(1, trainers))

    def _statuses(self, newer_than: float) -> Iterator[Status]:
        try:
            with os.scandir(self._root) as entries:
                paths = [Path(entry.path) for entry in entries if not entry.name.startswith(".")]
        except OSError:
            return
        for path in paths:
            try:
                if (path / "status.json").stat().st_mtime >= newer_than:
                    yield RunFolder(path).status()
            except (OSError, RunError):  # deleted meanwhile, or not a run of this program: not ours to report here
                continue


def cores() -> int:
    """The cores that this process may use: its affinity and its container's quota, where they are set."""
    from dask.system import cpu_count

    return int(cpu_count())
