"""Collapse: a run whose codes die, beside the same run treated. Guess the cause, read the diagnosis, treat, compare."""

from __future__ import annotations

import streamlit as st

from pages.ui import book, controls, scroll, session, showcode, state, terms
from pages.ui.chart import chart
from pages.ui.collapse import bar, code, films, guess, patients, treat, words
from pages.ui.collapse.case import Case, CaseView, CaseWatch, case_of, newest_pair, unopened, watch
from pages.ui.parts import hidden, hint
from pages.ui.screens import header
from pages.ui.sweeps import panel as sweeps
from pages.ui.terms import help_text
from vqcore.errors import RunError
from vqcore.plots.clinic import MEASURES

POLL = 1.0  # seconds
TALL = 290  # pixels
WALK = 380
WORDS = ("collapse", "dead", "used_epoch", "perplexity", "walk", "start_after", "revival", "kmeans", "ema", "z_norm", "e_norm", "nmse")
# the act scrolls by itself beside the maps; on a telephone it stays at the foot of the window while the maps move behind it
_STYLE = """<style>
[data-testid="stLayoutWrapper"]:has(> .st-key-collapse_case) { margin-top: -0.5rem; }
/* the case's own line stands beside the choice above it, which is drawn apart from what ticks */
@media (min-width: 1200px) {
  [data-testid="stLayoutWrapper"]:has(> .st-key-collapse_top) {
    margin-bottom: -3.25rem; position: relative; z-index: 1; width: fit-content;
  }
  .stApp:has(.st-key-collapse_top) .st-key-collapse_line { padding-left: 22rem; }
}
@media (min-width: 641px) {
  .st-key-collapse_act { max-height: calc(100vh - 11rem); overflow-y: auto; padding: 0 0.25rem; }
}
@media (max-width: 640px) {
  [data-testid="stColumn"]:has(> [data-testid="stVerticalBlock"] > .st-key-collapse_act),
  [data-testid="stColumn"]:has(> [data-testid="stVerticalBlock"] > * > .st-key-collapse_act) {
    position: sticky; bottom: 0; z-index: 5; max-height: 46vh; overflow-y: auto;
    padding: 0.5rem; border-top: 2px solid currentColor; background: light-dark(#fbfaf7, #14181c);
  }
}
</style>"""
VIEWS = {"pair": "The clinic", "own": "The open run", "sweeps": "Sweeps"}


def choose(opened: Case | None) -> str:
    """What the screen shows: a key of VIEWS. The open run's own view is there while that run has no partner."""
    single = opened is not None and not opened.several
    key = opened.key if opened else ""
    if st.session_state.get("collapse_of") != key or (st.session_state.get("collapse_view") == "own" and not single):
        st.session_state["collapse_of"] = key
        st.session_state["collapse_view"] = "own" if single else "pair"
    with st.container(horizontal=True, vertical_alignment="center", key="collapse_top_own" if single else "collapse_top"):
        shown = st.segmented_control(
            "Show",
            [name for name in VIEWS if name != "own" or single],
            format_func=VIEWS.__getitem__,
            required=True,
            key="collapse_view",
            label_visibility="collapsed",
        )
        if shown != "sweeps":
            patients.offer()
    return str(shown)


def examine(case: Case) -> None:
    """One case. A fragment redraws it; the page is run anew only when polling has to begin or to end."""
    try:
        ended = watch(case).look(book.chosen(case.patient)).ended
    except RunError as error:
        gone(error)
        return
    st.fragment(tick, run_every=None if ended else POLL)(case, ended)
    scroll.to_top(case.key)


def tick(case: Case, was_ended: bool) -> None:
    seen = watch(case)
    try:
        view = seen.look(book.chosen(case.patient))
    except RunError as error:  # deleted while open
        gone(error)
        return
    if view.ended != was_ended:
        st.rerun()
    bar.settle(view)
    with st.container(gap="xsmall", key="collapse_case"):
        st.html(_STYLE)
        bar.line(view)
        if not case.arms:
            pictures, act = st.columns([2, 1] if case.paired else [3, 2], gap="medium")
    if case.arms:
        compared(seen, view)
        return
    with pictures:
        films.panel(seen, view)
        if outcome := words.outcome(view):
            st.markdown(outcome)
        hint(_try(view))
    with act, st.container(key="collapse_act", gap="small"):
        if not case.several:
            controls.bar(view.patient, state.answer(view.patient))
        bar.note(view)
        examined(view)
    curves(seen, view)
    words.findings(view)
    foot(view)


def compared(seen: CaseWatch, view: CaseView) -> None:
    """Runs that differ in one thing each, over one another: nothing to guess, nothing to treat."""
    films.panel(seen, view)
    bar.note(view)
    st.caption(bar.why_not(view))
    walk(seen, view)
    hint("Which run loses its codes within the first steps, and how far did its encoder go meanwhile?")
    curves(seen, view, alone=False)
    words.panel(view)
    words.findings(view)
    foot(view)


def foot(view: CaseView) -> None:
    state.history(view.patient)
    terms.words(*WORDS, key="collapse")
    showcode.show("collapse", lambda: code.lines(view), missing="Guess the cause first: the settings would tell it.")


def _try(view: CaseView) -> str:
    if not view.case.paired:
        return "Press play: watch which codes are left behind, and read below what that may mean."
    if view.ended:
        return "Press play under either film: both move in step. Which codes stop working, and what brings them back?"
    return "Watch both until they pause. Guess the cause, treat the run on the right, then press **Resume**."


def curves(seen: CaseWatch, view: CaseView, *, alone: bool = True) -> None:
    """The runs over one another, with what was done to them."""
    left, right = st.columns(2)
    with left:
        st.markdown("**Codes used**", help=help_text("used_epoch"))
        chart(seen.curves(view, "used"), "collapse_used", TALL, of=f"{view.case.key} {view.book}")
    with right:
        st.markdown("**Error on validation data**", help=help_text("nmse", "mean_picture"))
        chart(seen.curves(view, "errors"), "collapse_errors", TALL, of=view.case.key)
    others = [name for name in MEASURES if name not in ("used", "errors")]
    measure = st.segmented_control(
        "And",
        others,
        format_func=MEASURES.__getitem__,
        default=others[0],
        required=True,
        key="collapse_measure",
        persist_state="session",
        help=help_text("perplexity", "z_norm", "e_norm", "commitment"),
    )
    chart(seen.curves(view, measure), "collapse_other", TALL, of=f"{view.case.key} {measure} {view.book}")
    if alone:
        walk(seen, view)


def walk(seen: CaseWatch, view: CaseView) -> None:
    """How far the encoder went from its codes: what large codebooks die of."""
    st.markdown("**The encoder's walk**", help=help_text("walk", "start_after"))
    if drawn := seen.walk(view):
        st.markdown("  \n".join(words.walked(title, side, view.book) for title, side in zip(view.titles, view.views, strict=True)))
        chart(drawn, "collapse_walk", WALK, of=f"{view.case.key} {view.book}")
        st.caption(
            "Solid: how far the encoder's outputs have gone in all. Dashed: how far they are from their nearest codes. "
            "Below: the share of the way since the look before that all outputs went together."
        )
    elif view.ended:
        st.caption("Not recorded when this was trained. A new patient, or any run trained from now on, shows how far its encoder went.")
    else:
        st.caption("It comes with the first steps.")


def examined(view: CaseView) -> None:
    """What is to be done next, beside the maps: guess, then treat; the diagnosis below."""
    if view.case.cause:
        guess.panel(view)
    if not hidden("treatments"):
        treat.panel(view, view.diagnosis if guess.known(view) else None)
    if view.case.paired:
        bar.answer(view)
    words.panel(view)
    if view.case.cause:
        guess.explanation(view)


def gone(error: RunError) -> None:
    session.close_run()
    session.report(str(error))
    st.rerun()


header("collapse")
patients.failed()
run = session.current_model()
if note := session.model_note():
    st.caption(note)
opened = case_of(run) if run else None
shown = choose(opened)
if shown == "sweeps":
    sweeps()
elif (case := opened if opened and (shown == "own" or opened.several) else newest_pair() if opened else unopened()) is not None:
    examine(case)
else:
    patients.missing()
    scroll.to_top("patients")
