"""The same pair with another seed, trained here. Session keys owned here: `museum_seed_*`, `museum_wanted`, and its buttons'."""

from __future__ import annotations

import streamlit as st

from pages.ui import number, session
from pages.ui.museum import case as kept
from pages.ui.museum.case import Case
from pages.ui.museum.pairs import SEEDS, Answer, pairs
from pages.ui.terms import help_text
from vqcore.plots.marks import described

POLL = 1.0  # seconds


def panel(case: Case) -> None:
    """The button that trains both anew, and what they are."""
    st.markdown("**Is it chance? Train both with another seed.**", help=help_text("seed"))
    controls(case.key, case.seed)
    st.caption(f"{_told(case)} Same seed, pictures, batches and first weights on both sides: only the line with the bug differs.")


def controls(key: str, shown: int | None) -> None:
    """A seed to choose and the button, then how far it is. `shown`: the seed of the curves above, None without any."""
    wanted = _wanted(key)
    another = 0 if shown is None else 1
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        seed = number.number("Seed", number.Range(0, SEEDS - 1), another, key=f"museum_seed_{key}", width=200)
        st.button(
            "Train both",
            key="museum_train",
            icon=":material/play_arrow:",
            disabled=seed is None or seed == shown or wanted is not None,
            on_click=_ask_number,
            args=(key,),
            help="On this computer, some seconds for both. What was trained once is kept.",
        )
    state = _look(key).state if wanted is not None else ""
    st.fragment(_wait, run_every=POLL if state == "working" else None)(key, state)


def _told(case: Case) -> str:
    config = case.exhibit.config
    book, train = config.plain_vq(), config.train
    changed = described(case.exhibit.changes)
    return (
        f"Digits, one vector a picture, K = {book.K}, D = {book.D}, {train.steps} steps of {train.batch_size}"
        f"{f'; {changed}' if changed else f', β = {book.commitment_weight:g}'}."
    )


def _wanted(key: str) -> int | None:
    found = st.session_state.get("museum_wanted", {}).get(key)
    return None if found is None else int(found)


def _want(key: str, seed: int | None) -> None:
    st.session_state["museum_wanted"] = st.session_state.get("museum_wanted", {}) | {key: seed}


def _look(key: str) -> Answer:
    return pairs.look(key, _wanted(key) or 0)


def _ask(key: str, seed: int) -> None:
    pairs.ask(key, seed)
    _want(key, seed)


def _ask_number(key: str) -> None:
    # read now: a number typed just before the click arrives together with it
    seed = number.whole(f"museum_seed_{key}")
    if seed is not None:
        _ask(key, seed)


def _drop(key: str, seed: int) -> None:
    pairs.drop(key, seed)
    _want(key, None)


def _wait(key: str, drawn: str) -> None:
    """How far it is. The page is drawn anew when that is no longer what it was `drawn` with: polling begins or ends, curves come."""
    wanted = _wanted(key)
    answer = _look(key) if wanted is not None else None
    if answer is not None and answer.state == "ready":
        kept.show_seed(key, wanted or 0)
        _want(key, None)
        st.rerun()
    if drawn != (answer.state if answer else ""):
        st.rerun()
    if answer is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if answer.state == "working":
            waits = f" {session.plain(answer.message)}" if answer.message else ""
            st.markdown(f":material/hourglass_top: Training both with seed {wanted}, {answer.seconds:.0f} s so far.{waits}")
            st.button("Cancel", key="museum_cancel", on_click=_drop, args=(key, wanted))
        else:
            told = answer.message or "It was cancelled."
            st.markdown(f":material/error: :red[Seed {wanted} was not trained.] {session.plain(told)}")
            st.button("Try again", key="museum_retry", on_click=_ask, args=(key, wanted))
            st.button("Leave it", key="museum_leave", on_click=_drop, args=(key, wanted))
