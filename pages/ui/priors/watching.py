"""A prior's run, live: what it draws, its bits, and what they mean. On Priors and on Train. Session keys owned here: `priors_unit`."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.ui import controls, live, scroll, session, showcode, state
from pages.ui.chart import chart
from pages.ui.pictures import show, side_by_side, strip
from pages.ui.priors import words
from pages.ui.screens import SCREENS, page_of
from pages.ui.terms import help_text
from vqcore.errors import RunError
from vqcore.plots.figure import to_json
from vqcore.plots.priors import points
from vqcore.records import Samples
from vqcore.runs.folder import RunFolder
from vqcore.snippets import training

POLL = 1.0  # seconds
TALL = 216  # pixels: the cards that train the next prior stand below, above the fold
ABREAST = 4
# the whole sheet is seen at once, its caption below it
STYLE = "<style>.vq-sheet { max-width: 184px; } .vq-sheet figure { display: flex; flex-direction: column-reverse; }</style>"
UNITS = ("bits", "image bits")


def watch(folder: RunFolder, *, another: bool = False) -> None:
    """One prior: its pictures and bits, then everything about it.

    `another`: with a button that leaves it for the cards of models.
    """
    if picture(folder, another=another):
        details(folder, opened=True)


def picture(folder: RunFolder, *, another: bool = False) -> bool:
    """What it draws beside its bits, under its state and controls; False if the run is gone.

    A fragment redraws it; the page is run anew only when polling has to begin or to end.
    """
    try:
        ended = live.watch(folder).look().ended
    except RunError as error:
        _gone(error)
        return False
    st.fragment(_picture, run_every=None if ended else POLL)(folder, ended, another)
    scroll.to_top(folder.id)
    return True


def details(folder: RunFolder, *, opened: bool = False) -> None:
    """Its figures and what they mean, in a drawer; where to go with it; its events and its code."""
    try:
        ended = live.watch(folder).look().ended
    except RunError as error:
        _gone(error)
        return
    st.fragment(_details, run_every=None if ended else POLL)(folder, opened)


def _picture(folder: RunFolder, was_ended: bool, another: bool) -> None:
    seen = live.watch(folder)
    try:
        view = seen.look()
    except RunError as error:  # deleted while open
        _gone(error)
        return
    if view.ended != was_ended:
        st.rerun()
    with session.errors_shown():
        with st.container(gap="xxsmall"):
            state.line(view, another=another)
            controls.bar(view, state.answer(view))
            state.note(view)
            left, right = st.columns(2)
        with left, st.container(gap="xxsmall"):
            _samples(view)
        with right, st.container(gap="xxsmall"):
            _bits(seen, view)


def _details(folder: RunFolder, opened: bool) -> None:
    try:
        view = live.watch(folder).look()
    except RunError as error:  # deleted while open
        _gone(error)
        return
    with session.errors_shown():
        _onward(view)
        with st.expander("Figures, and what they mean", icon=":material/monitoring:", expanded=opened):
            st.caption(words.origin(view))
            _figures(view)
            st.markdown(words.verdict(view, live.prior_evaluations(view)))
        state.history(view)
        if (config := view.prior) is not None:
            showcode.show("prior", lambda: training.of_prior(folder, config, view.events, view.prior_evaluation))


def _figures(view: live.View) -> None:
    """Plain figures first. A figure that is not known yet is a dash."""
    found, steps = view.prior_evaluation, view.config.train.steps
    with st.container(horizontal=True, gap="small", key="priors_figures"):
        blind = f" Blindly it takes {found.uniform_bits:.2f}." if found else ""
        state.figure("Bits per code", f"{found.bits:.2f}" if found else state.NONE, f"{help_text('bits_per_code')}{blind}", 136)
        whole = f"{found.bits_per_image:,.0f}" if found else state.NONE
        state.figure(f"Bits per {view.config.data.noun}", whole, help_text("bits_per_image"), 140)
        gap = f"{found.bits - found.train_bits:+.2f}" if found else state.NONE
        state.figure("Gap", gap, help_text("overfitting"))
        state.figure(f"Step of {steps:,}", f"{view.at:,}", help_text("step"), 130)
        state.figure("Time left", state.time_left(view.seconds_left), "At the present speed, in hours, minutes and seconds.")
    st.progress(min(1.0, view.at / steps))


def _samples(view: live.View) -> None:
    with st.container(horizontal=True, vertical_alignment="center", height=36, border=False):
        st.markdown("**What it draws**", help=help_text("samples", "prior"))
    with st.container(height=TALL, border=False):
        if view.samples is None:
            state.coming(view)
        elif view.samples.pictures.ndim != 4:
            chart(to_json(points(view.samples.pictures)), "priors_points", TALL, of=view.folder.id)
        else:
            show(_sheet(view.folder, view.samples))


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs={RunFolder: lambda run: str(run.path), Samples: lambda found: found.step})
def _sheet(folder: RunFolder, found: Samples) -> str:
    """HTML: the drawn pictures as one sheet, with the labels that were given."""
    known = folder.codes()
    names = known.label_names if known is not None else ()
    lines = [slice(first, first + ABREAST) for first in range(0, len(found.pictures), ABREAST)]
    asked = [" ".join(names[label] for label in found.labels[line] if 0 <= label < len(names)) for line in lines]
    told = f"Step {found.step:,}. Asked for, row by row: {'; '.join(asked)}" if any(asked) else f"Step {found.step:,}, decoded"
    rows = [side_by_side(found.pictures[line]) for line in lines]
    gap = max(1, found.pictures.shape[2] // 8)
    page = np.zeros((sum(len(row) + gap for row in rows) - gap, rows[0].shape[1], 4), dtype=np.uint8)
    for i, row in enumerate(rows):
        top = i * (len(rows[0]) + gap)
        page[top : top + len(row), : row.shape[1]] = row
    return f'{STYLE}<div class="vq-sheet">{strip(told, page, f"{len(found.pictures)} samples of this prior at step {found.step}")}</div>'


def _bits(seen: live.Watch, view: live.View) -> None:
    with st.container(horizontal=True, vertical_alignment="center", height=36, border=False):
        st.markdown("**Bits**", help=help_text("bits_per_code", "bits_per_image", "uniform", "histogram"), width="stretch")
        unit = st.segmented_control(
            "Bits",
            UNITS,
            format_func={"bits": "per code", "image bits": f"per {view.config.data.noun}"}.__getitem__,
            default="bits",
            required=True,
            key="priors_unit",
            persist_state="session",
            label_visibility="collapsed",
        )
    chart(seen.curves(view, str(unit)), "priors_bits", TALL, of=f"{view.folder.id} {unit}")


def _onward(view: live.View) -> None:
    """Where to go with a prior that can draw."""
    if view.prior_evaluation is None:
        return
    with st.container(horizontal=True):
        for name, label in (("invent", "Draw more, warmer or colder"), ("paint", "See where it is surprised")):
            if name in SCREENS:
                st.page_link(page_of(name), label=label, icon=SCREENS[name].icon, width="content")


def _gone(error: RunError) -> None:
    session.close_run()
    session.report(str(error))
    st.rerun()
