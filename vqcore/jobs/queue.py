"""Who is next: the engine's own line of waiting runs. Dask is given a run when a slot is free.

A run that Dask holds back on a busy worker would fail with that worker (`allowed-failures: 0` counts all of its tasks),
and would stay there when another slot falls free.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run in line. `turn` grows with each that joins; `round` is explained at `Line`.

    `since`: commands up to this id came before it was asked for.
    """

    run_id: str
    owner: str
    round: int
    turn: int
    since: int = 0
    tries: int = 0  # how often a worker died before it began


@dataclass(slots=True)
class Placed:
    """A run that was given to the workers. `future`: Dask's, which drops the task when nobody holds it."""

    run: Waiting
    future: Any = None


def ahead(runs: int) -> str:
    """What a run in line says of itself; `runs` come before it."""
    if runs == 0:
        return "Waiting for a free slot: next in line."
    return f"Waiting for a free slot: {runs} {'run' if runs == 1 else 'runs'} before this one."


class Line:
    """The runs that wait and those that have a place. Threads may share it.

    Service goes by rounds. In each round every owner has one run: their next one joins the round after their last, and who comes
    anew joins the round that is being served. So nobody's second run starts before another's first, and nobody waits for ever.
    A run without an owner is its own owner.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._turn = 0
        self._round = 0  # that is being served
        self._waiting: dict[str, Waiting] = {}
        self._placed: dict[str, Placed] = {}

    def join(self, run_id: str, owner: str, since: int) -> None:
        """Behind the others. Harmless for a run that waits or has a place."""
        with self._guard:
            if run_id not in self._waiting and run_id not in self._placed:
                others = [*self._waiting.values(), *(placed.run for placed in self._placed.values())]
                last = max((run.round for run in others if owner and run.owner == owner), default=-1)
                self._turn += 1
                self._waiting[run_id] = Waiting(run_id, owner, max(self._round, last + 1), self._turn, since)

    def put_back(self, run: Waiting, *, tried: bool = False) -> None:
        """To where it was in line. `tried`: a worker died over it."""
        with self._guard:
            self._placed.pop(run.run_id, None)
            self._waiting[run.run_id] = replace(run, tries=run.tries + tried)

    def leave(self, run_id: str) -> None:
        with self._guard:
            self._waiting.pop(run_id, None)

    def order(self) -> list[Waiting]:
        """Those that wait, in the order of service."""
        with self._guard:
            return sorted(self._waiting.values(), key=lambda run: (run.round, run.turn))

    def place(self, run_id: str) -> Placed | None:
        """From the line to a place; None when it has left the line."""
        with self._guard:
            run = self._waiting.pop(run_id, None)
            if run is None:
                return None
            self._round = max(self._round, run.round)
            self._placed[run_id] = Placed(run)
            return self._placed[run_id]

    def placed(self) -> dict[str, Placed]:
        with self._guard:
            return dict(self._placed)

    def give_up(self, run_id: str) -> Placed | None:
        """The run has its place no longer; None when it had none."""
        with self._guard:
            return self._placed.pop(run_id, None)

    def give_up_all(self) -> list[Placed]:
        with self._guard:
            placed, self._placed = list(self._placed.values()), {}
            return placed

    def clear(self) -> None:
        with self._guard:
            self._waiting.clear()
            self._placed.clear()

    def counts(self) -> tuple[int, int]:
        """How many have a place, and how many wait."""
        with self._guard:
            return len(self._placed), len(self._waiting)
