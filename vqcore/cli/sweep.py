"""`sweep`: the same run with other settings, one after the other, each an ordinary run that the pages show."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from vqcore.cli.console import console
from vqcore.cli.interrupt import EXIT_INTERRUPTED, NICKNAME, stops_on_ctrl_c
from vqcore.cli.paths import file_to_write, runs_root
from vqcore.cli.shell import command
from vqcore.cli.train import require_device
from vqcore.control import Command
from vqcore.errors import ConfigError, RunError, VQError
from vqcore.records import Record, Step
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore
from vqcore.sweeps.results import Result, Spread, cells, read_result
from vqcore.sweeps.spec import Point, SweepSpec, short
from vqcore.sweeps.store import Sweep, SweepStore, read

FILE_WIDTH = 160  # columns for the table where output goes to a file or a pipe
EXIT_PARTIAL = 1  # some runs failed; the others are kept


def start(spec: SweepSpec, *, out: Path | None, title: str, export: Path | None) -> int:
    """Train every run of `spec` under `out` (by default where the pages look). Returns the exit code."""
    export = file_to_write(export, "--export") if export is not None else None
    for point in spec.points():
        require_device(point.config)
    store = SweepStore(runs_root(out))
    return _Work(store, store.create(spec, title=title, nickname=NICKNAME)).run(export)


def resume(sweep_id: str, *, out: Path | None, export: Path | None) -> int:
    """Go on with a sweep: train what has not finished, keep what has. Returns the exit code. Raises RunError when there is none."""
    path = Path(sweep_id).expanduser().resolve()
    if path.suffix == ".json":
        sweep = read(path)
        store = SweepStore(path.parent.parent)
    else:
        store = SweepStore(runs_root(out))
        sweep = store.get(sweep_id)
    if sweep.read_only:
        raise RunError(f"{sweep_id} holds results without their runs: it cannot go on. Start the sweep anew.")
    if export is not None:
        export = file_to_write(export, "--export")
        if export.resolve() == store.path(sweep.id).resolve():
            raise ConfigError(f"--export {export}: this is the sweep's own file, which it needs to go on. Give another name.")
    for point in sweep.spec.points():
        require_device(point.config)
    return _Work(store, sweep).run(export)


class _Work:
    """One go at a sweep."""

    def __init__(self, store: SweepStore, sweep: Sweep) -> None:
        self.store = store
        self.sweep = sweep
        self.runs = RunStore(store.root)
        self.console = console()
        if not self.console.is_terminal:
            self.console.width = FILE_WIDTH
        self.current: RunFolder | None = None
        self._seconds: list[float] = []  # of the runs of this go
        self._bar: Progress | None = None

    def run(self, export: Path | None) -> int:
        go_on = self._resume_command(export)
        points = self.sweep.spec.points()
        self._say(f"Sweep {self.sweep.id}: {len(points)} runs in {self.store.root}")
        with self._display(len(points)), stops_on_ctrl_c(lambda: self.current, self._say, go_on) as asked:
            for place, point in enumerate(points):
                if asked.is_set() or not self._train(place, point, len(points), asked):
                    break
        results = self.store.results(self.sweep)
        self.console.print(table(self.sweep.spec, results))
        if export is not None:
            self.store.export(self.sweep, export)
            self._say(f"Written to {export}.")
        failed = [result for result in results if result.state == "failed"]
        left = [result for result in results if not result.done and result.state != "failed"]
        if left:
            self._say(f"{len(left)} of {len(points)} runs are left. To go on:\n  {go_on}")
            return EXIT_INTERRUPTED
        if failed:
            self._say(f"{len(failed)} of {len(points)} runs failed: {failed[0].message}")
            return EXIT_PARTIAL
        return 0

    def _train(self, place: int, point: Point, count: int, asked: Event) -> bool:
        """Train one run, unless it has finished. False: the sweep ends here."""
        from vqcore.jobs import worker

        folder = self.store.folder(self.sweep.runs[place])
        if folder is None:
            folder = self.runs.create(
                point.config, name=f"{self.sweep.title}: {self._named(point)}", nickname=NICKNAME, sweep=self.sweep.id
            )
            self.sweep = self.store.set_runs(self.sweep.id, [(place, folder.id)])
        elif folder.status().state == "finished":
            self._show_done(place, count, read_result(point, folder), left=None)
            return True
        self.current = folder
        if asked.is_set():  # between two runs: nobody has heard it
            return False
        began = time.perf_counter()
        try:
            state = worker.run(folder, "cli", on_record=self._show(place, point, asked))
        except VQError as error:
            raise VQError(f"{error}\nTo go on with the sweep: {self._resume_command(None)}") from None
        finally:
            self.current = None
        if state not in ("finished", "failed"):
            return False
        self._seconds.append(time.perf_counter() - began)
        self._show_done(place, count, read_result(point, folder), left=sum(self._seconds) / len(self._seconds) * (count - place - 1))
        return True

    # ── what is shown ──

    def _show(self, place: int, point: Point, asked: Event) -> Callable[[Record], None]:
        name = self._named(point)
        unheard = True

        def show(record: Record) -> None:
            nonlocal unheard
            if unheard and asked.is_set() and self.current is not None:
                # a stop that was written before the worker began to listen is not for it
                unheard = False
                self.current.send(Command("stop", nickname=NICKNAME))
            if isinstance(record, Step) and self._bar is not None:
                share = record.step / point.config.train.steps
                self._bar.update(self._bar.task_ids[0], completed=place + share, figures=f"{name}: step {record.step:,}")

        return show

    def _show_done(self, place: int, count: int, result: Result, left: float | None) -> None:
        name = ", ".join([*self._levels(result.levels), f"seed {result.seed}"])
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=place + 1)
        said = described(result) if result.done else f"{result.state}: {result.message}"
        self._say(f"{place + 1}/{count}  {name}: {said}{f' · about {_duration(left)} left' if left else ''}")

    def _levels(self, levels: Sequence[str]) -> list[str]:
        return [f"{short(axis.name)} {label}" for axis, label in zip(self.sweep.spec.axes, levels, strict=True)]

    def _named(self, point: Point) -> str:
        return ", ".join([*self._levels(point.levels), f"seed {point.seed}"])

    def _resume_command(self, export: Path | None) -> str:
        return command("sweep", "--resume", self.store.path(self.sweep.id), *(("--export", export) if export else ()))

    @contextmanager
    def _display(self, count: int) -> Iterator[None]:
        if not self.console.is_terminal:
            yield
            return
        with Progress(
            MofNCompleteColumn(), BarColumn(), TextColumn("{task.fields[figures]}", markup=False), console=self.console
        ) as self._bar:
            self._bar.add_task("", total=count, figures="getting ready")
            yield
        self._bar = None

    def _say(self, text: str) -> None:
        self.console.print(text)


def described(result: Result) -> str:
    """A finished run's figures in a few words."""
    codes = f"{result.used:,} of {result.K:,} codes used ({result.used_epoch:,} in training's last epoch)"
    return f"{codes}, perplexity {result.perplexity:.1f}, NMSE {result.nmse:.4f}, PSNR {result.psnr:.1f} dB, {result.seconds:.0f} s"


def table(spec: SweepSpec, results: Sequence[Result]) -> Table:
    """One line a combination: means over seeds, with the lowest and the highest."""
    drawn = Table(box=None, pad_edge=False)
    for axis in spec.axes:
        drawn.add_column(short(axis.name), justify="right")
    for title in ("runs", "codes used", "of K", "perplexity", "NMSE", "PSNR dB"):
        drawn.add_column(title, justify="right")
    for cell in cells(results):
        done = f"{len(cell.results)}" if len(cell.results) == cell.runs else f"{len(cell.results)} of {cell.runs}"
        share = cell.spread("share_used")
        figures = [_spread(cell.spread(name), places) for name, places in (("perplexity", 1), ("nmse", 4), ("psnr", 1))]
        drawn.add_row(*cell.levels, done, _spread(cell.spread("used"), 0), f"{share.mean:.0%}" if share else "", *figures)
    return drawn


def _spread(spread: Spread | None, places: int) -> str:
    if spread is None:
        return ""
    if spread.low == spread.high:
        return f"{spread.mean:.{places}f}"
    return f"{spread.mean:.{places}f} ({spread.low:.{places}f}–{spread.high:.{places}f})"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
