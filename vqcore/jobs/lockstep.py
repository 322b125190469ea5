"""Two trainers kept in step: neither is ever more than one step ahead of the other. No torch here.

Each trainer hears its commands through its `LockstepControl`, a `Control` over the run's own. It answers when its trainer may take
a step, and holds on to the answer while the other is behind or rests. What it hears meanwhile and brings no step with it is passed
on at once: a stop, a pause, a treatment of a paused run. What sets a paused run going waits until the other goes on as well.

    done     steps that a trainer has taken, those before its checkpoint too
    begun    `done`, or one more once it has been told to go on
    rests    it has been told to pause, and not yet to go on
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Literal

from vqcore.control import Command, Control

LOOK_S = 0.02  # between two looks for commands while a trainer is held
PATIENCE_S = 0.5  # a wait that is longer is told

_After = Literal["ends", "rests", "runs"]


class Lockstep:
    """For two runs that are trained by two threads of this process."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.released = False
        leader, follower = LockstepControl(self), LockstepControl(self)
        leader.other, follower.other = follower, leader
        self.controls = (leader, follower)

    def idle(self) -> bool:
        """Whether nobody takes steps: each has ended, rests, or waits for one that rests."""
        with self.changed:
            return all(control.left or control.paused or not control.is_open() for control in self.controls)


class LockstepControl:
    """What one of the two trainers hears, and when.

    `poll` and `wait` are called by its thread alone; fields are guarded by `pair.changed`.
    """

    other: LockstepControl

    def __init__(self, pair: Lockstep) -> None:
        self.pair = pair
        self.entered = self.left = self.paused = self.rests = False
        self.done = self.begun = 0
        self._own: Control | None = None
        self._on_held: Callable[[bool], None] = lambda _: None
        self._unheard: list[Command] = []

    # ── what the worker tells ──

    def enter(self, own: Control, step: int, on_held: Callable[[bool], None]) -> None:
        """Its trainer starts at `step` and hears `own`. Until then the other waits.

        `on_held` is called with True when it has been held for half a second, and with False when it goes on.
        """
        with self.pair.changed:
            self._own, self._on_held = own, on_held
            self.done = self.begun = step
            self.entered = True
            self.pair.changed.notify_all()

    def pauses(self, paused: bool) -> None:
        """Its trainer pauses, which it does by itself after the last of some single steps, or goes on."""
        with self.pair.changed:
            self.paused = self.rests = paused
            self.pair.changed.notify_all()

    def leave(self) -> None:
        """It takes no step any more: the other goes on alone. Harmless twice."""
        with self.pair.changed:
            self.left = True
            self.pair.changed.notify_all()

    # ── what the trainer asks ──

    def poll(self) -> Sequence[Command]:
        """Called before a step: when it returns and the trainer does not pause, it may take that step."""
        with self.pair.changed:
            if self.begun > self.done:  # it has taken the step that it was granted
                self.done = self.begun
                self.pair.changed.notify_all()
        return self._listen(time.monotonic(), time.monotonic())

    def wait(self, seconds: float) -> Sequence[Command]:
        """As `poll`, for a trainer that pauses or is slowed down; one that is slowed down is held beyond `seconds` where need be."""
        with self.pair.changed:
            if self.begun > self.done:  # it waits instead of taking the step
                self.begun = self.done
                self.pair.changed.notify_all()
        now = time.monotonic()
        return self._listen(now, now + seconds)

    # ── inner ──

    def is_open(self) -> bool:
        """Whether it may take a step. Beside one that rests, up to where that one is, so that both pause at the same step."""
        if self.other.left:
            return True
        if not self.other.entered:
            return False
        return self.done < self.other.done if self.other.rests else self.done <= self.other.done

    def _listen(self, began: float, until: float) -> Sequence[Command]:
        assert self._own is not None
        said = False
        try:
            while True:
                heard = self._own.poll()  # without the lock: it reads a file
                with self.pair.changed:
                    self._unheard += heard
                    if self.pair.released and not self.left:
                        self._unheard.append(Command("release"))
                    now = time.monotonic()
                    answer = self._answer(late=now >= until)
                    if answer is not None:
                        return answer
                    if now < until or self.paused or now - began < PATIENCE_S or said:
                        self.pair.changed.wait(min(LOOK_S, until - now) if now < until else LOOK_S)
                        continue
                said = True
                self._on_held(True)
        finally:
            if said:
                self._on_held(False)

    def _answer(self, *, late: bool) -> Sequence[Command] | None:
        """What to return now; None to go on listening. `late`: the time is over."""
        after = self._after(self._unheard)
        if after == "ends":
            self.pair.released |= any(command.kind == "release" for command in self._unheard)
            self.left = True
            self.pair.changed.notify_all()
            return self._heard(len(self._unheard))
        if self.paused:
            return self._answer_paused(after, late=late)
        if after == "rests" and self._may_rest():
            self.paused = self.rests = True
            self.pair.changed.notify_all()
            return self._heard(len(self._unheard))
        if not self.is_open() or not (late or (self._unheard and after == "runs")):
            return None
        self.begun = self.done + 1
        return self._heard(len(self._unheard) if after == "runs" else 0)

    def _answer_paused(self, after: _After, *, late: bool) -> Sequence[Command] | None:
        if self.rests != (after == "rests"):  # also while it is still held: or each of two would wait for the other to begin
            self.rests = after == "rests"
            self.pair.changed.notify_all()
        if after == "runs" and self.is_open():
            self.paused = False
            self.begun = self.done + 1
            return self._heard(len(self._unheard))
        still = next((i for i, command in enumerate(self._unheard) if command.kind in ("resume", "step")), len(self._unheard))
        if after == "rests":
            still = len(self._unheard)
        return self._heard(still) if still or late else None

    def _may_rest(self) -> bool:
        """Not while the other is in the very next step: then this one takes it too, and both pause at the same."""
        return self.other.left or not self.other.entered or self.other.begun - self.done != 1

    def _after(self, commands: Sequence[Command]) -> _After:
        """How the trainer will stand when it has obeyed them."""
        paused = self.paused
        for command in commands:
            if command.kind in ("stop", "release"):
                return "ends"
            if command.kind in ("pause", "resume", "step"):
                paused = command.kind == "pause"
        return "rests" if paused else "runs"

    def _heard(self, count: int) -> Sequence[Command]:
        heard, self._unheard = self._unheard[:count], self._unheard[count:]
        return heard
