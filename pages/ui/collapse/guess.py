"""Guess the cause, then see it. Session keys owned here: `collapse_guess_*`, `collapse_shown` (cases whose cause has been shown)."""

from __future__ import annotations

import streamlit as st

from pages.ui.collapse import treat
from pages.ui.collapse.case import CaseView
from pages.ui.terms import help_text
from vqcore.clinic.causes import CAUSES, Cause
from vqcore.config.run import RunConfig

NOT_YET = "Guess first: the diagnosis would give it away."


def known(view: CaseView) -> bool:
    """Whether the cause, and what gives it away, may be shown here: it has been, or there is none to guess."""
    return not view.case.cause or view.case.key in st.session_state.get("collapse_shown", set())


def panel(view: CaseView) -> None:
    """The symptom and the guesses; after one of them the cause in a line, for what is done next stands below it."""
    cause = CAUSES[view.case.cause]
    if known(view):  # the guesses make room for what is done next
        st.markdown(f"**{cause.title}.** {_verdict(cause, st.session_state.get(f'collapse_guess_{view.case.key}'))}")
        return
    st.markdown(f"**1. Guess the cause.** {cause.symptom}", help=help_text("collapse"))
    guess = st.pills(
        "What is the cause?",
        list(CAUSES),
        format_func=lambda key: CAUSES[key].title,
        key=f"collapse_guess_{view.case.key}",
        label_visibility="collapsed",
        persist_state="session",
        wrap=True,
    )
    st.button(
        "Show the cause",
        key="collapse_reveal",
        icon=":material/visibility:",
        type="primary",
        disabled=guess is None,
        on_click=_show,
        args=(view,),
    )


def _show(view: CaseView) -> None:
    st.session_state["collapse_shown"] = {*st.session_state.get("collapse_shown", set()), view.case.key}
    treat.choose(view, view.diagnosis.first if view.diagnosis else "")


def _verdict(cause: Cause, guess: str | None) -> str:
    if guess is None:
        return ""
    return "You guessed it." if CAUSES[guess] is cause else f"You guessed: {CAUSES[guess].title[:1].lower()}{CAUSES[guess].title[1:]}."


def explanation(view: CaseView) -> None:
    """Why the codes died; nothing while that is still to be guessed."""
    if not known(view):
        return
    cause = CAUSES[view.case.cause]
    st.markdown(f"**Why the codes died.** {cause.reveal}")
    st.caption(f"What differs from the healthy setting: {differences(cause)}.")


def differences(cause: Cause) -> str:
    """The settings that make the patient ill, with the healthy values, as in "β = 0 (healthy: 0.25)"."""
    told = []
    for path in cause.paths:
        told.append(f"{_title(cause.config, path)} {_value(cause.config.at(path))} (healthy: {_value(cause.healthy.at(path))})")
    return "; ".join(told)


def _title(config: RunConfig, path: str) -> str:
    *parents, leaf = path.split(".")
    field = type(config.at(".".join(parents))).model_fields[leaf]
    return str(field.title or leaf)


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
