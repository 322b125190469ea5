"""Who may write a run: one process at a time, and a trainer that has lost the run ends before it writes."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import threading
import time
from dataclasses import replace
from types import TracebackType
from typing import Any, Literal, Self

import psutil

from vqcore.errors import LeaseLost, RunError, VQError
from vqcore.runs.files import process_created
from vqcore.runs.folder import RunFolder
from vqcore.runs.status import HEARTBEAT_S, Lease, RunState, Status, Verdict, judge, judged

__all__ = ["HeldLease", "Verdict", "acquire", "judge", "judged", "process_of"]

_CHECK_S = 1.0
_LEFT_S = 60.0


def acquire(folder: RunFolder, kind: Literal["engine", "cli"]) -> HeldLease:
    """Take the run under the next attempt number; its state becomes "starting". Raises RunError while another process holds it."""
    pid = os.getpid()
    token = secrets.token_hex(8)

    def take(old: Status) -> Status:
        verdict = judge(old)
        if old.lease is not None and verdict != "dead":
            sure = "is being trained" if verdict == "alive" else "may still be trained (its clock disagrees with this one's)"
            holder = f"process {old.lease.pid} on {old.lease.host}"
            raise RunError(f"Run {folder.id} {sure} by {holder}. Watch it, or stop it there before going on with it here.")
        # a damaged status says 0; the number then starts over, and the token tells the leases apart
        attempt = old.attempt + 1
        lease = Lease(kind, socket.gethostname(), pid, process_created(pid) or 0.0, attempt, token, time.time())
        return replace(old, state="starting", attempt=attempt, lease=lease, message="", error="")

    status = folder.change_status(take)
    for left in folder.path.rglob(".*.tmp"):  # by a process that was killed while writing
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _LEFT_S:
                left.unlink()
    return HeldLease(folder, status)


def process_of(lease: Lease) -> psutil.Process | None:
    """The live process on this host that holds the lease, None when it is gone or elsewhere."""
    if lease.host != socket.gethostname() or judge(Status("running", lease=lease)) != "alive":
        return None
    try:
        return psutil.Process(lease.pid)
    except psutil.NoSuchProcess:
        return None


class HeldLease:
    """The right to write a run, kept up by a heartbeat every 2 s in a thread of its own. Made by `acquire`.

    As a context it ends with `outcome`, which is "interrupted" until someone says otherwise; an error makes it "failed",
    Ctrl-C "interrupted", and a lost lease leaves the run to its new owner.
    """

    def __init__(self, folder: RunFolder, status: Status) -> None:
        assert status.lease is not None
        self.folder = folder
        self.lease = status.lease
        self._last = status
        self.outcome: RunState = "interrupted"
        self.outcome_message = ""
        self._changes: dict[str, Any] = {}
        self._guard = threading.Lock()
        self._checked = time.monotonic()
        self._lost = ""
        self._released = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat {folder.id}", daemon=True)
        self._thread.start()

    @property
    def attempt(self) -> int:
        return self.lease.attempt

    def check(self, *, now: bool = False) -> None:
        """Raises LeaseLost when the run has another owner, or is gone. Looks at most once a second; with `now`, at once."""
        if not self._lost and (now or time.monotonic() - self._checked >= _CHECK_S):
            try:
                self._confirm(self.folder.status())
            except LeaseLost:
                pass
            except RunError as error:
                self._lost = str(error)
            self._checked = time.monotonic()
        if self._lost:
            raise LeaseLost(self._lost)

    def note(self, **changes: Any) -> None:
        """Fields of the status that the next heartbeat will write; for what changes often, like `step`."""
        with self._guard:
            self._changes.update(changes)

    def set_status(self, **changes: Any) -> None:
        """Write fields of the status now, with those noted. Raises LeaseLost."""
        self.note(**changes)
        self._write()

    def release(self, state: RunState | None = None, message: str | None = None, error: str = "") -> None:
        """Give the run back in its final `state`, by default `outcome`. Harmless when it is released already, or lost.

        Raises RunError when the status cannot be written; that is then tried again every 2 s for as long as this process lives.
        """
        if self._released:
            return
        self.note(state=state or self.outcome, message=self.outcome_message if message is None else message, error=error)
        self._released = True
        with contextlib.suppress(LeaseLost):
            self._write()  # when the disk is full, the heartbeat goes on trying
        self._ended.set()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.release()
            return
        with contextlib.suppress(RunError):  # the first error is the one to be told
            if isinstance(error, VQError):
                self.release("failed", "", str(error))
            elif isinstance(error, Exception):
                self.release("failed", "", f"{type(error).__name__}: {error}")
            else:
                self.release("interrupted", "Ended by Ctrl-C." if isinstance(error, KeyboardInterrupt) else "Its process was ended.")

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT_S):
            try:
                self._write()
            except LeaseLost:
                return
            except RunError:  # a full disk passes, and `check` finds out what does not
                continue
            if self._released:
                return

    def _write(self) -> None:
        changes: dict[str, Any] = {}

        def change(old: Status) -> Status:
            self._confirm(old)
            with self._guard:  # taken here, under the folder's lock, so that an older value never follows a newer one
                changes.update(self._changes)
                released = self._released
            if old.attempt == 0:  # someone damaged it
                old = self._last
            return replace(old, **changes, lease=None if released else replace(self.lease, heartbeat=time.time()))

        try:
            self._last = self.folder.change_status(change)
        except LeaseLost:
            raise
        except RunError as error:
            if not self.folder.path.is_dir():
                self._lost = str(error)
                raise LeaseLost(self._lost) from None
            raise
        with self._guard:  # what was noted meanwhile stays for the next time
            self._changes = {name: value for name, value in self._changes.items() if name not in changes or changes[name] != value}

    def _confirm(self, status: Status) -> None:
        lease = status.lease
        if status.attempt == 0:  # it cannot be read: nobody has taken the run by that
            return
        if lease is None or (lease.attempt, lease.token) != (self.attempt, self.lease.token):
            owner = f"process {lease.pid} on {lease.host} holds it now" if lease else "it was taken back"
            self._lost = f"Run {self.folder.id} is no longer ours: {owner}. Attempt {self.attempt} ends without writing."
            raise LeaseLost(self._lost)
