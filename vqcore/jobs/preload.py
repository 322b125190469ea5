"""What a worker process does before it takes its first task, and when it is asked to end. Dask calls the two functions."""

from __future__ import annotations

import contextlib
import os
from typing import Any

import psutil

from vqcore.jobs.cluster import LIGHT

NICENESS = {"train": 10, "light": 5}  # the server and the browser on the same machine go first


def dask_setup(worker: Any) -> None:
    kind = str(worker.name).partition("-")[0]
    be_nice(NICENESS.get(kind, 10))
    if kind != LIGHT:
        from vqcore.jobs.worker import warm

        warm()


def dask_teardown(worker: Any) -> None:
    from vqcore.jobs import worker as jobs_worker

    jobs_worker.closing.set()


def be_nice(niceness: int) -> None:
    """Let others go first: `niceness` 0 to 19, and a lower priority class on Windows."""
    process = psutil.Process()
    with contextlib.suppress(psutil.AccessDenied, OSError):
        if os.name == "nt":
            process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            process.nice(max(process.nice(), niceness))
