"""Are codes useful? A linear classifier that knows only how often each code occurs. Session keys owned here: `codes_label_set`."""

from __future__ import annotations

import streamlit as st

from pages.ui import asked, session
from pages.ui.chart import chart
from pages.ui.codes.look import Seen
from pages.ui.terms import help_text
from vqcore.plots.codes import Score, scores
from vqcore.plots.figure import GREY, RUN_COLOURS
from vqcore.runs.probed import Usefulness

TITLE = "Are codes useful?"
TALL = 300  # pixels


def show(seen: Seen) -> None:
    """Ask for it, and draw it once it is there."""
    noun = seen.config.data.noun
    st.markdown(
        f"Forget the {noun}s, forget where the codes stand: only count how often each code occurs. Can a simple classifier still tell "
        f"what kind of {noun} it is?",
        help=help_text("useful", "code_counts"),
    )
    answer = asked.ask(seen.run, "usefulness")
    data = answer.data if answer.data is not None else answer.earlier
    with st.container(height=TALL + 140, border=False):
        if data is not None:
            _scores(seen, Usefulness.of(data))
        elif answer.state == "failed":
            st.warning(session.plain(answer.message), icon=":material/error:")
        else:
            waited = f" {answer.seconds:.0f} s so far." if answer.state == "working" else ""
            st.info(f"{session.plain(answer.message)}{waited}", icon=":material/hourglass_top:")
        if answer.state == "failed" and st.button("Try again", icon=":material/refresh:", key="codes_useful_retry"):
            asked.retry(seen.run, "usefulness")
            st.rerun()


def _scores(seen: Seen, found: Usefulness) -> None:
    if not found.label_sets:
        st.info(
            "These data have no labels, so there is nothing to name. Try a run on digits, letters or shapes.", icon=":material/label_off:"
        )
        return
    which = 0
    if len(found.label_sets) > 1:
        which = st.segmented_control(
            "What to name",
            range(len(found.label_sets)),
            format_func=found.label_sets.__getitem__,
            key="codes_label_set",
            default=0,
            required=True,
        )
    total = found.judged_on
    noun = seen.config.data.noun
    shuffled = found.shuffled[which]
    bars = [
        Score("Code counts", int(found.correct[which]), total, RUN_COLOURS[0]),
        Score("Codes renamed at random", int(found.renamed[which]), total, RUN_COLOURS[5]),
        Score(f"Another {noun}'s codes", round(float(shuffled.mean())), total, GREY),
        Score("Most frequent label", int(found.majority[which]), total, GREY),
    ]
    chart(scores(bars), "codes_useful", TALL, of=f"{seen.run.id} {which}")
    spread = f"{100 * shuffled.min() / max(total, 1):.1f} to {100 * shuffled.max() / max(total, 1):.1f} %"
    unsettled = "" if bool(found.converged[which]) else " Training it was ended before it had settled."
    st.caption(
        f"Logistic regression on {found.trained_on:,} training examples, judged on {total:,} validation examples with "
        f"{int(found.classes[which])} labels; model of step {found.step:,}. Renamed: within each {noun} the codes exchange their names, "
        f"so that only how many codes it has, and how often each occurs, is left. Another {noun}'s codes: nothing true is left "
        f"({len(shuffled)} draws, {spread}).{unsettled}"
    )
