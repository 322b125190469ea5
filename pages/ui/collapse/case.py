"""The case on the table: one run, or several that are kept in step, read and drawn once for all who watch.

The last side is the patient: it is the one that is diagnosed and treated. Of a pair, the first stays untreated beside it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.ui import live, session
from pages.ui.codemap import Scene, scene_of_film
from pages.ui.codes import look
from vqcore import usage
from vqcore.clinic import examine
from vqcore.clinic.arms import title_of
from vqcore.clinic.causes import CAUSES
from vqcore.clinic.diagnosis import Diagnosis, diagnose
from vqcore.config.run import RunConfig
from vqcore.errors import RunError
from vqcore.film import Film
from vqcore.plots import clinic
from vqcore.plots.figure import RUN_COLOURS, WIRE_POINTS, to_json
from vqcore.plots.marks import treatments
from vqcore.plots.projection import Basis
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import Summary
from vqcore.runs.tail import shared_tail

PRESET = "collapse:"  # begins `about.preset` of a patient's runs; the cause's key follows
ARMS = "arms"  # in its place for runs that are compared
MOMENTS = 12  # of each film, that the plane is computed from

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Case:
    """The runs of a case, in the order in which they are drawn. `cause` is a key of CAUSES, "" for a run of one's own.

    `arms`: they are those of `vqcore.clinic.arms`, to be compared and not to be treated.
    """

    folders: tuple[RunFolder, ...]
    cause: str = ""
    arms: bool = False

    @property
    def several(self) -> bool:
        """Whether its runs are kept in step."""
        return len(self.folders) > 1

    @property
    def paired(self) -> bool:
        """A run, and the same to be treated."""
        return self.several and not self.arms

    @property
    def patient(self) -> RunFolder:
        return self.folders[-1]

    @property
    def colours(self) -> tuple[str, ...]:
        """Each side's own, on the curves and over its film."""
        return clinic.ARMS[: len(self.folders)] if self.arms else clinic.ARMS[::2] if self.paired else RUN_COLOURS[:1]

    @property
    def key(self) -> str:
        """Names the case: in session keys, and for charts, whose zoom stays with it."""
        return self.patient.id


def case_of(folder: RunFolder) -> Case:
    """The case that a run belongs to: with those that it is kept in step with, as far as they are still there. Raises RunError when the
    run is gone.
    """
    about = folder.about()
    preset = about.preset.removeprefix(PRESET) if about.preset.startswith(PRESET) else ""
    cause = preset if preset in CAUSES else ""
    return Case(session.store().group(folder.id), cause, about.preset == PRESET + ARMS)


def newest_pair() -> Case | None:
    """This browser's newest pair, else the bundled one; None without either."""
    mine = session.owner().hash
    leaders = [entry for entry in session.store().list() if entry.follower and entry.preset.startswith(PRESET) and not entry.problem]
    for entry in sorted(leaders, key=lambda entry: _rank(entry, mine)):
        if _rank(entry, mine) == 2:
            break
        try:
            case = case_of(session.store().get(entry.id))
        except RunError:  # deleted since it was listed
            continue
        if case.several:
            return case
    return None


def unopened() -> Case | None:
    """The case shown while no run is open: `newest_pair` at the first look of a visit, and from then on the same: Back returns to it."""
    kept = str(st.session_state.get("collapse_unopened", ""))
    try:
        case = case_of(session.store().get(kept)) if kept else None
    except RunError:  # deleted since
        case = None
    if case is None or not case.paired:
        case = newest_pair()
    st.session_state["collapse_unopened"] = case.key if case else ""
    return case


def _rank(entry: Summary, mine: str) -> int:
    """0: one's own; 1: an example; 2: other people's, which nobody is shown unasked."""
    return 0 if entry.owner == mine and mine else 1 if entry.read_only else 2


@dataclass(frozen=True, slots=True)
class CaseView:
    """What one tick knows of a case."""

    case: Case
    views: tuple[live.View, ...]
    diagnoses: tuple[Diagnosis | None, ...]  # None before the first snapshot, and for models without codes
    book: int = 0  # the place of the codebook that is looked at

    @property
    def patient(self) -> live.View:
        return self.views[-1]

    @property
    def diagnosis(self) -> Diagnosis | None:
        return self.diagnoses[-1]

    @property
    def titles(self) -> tuple[str, ...]:
        """What each side is called: it follows what was done to it."""
        if self.case.arms:
            return tuple(title_of(folder.config()) for folder in self.case.folders)
        if not self.case.paired:
            return ("This run",)
        left, right = (bool(treatments(view.events)) for view in self.views)
        return ("Treated as well" if left else "Untreated", "Treated" if right else "To treat")

    @property
    def treated_since(self) -> bool:
        """Whether the patient was treated after its latest snapshot, so that what it did has not been measured yet."""
        patient = self.patient
        last = max((mark.step for mark in treatments(patient.events)), default=-1)
        return patient.snapshot is not None and last >= patient.snapshot.step and not patient.ended

    @property
    def ended(self) -> bool:
        return all(view.ended for view in self.views)

    @property
    def at(self) -> int:
        """The step that all sides have reached."""
        return min(view.at for view in self.views)

    @property
    def steps(self) -> int:
        return max(view.config.train.steps for view in self.views)

    @property
    def seconds_left(self) -> float | None:
        """At the present speed of the slower side; None when nothing moves."""
        known = [left for view in self.views if (left := view.seconds_left) is not None]
        return max(known) if known else None


class CaseWatch:
    """One for each case and server process. Threads may share it."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self._guard = threading.Lock()
        self._drawn: dict[str, tuple[object, object]] = {}
        self._bases: dict[int, Basis] = {}  # of each book

    def look(self, book: int = 0) -> CaseView:
        """Read what is new of the codebook at that place. Raises RunError when one of the runs is gone or cannot be read."""
        views = tuple(live.watch(folder).look() for folder in self.case.folders)
        return CaseView(self.case, views, tuple(self._diagnosis(i, view, book) for i, view in enumerate(views)), book)

    def curves(self, view: CaseView, measure: clinic.Measure) -> str:
        """The message of a chart with the curves of all sides."""
        version = tuple(side.version for side in view.views)

        def drawn() -> str:
            return to_json(clinic.overlay(self._sides(view), measure, K=_codes(view), steps=view.steps, book=view.book))

        return self._once(f"curves {measure} {view.book}", version, drawn)

    def walk(self, view: CaseView) -> str:
        """The message of the chart of the encoder's walk; "" where no side has recorded it."""
        version = tuple(side.version for side in view.views)

        def drawn() -> str:
            sides = self._sides(view)
            return to_json(clinic.walk(sides, view.book)) if any(side.walks for side in sides) else ""

        return self._once(f"walk {view.book}", version, drawn)

    def _sides(self, view: CaseView) -> list[clinic.Side]:
        sides = []
        for title, colour, side in zip(view.titles, self.case.colours, view.views, strict=True):
            tail = shared_tail(side.folder)
            steps, evaluations = tail.thinned(WIRE_POINTS)
            sides.append(clinic.Side(title, colour, steps, evaluations, treatments(side.events), tail.walks))
        return sides

    def note(self, view: CaseView) -> str:
        """What the plane of the films keeps and loses, in one sentence; "" before there is one."""
        return self._bases[view.book].note if view.book in self._bases else ""

    def scenes(self, view: CaseView) -> tuple[Scene | None, ...]:
        """Each side's film on one plane for all of them; None before its first snapshot, and for models without codes."""
        version = tuple((side.snapshot.step if side.snapshot else -1, len(side.events)) for side in view.views)
        return self._once(f"scenes {view.book}", version, lambda: self._scenes(view))

    def _scenes(self, view: CaseView) -> tuple[Scene | None, ...]:
        looks = [_whole(side.folder, view.book) for side in view.views]
        films = [found.film for found in looks if found is not None]
        if not films:
            return tuple(None for _ in looks)
        basis = self._bases[view.book] = Basis.of_film(_joined(films), self._bases.get(view.book))
        return tuple(
            None if found is None else scene_of_film(found.film, basis, found.hues, marks=found.marks, title=title, note="")
            for found, title in zip(looks, view.titles, strict=True)
        )

    def _diagnosis(self, i: int, view: live.View, book: int) -> Diagnosis | None:
        snapshot = view.snapshot
        if snapshot is None or book >= len(snapshot.books):
            return None

        def examined() -> Diagnosis:
            steps, evaluations = shared_tail(view.folder).thinned()
            return diagnose(config_at(view, snapshot.step), snapshot.books[book], steps, evaluations, usage.epoch_steps(view.step))

        return self._once(f"diagnosis {i} {book}", (snapshot.step, len(view.events)), examined)

    def _once(self, name: str, version: object, draw: Callable[[], T]) -> T:
        with self._guard:
            kept = self._drawn.get(name)
        if kept is None or kept[0] != version:
            kept = (version, draw())
            with self._guard:
                self._drawn[name] = kept
        return cast(T, kept[1])


def config_at(view: live.View, step: int) -> RunConfig:
    """The configuration that the snapshot at `step` was trained with."""
    return examine.config_at(view.folder.config(), view.events, step)


def _whole(run: RunFolder, book: int) -> look.Seen | None:
    """A first look shows a part of a long film; nobody would look again at a case that has ended."""
    found = look.seen(run, book)
    return found if found is None or found.whole else look.seen(run, book)


def _joined(films: Sequence[Film]) -> Film:
    """A few moments of each film in one, to find a plane that shows them all."""
    last = films[-1]
    alike = [film for film in films if (film.z.shape[1:], film.codebook.shape[1:]) == (last.z.shape[1:], last.codebook.shape[1:])]
    rows = [np.unique(np.linspace(0, len(film.steps) - 1, min(MOMENTS, len(film.steps))).round().astype(int)) for film in alike]

    def join(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(film, name)[chosen] for film, chosen in zip(alike, rows, strict=True)])

    return replace(last, z=join("z"), codebook=join("codebook"), dead=join("dead"))


def _codes(view: CaseView) -> int:
    return max((book.K for side in view.views for book in side.config.books()[view.book : view.book + 1]), default=0)


@st.cache_resource(max_entries=32, show_spinner=False)
def _watch(sides: tuple[tuple[str, bool], ...], cause: str, arms: bool) -> CaseWatch:
    return CaseWatch(Case(tuple(RunFolder(Path(path), read_only=read_only) for path, read_only in sides), cause, arms))


def watch(case: Case) -> CaseWatch:
    """The one watch of this case in this process."""
    return _watch(tuple((str(folder.path), folder.read_only) for folder in case.folders), case.cause, case.arms)
