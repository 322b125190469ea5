"""Naming the bug from the plots. Session keys owned here: `museum_guess_*`, `museum_check`, `museum_hint`, `museum_show`, `museum_bugs`."""

from __future__ import annotations

import streamlit as st

from pages.ui.museum import case as kept
from pages.ui.museum.case import Case
from pages.ui.museum.words import figure
from vqcore.museum.exhibits import EXHIBITS


def panel(case: Case) -> None:
    """The five bugs to choose from, and the hints."""
    said = kept.guesses(case.key)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown("**Which bug is it?**")
        with st.popover("The five as code", icon=":material/code:", type="tertiary", key="museum_bugs"):
            for exhibit in EXHIBITS.values():
                st.markdown(f"**{exhibit.title}**")
                st.code(lines(exhibit.wrong), language="python", wrap_lines=True)
    choice = st.pills(
        "Which bug is it?",
        list(EXHIBITS),
        format_func=lambda key: EXHIBITS[key].title,
        key=f"museum_guess_{case.key}",
        label_visibility="collapsed",
        persist_state="session",
        wrap=True,
    )
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Check",
            key="museum_check",
            type="primary",
            icon=":material/stethoscope:",
            disabled=choice is None or choice in said,
            on_click=kept.guess,
            args=(case.key, str(choice)),
        )
        hints = case.exhibit.hints
        open_hints = kept.hints(case.key)
        if open_hints < len(hints):
            st.button(
                "Hint" if open_hints == 0 else "Another hint",
                key="museum_hint",
                icon=":material/lightbulb:",
                on_click=kept.hint,
                args=(case.key,),
            )
        if said:
            st.button("Show the bug", key="museum_show", icon=":material/visibility:", on_click=kept.tell, args=(case.key,))
    for hint in hints[:open_hints]:
        st.info(hint, icon=":material/lightbulb:")


def against(case: Case) -> None:
    """What speaks against the last guess, before the next one."""
    if said := kept.guesses(case.key):
        _against(case, said[-1])


def _against(case: Case, guess: str) -> None:
    """Which signs of the bug that was named are missing here."""
    missing = [sign for sign in EXHIBITS[guess].signs(case.pair) if not sign.speaks]
    reasons = "\n".join(
        f"- {sign.name}: it would show {sign.expected}. Here: {figure(sign.buggy)} with the bug, {figure(sign.healthy)} without."
        for sign in missing
    )
    st.warning(f"**Not “{EXHIBITS[guess].title}”.** What speaks against it:\n\n{reasons}", icon=":material/close:")


def lines(code: str) -> str:
    """Code with one statement a line."""
    return code.replace("; ", "\n")
