"""What the cards with a run share: a fragment that follows it, a row with the one act, a line that says what goes on.

Session keys owned here: `tour_tried`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui import live, session
from pages.ui.tour import progress, runs

POLL = 1.0  # seconds
CLEAR = 0.65  # of the mean picture's error


def follow(card: str, body: Callable[[live.View | None], None]) -> None:
    """Draw `body` of the card's run (None: not started), again each second while that goes on."""
    now = _stand(runs.view(card))
    st.fragment(_tick, run_every=POLL if now[1] == "live" else None)(card, body, now)


def _tick(card: str, body: Callable[[live.View | None], None], was: tuple[str, str]) -> None:
    with session.errors_shown():
        view = runs.view(card)
        if _stand(view) != was or newly_tried():
            st.rerun()  # polling begins or ends, and the summary is drawn
        body(view)


def _stand(view: live.View | None) -> tuple[str, str]:
    return ("", "none") if view is None else (view.folder.id, "ended" if view.ended else "live")


def tried(card: str) -> None:
    """Note that the card's act was done. In a callback of a fragment, whose next run then asks for the whole page."""
    if card not in progress.read().tried:
        progress.tried(card)
        st.session_state["tour_tried"] = True


def newly_tried() -> bool:
    """Whether an act was done since this was last asked."""
    return bool(st.session_state.pop("tour_tried", False))


def clear(view: live.View) -> bool:
    """Whether all codes are in use and digits can be told apart: on a busy machine that comes long before the last step."""
    now = view.evaluation
    return now is not None and now.books[0].used == now.books[0].K and now.nmse < CLEAR * now.nmse_mean_picture


def broken_off(view: live.View) -> bool:
    """Whether the run ended before its last step."""
    return view.ended and view.state != "finished"


def row() -> DeltaGenerator:
    """The row of the act and its note, of one height whatever it holds."""
    return st.container(horizontal=True, vertical_alignment="center", gap="small", key="tour_act")


def act(label: str, icon: str, key: str, do: Callable[..., None], *args: Any, off: bool = False, first: bool = True) -> None:
    """The card's one act; `first`: it is what comes next."""
    st.button(label, icon=icon, key=key, on_click=do, args=args, type="primary" if first and not off else "secondary", disabled=off)


def note(text: str) -> DeltaGenerator:
    """What goes on, beside the act; the place of the words, for others to take theirs."""
    with st.container(width="stretch"):
        place = st.empty()
    place.markdown(text)
    return place


def problem(view: live.View | None) -> None:
    """What went wrong, where something did."""
    if said := runs.problem(view):
        st.error(said, icon=":material/error:")
