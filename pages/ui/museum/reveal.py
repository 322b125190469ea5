"""The bug by its name: the line as it was and as it should be, what gave it away, and where it was really made."""

from __future__ import annotations

import streamlit as st

from pages.ui.museum import case as kept
from pages.ui.museum.case import Case
from pages.ui.museum.diagnose import lines
from pages.ui.museum.words import figure
from pages.ui.terms import help_text


def verdict(case: Case) -> None:
    """Whether the visitor named it, and the way on."""
    count = len(kept.guesses(case.key))
    title = case.exhibit.title
    if kept.found(case.key):
        tries = "at the first guess" if count == 1 else f"at guess {count}"
        st.success(f"**{title}.** You found it {tries}.", icon=":material/check_circle:")
    else:
        st.info(f"**{title}.**", icon=":material/visibility:")
    st.markdown(case.exhibit.gives_away)
    st.button(
        "Next bug",
        key="museum_next",
        type="primary",
        icon=":material/arrow_forward:",
        on_click=kept.go_on,
        args=(case.key,),
    )


def panel(case: Case) -> None:
    """Code beside code, the signs with their figures, and the public threads."""
    exhibit = case.exhibit
    left, right = st.columns(2)
    with left:
        st.markdown(":red[:material/close:] **As it was written**")
        st.code(lines(exhibit.wrong), language="python", wrap_lines=True)
    with right:
        st.markdown(":green[:material/check:] **As it should be**")
        st.code(lines(exhibit.right), language="python", wrap_lines=True)
    left, right = st.columns(2)
    with left:
        st.markdown(f"**What gave it away**, seed {case.seed}", help=help_text("z_norm", "e_norm", "nmse"))
        st.markdown(_signs(case))
    with right:
        st.markdown(f"**In your own code.** {exhibit.lesson}")
        st.markdown("**Where it was made**")
        st.markdown("\n".join(f"- [{source.name}]({source.url}): {source.says}" for source in exhibit.sources))


def _signs(case: Case) -> str:
    rows = ["| | with the bug | without | |", "| --- | ---: | ---: | --- |"]
    for sign in case.exhibit.signs(case.pair):
        mark = ":green[:material/check:]" if sign.speaks else ":gray[not on this seed]"
        rows.append(f"| {sign.name.replace('|', chr(92) + '|')} | {figure(sign.buggy)} | {figure(sign.healthy)} | {mark} |")
    return "\n".join(rows)
