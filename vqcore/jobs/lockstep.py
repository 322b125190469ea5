"""Trainers kept in step, two or more: none is ever more than one step ahead of another. No torch here.

Each trainer hears its commands through its `LockstepControl`, a `Control` over the run's own. It answers when its trainer may take
a step, and holds on to the answer while another is behind or rests. What it hears meanwhile and brings no step with it is passed
on at once: a stop, a pause, a treatment of a paused run. What sets a paused run going waits until all others go on as well.

    done     steps that a trainer has taken, those before its checkpoint too
    begun    `done`, or one more once it has been told to go on
    rests    it has been told to pause, and not yet to go on
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from vqcore.control import Command, Control

LOOK_S = 0.02  # between two looks for commands while a trainer is held
PATIENCE_S = 0.5  # a wait that is longer is told

_After = Literal["ends", "rests", "runs"]


class Lockstep:
    """For `count` runs that are trained by as many threads of this process."""

    def __init__(self, count: int = 2) -> None:
        self.changed = threading.Condition()
        self.released = False
        self.controls = tuple(LockstepControl(self) for _ in range(count))

    def idle(self) -> bool:
        """Whether nobody takes steps: each has ended, rests, or waits for one that rests."""
        with self.changed:
            return all(control.left or control.paused or not control.is_open() for control in self.controls)


class LockstepControl:
    """What one of the trainers hears, and when.

    `poll` and `wait` are called by its thread alone; fields are guarded by `group.changed`.
    """

    def __init__(self, group: Lockstep) -> None:
        self.group = group
        self.entered = self.left = self.paused = self.rests = False
        self.done = self.begun = 0
        self._own: Control | None = None
        self._on_held: Callable[[bool], None] = lambda _: None
        self._unheard: list[Command] = []

    # ── what the worker tells ──

    def enter(self, own: Control, step: int, on_held: Callable[[bool], None]) -> None:
        """Its trainer starts at `step` and hears `own`. Until then the others wait.

        `on_held` is called with True when it has been held for half a second, and with False when it goes on.
        """
        with self.group.changed:
            self._own, self._on_held = own, on_held
            self.done = self.begun = step
            self.entered = True
            self.group.changed.notify_all()

    def pauses(self, paused: bool) -> None:
        """Its trainer pauses, which it does by itself after the last of some single steps, or goes on."""
        with self.group.changed:
            self.paused = self.rests = paused
            self.group.changed.notify_all()

    def leave(self) -> None:
        """It takes no step any more: the others go on without it. Harmless twice."""
        with self.group.changed:
            self.left = True
            self.group.changed.notify_all()

    # ── what the trainer asks ──

    def poll(self) -> Sequence[Command]:
        """Called before a step: when it returns and the trainer does not pause, it may take that step."""
        with self.group.changed:
            if self.begun > self.done:  # it has taken the step that it was granted
                self.done = self.begun
                self.group.changed.notify_all()
        return self._listen(time.monotonic(), time.monotonic())

    def wait(self, seconds: float) -> Sequence[Command]:
        """As `poll`, for a trainer that pauses or is slowed down; one that is slowed down is held beyond `seconds` where need be."""
        with self.group.changed:
            if self.begun > self.done:  # it waits instead of taking the step
                self.begun = self.done
                self.group.changed.notify_all()
        now = time.monotonic()
        return self._listen(now, now + seconds)

    # ── inner ──

    def is_open(self) -> bool:
        """Whether it may take a step. Beside one that rests, up to where that one is, so that all pause at the same step."""
        return all(
            other.entered and (self.done < other.done if other.rests else self.done <= other.done)
            for other in self._others()
            if not other.left
        )

    def _others(self) -> Iterator[LockstepControl]:
        return (control for control in self.group.controls if control is not self)

    def _listen(self, began: float, until: float) -> Sequence[Command]:
        assert self._own is not None
        said = False
        try:
            while True:
                heard = self._own.poll()  # without the lock: it reads a file
                with self.group.changed:
                    self._unheard += heard
                    if self.group.released and not self.left:
                        self._unheard.append(Command("release"))
                    now = time.monotonic()
                    answer = self._answer(late=now >= until)
                    if answer is not None:
                        return answer
                    if now < until or self.paused or now - began < PATIENCE_S or said:
                        self.group.changed.wait(min(LOOK_S, until - now) if now < until else LOOK_S)
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
            self.group.released |= any(command.kind == "release" for command in self._unheard)
            self.left = True
            self.group.changed.notify_all()
            return self._heard(len(self._unheard))
        if self.paused:
            return self._answer_paused(after, late=late)
        if after == "rests" and self._may_rest():
            self.paused = self.rests = True
            self.group.changed.notify_all()
            return self._heard(len(self._unheard))
        if not self.is_open() or not (late or (self._unheard and after == "runs")):
            return None
        self.begun = self.done + 1
        return self._heard(len(self._unheard) if after == "runs" else 0)

    def _answer_paused(self, after: _After, *, late: bool) -> Sequence[Command] | None:
        if self.rests != (after == "rests"):  # also while it is still held: or each would wait for another to begin
            self.rests = after == "rests"
            self.group.changed.notify_all()
        if after == "runs" and self.is_open():
            self.paused = False
            self.begun = self.done + 1
            return self._heard(len(self._unheard))
        still = next((i for i, command in enumerate(self._unheard) if command.kind in ("resume", "step")), len(self._unheard))
        if after == "rests":
            still = len(self._unheard)
        return self._heard(still) if still or late else None

    def _may_rest(self) -> bool:
        """Not while another is in the very next step: then this one takes it too, and all pause at the same."""
        return not any(other.entered and not other.left and other.begun - self.done == 1 for other in self._others())

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
