"""A run's records kept in memory and read on by tails: one for all who watch, so that thirty viewers cost what one costs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from vqcore.records import Evaluation, Event, PriorEvaluation, Step, Walk
from vqcore.runs.folder import POINTS, RunFolder
from vqcore.runs.thinning import thinned

KEPT = 16_000  # records of a kind in memory; beyond, they are thinned to half
_CHUNK = 4 * 2**20
_TAILS = 64

R = TypeVar("R", Step, Evaluation, PriorEvaluation)


class MetricsTail:
    """Steps, evaluations and events of one run, up to the last `refresh`. Threads may share it.

    What it hands out are tuples that never change. `version` grows with every change: compare it to know whether to draw again.
    `skipped` counts lines that could not be read.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._guard = threading.Lock()
        self._clear()
        self.version = 0

    def _clear(self) -> None:
        self._steps: list[Step] = []
        self._evaluations: list[Evaluation] = []
        self._prior_evaluations: list[PriorEvaluation] = []
        self._walks: list[Walk] = []
        self._events: list[Event] = []
        self._offset = self._event_offset = 0
        self._thinned: dict[int, tuple[tuple[Step, ...], tuple[Evaluation, ...]]] = {}
        self.skipped = 0

    def refresh(self) -> bool:
        """Read what is new, and say whether anything was; if not, it cost a look at two files' sizes. Raises RunError without the run."""
        with self._guard:
            sizes = [self._size("metrics"), self._size("events")]
            if sizes == [self._offset, self._event_offset]:
                return False
            if sizes[0] < self._offset or sizes[1] < self._event_offset:  # put back from a copy
                self._clear()
                self.version += 1
            changed = self._read_events()
            while self._read_metrics():
                changed = True
            if changed:
                self._thinned.clear()
                self.version += 1
            return changed

    @property
    def steps(self) -> tuple[Step, ...]:
        with self._guard:
            return tuple(self._steps)

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        with self._guard:
            return tuple(self._evaluations)

    @property
    def prior_evaluations(self) -> tuple[PriorEvaluation, ...]:
        """Those of a prior's run, which has no others."""
        with self._guard:
            return tuple(self._prior_evaluations)

    @property
    def walks(self) -> tuple[Walk, ...]:
        """Looks at the encoder's outputs; none in runs of before they were kept. The first KEPT of them."""
        with self._guard:
            return tuple(self._walks)

    @property
    def events(self) -> tuple[Event, ...]:
        with self._guard:
            return tuple(self._events)

    @property
    def last_step(self) -> Step | None:
        with self._guard:
            return self._steps[-1] if self._steps else None

    @property
    def last_evaluation(self) -> Evaluation | None:
        with self._guard:
            return self._evaluations[-1] if self._evaluations else None

    def thinned(self, points: int = POINTS) -> tuple[tuple[Step, ...], tuple[Evaluation, ...]]:
        """At most `points` steps and as many evaluations: first, last, and the extremes of the loss. Computed once for all viewers."""
        with self._guard:
            if points not in self._thinned:
                self._thinned[points] = (tuple(_thin(self._steps, points)), tuple(_thin(self._evaluations, points)))
            return self._thinned[points]

    def _size(self, log: str) -> int:
        try:
            return (self.folder.path / f"{log}.jsonl").stat().st_size
        except OSError:
            self.folder.check_there()
            return 0

    def _read_events(self) -> bool:
        found = self.folder.events(self._event_offset)
        changed = found.offset != self._event_offset
        self._event_offset = found.offset
        self._events += found.records
        self.skipped += found.skipped
        return changed

    def _read_metrics(self) -> bool:
        found = self.folder.metrics(self._offset, _CHUNK)
        if found.offset == self._offset:
            return False
        self._offset = found.offset
        self.skipped += found.skipped
        if found.rewound is not None:
            self._steps = [record for record in self._steps if record.step <= found.rewound]
            self._evaluations = [record for record in self._evaluations if record.step <= found.rewound]
            self._prior_evaluations = [record for record in self._prior_evaluations if record.step <= found.rewound]
            self._walks = [walk for walk in self._walks if walk.step <= found.rewound]
        self._steps += [record for record in found.records if isinstance(record, Step)]
        self._evaluations += [record for record in found.records if isinstance(record, Evaluation)]
        self._prior_evaluations += [record for record in found.records if isinstance(record, PriorEvaluation)]
        self._walks = [*self._walks, *found.walks][:KEPT]
        if len(self._steps) > KEPT:
            self._steps = _thin(self._steps, KEPT // 2)
        if len(self._evaluations) > KEPT:
            self._evaluations = _thin(self._evaluations, KEPT // 2)
        if len(self._prior_evaluations) > KEPT:
            self._prior_evaluations = _thin(self._prior_evaluations, KEPT // 2)
        return True


def _thin(records: Sequence[R], points: int) -> list[R]:
    return thinned(records, points, lambda record: record.loss)


_tails: OrderedDict[Path, MetricsTail] = OrderedDict()
_tails_guard = threading.Lock()


def shared_tail(folder: RunFolder) -> MetricsTail:
    """The one tail of this run in this process, refreshed. The 64 last used are kept. Raises RunError when the run is gone."""
    with _tails_guard:
        tail = _tails.pop(folder.path, None) or MetricsTail(folder)
        _tails[folder.path] = tail
        while len(_tails) > _TAILS:
            _tails.popitem(last=False)
    try:
        tail.refresh()
    except Exception:
        with _tails_guard:
            _tails.pop(folder.path, None)
        raise
    return tail
