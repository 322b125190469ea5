"""The runs that can be treated, called patients: one card for each cause, described by what one sees.

Session keys owned here: `collapse_new`, `collapse_pause`, `collapse_seed`, `collapse_take_*`.
"""

from __future__ import annotations

import streamlit as st

from pages.ui import number, session
from pages.ui.collapse.case import ARMS, PRESET
from pages.ui.parts import hint
from pages.ui.terms import help_text
from vqcore.clinic import arms
from vqcore.clinic.causes import CAUSES
from vqcore.control import Command

SEEDS = number.Range(0, 2**31 - 1)
PATIENT = "A patient is a training run whose codes die: guess why, then treat it."
CARD = 288  # pixels: three abreast where there is room


def offer() -> None:
    """The button that opens the dialog. Call it outside of what ticks: a tick would close the dialog."""
    if st.button("New patient", icon=":material/personal_injury:", type="primary", key="collapse_new"):
        choose()


@st.dialog("Choose a patient", width="large", icon=":material/personal_injury:")
def choose() -> None:
    st.markdown(
        f"{PATIENT} Each is trained twice, side by side: same seed, batches and initial weights. "
        "The left one stays as it is; you treat the right."
    )
    cards()


def cards() -> None:
    """A card a patient, and how it is to be trained. One click starts both runs and opens them."""
    if session.engine().health().state == "starting":
        st.caption("The engine is warming up. Take a patient all the same: it begins by itself.")
    with st.container(horizontal=True, gap="small", key="collapse_cards"):
        for place, (key, cause) in enumerate(CAUSES.items(), start=1):
            with st.container(border=True, width=CARD, height="stretch"):
                st.markdown(f"**{place}. {cause.patient}**  \n{cause.symptom}")
                if st.button("Take this patient", key=f"collapse_take_{key}", icon=":material/play_arrow:", width="stretch"):
                    take(key)
        with st.container(border=True, width=CARD, height="stretch"):
            st.markdown(f"**{arms.TITLE}.** {arms.SENTENCE}")
            if st.button("Train all three", key="collapse_arms", icon=":material/play_arrow:", width="stretch"):
                take(ARMS)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.toggle(
            "Pause both when it is time to treat",
            value=True,
            key="collapse_pause",
            help="They stop and wait at the step that the patient's card was written for. Without it they train to their end.",
        )
        number.number("Seed", SEEDS, 0, key="collapse_seed", width=200, help=help_text("seed"))


def take(key: str) -> None:
    """Start the runs of a patient, or those to compare, open the last of them, and draw the page anew."""
    seed = number.whole("collapse_seed", 0)
    if seed is None:
        st.error(f"Nothing was started. Seed: {session.plain(number.problem('collapse_seed'))}", icon=":material/rule:")
        return
    with session.errors_shown():
        if key == ARMS:
            open_arms(seed=seed)
        else:
            open_patient(key, seed=seed, pause=bool(st.session_state.get("collapse_pause", True)))
        st.rerun()


def open_patient(key: str, *, seed: int = 0, pause: bool = True) -> None:
    """Two runs of the patient `key` in step, in line for training; with `pause`, both stop at its `treat_at`. Raises VQError."""
    cause, who = CAUSES[key], session.owner()
    config = cause.config.edited({"train.seed": seed})
    name = cause.patient if seed == 0 else f"{cause.patient}, seed {seed}"
    store, engine = session.store(), session.engine()
    left, right = store.create_group(
        (config, config), names=(f"{name}: left", f"{name}: right"), owner=who.hash, nickname=who.nickname, preset=PRESET + key
    )
    session.open_run(right.id)
    engine.submit(left.id)
    if pause:
        # after the submission: what a run was told before it was put in line for this attempt does not count
        for side in (left, right):
            side.send(Command("step", author=who.hash, nickname=who.nickname, steps=cause.treat_at))


def open_arms(*, seed: int = 0) -> None:
    """The runs that show why codes die, in step, in line for training. Raises VQError."""
    who = session.owner()
    name = arms.TITLE if seed == 0 else f"{arms.TITLE}, seed {seed}"
    runs = session.store().create_group(
        [arm.config.edited({"train.seed": seed}) for arm in arms.ARMS],
        names=[f"{name}: {arm.title.lower()}" for arm in arms.ARMS],
        owner=who.hash,
        nickname=who.nickname,
        preset=PRESET + ARMS,
    )
    session.open_run(runs[-1].id)
    session.engine().submit(runs[0].id)


def missing() -> None:
    """In the place of the films when nothing has been trained and no example is there."""
    st.info(
        "Here a collapsing run is shown beside the same run treated: codes that die, what was done, and whether they came back.",
        icon=":material/lightbulb:",
    )
    hint("Take a patient (a training run whose codes die), guess why, and treat the run on the right.")
    cards()


def failed() -> None:
    """Why nobody can be treated, where that is so."""
    health = session.engine().health()
    if health.state == "failed":
        st.error(f"The engine failed, so nobody can be treated now. {session.plain(health.message)}", icon=":material/error:")
