"""A run as it stands, read and drawn once for all who watch it.

Each tick of each viewer asks for a `View`. Records come from the shared tail; figures are turned into their message once per change.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from pages.ui import pictures
from vqcore import usage
from vqcore.colours import CodeColours
from vqcore.config.run import PriorRunConfig, RunConfig
from vqcore.control import Command
from vqcore.plots import codebook, priors, training
from vqcore.plots.figure import WIRE_POINTS, Figure, to_json
from vqcore.plots.marks import treatments
from vqcore.records import Evaluation, Event, Gallery, PriorEvaluation, Samples, Snapshot, Step
from vqcore.runs.commands import CommandTail
from vqcore.runs.folder import RunFolder
from vqcore.runs.status import ENDED, About, RunState, Status, judged
from vqcore.runs.tail import MetricsTail, shared_tail

SHOWN = 7  # pictures abreast


@dataclass(frozen=True, slots=True)
class View:
    """What one tick knows. `config` is the effective one, after treatments; `waiting` are commands not yet acknowledged.

    `gallery`, `snapshot` and `evaluation` are a model's, `samples` and `prior_evaluation` a prior's.
    """

    folder: RunFolder
    about: About
    config: RunConfig
    status: Status
    state: RunState
    version: int
    step: Step | None
    evaluation: Evaluation | None
    measured: Step | None  # the point of the curves at the evaluation's step
    events: tuple[Event, ...]
    waiting: tuple[Command, ...]
    gallery: Gallery | None
    snapshot: Snapshot | None
    prior_evaluation: PriorEvaluation | None = None
    samples: Samples | None = None

    @property
    def prior(self) -> PriorRunConfig | None:
        """The configuration of a prior's run; None for a model's."""
        return self.config if isinstance(self.config, PriorRunConfig) else None

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def at(self) -> int:
        """The step that the run has reached."""
        return max(self.status.step, self.step.step if self.step else 0)

    @property
    def seconds_left(self) -> float | None:
        """At the present speed; None when nothing is known or nothing moves."""
        if self.step is None or self.state != "running" or self.step.images_per_s <= 0 or self.step.step == 0:
            return None
        batch = self.step.images / self.step.step
        return max(0, self.config.train.steps - self.at) * batch / self.step.images_per_s


class Watch:
    """One for each run and server process. Threads may share it."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self._guard = threading.Lock()
        self._commands = CommandTail(folder.path / "control.jsonl")
        self._sent: list[tuple[Command, int]] = []  # with how many events there were
        self._config: tuple[int, RunConfig] | None = None  # for so many events
        self._gallery: Gallery | None = None
        self._snapshot: Snapshot | None = None
        self._samples: Samples | None = None
        self._drawn: dict[str, tuple[object, str]] = {}

    def look(self) -> View:
        """Read what is new. Raises RunError when the run is gone or cannot be read."""
        with self._guard:
            tail = shared_tail(self.folder)
            status = self.folder.status()
            events = tail.events
            self._sent += [(command, len(events)) for command in self._commands.poll()]
            if self._config is None or self._config[0] != len(events):
                self._config = (len(events), self.folder.effective_config())
            self._read_pictures()
            return View(
                folder=self.folder,
                about=self.folder.about(),
                config=self._config[1],
                status=status,
                state=judged(status),
                version=tail.version,
                step=tail.last_step,
                evaluation=tail.last_evaluation,
                measured=_point_at(tail, tail.last_evaluation),
                events=events,
                waiting=self._waiting(events),
                gallery=self._gallery,
                snapshot=self._snapshot,
                prior_evaluation=tail.prior_evaluations[-1] if tail.prior_evaluations else None,
                samples=self._samples,
            )

    def _waiting(self, events: Sequence[Event]) -> tuple[Command, ...]:
        answered = max((event.command for event in events), default=0)
        # an attempt that ended without an answer took with it what was meant for the moment
        began = max((i + 1 for i, event in enumerate(events) if event.kind in ("started", "resumed")), default=0)
        self._sent = [(sent, seen) for sent, seen in self._sent if sent.id > answered and (seen >= began or sent.kind == "treat")]
        return tuple(sent for sent, _ in self._sent)

    def _read_pictures(self) -> None:
        galleries, snapshots, samples = self.folder.galleries(), self.folder.snapshots(), self.folder.sample_steps()
        if self._gallery is None or galleries[-1:] != [self._gallery.step]:
            self._gallery = self.folder.gallery()
        if self._snapshot is None or snapshots[-1:] != [self._snapshot.step]:
            self._snapshot = self.folder.snapshot()
        if self._samples is None or samples[-1:] != [self._samples.step]:
            self._samples = self.folder.samples() if samples else None

    # ── drawn once for all ──

    def curves(self, view: View, kind: str, book: int = 0) -> str:
        """The message of a chart: "loss", "errors", "used", "perplexity" or "norms"; of a prior "bits" or "image bits".

        `book`: the place of the codebook that it is about, where the model has several.
        """
        return self._once(f"{kind} {book}", view.version, lambda: self._curves(view, kind, book))

    def usage(self, view: View, *, sort: bool, book: int = 0) -> str | None:
        """The message of a codebook's usage histogram; None before the first snapshot and for models without codes."""
        snapshot = view.snapshot
        if snapshot is None or book >= len(snapshot.books):
            return None
        return self._once(f"usage {sort} {book}", snapshot.step, lambda: _histogram(snapshot, view.step, sort=sort, book=book))

    def examples(self, view: View, first: int) -> str | None:
        """HTML of originals, reconstructions and index grids, from the `first` example on; the chart's message for points."""
        gallery = view.gallery
        if gallery is None:
            return None
        if gallery.inputs.ndim != 4:
            colours = gallery.z_q.reshape(len(gallery.z_q), -1, 3)[:, 0]
            return self._once("points", gallery.step, lambda: to_json(codebook.plane(gallery.inputs, gallery.reconstructions, colours)))
        chosen = [(first + i) % len(gallery.inputs) for i in range(min(SHOWN, len(gallery.inputs)))]
        return self._once(f"examples {first}", gallery.step, lambda: pictures.gallery_rows(gallery, chosen))

    def _once(self, name: str, version: object, draw: Callable[[], str]) -> str:
        with self._guard:
            kept = self._drawn.get(name)
        if kept is None or kept[0] != version:
            kept = (version, draw())
            with self._guard:
                self._drawn[name] = kept
        return kept[1]

    def _curves(self, view: View, kind: str, book: int) -> str:
        steps, evaluations = self._tail().thinned(WIRE_POINTS)
        marks = treatments(view.events)
        books = view.config.books()
        K = books[book].K if book < len(books) else 0
        draw: dict[str, Callable[[], Figure]] = {
            "loss": lambda: training.loss_curves(steps, evaluations, treatments(view.events, on_loss=True)),
            "errors": lambda: training.errors(evaluations, marks),
            "used": lambda: training.codes_used(steps, evaluations, K=K, book=book, marks=marks),
            "perplexity": lambda: training.perplexities(steps, evaluations, K=K, book=book, marks=marks),
            "norms": lambda: training.norms(steps, book=book, marks=marks),
            "bits": lambda: priors.bits(steps, self._tail().prior_evaluations, marks),
            "image bits": lambda: priors.bits(steps, self._tail().prior_evaluations, marks, per_image=True),
        }
        return to_json(draw[kind]())

    def _tail(self) -> MetricsTail:
        return shared_tail(self.folder)


def _point_at(tail: MetricsTail, evaluation: Evaluation | None) -> Step | None:
    """The last point of the curves that an evaluation was made on; None before there is one."""
    if evaluation is None:
        return None
    last = tail.last_step
    if last is not None and last.step <= evaluation.step:
        return last
    return next((step for step in reversed(tail.steps) if step.step <= evaluation.step), None)


def _histogram(snapshot: Snapshot, last: Step | None, *, sort: bool, book: int) -> str:
    shown = snapshot.books[book]
    dead = usage.dead_codes(shown, usage.epoch_steps(last))
    colours = CodeColours.fit(np.asarray(shown.codebook, dtype=np.float32), ~dead).codes
    return to_json(codebook.usage_histogram(usage.hits(shown), dead, colours, sort=sort))


def prior_evaluations(view: View) -> tuple[PriorEvaluation, ...]:
    """All evaluations of a prior's run."""
    return shared_tail(view.folder).prior_evaluations


@st.cache_resource(max_entries=64, show_spinner=False)
def _watch(path: str, read_only: bool) -> Watch:
    return Watch(RunFolder(Path(path), read_only=read_only))


def watch(folder: RunFolder) -> Watch:
    """The one watch of this run in this process."""
    return _watch(str(folder.path), folder.read_only)
