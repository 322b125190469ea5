"""How samples are drawn: temperature, top-k, class, number, seed. Session keys owned here: `invent_temperature` and its neighbours."""

from __future__ import annotations

import random

import streamlit as st

from pages.ui import number, session
from pages.ui.invent.family import Family, choose
from pages.ui.invent.wanted import NUMBERS, SEED, Answers
from pages.ui.terms import help_text
from vqcore.runs.invented import Redrawn

MOST = 2**31 - 1


def settings(family: Family, answers: Answers) -> None:
    """One row of widgets; what they say is read by `wanted`."""
    found = Redrawn.of(answers.redrawn.data) if answers.redrawn.data is not None else None
    K = found.ground.layout.vocabulary if found else 0
    classes = found.ground.label_names if found else ()
    with st.container(horizontal=True, vertical_alignment="bottom", key="invent_settings"):
        _default("invent_temperature", 1.0)
        st.slider(
            "Temperature", 0.1, 2.0, step=0.05, key="invent_temperature", persist_state="session", help=help_text("temperature"), width=170
        )
        _default("invent_top_k", 0)
        st.selectbox(
            "Top-k",
            [0, *(k for k in (1, 2, 4, 8, 16, 32, 64, 128, 256) if not K or k < K)],
            format_func=lambda k: f"the {k} likeliest" if k else "all codes",
            key="invent_top_k",
            persist_state="session",
            help=help_text("top_k"),
            width=130,
        )
        if classes:
            _default("invent_label", -1)
            st.selectbox(
                "Class",
                range(-1, len(classes)),
                format_func=lambda label: "any" if label < 0 else classes[label],
                key="invent_label",
                persist_state="session",
                help=help_text("conditional"),
                width=95,
            )
        _default("invent_number", NUMBERS[0])
        st.segmented_control("Samples", NUMBERS, key="invent_number", required=True, persist_state="session")
        _default(SEED, 0)
        number.number(
            "Seed",
            number.Range(0, MOST),
            key=SEED,
            help="The same seed and settings give the same samples. All priors are given the same random numbers.",
            width=115,
            live=False,
        )
        if number.problem(SEED):
            st.caption(f"Shown are the samples of seed {st.session_state.get('invent_seed_drawn', 0)}.", width=115)
        st.button("Another", icon=":material/casino:", key="invent_dice", on_click=_throw, help="Another seed.")


def several_of_a_kind(family: Family) -> None:
    """Where several priors of a kind exist, which one stands on the rung."""
    several = [member for member in family.members if member.run is not None and member.others]
    if not several:
        return
    with st.expander("Which priors", icon=":material/account_tree:"):
        for member in several:
            assert member.run is not None
            ids = sorted([member.run.id, *member.others], reverse=True)
            names = {run_id: session.store().get(run_id).about().name for run_id in ids}
            taken: str = st.selectbox(
                member.rung.title,
                ids,
                index=ids.index(member.run.id),
                format_func={run_id: f"{name} · {run_id[-4:]}" for run_id, name in names.items()}.__getitem__,
                key=f"invent_prior_{member.rung.key}",
            )
            if taken != member.run.id:
                choose(member.rung.key, taken)
                st.rerun()


def _default(key: str, value: float | int) -> None:
    if st.session_state.get(key) is None:
        st.session_state[key] = value


def _throw() -> None:
    st.session_state[SEED] = random.randrange(1, 100_000)
