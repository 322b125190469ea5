"""What a check looks at: the runs that a student made or opened for a lesson, the grids saved, and what screens noted. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from vqcore.config.run import PriorRunConfig, RunConfig
from vqcore.errors import GridError, RunError
from vqcore.layout import Grid, Layout
from vqcore.lessons.answers import Answer
from vqcore.lessons.schema import Act
from vqcore.records import Evaluation, Event, PriorEvaluation, Step, Walk
from vqcore.runs.folder import RunFolder
from vqcore.runs.grids import GridStore, SavedGrid
from vqcore.runs.status import RunState, judged
from vqcore.runs.store import RunStore
from vqcore.runs.tail import shared_tail
from vqcore.shape import Book

# how fast or where a run goes is the student's own affair; the seed too, for what a lesson shows holds for any
_FREE = frozenset(
    f"train.{name}"
    for name in (
        "seed",
        "steps",
        "device",
        "precision",
        "threads",
        "speed_limit",
        "record_every",
        "evaluate_every",
        "evaluation_images",
        "checkpoint_every",
    )
)


class Seen:
    """One run, read when a check asks. Raises RunError when it is gone or damaged."""

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self.config: RunConfig = run.config()  # as started
        self._tail = shared_tail(run)

    @property
    def state(self) -> RunState:
        return judged(self.run.status())

    @property
    def steps(self) -> tuple[Step, ...]:
        return self._tail.steps

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        return self._tail.evaluations

    @property
    def walks(self) -> tuple[Walk, ...]:
        return self._tail.walks

    @property
    def prior_evaluations(self) -> tuple[PriorEvaluation, ...]:
        return self._tail.prior_evaluations

    @property
    def treatments(self) -> tuple[Event, ...]:
        """Those that count: none from before a start from the beginning, and none of what is the student's own affair, as the speed is."""
        found: list[Event] = []
        for event in self._tail.events:
            if event.kind == "started":
                found = []
            elif event.kind == "treated" and not _only_free(event):
                found.append(event)
        return tuple(found)

    @property
    def book(self) -> Book:
        """Its first codebook: no act of a lesson trains more."""
        return self.config.books()[0]

    @cached_property
    def is_prior(self) -> bool:
        return isinstance(self.config, PriorRunConfig)


def _only_free(event: Event) -> bool:
    changes = event.data.get("changes") or {}
    return bool(changes) and _FREE.issuperset(changes)


@dataclass(frozen=True, slots=True)
class Evidence:
    """`runs`, the newest first; `notes` as screens left them; `grids` that the student saved, by run id."""

    runs: tuple[Seen, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    grids: Mapping[str, tuple[SavedGrid, ...]] = field(default_factory=dict)

    def of(self, act: Act, *, treated: bool = False) -> list[Seen]:
        """The runs of an act: its data, its model, and what else it changes. Those of a prior never; `treated` ones when asked for."""
        wanted = act.config
        if wanted is None:
            return []
        paths = [path for path in act.changes if path.startswith("train.") and path not in _FREE]

        def fits(seen: Seen) -> bool:
            own = seen.config
            alike = own.data == wanted.data and own.model == wanted.model and all(own.at(path) == wanted.at(path) for path in paths)
            return alike and not seen.is_prior and bool(seen.treatments) == treated

        return [seen for seen in self.runs if fits(seen)]

    def priors(self, act: Act) -> list[Seen]:
        """The runs of priors over the codes of the act's model."""
        wanted = act.config
        return [
            seen
            for seen in self.runs
            if wanted is not None and seen.is_prior and seen.config.data == wanted.data and seen.config.model == wanted.model
        ]


def gather(store: RunStore, owner: str, answer: Answer, also: Iterable[str] = ()) -> Evidence:
    """What this student has done for a lesson since it began.

    Counted are their own runs made since then, and those that they opened meanwhile (`Answer.runs`, and `also`: the open one), whoever
    made them: where thirty start the same run it is trained once.
    """
    wanted = {*answer.runs, *also}
    found: list[Seen] = []
    grids: dict[str, tuple[SavedGrid, ...]] = {}
    for entry in store.list():
        mine = bool(owner) and entry.owner == owner and bool(answer.started) and _since(entry.created, answer.started)
        if entry.problem or not (mine or entry.id in wanted):
            continue
        try:
            seen = Seen(store.get(entry.id))
            found.append(seen)
            grids[entry.id] = _grids(store, seen.run, owner)
        except (RunError, GridError):
            continue  # deleted meanwhile, or damaged
    return Evidence(tuple(found), answer.notes, grids)


def _since(created: str, started: str) -> bool:
    """ISO times of this computer, to the second."""
    try:
        return datetime.fromisoformat(created) >= datetime.fromisoformat(started)
    except (ValueError, TypeError):
        return False


def _grids(store: RunStore, run: RunFolder, owner: str) -> tuple[SavedGrid, ...]:
    layout = layout_of(run)
    if layout is None:
        return ()
    return tuple(grid for grid in GridStore(store.root).list(run.id, layout) if grid.owner == owner)


def layout_of(run: RunFolder) -> Layout | None:
    """Where each code of an example stands, from the run's latest pictures; None while there are none."""
    gallery, snapshot = run.gallery(), run.snapshot()
    if gallery is None or snapshot is None or len(gallery.indices) != len(snapshot.books):
        return None
    pairs = zip(snapshot.books, gallery.indices, strict=True)
    return Layout(tuple(Grid(book.name, len(book.codebook), indices.shape[1:]) for book, indices in pairs))
