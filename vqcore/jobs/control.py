"""What a trainer hears: the commands in its run folder, and what its worker process has to say. No torch here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from vqcore.control import Command, CommandKind
from vqcore.runs.commands import CommandTail
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import HeldLease

LOOK_S = 0.05  # between two looks at the file: a step may take less than a millisecond
RELEASE_S = 60.0
_OTHERS_S = 1.0
# what was meant for the moment, not for the run
_PASSING: frozenset[CommandKind] = frozenset({"pause", "resume", "step", "stop", "release"})


class FolderControl:
    """`control.Control` over a run's `control.jsonl`.

    Commands up to the id `after` have been obeyed, as the checkpoint says. Of those up to `since`, which came before this attempt
    was asked for, only treatments still count: a stop that ended the last attempt must not end this one.
    A `release` is added when the run has been paused for `release_after` seconds while `others_wait`, and when `closing` is set.
    Polling raises LeaseLost when the run has another owner, or is gone.
    """

    def __init__(
        self,
        folder: RunFolder,
        *,
        after: int = 0,
        since: int = 0,
        lease: HeldLease | None = None,
        closing: threading.Event | None = None,
        others_wait: Callable[[], bool] | None = None,
        release_after: float = RELEASE_S,
    ) -> None:
        self.heard = max(after, since)  # the id of the last command that was seen
        self._since = since
        self._tail = CommandTail(folder.path / "control.jsonl", after)
        self._lease = lease
        self._closing = closing or threading.Event()
        self._others_wait = others_wait
        self._release_after = release_after
        self._paused_at: float | None = None
        self._released = False
        self._held_back: list[Command] = []
        self._next_look = 0.0
        self._next_others = 0.0

    def poll(self) -> Sequence[Command]:
        if self._held_back:
            commands, self._held_back = self._held_back, []
            return commands
        return self._look()

    def stop_waits(self) -> bool:
        """Whether a stop has come. Takes nothing away from the next poll."""
        self._held_back += self._look()
        return any(command.kind == "stop" for command in self._held_back)

    def _look(self) -> Sequence[Command]:
        now = time.monotonic()
        if now < self._next_look:
            return ()
        self._next_look = now + LOOK_S
        if self._lease is not None:
            self._lease.check()
        commands = self._tail.poll()
        if commands:
            self.heard = max(self.heard, commands[-1].id)
            commands = [command for command in commands if command.id > self._since or command.kind not in _PASSING]
        if not commands and not self._released and self._must_leave(now):
            self._released = True
            return (Command("release"),)
        return commands

    def wait(self, seconds: float) -> Sequence[Command]:
        deadline = time.monotonic() + seconds
        while True:
            commands = self.poll()
            remaining = deadline - time.monotonic()
            if commands or remaining <= 0:
                return commands
            time.sleep(min(remaining, LOOK_S))

    def paused(self, is_paused: bool) -> None:
        """Told by the worker whenever the trainer pauses or goes on."""
        self._paused_at = time.monotonic() if is_paused else None

    def _must_leave(self, now: float) -> bool:
        if self._closing.is_set():
            return True
        if self._paused_at is None or self._others_wait is None or now - self._paused_at < self._release_after or now < self._next_others:
            return False
        self._next_others = now + _OTHERS_S
        return self._others_wait()
