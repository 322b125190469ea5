"""Codes × time: lines that end where codes die, and begin again where they are revived. Session keys owned here: `codes_sort`."""

from __future__ import annotations

import streamlit as st

from pages.ui.chart import chart
from pages.ui.codes.look import Seen
from pages.ui.terms import help_text
from vqcore.plots.codes import SORTS, Sort, lives

TALL = 460  # pixels
_TITLES: dict[Sort, str] = {"first death": "First death", "usage": "Usage", "index": "Index"}


def show(seen: Seen, code: int | None) -> None:
    """Draw the heat map; the selected code's row is marked."""
    film = seen.film
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        sort: Sort = st.segmented_control(
            "Sort by",
            list(SORTS),
            format_func=lambda name: _TITLES[name],
            key="codes_sort",
            default="first death",
            required=True,
            persist_state="session",
        )
        st.markdown(_told(seen), help=help_text("lives", "dead", "revival"), width="stretch")
    chart(lives(film.steps, film.hits, film.dead, sort=sort, selected=code, marks=seen.marks), "codes_lives", TALL, of=seen.run.id)


def _told(seen: Seen) -> str:
    dead = seen.film.dead
    died = int((dead[1:] & ~dead[:-1]).any(axis=0).sum())
    back = int((~dead[1:] & dead[:-1]).any(axis=0).sum())
    if not seen.learned:
        return (
            f"Each line is a code: it ends where the code goes out of use and begins where it comes into use. Of {seen.K} codes {died} "
            f"went out of use at some time, and {back} came into use after the first snapshot. Unused at step {seen.last:,}: "
            f"{int(dead[-1].sum())}."
        )
    return (
        f"Each line is a code: it ends where the code dies and begins where it comes to life. Of {seen.K} codes {died} died at some time, "
        f"and {back} came to life after the first snapshot. Dead at step {seen.last:,}: {int(dead[-1].sum())}."
    )
