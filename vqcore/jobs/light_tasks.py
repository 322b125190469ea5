"""Short work for the worker that no training delays: asked for at any time, placed once that worker is free.

Dask is given one job a worker: what it held back behind another would fail with that one, were it to crash the worker.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

from vqcore.errors import EngineError
from vqcore.jobs.backend import LIGHT, Backend

WAIT_S = 30.0  # for the light worker, once the others are there


@dataclass(slots=True)
class _Job:
    target: str
    args: tuple[Any, ...]
    answer: Future[Any]
    asked: float
    placed: Any = None  # Dask's future: the work is dropped when nobody holds it
    ended: bool = False


class LightTasks:
    """What was asked and has no answer yet. `add` may be called by any thread, the rest by the engine's.

    `wake` is called by any thread when a worker has become free.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._guard = threading.Lock()
        self._jobs: list[_Job] = []

    def add(self, target: str, args: tuple[Any, ...]) -> Future[Any]:
        job = _Job(target, args, Future(), time.monotonic())
        with self._guard:
            self._jobs.append(job)
        return job.answer

    def dispatch(self, backend: Backend, offered: int, ready_at: float) -> None:
        """Place what waits, where `offered` is above 0. `ready_at`: when the engine became ready; 0 before that."""
        with self._guard:
            # what nobody waits for any more still keeps its worker busy once it was begun
            self._jobs = [job for job in self._jobs if not (job.ended if job.placed is not None else job.answer.done())]
            waiting = [job for job in self._jobs if job.placed is None]
            free = offered - (len(self._jobs) - len(waiting))
        for job in waiting[: max(0, free)]:
            job.placed = backend.place(LIGHT, job.target, *job.args, done=partial(self._ended, job))
        if not offered and ready_at:
            for job in waiting:
                if time.monotonic() - max(job.asked, ready_at) > WAIT_S:
                    _refuse(job.answer, f"No worker offers the resource '{LIGHT}', which this work needs.")

    def _ended(self, job: _Job, done: Any) -> None:
        try:
            _answer(job.answer, done)
        except Exception as error:  # an answer that cannot be read here must not leave someone waiting for it
            _refuse(job.answer, f"The answer cannot be read: {type(error).__name__}: {error}.")
        finally:
            job.ended = True
            self._wake()

    def fail(self, reason: str) -> None:
        """Nothing that was asked will be answered."""
        with self._guard:
            jobs, self._jobs = self._jobs, []
        for job in jobs:
            _refuse(job.answer, reason)


def _answer(answer: Future[Any], done: Any) -> None:
    if answer.done():
        return
    if done.status == "finished":
        answer.set_result(done.result())
    elif done.status == "error" and type(error := done.exception()).__name__ != "KilledWorker":
        answer.set_exception(error)
    else:
        _refuse(answer, "The worker ended before it could answer: it crashed, was killed, or the memory ran out. Ask again.")


def _refuse(answer: Future[Any], reason: str) -> None:
    if not answer.done():
        answer.set_exception(EngineError(reason))
