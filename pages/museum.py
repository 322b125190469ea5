"""Bug museum: five real bugs, each in a tiny model beside the same run without it. Name the bug from its curves."""

from __future__ import annotations

import streamlit as st

from pages.ui import scroll, showcode, terms
from pages.ui.museum import again, curves, diagnose, reveal
from pages.ui.museum import case as kept
from pages.ui.museum.case import Case
from pages.ui.museum.pairs import pairs
from pages.ui.parts import hint
from pages.ui.screens import header
from vqcore.museum.exhibits import EXHIBITS
from vqcore.snippets import comparing

# five names in one line of a laptop's window
STYLE = """<style>
@media (min-width: 1200px) { .st-key-museum_top button { padding-inline: 0.4rem; } .st-key-museum_top button p { font-size: 0.8rem; } }
</style>"""


def choose() -> str:
    """The bugs by what one sees of them, and the score."""
    kept.opened()
    st.html(STYLE)
    with st.container(horizontal=True, vertical_alignment="center", key="museum_top"):
        key = st.pills(
            "Bug",
            list(EXHIBITS),
            format_func=_name,
            required=True,
            key="museum_patient",
            label_visibility="collapsed",
            persist_state="session",
            wrap=True,
        )
    return str(key)


def _name(key: str) -> str:
    number = list(EXHIBITS).index(key) + 1
    mark = ":material/check_circle: " if kept.found(key) else ":material/visibility: " if kept.known(key) else ""
    return f"{mark}{number}. {EXHIBITS[key].patient}"


def score() -> str:
    found, first = kept.score()
    if not found:
        return "No bug found yet."
    return f"{found} of {len(EXHIBITS)} bugs found, {first} at the first guess."


def examine(case: Case) -> None:
    left, right = st.columns((3, 2), gap="medium")
    with left:
        curves.panel(case)
    with right:
        st.markdown(f"**{case.exhibit.patient}.** {case.exhibit.symptom}")
        if kept.guesses(case.key) and not case.told:
            diagnose.against(case)
        else:
            hint(_try(case))
        reveal.verdict(case) if case.told else diagnose.panel(case)
        st.caption(score())
    if case.told:
        reveal.panel(case)
    left, right = st.columns(2)
    with left:
        again.panel(case)
    with right:
        curves.more(case)


def _try(case: Case) -> str:
    if case.told:
        return "Train both with another seed: does the same curve give it away?"
    return "Find the curve that cannot be right, choose the bug that makes it so, and press **Check**."


header("museum")
key = choose()
seed = kept.seed(key)
pair = pairs.look(key, seed).pair or pairs.look(key, 0).pair
if pair is None:
    st.info("The curves that come with the program are missing. Train both runs here: it takes some seconds.", icon=":material/lightbulb:")
    again.controls(key, None)
else:
    case = Case(key, pair.seed, pair)
    examine(case)
    showcode.show(
        "museum", lambda: [comparing.museum(case.pair)] if case.told else [], missing="Name the bug first: the code would tell it."
    )
    terms.words(
        "codebook_loss",
        "commitment",
        "commitment_weight",
        "stop_gradient",
        "straight_through",
        "ema",
        "revival",
        "dead",
        "z_norm",
        "e_norm",
        "nmse",
        key="museum",
    )
scroll.to_top(f"museum {key}")
