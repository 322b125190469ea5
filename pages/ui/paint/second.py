"""The second stage on the canvas: how surprised a prior is by each cell, and cells drawn anew. Session keys owned here: `paint_prior_*`."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.ui import example, models, number, session
from pages.ui.paint import state
from pages.ui.paint.canvas import Scorer
from pages.ui.paint.source import Source
from pages.ui.screens import SCREENS, page_of
from pages.ui.terms import help_text
from vqcore.config.run import PriorRunConfig
from vqcore.errors import RunError, VQError
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import Summary

if TYPE_CHECKING:
    from vqcore.analysis.load import LoadedPrior

_log = logging.getLogger("vqlab")
CHOICE, LABEL = "paint_prior_run", "paint_prior_label"
POLL = 0.4
_AT_ONCE = 0.6  # seconds that the page waits for a short drawing rather than coming back


# ── which run, which prior ──


def model_or_example() -> RunFolder | None:
    """The run whose model is painted with: the open one; a prior's parent, or the copy that it holds; the example when none is open."""
    opened = session.current_run()
    if opened is not None:
        return session.current_model() or opened
    return _example()


def _example() -> RunFolder | None:
    """The example to paint on: one with a grid of codes, if there is any."""
    listed = [
        entry for entry in session.store().list() if entry.read_only and entry.kind == "model" and entry.figures and not entry.problem
    ]
    alone = [entry for entry in listed if not entry.leader and not entry.follower]
    examples = [session.store().get(entry.id) for entry in (*alone, *(entry for entry in listed if entry not in alone))]
    return next((run for run in examples if run.config().model.downsampling != "vector"), examples[0] if examples else None)


def note(run: RunFolder) -> None:
    """Why another run than the open one is painted with, where that is so."""
    opened = session.current_run()
    if opened is None:
        example.say(run)
    elif opened.id == run.id and session.parent_of(run) is not None:
        st.info(
            "This prior's parent was deleted. The prior has its own copy of the model: you paint with that, on samples of the prior.",
            icon=":material/inventory_2:",
        )
    elif told := session.model_note():
        st.caption(told)


def priors(source: Source) -> list[Summary]:
    """Priors over the codes of this very checkpoint, trained enough to be asked: the open one first, then finished ones."""
    found = []
    for entry in session.store().list():
        if entry.kind != "prior" or entry.problem or entry.figures is None or entry.state in ("queued", "starting"):
            continue
        try:
            config = session.store().get(entry.id).config()
        except RunError:
            continue
        if isinstance(config, PriorRunConfig) and config.parent.checkpoint == source.stamp.hash:
            found.append(entry)
    opened = st.session_state.get("run_id")
    return sorted(found, key=lambda entry: (entry.id != opened, entry.state != "finished"))


def chosen(source: Source) -> str:
    """The id of the prior that is asked, "" for none. The first one until somebody chooses."""
    ids = [entry.id for entry in priors(source)]
    wanted = st.session_state.get("paint_prior_kept", {}).get(source.of)
    return str(wanted) if wanted in ids else (ids[0] if ids and wanted != "" else "")


def scorer(source: Source) -> Scorer | None:
    """What scores the canvas; None without a prior, or while it cannot be read."""
    if not (run_id := chosen(source)):
        return None
    try:
        loaded = models.prior(session.store().get(run_id))
        if loaded.codes.layout.grids != source.layout.grids:
            return None
    except VQError:
        return None
    label = label_of(loaded, source)
    return Scorer(loaded.prior, label, f"{run_id} {loaded.stamp.hash} {label}")


def label_of(loaded: LoadedPrior, source: Source) -> int | None:
    """The label that a conditional prior is given; None for others."""
    if not loaded.prior.conditional:
        return None
    return int(st.session_state.get("paint_prior_labels", {}).get(source.of, 0)) % max(1, loaded.codes.layout.classes)


# ── the page's part ──


def show(source: Source) -> None:
    """Which prior, what it thinks of the whole grid, and drawing chosen cells again."""
    found = {entry.id: entry for entry in priors(source)}
    if not found:
        st.info(
            "No prior has been trained on the codes of this model. With one, every cell shows how surprising its code is, and chosen cells "
            "can be drawn anew.",
            icon=":material/casino:",
        )
        if "priors" in SCREENS and st.button("Train a prior", icon=":material/play_circle:", key="paint_prior_train"):
            st.switch_page(page_of("priors"))
        return
    st.session_state[CHOICE] = chosen(source)
    st.selectbox(
        "Prior",
        ["", *found],
        format_func=lambda run_id: _title(found[run_id]) if run_id else "None",
        key=CHOICE,
        on_change=_choose,
        args=(source,),
        help=help_text("prior", "surprise", "raster_order"),
    )
    if not chosen(source):
        st.caption("Without a prior no cell is more surprising than another.")
        return
    if not models.ready():
        st.info("The prior is being loaded.", icon=":material/hourglass_top:")
        return
    loaded = models.prior(session.store().get(chosen(source)))
    _labels(loaded, source)
    if scorer(source) is None:
        st.warning("This prior learns other grids than this model has. Choose another.", icon=":material/link_off:")
        return
    _figures(found[chosen(source)], source)
    _resample(loaded, source)


def _title(entry: Summary) -> str:
    named = entry.name if entry.name == entry.what else f"{entry.what}: {entry.name}"
    return named + ("" if entry.state == "finished" else f" ({entry.state}, step {entry.step:,})")


def _choose(source: Source) -> None:
    st.session_state.setdefault("paint_prior_kept", {})[source.of] = st.session_state[CHOICE]
    st.session_state["paint_waiting"] = True


def _labels(loaded: LoadedPrior, source: Source) -> None:
    if not loaded.prior.conditional:
        return
    names = loaded.codes.label_names
    st.session_state[LABEL] = label_of(loaded, source)
    st.selectbox(
        f"Given the label ({loaded.codes.label_set})",
        range(len(names)),
        format_func=lambda i: names[i],
        key=LABEL,
        on_change=_label,
        args=(source,),
        help=help_text("conditional"),
    )


def _label(source: Source) -> None:
    st.session_state.setdefault("paint_prior_labels", {})[source.of] = st.session_state[LABEL]
    st.session_state["paint_waiting"] = True


def _figures(entry: Summary, source: Source) -> None:
    """What the grid's total, which stands above it, is to be read beside."""
    with st.container(horizontal=True):
        if entry.figures is not None and entry.figures.bits_per_image is not None:
            usual = f"{entry.figures.bits_per_image:.1f} bits"
            st.metric("A validation image, on average", usual, help=help_text("bits_per_image"), border=True)
        alike = float(np.log2(source.layout.sizes()).sum())
        st.metric("Every code alike", f"{alike:.1f} bits", help=help_text("uniform"), border=True)
    st.caption(
        "This grid's own total stands above it. “Surprise” there shows the bits of each cell, given the cells before it in raster order. "
        "In another order single cells would have other figures: a high one does not mean that the cell is wrong. Only the sum belongs "
        "to the grid."
    )


# ── drawing again ──


@dataclass
class Job:
    """Cells being drawn again, in a thread of their own."""

    of: str
    cells: int
    exact: bool
    sweeps: int
    done: int = 0
    total: int = 1
    began: float = field(default_factory=time.monotonic)
    cancelled: bool = False
    problem: str = ""
    frames: list[NDArray[np.int64]] | None = None
    thread: threading.Thread | None = None


def _resample(loaded: LoadedPrior, source: Source) -> None:
    st.markdown("**Draw chosen cells again**", help=help_text("resampling", "gibbs"))
    job: Job | None = st.session_state.get("paint_prior_job")
    if job is not None and job.of == source.of:
        st.fragment(_working, run_every=POLL)(source)
        return
    st.caption(
        "Take “Choose” above the grid and mark cells. Where every cell after the first chosen one is chosen too, one pass in raster order "
        "is exact, given the rest. Otherwise fixed cells come later, which such a pass would not see: then each chosen cell is drawn given "
        "all others, earlier and later, sweep after sweep (Gibbs). That is an approximation: a few sweeps stay close to what was there."
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        sweeps = number.number(
            "Gibbs sweeps", number.Range(1, 50), 5, key="paint_prior_sweeps", width=150, help=help_text("gibbs"), keep=False
        )
        temperature = number.number(
            "Temperature",
            number.Range(0.1, 3.0, whole=False),
            1.0,
            key="paint_prior_temperature",
            width=150,
            help=help_text("temperature"),
            keep=False,
        )
        off = sweeps is None or temperature is None  # the field says why
        pressed = st.button("Draw again", type="primary", icon=":material/casino:", key="paint_prior_draw", disabled=off)
        told = "The whole grid anew: exact, and a sample of the prior."
        everything = st.button("Draw all cells", icon=":material/select_all:", key="paint_prior_all", help=told, disabled=off)
    if sweeps is None or temperature is None:
        return
    free = np.ones(source.layout.length, dtype=bool) if everything else state.chosen(source)
    pressed = pressed or everything
    if pressed and not free.any():
        st.warning("No cell is chosen. Take “Choose” above the grid, mark some cells, then press again.", icon=":material/touch_app:")
    elif pressed:
        job = _start(loaded, source, free, int(sweeps), float(temperature))
        assert job.thread is not None
        job.thread.join(_AT_ONCE)
        st.session_state["paint_prior_job"] = job
        if job.thread.is_alive():
            st.rerun(scope="fragment")
        _finish(source, job)


def _start(loaded: LoadedPrior, source: Source, free: NDArray[np.bool_], sweeps: int, temperature: float) -> Job:
    from vqcore.analysis.easel import exact, frames, resampled

    job = Job(source.of, int(free.sum()), exact(free), sweeps)
    codes, label = state.current(source), label_of(loaded, source)
    seed = secrets.randbits(31)

    def look(done: int, total: int) -> bool:
        job.done, job.total = done, total
        return not job.cancelled

    def work() -> None:
        models.one_thread()
        try:
            steps = resampled(loaded.prior, codes, free, sweeps=sweeps, label=label, temperature=temperature, seed=seed)
            every = 1 if job.exact else job.cells
            job.frames = frames(steps, every, lambda step: look(step.done, step.total))
        except VQError as error:
            job.problem = str(error)
        except Exception as error:  # whatever it is: the page must not wait for ever
            job.problem = "Drawing failed."
            _log.error("cells could not be drawn again", exc_info=error)

    job.thread = threading.Thread(target=work, name="resample", daemon=True)
    job.thread.start()
    return job


def _working(source: Source) -> None:
    """Progress and cancel, until the cells are drawn."""
    with session.errors_shown():
        job: Job | None = st.session_state.get("paint_prior_job")
        if job is None:
            st.rerun()
        assert job.thread is not None
        if not job.thread.is_alive():
            _finish(source, job)
            return
        spent = time.monotonic() - job.began
        left = f", about {spent / job.done * (job.total - job.done):.0f} s left" if job.done else ""
        what = "in raster order" if job.exact else f"by {job.sweeps} Gibbs sweeps"
        st.progress(job.done / max(1, job.total), f"Drawing {job.cells} cells {what}: {job.done} of {job.total} draws{left}")
        if st.button("Cancel", icon=":material/close:", key="paint_prior_cancel"):
            job.cancelled = True
            del st.session_state["paint_prior_job"]
            st.rerun()


def _finish(source: Source, job: Job) -> None:
    """Put the result on the canvas, as one entry of its history."""
    st.session_state.pop("paint_prior_job", None)
    if job.problem:
        st.error(session.plain(job.problem), icon=":material/error:")
        return
    if job.frames and not job.cancelled:
        label = f"{job.cells} cells drawn in raster order" if job.exact else f"{job.cells} cells after {job.sweeps} Gibbs sweeps"
        state.push(source.of, label, job.frames[-1], frames=tuple(job.frames) if not job.exact or job.cells > 1 else ())
    st.rerun()
