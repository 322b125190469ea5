"""What a worker process does before it takes its first task, and when it is asked to end. Dask calls the two functions."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import Any

import psutil

from vqcore.jobs.cluster import LIGHT

NICENESS = {"train": 10, "light": 5}  # the server and the browser on the same machine go first
WARM_AFTER_S = 3.0  # the first page and the first run come first


def dask_setup(worker: Any) -> None:
    kind = str(worker.name).partition("-")[0]
    be_nice(NICENESS.get(kind, 10))
    asked = os.environ.get("VQ_WARM", "").strip()
    if asked == "0" or (asked == "train" and kind == LIGHT):  # the first run, or the first UMAP, loads what it needs
        return
    if kind == LIGHT:
        threading.Thread(target=_warm_light, name="warm-umap", daemon=True).start()
    else:
        from vqcore.jobs.worker import warm

        warm()


def dask_teardown(worker: Any) -> None:
    from vqcore.jobs import worker as jobs_worker

    _ending.set()
    jobs_worker.closing.set()


def be_nice(niceness: int) -> None:
    """Let others go first: `niceness` 0 to 19, and a lower priority class on Windows."""
    process = psutil.Process()
    with contextlib.suppress(psutil.AccessDenied, OSError):
        if os.name == "nt":
            process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            process.nice(max(process.nice(), niceness))


_ending = threading.Event()


def _warm_light() -> None:
    """In the background, so that this worker answers from the start: compile what UMAP needs, or fetch it from numba's disk cache."""
    if _ending.wait(WARM_AFTER_S):
        return
    if sys.platform == "linux":  # elsewhere a thread has no niceness of its own
        with contextlib.suppress(OSError):
            # nobody waits for this yet: no more right to a core than who trains
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS["train"])
    # whatever is wrong is told to who asks for UMAP
    with contextlib.suppress(Exception):
        from vqcore.analysis.projection import warm_umap

        warm_umap()
