"""What every trainer shares: the loop of steps, commands, pauses, the speed limit, and when records are due.

A generator of typed records. It keeps no files, prints nothing, and knows nothing of who listens. Between two records nothing waits
for the device: losses are summed there, and read when a record is due.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch
from torch import Tensor, nn

from vqcore.config.run import RunConfig, treatable_paths
from vqcore.control import Command, Control
from vqcore.device import choose_device
from vqcore.errors import ConfigError
from vqcore.records import BookStep, Checkpoint, Event, EventKind, Record, State, Step
from vqcore.training.state import pack, unpack
from vqcore.training.window import LossWindow

PAUSE_POLL_S = 0.1


class Loop(ABC):
    """Trains towards `config.train.steps`.

    A trainer sets `learner`, whose parameters are trained, `optimizer` (None: nothing is learnt by gradient), `precision`,
    `batch_size` and `steps_per_epoch`, and at the end of its own beginning calls `adopt` with the state to go on from, if any.
    """

    learner: nn.Module
    optimizer: torch.optim.Optimizer | None
    precision: torch.dtype
    batch_size: int
    steps_per_epoch: int

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        self.device = choose_device(config.train.device)
        self.step = 0
        self.elapsed = 0.0
        self.last_command = 0
        self.window = LossWindow()
        self._window_s = 0.0
        self._threads: int | None = None if config.train.threads == "auto" else config.train.threads
        self._resumed = False
        self._budget: int | None = None  # steps left before the next pause; None: no pause, 0: paused
        self._end: Literal["stopped", "released"] | None = None
        self._ended_by = Command("stop")
        self._step_ended = 0.0
        self._order: Tensor | None = None
        self._order_epoch = -1

    def adopt(self, state: State | None) -> None:
        """Go on from `state`. Raises RunError when it does not fit."""
        self._resumed = state is not None
        if state:
            unpack(self, state)

    # ── what a trainer does ──

    @abstractmethod
    def parts(self) -> Mapping[str, nn.Module]:
        """What its state holds, by the prefix of the names: the learner among it."""

    @abstractmethod
    def about(self) -> Mapping[str, Any]:
        """What its state says besides, as JSON."""

    @abstractmethod
    def _begin(self) -> Iterator[Record]:
        """Before the first step of a run that was not resumed."""

    @abstractmethod
    def _train_step(self) -> None:
        """One step: `step` grows, `window` takes the losses."""

    @abstractmethod
    def _look(self, *, complete: bool) -> Iterator[Record]:
        """Evaluation and pictures. `complete`: on all validation data."""

    def _glance(self) -> Iterator[Record]:
        """After a step at which nothing is looked at."""
        return iter(())

    def _measured(self) -> tuple[float, tuple[BookStep, ...]]:
        """For a point of the curves: mean |z_e|, and the codebooks."""
        return 0.0, ()

    @abstractmethod
    def _reconfigure(self, old: RunConfig) -> None:
        """Rebuild what a treatment changed; `config` is the new one. Raises ConfigError."""

    def _rewrite_codes(self, kind: Literal["revive", "kmeans"]) -> str:
        """Carry out a command on the codebooks; what to say of it. Raises ConfigError."""
        raise ConfigError("This run trains a prior over the codes of a frozen model: its codebook cannot change.")

    def _start_late(self, steps: int) -> str:
        """Start all codes anew after `steps` steps without quantising; what to say of it. Raises ConfigError."""
        raise ConfigError("This run trains a prior over the codes of a frozen model: its codebook cannot change.")

    # ── for whoever trains it ──

    @property
    def threads(self) -> int:
        """Processor threads in use. Set between records; takes effect at the next step."""
        return self._threads or torch.get_num_threads()

    @threads.setter
    def threads(self, count: int) -> None:
        self._threads = max(1, count)

    def state(self) -> State:
        """Everything needed to go on, bit for bit on the CPU at the same number of threads."""
        return pack(self)

    def run(self, control: Control) -> Iterator[Record]:
        """Train until the last step, a stop, or a release. Commands are heard before every step."""
        threads_before = torch.get_num_threads()
        try:
            yield from self._run(control)
        finally:
            torch.set_num_threads(threads_before)

    # ── the loop ──

    def _run(self, control: Control) -> Iterator[Record]:
        yield from self._apply_threads()
        yield self._event("resumed" if self._resumed else "started", self._where())
        if not self._resumed:
            yield from self._begin()
        while self._end is None and self.step < self.config.train.steps:
            for command in control.poll():
                yield from self._obey(command)
            yield from self._hold(control)
            if self._end or self.step >= self.config.train.steps:
                break
            yield from self._apply_threads()
            began = time.perf_counter()
            self._train_step()
            self._step_ended = time.perf_counter()
            self._window_s += self._step_ended - began
            if self._budget is not None:
                self._budget -= 1
            yield from self._due()
            if self._budget == 0:
                yield self._event("paused", f"Paused at step {self.step:,}.")
        if self._end is None:
            yield self._event("finished", f"Finished {self.step:,} step{'' if self.step == 1 else 's'}.")
        else:
            message = f"Stopped at step {self.step:,}." if self._end == "stopped" else "Left its place to a waiting run."
            by = self._ended_by
            yield self._event(self._end, message, by.id, author=by.author, nickname=by.nickname, command=by.kind)
        yield Checkpoint(self.step)

    def _due(self) -> Iterator[Record]:
        train = self.config.train
        last = self.step >= train.steps
        paused = self._budget == 0
        # the first steps are each a point: a curve is seen moving at once
        if last or paused or self.step % train.record_every == 0 or self.step <= min(3, train.record_every):
            yield self._point()
        # where it pauses by itself, too: who goes step by step sees what each step did
        if last or paused or self.step % train.evaluate_every == 0:
            yield from self._look(complete=last)
        else:
            yield from self._glance()
        if not last and self.step % train.checkpoint_every == 0:
            yield Checkpoint(self.step)

    def _point(self) -> Step:
        began = time.perf_counter()
        steps = self.window.steps
        means = self.window.take()
        z_norm, books = self._measured()
        self._window_s += time.perf_counter() - began
        seconds, self._window_s = self._window_s, 0.0
        self.elapsed += seconds
        return Step(
            step=self.step,
            epoch=self.step / self.steps_per_epoch,
            images=self.step * self.batch_size,
            elapsed=self.elapsed,
            images_per_s=steps * self.batch_size / max(seconds, steps * self._gap(), 1e-9),
            lr=self._lr(),
            loss=means.pop("loss"),
            terms=means,
            z_norm=z_norm,
            books=books,
        )

    def _hold(self, control: Control) -> Iterator[Record]:
        """Wait while paused, and as long as the speed limit asks."""
        due = time.perf_counter() + (self._gap() - self._since_step())
        while self._end is None:
            if self._budget == 0:
                commands = control.wait(PAUSE_POLL_S)
            elif (remaining := due - time.perf_counter()) > 0:
                commands = control.wait(min(remaining, PAUSE_POLL_S))
            else:
                return
            for command in commands:
                yield from self._obey(command)
                due = min(due, time.perf_counter() + self._gap())

    def _since_step(self) -> float:
        return time.perf_counter() - self._step_ended

    def _gap(self) -> float:
        limit = self.config.train.speed_limit
        return 1 / limit if limit else 0.0

    def _event(self, kind: EventKind, message: str, answers: int = 0, **data: Any) -> Event:
        return Event(step=self.step, kind=kind, message=message, command=answers, data=data)

    def _where(self) -> str:
        names = {"cpu": "processor", "mps": "Apple GPU", "cuda": "GPU"}
        return (
            f"On the {names[self.device.type]}, {'bfloat16' if self.precision == torch.bfloat16 else 'float32'}, from step {self.step:,}."
        )

    # ── commands ──

    def _obey(self, command: Command) -> Iterator[Record]:
        self.last_command = max(self.last_command, command.id)
        answer = {"author": command.author, "nickname": command.nickname, "command": command.kind}
        try:
            match command.kind:
                case "pause":
                    self._budget = 0
                    yield self._event("paused", f"Paused at step {self.step:,}.", command.id, **answer)
                case "resume":
                    self._budget = None
                    yield self._event("continued", f"Resumed at step {self.step:,}.", command.id, **answer)
                case "step":
                    self._budget = max(1, command.steps)
                    steps = "1 step" if self._budget == 1 else f"{self._budget:,} steps"
                    yield self._event("continued", f"Running {steps}.", command.id, **answer)
                case "stop" | "release":
                    self._end = "stopped" if command.kind == "stop" else "released"
                    self._ended_by = command
                case "treat":
                    changed = self.treat(command.changes)
                    yield self._event("treated", changed, command.id, **answer, **self._treatment(command.changes))
                case "revive" | "kmeans":
                    message = self._rewrite_codes(command.kind)
                    yield self._event("treated", message, command.id, **answer, **self._treatment({}))
                case "late":
                    message = self._start_late(command.steps)
                    yield self._event("treated", message, command.id, **answer, steps=command.steps, **self._treatment({}))
        except ConfigError as error:
            yield self._event("refused", str(error), command.id, **answer)

    def _treatment(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        return {"changes": dict(changes), "config": self.config.model_dump(mode="json")}

    def treat(self, changes: Mapping[str, Any]) -> str:
        """Apply `changes` whole, or raise ConfigError and change nothing."""
        allowed = treatable_paths(self.config)
        if unknown := sorted(set(changes) - set(allowed)):
            raise ConfigError(f"{', '.join(unknown)} cannot change while a run trains. What can: {', '.join(sorted(allowed))}.")
        old = self.config
        self.config = old.edited(changes)
        try:
            self._reconfigure(old)
        except ConfigError:
            self.config = old
            raise
        return ", ".join(f"{path} = {value}" for path, value in changes.items())

    # ── small parts ──

    def _chosen(self, count: int, step: int | None = None) -> Tensor:
        """Which of `count` training examples this step, or another, looks at, int64 (B,): without replacement, epoch by epoch."""
        epoch, position = divmod(self.step if step is None else step, self.steps_per_epoch)
        if self._order is None or self._order_epoch != epoch:
            generator = torch.Generator().manual_seed(self.config.train.seed * 1_000_003 + epoch)
            self._order = torch.randperm(count, generator=generator).to(self.device)
            self._order_epoch = epoch
        return self._order[position * self.batch_size : (position + 1) * self.batch_size]

    def _lr(self) -> float:
        train = self.config.train
        if train.schedule == "constant":
            return train.lr
        return train.lr * (0.05 + 0.475 * (1 + math.cos(math.pi * min(1.0, self.step / train.steps))))

    def _set_lr(self) -> None:
        assert self.optimizer is not None
        lr = self._lr()
        for group in self.optimizer.param_groups:
            group["lr"] = lr

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.precision == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.precision)

    def _apply_threads(self) -> Iterator[Record]:
        if self._threads and self._threads != torch.get_num_threads():
            torch.set_num_threads(self._threads)
            yield self._event("threads", f"{self._threads} processor threads.", threads=self._threads)
