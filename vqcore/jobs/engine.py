"""The engine as pages see it: what is to run, what runs, and what became of it. Light to import: no torch, no distributed.

One thread of its own does all that takes time. Callers write to run folders and to the line of waiting runs, and return at once.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from vqcore.control import Command
from vqcore.errors import EngineError, RunError, VQError
from vqcore.jobs.backend import LIGHT, TRAIN, Backend
from vqcore.jobs.control import RELEASE_S
from vqcore.jobs.crashes import Stops, at_rest, judge_crashed, last_command, left_behind, mark_interrupted, resumed_late
from vqcore.jobs.light_tasks import LightTasks
from vqcore.jobs.pairing import bring_followers, goes_with_leader, task_for
from vqcore.jobs.queue import Line, Placed, Waiting, ahead
from vqcore.jobs.queue_messages import QueueMessages, still_queued
from vqcore.runs.folder import RunFolder
from vqcore.runs.status import ENDED, Status, judge
from vqcore.runs.store import RunStore

TICK_S = 0.5
LOOK_S = 2.0  # between two looks at the workers
SWEEP_S = 5.0  # between two looks for runs that other processes left behind
UNPLACED_S = 5.0  # until we say that nobody offers a slot
ORPHANS_S = 5.0
START_S = 90.0  # a slow machine imports torch for a minute
GRACE_S = 10.0
RESTART_DELAYS = (0.0, 1.0, 3.0, 10.0, 30.0)
HEALTHY_S = 120.0  # after this long the restarts before are forgotten
TRIES = 3

State = Literal["starting", "ready", "failed"]
_WARMING = "The engine is warming up: its workers load what they train with."
_FINISHED = "This run has finished its steps. For a longer one, start anew with more steps."


@dataclass(frozen=True, slots=True)
class Health:
    """`slots` runs or pairs can train at once, `busy` of them do; `seconds` since the engine was started."""

    state: State
    message: str
    slots: int
    busy: int
    waiting: int
    seconds: float


class Engine:
    """Runs the store's runs. `VQ_SCHEDULER` names a cluster; without it a local one is started, and ends with this process.

    Several engines, in several servers, may share one folder of runs: a run's lease lets one worker have it.
    `release_after`: seconds after which a paused run leaves its slot to one that waits.
    """

    def __init__(self, store: RunStore, *, release_after: float = RELEASE_S) -> None:
        self._store = store
        self._release_after = release_after
        self._guard = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._backend: Backend | None = None
        self._state: State = "starting"
        self._message = "The engine has not been started."
        self._offered: dict[str, int] = {TRAIN: 0, LIGHT: 0}
        self._started = self._ready_at = self._next_look = self._next_sweep = 0.0
        self._line = Line()
        self._light_tasks = LightTasks(self._wake.set)
        self._stops = Stops()
        self._queue_messages = QueueMessages(store)
        self._ended: deque[Placed] = deque()  # those whose tasks have ended, told by another thread

    # ── what pages call ──

    def start(self) -> None:
        """Start in the background. Harmless twice. After `close` it starts anew."""
        with self._guard:
            if self._thread is not None:
                return
            self._closing.clear()
            self._started = time.monotonic()
            self._state, self._message = "starting", _WARMING
            self._thread = threading.Thread(target=self._serve, name="vqlab-engine", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the workers; what trains keeps a checkpoint and becomes "interrupted". Harmless twice. Takes up to ten seconds."""
        with self._guard:
            thread, self._thread = self._thread, None
            backend = self._backend
            self._closing.set()
        self._wake.set()
        if backend is not None:
            backend.close()
        if thread is not None:
            thread.join()
        self._line.clear()
        self._say("starting", "The engine was closed.")

    def health(self) -> Health:
        """How the engine stands, without waiting for anything."""
        placed, waiting = self._line.counts()
        with self._guard:
            slots = self._offered[TRAIN]
            seconds = time.monotonic() - self._started if self._started else 0.0
            return Health(self._state, self._message, slots, min(placed, slots), waiting + max(0, placed - slots), seconds)

    def submit(self, run_id: str) -> None:
        """Put a run in line, a leader with its followers. Harmless for one that waits or trains already.

        Raises RunError; EngineError for a finished run.
        """
        folder = self._store.get(run_id)
        self._submit(folder, last_command(folder))

    def send(self, run_id: str, command: Command) -> None:
        """Give a command to the run. Resume and step put one that no process has back in line. Raises RunError, EngineError."""
        if command.kind == "stop":
            self.stop(run_id, command.author, command.nickname)
            return
        folder = self._store.get(run_id)
        before = last_command(folder)
        goes_on = command.kind in ("resume", "step")
        if goes_on and folder.status().state == "finished":
            raise EngineError(_FINISHED)
        folder.send(command)
        if goes_on and at_rest(folder.status()):
            self._submit(folder, before)

    def send_all(self, run_id: str, command: Command) -> None:
        """Give a command to a run and to those that it is kept in step with, if any. Raises as `send`, after trying all."""
        problems: list[VQError] = []
        for other in (ids := [folder.id for folder in self._store.group(run_id)]):  # a leader that goes on takes its followers along
            try:
                self.send(other, command)
            except VQError as error:
                problems.append(error)
        if len(problems) == len(ids):
            raise problems[0]

    def stop(self, run_id: str, author: str = "", nickname: str = "", grace: float = GRACE_S) -> None:
        """Stop a run: one in line at once; one that trains after its step, and after `grace` seconds its process is ended.

        Raises RunError. A run of the command line is asked, and never killed: who started it can.
        """
        folder = self._store.get(run_id)
        folder.send(Command("stop", author=author, nickname=nickname))
        self._line.leave(run_id)
        who = nickname or "someone"

        def change(old: Status) -> Status:
            if old.state in ENDED or (old.lease is not None and judge(old) != "dead"):
                return old
            when = f"at step {old.step:,}" if old.step else "before it started"
            return replace(old, state="stopped", lease=None, message=f"Stopped {when}, by {who}.", error="")

        status = folder.change_status(change)
        if status.lease is not None and status.lease.kind == "engine":
            self._stops.add(run_id, status.lease, who, grace)
        self._wake.set()

    def recover(self) -> None:
        """Put queued runs in line, and mark as interrupted what a dead process left behind. Done at start, and now and again."""
        for folder in left_behind(self._store, self._line.with_place()):
            if not goes_with_leader(self._store, folder):
                self._join(folder, last_command(folder), folder.status().attempt)

    def light(self, target: str, *args: Any) -> Future[Any]:
        """Run "module:function" on the worker that no training delays. Its future raises EngineError when no worker could answer."""
        with self._guard:
            if self._thread is None:
                raise EngineError("The engine has not been started.")
        answer = self._light_tasks.add(target, args)
        self._wake.set()
        return answer

    def _submit(self, folder: RunFolder, since: int) -> None:
        message = self._why_wait(0)

        def change(old: Status) -> Status:
            if old.state == "finished":
                raise EngineError(_FINISHED)
            if old.lease is not None and judge(old) != "dead":
                return old
            return replace(old, state="queued", lease=None, message=message, error="")

        status = folder.change_status(change)
        if status.state == "queued" and not goes_with_leader(self._store, folder):
            bring_followers(self._store, folder, message)
            self._join(folder, since, status.attempt)
            self._wake.set()

    def _join(self, folder: RunFolder, since: int, attempt: int) -> None:
        about = folder.about()
        self._line.join(folder.id, about.owner, since, attempt, patient=bool(about.sweep))

    # ── the engine's thread ──

    def _serve(self) -> None:
        failures = 0
        self._quietly(self.recover)
        while not self._closing.is_set():
            backend = Backend(os.environ.get("VQ_SCHEDULER", "").strip())
            with self._guard:
                self._backend = backend
            if self._closing.is_set():  # close() may have looked before there was a backend to close
                break
            self._ready_at = 0.0
            try:
                backend.start()
                self._work(backend)
                reason = backend.ended()
            except EngineError as error:
                reason = str(error)
            except Exception as error:  # a fault of ours must not leave pages waiting without a word
                reason = f"A fault of the program ended the engine: {type(error).__name__}: {error}."
            if self._closing.is_set():
                break
            backend.close()
            healthy = self._ready_at and time.monotonic() - self._ready_at > HEALTHY_S
            failures = 1 if healthy else failures + 1
            self._lost(reason, backend.own)
            self._wait_before_restart(reason, failures)
        with self._guard:
            self._backend = None
            self._offered = {TRAIN: 0, LIGHT: 0}
        self._light_tasks.fail("The engine was closed.")

    def _work(self, backend: Backend) -> None:
        began = time.monotonic()
        while not self._closing.is_set() and backend.alive():
            self._wake.clear()
            while self._ended:
                if self._line.give_up(placed := self._ended.popleft()):
                    self._concluded(placed)
            self._look(backend, began)
            if self._ready_at:
                self._dispatch(backend)
            self._explain_waiting()
            self._light_tasks.dispatch(backend, self._offered[LIGHT], self._ready_at)
            self._stops.enforce(self._store, partial(self._end_elsewhere, backend))
            if time.monotonic() >= self._next_sweep:
                self._next_sweep = time.monotonic() + SWEEP_S
                self._quietly(self.recover)
            self._wake.wait(TICK_S if self._ready_at else TICK_S / 5)

    def _look(self, backend: Backend, began: float) -> None:
        """See who offers what."""
        now = time.monotonic()
        if self._ready_at and now < self._next_look:
            return
        self._next_look = now + (LOOK_S if self._offered[LIGHT] else TICK_S)
        offered = backend.offered()
        with self._guard:
            self._offered = offered
        if not self._ready_at and not offered[TRAIN]:
            if now - began < (START_S if backend.own else UNPLACED_S):
                return
            if backend.own:
                raise EngineError(f"No worker came up within {START_S:.0f} s. The server's own output says why.")
        self._ready_at = self._ready_at or now
        if offered[TRAIN]:
            self._say("ready", "")
        elif backend.own:
            self._say("ready", "No slot is free: a worker is being started again.")
        else:
            self._say("ready", f"No slot is free: no worker of {backend.address} offers the resource '{TRAIN}'. Runs wait until one does.")

    def _dispatch(self, backend: Backend) -> None:
        order = self._line.order()
        if backend.own:
            order = order[: max(0, self._offered[TRAIN] - len(self._line.placed()))]
        # a cluster outside may grow with what waits for it, so it is given all; its own line goes by priority
        for run in order:
            folder = still_queued(self._store, run.run_id)
            if folder is None or goes_with_leader(self._store, folder):
                self._line.leave(run.run_id)
            else:
                self._quietly(partial(self._place, backend, run, folder))

    def _place(self, backend: Backend, run: Waiting, folder: RunFolder) -> None:
        task = task_for(self._store, folder, run.since, self._release_after)
        placed = self._line.place(run.run_id, task.attempts)
        if placed is not None:
            ended = partial(self._has_ended, placed)
            placed.future = backend.place(TRAIN, task.target, *task.arguments, priority=-run.round, done=ended)

    def _has_ended(self, placed: Placed, _future: Any) -> None:
        self._ended.append(placed)
        self._wake.set()

    def _concluded(self, placed: Placed) -> None:
        """Say what became of the runs that have this place no longer."""
        future = placed.future
        finished = future is not None and future.status == "finished"
        results = future.result() if finished else {}
        if not finished:
            self._next_look = 0.0  # one worker fewer: a run given away now would wait behind a busy one
        for run_id in placed.attempts:
            self._quietly(partial(self._late, run_id, results[run_id]) if finished else partial(self._crashed, placed, run_id))

    def _late(self, run_id: str, result: dict[str, Any]) -> None:
        """Obey a resume that came while the worker was on its way out."""
        folder = self._store.get(run_id)
        if (since := resumed_late(folder, result["heard"])) is not None:
            self._submit(folder, since)

    def _crashed(self, placed: Placed, run_id: str) -> None:
        run, folder = placed.run, self._store.get(run_id)
        if (status := folder.status()).attempt > placed.attempts[run_id] + 1:  # a part of a pair that had ended, and goes on elsewhere
            return
        if status.state != "queued":
            judge_crashed(folder, placed.future)
        elif run_id != run.run_id:  # a follower goes again with its leader
            return
        elif run.tries + 1 < TRIES:  # its worker died before it began: that says nothing about this run
            self._line.put_back(run, tried=True)
        else:
            error = f"Workers died {TRIES} times before this run began. Restart the server, then resume it."
            folder.set_status(state="failed", message="", error=error)

    def _lost(self, reason: str, own: bool) -> None:
        """The workers are gone for us, and all that they had."""
        with self._guard:
            self._offered = {TRAIN: 0, LIGHT: 0}
        # our own workers see their parent's end by themselves, within moments
        deadline = time.monotonic() + (ORPHANS_S if own else 0.0)
        for placed in self._line.give_up_all():
            for run_id in placed.attempts:
                self._quietly(partial(self._orphaned, placed.run, run_id, reason, deadline))
        self._ended.clear()
        self._light_tasks.fail(reason)

    def _orphaned(self, run: Waiting, run_id: str, reason: str, deadline: float) -> None:
        folder = self._store.get(run_id)
        status = folder.status()
        if status.state == "queued":
            if run_id == run.run_id:
                self._line.put_back(run)
        elif status.lease is not None:
            while judge(folder.status()) == "alive" and time.monotonic() < deadline:
                time.sleep(0.05)
            mark_interrupted(folder, status.lease, reason)

    def _wait_before_restart(self, reason: str, failures: int) -> None:
        tries = len(RESTART_DELAYS)
        if failures > tries:
            self._say("failed", f"{reason} Starting it again {tries} times did not help. Restart the server; its own output says more.")
            self._explain_waiting()
            self._closing.wait()
            return
        self._say("starting", f"{reason} It is being started again (try {failures} of {tries}).")
        self._explain_waiting()
        self._closing.wait(RESTART_DELAYS[failures - 1])

    def _end_elsewhere(self, backend: Backend, run_id: str) -> bool:
        """End the worker of another host that has this run, where this engine placed it."""
        placed = next((placed for placed in self._line.placed() if run_id in placed.attempts), None)
        return placed is not None and placed.future is not None and backend.end_worker(placed.future)

    # ── what waiting runs say ──

    def _why_wait(self, place: int) -> str:
        """`place` runs come before it."""
        with self._guard:
            state, message, slots = self._state, self._message, self._offered[TRAIN]
        if state == "ready" and slots:
            return ahead(place)
        return f"Waiting. {message}"

    def _explain_waiting(self) -> None:
        order = [run.run_id for run in self._line.order()]
        if not self._offered[TRAIN]:
            order = [*(placed.run.run_id for placed in self._line.placed()), *order]
        self._queue_messages.explain(order, self._why_wait)

    # ── small parts ──

    def _say(self, state: State, message: str) -> None:
        with self._guard:
            self._state, self._message = state, message

    def _quietly(self, action: Callable[[], None]) -> None:
        """One run that cannot be read or written must not stop the others."""
        try:
            action()
        except (RunError, EngineError):
            return
