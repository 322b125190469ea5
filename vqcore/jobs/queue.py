"""Who is next: the engine's own line of waiting runs. Dask is given a run when a slot is free.

A run that Dask holds back on a busy worker would fail with that worker (`allowed-failures: 0` counts all of its tasks),
and would stay there when another slot falls free.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run in line, or a pair under its leader's id. `turn` grows with each that joins; `round` is explained at `Line`.

    `since`: commands up to this id came before it was asked for.
    """

    run_id: str
    owner: str
    round: int
    turn: int
    since: int = 0
    patient: bool = False  # one of a sweep: lets its owner's other runs go first
    tries: int = 0  # how often a worker died before it began


@dataclass(slots=True, eq=False)
class Placed:
    """What was given to the workers as one task.

    `attempts`: for the run, and for the follower that goes with it, how many attempts there had been. `future`: Dask's, which drops
    the task when nobody holds it.
    """

    run: Waiting
    attempts: dict[str, int] = field(default_factory=dict)
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
    A run without an owner is its own owner. Of an owner's runs the patient ones come last, which is nothing to the other owners.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._turn = 0
        self._round = 0  # that is being served
        self._waiting: dict[str, Waiting] = {}
        self._placed: list[Placed] = []

    def join(self, run_id: str, owner: str, since: int, attempt: int = 0, *, patient: bool = False) -> None:
        """Behind the others. Harmless for a run that waits or has a place.

        `attempt`: how many there have been. A run that had one since it got its place has ended, though its task may still train
        the other of a pair: it gives up that place.
        """
        with self._guard:
            for placed in self._placed:
                if placed.attempts.get(run_id, attempt) < attempt:
                    del placed.attempts[run_id]
            if run_id not in self._waiting and not any(run_id in placed.attempts for placed in self._placed):
                others = [*self._waiting.values(), *(placed.run for placed in self._placed)]
                last = max((run.round for run in others if owner and run.owner == owner), default=-1)
                self._turn += 1
                run = Waiting(run_id, owner, max(self._round, last + 1), self._turn, since, patient)
                self._waiting[run_id] = run
                if owner and not patient:
                    self._advance(run)

    def _advance(self, run: Waiting) -> None:
        """Give it the place of its owner's first patient run, that one the place of the second, and so on."""
        mine = (other for other in self._waiting.values() if other.owner == run.owner and other.patient)
        moved = [run, *sorted(mine, key=lambda other: (other.round, other.turn))]
        places = [*moved[1:], run]
        for one, place in zip(moved, places, strict=True):
            self._waiting[one.run_id] = replace(one, round=place.round, turn=place.turn)

    def put_back(self, run: Waiting, *, tried: bool = False) -> None:
        """To where it was in line. `tried`: a worker died over it."""
        with self._guard:
            self._waiting[run.run_id] = replace(run, tries=run.tries + tried)

    def leave(self, run_id: str) -> None:
        with self._guard:
            self._waiting.pop(run_id, None)

    def order(self) -> list[Waiting]:
        """Those that wait, in the order of service."""
        with self._guard:
            return sorted(self._waiting.values(), key=lambda run: (run.round, run.turn))

    def place(self, run_id: str, attempts: Mapping[str, int] | None = None) -> Placed | None:
        """From the line to a place; None when it has left the line. `attempts`: see Placed; a follower in it leaves the line too."""
        with self._guard:
            run = self._waiting.pop(run_id, None)
            if run is None:
                return None
            self._round = max(self._round, run.round)
            placed = Placed(run, dict(attempts or {run_id: 0}))
            for other in placed.attempts:
                self._waiting.pop(other, None)
            self._placed.append(placed)
            return placed

    def placed(self) -> list[Placed]:
        with self._guard:
            return list(self._placed)

    def with_place(self) -> set[str]:
        """The ids of the runs that have a place."""
        with self._guard:
            return {run_id for placed in self._placed for run_id in placed.attempts}

    def give_up(self, placed: Placed) -> bool:
        """It has its place no longer. Whether it had one."""
        with self._guard:
            if placed not in self._placed:
                return False
            self._placed.remove(placed)
            return True

    def give_up_all(self) -> list[Placed]:
        with self._guard:
            placed, self._placed = self._placed, []
            return placed

    def clear(self) -> None:
        with self._guard:
            self._waiting.clear()
            self._placed.clear()

    def counts(self) -> tuple[int, int]:
        """How many places are taken, and how many wait for one: a pair takes one."""
        with self._guard:
            return len(self._placed), len(self._waiting)
