"""Train: start a run, watch it, treat it. The screen redraws itself once a second while its run goes on."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui import controls, figures, live, scroll, session, start, state
from pages.ui.chart import chart
from pages.ui.pictures import show
from pages.ui.priors import watching
from pages.ui.screens import header
from pages.ui.terms import help_text
from vqcore.errors import RunError
from vqcore.runs.folder import RunFolder

POLL = 1.0  # seconds
TALL, LOW = 300, 290  # pixels


def watch(folder: RunFolder) -> None:
    """One run. A fragment redraws it; the page is run anew only when polling has to begin or to end."""
    try:
        ended = live.watch(folder).look().ended
    except RunError as error:
        gone(error)
        return
    st.fragment(tick, run_every=None if ended else POLL)(folder, ended)
    scroll.to_top(folder.id)


def tick(folder: RunFolder, was_ended: bool) -> None:
    seen = live.watch(folder)
    try:
        view = seen.look()
    except RunError as error:  # deleted while open
        gone(error)
        return
    if view.ended != was_ended:
        st.rerun()
    with st.container(gap="xsmall"):
        state.line(view)
        state.figures(view)
        controls.bar(view, state.answer(view))
        state.note(view)
    left, right = st.columns(2)
    with left, st.container(gap="xxsmall"):
        examples(seen, view)
    with right, st.container(gap="xxsmall"):
        panel("Loss", "loss", "reconstruction", "codebook_loss", "commitment")
        chart(seen.curves(view, "loss"), "train_loss", TALL, of=folder.id)
    left, right = st.columns(2)
    with left, st.container(gap="xxsmall"):
        panel("Codes in use", "used_epoch", "used_ever", "dead")
        chart(seen.curves(view, "used"), "train_used", LOW, of=folder.id)
        panel("Perplexity", "batch_perplexity", "perplexity")
        chart(seen.curves(view, "perplexity"), "train_perplexity", LOW, of=folder.id)
    with right, st.container(gap="xxsmall"):
        usage(seen, view)
        panel("Lengths of vectors", "z_norm", "e_norm")
        chart(seen.curves(view, "norms"), "train_norms", LOW, of=folder.id)
    left, right = st.columns(2)
    with left, st.container(gap="xxsmall"):
        panel("Error on validation data", "nmse", "mean_picture")
        chart(seen.curves(view, "errors"), "train_errors", LOW, of=folder.id)
    with right, st.container(gap="xxsmall"):
        panel("In figures", "validation")
        figures.table(view)
    state.history(view)


def panel(title: str, *terms: str) -> DeltaGenerator:
    """A panel's title with its words, one tap away, in a row of fixed height. Returns the row, for controls."""
    row = st.container(horizontal=True, vertical_alignment="center", height=42, border=False)
    row.markdown(f"**{title}**", help=help_text(*terms), width="stretch")
    return row


def examples(seen: live.Watch, view: live.View) -> None:
    """Pictures beside what the model makes of them; for points, the plane."""
    points = view.gallery is not None and view.gallery.inputs.ndim != 4
    row = panel("Points" if points else "Pictures", "gallery", "colour", "latent_grid")
    if not points and row.button(
        "Others", icon=":material/navigate_next:", type="tertiary", key="train_others", help="Other validation pictures"
    ):
        st.session_state["train_first"] = (st.session_state.get("train_first", 0) + live.SHOWN) % 64
    drawn = seen.examples(view, st.session_state.get("train_first", 0))
    with st.container(height=TALL, border=False):
        if drawn is None:
            state.coming(view)
        elif points:
            chart(drawn, "train_plane", TALL, of=view.folder.id)
        else:
            show(drawn)


def usage(seen: live.Watch, view: live.View) -> None:
    """How often each code is chosen."""
    row = panel("Use of each code", "usage", "dead", "colour")
    by_index = row.toggle("By index", key="train_by_index", persist_state="session")
    drawn = seen.usage(view, sort=not by_index)
    if drawn is None:
        with st.container(height=LOW, border=False):
            st.caption("This comes with the first evaluation.")
    else:
        chart(drawn, "train_usage", LOW, of=view.folder.id)


def gone(error: RunError) -> None:
    session.close_run()
    st.warning(session.plain(str(error)), icon=":material/link_off:")
    start.another()


header("train")
opened = session.current_run()
if opened is None:
    start.choose()
elif session.parent_of(opened) is not None:
    watching.watch(opened, another=True)
else:
    watch(opened)
