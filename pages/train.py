"""Train: start a run, watch it, treat it. The screen redraws itself once a second while its run goes on."""

from __future__ import annotations

import streamlit as st

from pages.ui import controls, live, panels, projector, scroll, session, showcode, start, state
from pages.ui.priors import watching
from pages.ui.screens import header
from vqcore.errors import RunError
from vqcore.runs.folder import RunFolder
from vqcore.snippets import training

POLL = 1.0  # seconds
# on a telephone the controls stay at the foot of the window while the pictures move behind them
_STYLE = """<style>
.st-key-train_pictures .vq-strip { max-width: 32rem; }
.st-key-train_act [data-testid="stMetricValue"] { font-size: 1.4rem; }
@media (max-width: 640px) {
  [data-testid="stColumn"]:has(> [data-testid="stVerticalBlock"] > .st-key-train_act),
  [data-testid="stColumn"]:has(> [data-testid="stVerticalBlock"] > * > .st-key-train_act) {
    position: sticky; bottom: 0; z-index: 5; max-height: 40vh; overflow-y: auto;
    padding: 0.5rem; border-top: 2px solid currentColor; background: light-dark(#fbfaf7, #14181c);
  }
}
</style>"""


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
    if projector.on():  # what is looked at first, hands below it
        state.figures(view)
        panels.one(seen, view)
        controls.bar(view, state.answer(view))
        state.note(view)
        return
    st.html(_STYLE)
    with st.container(gap="xsmall"):
        state.line(view)
        pictures, act = st.columns([5, 2], gap="medium")
    with pictures, st.container(gap="xxsmall"):
        panels.first(seen, view)
    with act, st.container(gap="xsmall", key="train_act"):
        controls.bar(view, state.answer(view))
        state.note(view)
        state.figures(view)
    panels.others(seen, view)
    showcode.show("train", lambda: training.of_model(folder, folder.config(), view.events, view.evaluation))


def gone(error: RunError) -> None:
    session.close_run()
    session.report(str(error))
    st.rerun()


header("train")
opened = session.current_run()
if opened is None:
    start.choose()
elif session.parent_of(opened) is not None:
    watching.watch(opened, another=True)
else:
    watch(opened)
