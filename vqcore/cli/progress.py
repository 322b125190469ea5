"""What a training run shows in a terminal: a bar where there is one, plain lines now and then where output goes elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from vqcore.cli.console import console as plain_console
from vqcore.config.run import RunConfig
from vqcore.records import Evaluation, Event, PriorEvaluation, Record, Step
from vqcore.shape import Book, sizes

LINE_EVERY_S = 5.0
# the rest is seen from the figures, or said by the command itself
_TOLD = ("resumed", "paused", "continued", "treated", "refused", "released", "started")


class Display(Protocol):
    """Where a run's records are shown. `started`: there has been a record."""

    started: bool

    def getting_ready(self, text: str) -> None: ...

    def show(self, record: Record) -> None: ...

    def say(self, text: str) -> None: ...

    def summary(self, state: str) -> None: ...

    def close(self) -> None: ...


@contextmanager
def open_display(config: RunConfig, console: Console | None = None) -> Iterator[Display]:
    """A bar on a terminal, lines elsewhere; the terminal is as before afterwards."""
    console = console or plain_console()
    display: Bar | Lines = Bar(config, console) if console.is_terminal else Lines(config, console)
    try:
        yield display
    finally:
        display.close()


class Lines:
    """One line at once, then one every few seconds and at each end."""

    def __init__(self, config: RunConfig, console: Console) -> None:
        self.steps = config.train.steps
        self.books = config.books()
        self.console = console
        self.started = False
        self._getting_ready = ""
        self._evaluation: Evaluation | PriorEvaluation | None = None
        self._last: Step | None = None
        self._first: Step | None = None
        self._shown_at = -LINE_EVERY_S
        self._shown_step = -1

    def say(self, text: str) -> None:
        self.console.print(text)

    def getting_ready(self, text: str) -> None:
        """What goes on before the first record. The figures of a download change often: only its beginning is told."""
        kind = text.partition(":")[0]
        if text and kind != self._getting_ready:
            self._getting_ready = kind
            self.say(text)

    def close(self) -> None:
        """Nothing is left open."""

    def show(self, record: Record) -> None:
        self.started = True
        match record:
            case Step():
                self._first = self._first or record
                self._last = record
                if time.monotonic() - self._shown_at >= LINE_EVERY_S:
                    self._line(record)
            case Evaluation() | PriorEvaluation():
                self._evaluation = record
            case Event() if record.kind in _TOLD:
                self._steps_changed(record)
                self.say(record.message)
            case _:
                pass

    def summary(self, state: str) -> None:
        """The last figures: of training, and of the frozen model on validation data."""
        if self._last is not None and self._last.step != self._shown_step:
            self._line(self._last)
        if self._evaluation is not None:
            self.say(f"{state} · {describe_evaluation(self._evaluation)}")

    def _line(self, record: Step) -> None:
        self._shown_at, self._shown_step = time.monotonic(), record.step
        left = self._time_left(record)
        self.say(
            f"step {record.step:,}/{self.steps:,} · {describe(record, self.books)}{f' · {left:,.0f} s left' if left is not None else ''}"
        )

    def _time_left(self, record: Step) -> float | None:
        if self._first is None or record.step == self._first.step:
            return None
        return (record.elapsed - self._first.elapsed) / (record.step - self._first.step) * (self.steps - record.step)

    def _steps_changed(self, event: Event) -> None:
        steps = event.data.get("changes", {}).get("train.steps")
        if event.kind == "treated" and isinstance(steps, int):
            self.steps = steps


class Bar(Lines):
    """A bar with the latest figures, and events above it."""

    def __init__(self, config: RunConfig, console: Console) -> None:
        super().__init__(config, console)
        self._bar = Progress(
            MofNCompleteColumn(),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[figures]}", markup=False),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=console,
            expand=True,
        )
        self._task: TaskID = self._bar.add_task("", total=self.steps, figures="getting ready")
        self._bar.start()

    def getting_ready(self, text: str) -> None:
        if text:
            self._bar.update(self._task, figures=text)

    def close(self) -> None:
        self._bar.stop()

    def _steps_changed(self, event: Event) -> None:
        super()._steps_changed(event)
        self._bar.update(self._task, total=self.steps)

    def show(self, record: Record) -> None:
        if isinstance(record, Step):
            self.started = True
            if self._first is None and record.step > 1:
                # a resumed run: what was done before must not count as speed
                self._bar.reset(self._task, total=self.steps, completed=record.step)
            self._first = self._first or record
            self._last, self._shown_step = record, record.step
            self._bar.update(self._task, completed=record.step, figures=describe(record, self.books))
        else:
            super().show(record)


def describe(record: Step, books: Sequence[Book]) -> str:
    """Loss, codes used, and speed, in a few words."""
    used = " + ".join(f"{book.used_epoch:,}" for book in record.books)
    codes = f" · {used} of {sizes(books)} codes" if used else ""
    return f"loss {record.loss:.4f}{codes} · {record.images_per_s:,.0f} images/s"


def describe_evaluation(record: Evaluation | PriorEvaluation) -> str:
    """The frozen model or prior on validation data, in a few words."""
    if isinstance(record, PriorEvaluation):
        return (
            f"validation {record.bits:.3f} bits per code ({record.loss:.3f} nats), {record.bits_per_image:.1f} bits per image, "
            f"training data {record.train_bits:.3f}, log2 K {record.uniform_bits:.3f}, "
            f"histogram {record.histogram_bits:.3f}, per cell {record.position_bits:.3f} ({record.images:,} images)"
        )
    books = ", ".join(f"{book.used:,} of {book.K:,} codes used, perplexity {book.perplexity:.1f}" for book in record.books)
    return f"validation NMSE {record.nmse:.4f}, PSNR {record.psnr:.1f} dB{f', {books}' if books else ''} ({record.images:,} images)"
