"""What the Codes screen reads of a run: its film, its plane, its records. Read once for all who look. Session keys owned here: none."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vqcore.colours import DEAD, CodeColours
from vqcore.config.run import RunConfig
from vqcore.film import Film, read_film
from vqcore.plots.figure import Mark
from vqcore.plots.marks import treatments
from vqcore.plots.projection import Basis
from vqcore.records import BookEvaluation, BookStep, Gallery
from vqcore.runs.folder import RunFolder
from vqcore.runs.tail import shared_tail
from vqcore.usage import epoch_steps

FIRST = 12  # snapshots of a first look: all of a long film take half a second to read, and the picture should not wait for them
MARKS = 6_144  # codes times snapshots of a first look, at most: more keep the browser busy for as long


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One book of a run as it stands. `hues` uint8 (K, 3): the codes' own colours, those of dead ones too.

    `counted` and `judged`: the latest figures of training and of validation data; None before there are any.
    `whole`: the film is all there is, not yet a first look at it.
    """

    run: RunFolder
    config: RunConfig
    book: int
    K: int
    D: int
    film: Film
    basis: Basis
    hues: NDArray[np.uint8]
    marks: tuple[Mark, ...]
    gallery: Gallery | None
    counted: BookStep | None
    judged: BookEvaluation | None
    judged_at: int
    whole: bool

    def colour(self, code: int) -> NDArray[np.uint8]:
        """The code's colour (3,), as on every screen: grey when it is dead now."""
        return np.array(DEAD, dtype=np.uint8) if self.film.dead[-1, code] else self.hues[code]

    @property
    def learned(self) -> bool:
        """Whether the codes of this book are learned: only such codes can die."""
        return self.config.books()[self.book].learned

    @property
    def cells(self) -> int:
        """How many codes of this book an example has."""
        return [level.cells for level in self.config.levels() for _ in level.books][self.book]

    @property
    def places(self) -> str:
        """What each code of this book stands for, in the plural: "cells", or the examples themselves where each has but one."""
        return "cells" if self.cells > 1 else f"{self.config.data.noun}s"

    @property
    def last(self) -> int:
        """The step of the latest snapshot."""
        return int(self.film.steps[-1])


class _Look:
    """One for each run, book and server process. Threads may share it."""

    def __init__(self, run: RunFolder, book: int) -> None:
        self._run = run
        self._book = book
        self._guard = threading.Lock()
        self._film: Film | None = None
        self._basis: Basis | None = None
        self._hues: NDArray[np.uint8] | None = None
        self._gallery: Gallery | None = None
        self._known: object = None  # what the snapshots' folder looked like when the film was read
        self._whole = False

    def seen(self, *, first: bool) -> Seen | None:
        with self._guard:
            film = self._read(first=first)
            if film is None:
                return None
            if film is not self._film or self._basis is None or self._hues is None:
                other = self._film is not None and film.codebook.shape[1:] != self._film.codebook.shape[1:]
                self._basis = Basis.of_film(film, None if other else self._basis)
                self._hues = CodeColours.fit(film.codebook[-1], ~film.dead[-1]).of(film.codebook[-1])
                self._film = film
            galleries = self._run.galleries()
            if self._gallery is None or galleries[-1:] != [self._gallery.step]:
                self._gallery = self._run.gallery()
            tail = shared_tail(self._run)
            step, evaluation = tail.last_step, tail.last_evaluation
            i = self._book
            shown = _thinned(film) if first else film
            return Seen(
                run=self._run,
                config=self._run.effective_config(),
                book=i,
                K=film.codebook.shape[1],
                D=film.codebook.shape[2],
                film=shown,
                basis=self._basis,
                hues=self._hues,
                marks=tuple(treatments(tail.events)),
                gallery=self._gallery,
                counted=step.books[i] if step and i < len(step.books) else None,
                judged=evaluation.books[i] if evaluation and i < len(evaluation.books) else None,
                judged_at=evaluation.step if evaluation else 0,
                whole=self._whole and shown is film,
            )

    def _read(self, *, first: bool) -> Film | None:
        steps = self._run.snapshots()
        if first and self._film is None:
            return read_film(self._run, self._book, frames=FIRST)
        # a snapshot is written under another name and then renamed, which its folder notes
        folder = self._run.path / "snapshots"
        known = (steps, folder.stat().st_mtime_ns if folder.exists() else 0, epoch_steps(shared_tail(self._run).last_step))
        if self._whole and self._film is not None and known == self._known:
            return self._film
        film = read_film(self._run, self._book, earlier=self._film)
        self._known, self._whole = known, True
        return film


def _thinned(film: Film) -> Film:
    """The film with so few of its snapshots that the first picture is quick; the first and the last are among them."""
    T, K = film.dead.shape
    count = max(2, min(FIRST, MARKS // K))
    if count >= T:
        return film
    kept = np.unique(np.linspace(0, T - 1, count).round().astype(int))
    parts = ("steps", "codebook", "usage", "validation_usage", "age", "dead", "z", "z_code")
    return replace(film, stamps=tuple(film.stamps[t] for t in kept), **{name: getattr(film, name)[kept] for name in parts})


def is_long(run: RunFolder) -> bool:
    """Whether the run's film is worth a first look at a part of it."""
    return len(run.snapshots()) > 2 * FIRST


@st.cache_resource(max_entries=16, show_spinner=False)
def _look(path: str, read_only: bool, book: int) -> _Look:
    return _Look(RunFolder(Path(path), read_only=read_only), book)


def seen(run: RunFolder, book: int, *, first: bool = False) -> Seen | None:
    """None while the run has no snapshot of such a book. `first`: a first look, which shows a part of a long film, and at once.

    Raises RunError when the run is gone or cannot be read.
    """
    return _look(str(run.path), run.read_only, book).seen(first=first)
