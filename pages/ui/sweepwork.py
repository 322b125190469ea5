"""What is done to sweeps from a page: begun, cancelled, gone on with, deleted. And the one store of them in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from pages.ui import session
from vqcore.errors import EngineError, RunError, VQError
from vqcore.plots.sweeps import name_of
from vqcore.runs.store import runs_folder
from vqcore.sweeps.results import Result
from vqcore.sweeps.spec import Point, SweepSpec
from vqcore.sweeps.store import Sweep, SweepStore

BUNDLED = Path(__file__).resolve().parents[2] / "assets" / "sweeps"
MOST_RUNS = 60  # of a sweep that a page starts
AT_WORK = ("queued", "starting", "running", "paused")
AT_REST = ("stopped", "interrupted", "failed")

_lock = threading.Lock()
_stores: dict[Path, SweepStore] = {}


def sweeps() -> SweepStore:
    """The sweeps under `VQ_RUNS`, and those that come with the program, which nobody can change."""
    root = runs_folder()
    with _lock:
        if root not in _stores:
            _stores[root] = SweepStore(root, extra=[BUNDLED] if BUNDLED.is_dir() else [])
        return _stores[root]


def begin(spec: SweepSpec, title: str) -> Sweep:
    """Make every run of the sweep and put it in line. Raises ConfigError, RunError, EngineError; what was made by then stays."""
    for point in spec.points():
        session.store().check(point.config)
    who = session.owner()
    sweep = sweeps().create(spec, title=title, owner=who.hash, nickname=who.nickname)
    return go_on(sweep)


def go_on(sweep: Sweep) -> Sweep:
    """Put in line what has not finished; runs that are gone are made anew. Raises RunError, EngineError."""
    store = sweeps()
    made: list[tuple[int, str]] = []
    results = store.results(sweep)
    try:
        for place, (point, result) in enumerate(zip(store.points(sweep), results, strict=True)):
            if result.state in ("planned", "missing"):
                name = f"{sweep.title}: {named(sweep, point)}"
                folder = session.store().create(point.config, name=name, owner=sweep.owner, nickname=sweep.nickname, sweep=sweep.id)
                made.append((place, folder.id))
    finally:
        sweep = store.set_runs(sweep.id, made) if made else sweep
    ids = dict(made)
    for place, result in enumerate(results):
        if place in ids or result.state in AT_REST:
            session.engine().submit(ids.get(place, result.run))
    return sweep


def named(sweep: Sweep, point: Point | Result) -> str:
    """The levels and the seed of one of its runs, as in "D = 4, seed 0"."""
    levels = [f"{name_of(axis)} = {level}" for axis, level in zip(sweep.spec.axes, point.levels, strict=True)]
    return ", ".join([*levels, f"seed {point.seed}"])


def cancel(sweep: Sweep) -> None:
    """Stop every run that waits or trains; what has finished stays. Raises RunError, EngineError after trying them all."""
    who = session.owner()
    _all(
        [result for result in sweeps().results(sweep) if result.state in AT_WORK],
        lambda result: session.engine().stop(result.run, who.hash, who.nickname),
    )


def delete(sweep: Sweep) -> None:
    """Remove the sweep and its runs. Raises RunError while one of them trains."""
    results = sweeps().results(sweep)
    if any(result.state in AT_WORK for result in results):
        raise RunError("Some of its runs are still training or waiting. Cancel the sweep first, then delete it.")
    _all([result for result in results if result.run and result.state != "missing"], lambda result: session.store().delete(result.run))
    sweeps().delete(sweep.id)


def _all(results: list[Result], act: Callable[[Result], None]) -> None:
    first: VQError | None = None
    for result in results:
        try:
            act(result)
        except (RunError, EngineError) as error:
            first = first or error
    if first is not None:
        raise first
