"""The tour's five cards in their order, and where each visitor is. Session keys owned here: `tour_card`.

The address carries `?card=3` once one has gone on. A card's module draws it and returns the sentence that sums it up, once its act is done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from pages.ui import query
from pages.ui.tour import answers, broken, grid, palette, progress, train


@dataclass(frozen=True, slots=True)
class Card:
    """`name` is what progress knows it by; `question` stands beside the title, as markdown; `words` are in the glossary."""

    name: str
    title: str
    question: str
    words: tuple[str, ...]
    show: Callable[[], str]


CARDS: tuple[Card, ...] = (
    Card(
        palette.NAME,
        "A palette",
        "Which colours survive when a photograph may have only a few? **Drag the slider.**",
        ("palette", "quantisation", "code", "codebook", "bits_per_pixel", "kmeans"),
        palette.show,
    ),
    Card(
        answers.NAME,
        "Snap a digit",
        "This model can draw only these 16 pictures. **Choose a digit.**",
        ("contact_sheet", "quantisation", "single_vector", "index", "encoder", "decoder"),
        answers.show,
    ),
    Card(
        train.NAME,
        "Train sixteen pictures",
        "Where do the 16 pictures come from?",
        ("code", "z_e", "cell", "codebook", "nmse", "mean_picture"),
        train.show,
    ),
    Card(
        broken.NAME,
        "Break it, cure it",
        "What if all codes start far away from the digits?",
        ("collapse", "dead", "used_validation", "revival", "nmse"),
        broken.show,
    ),
    Card(
        grid.NAME,
        "A grid of codes",
        "One code draws 16 pictures. How many can 4×4 codes draw?",
        ("latent_grid", "index", "capacity", "decoder", "cell"),
        grid.show,
    ),
)
LAST = len(CARDS) + 1  # what comes after them: where to go from here


def current() -> int:
    """The card that is open, from 1; LAST after the tour. The address goes first, then this session, then what is kept of the owner."""
    asked = query.place("card")
    here = int(asked) if asked.isascii() and asked.isdigit() and 1 <= int(asked[:3]) <= LAST else 0
    if here:  # typed, linked, or gone back to
        st.session_state["tour_card"] = here
    if "tour_card" not in st.session_state:
        kept = progress.read().card
        st.session_state["tour_card"] = kept if 1 <= kept <= LAST else 1
    return int(st.session_state["tour_card"])


def keep(card: int) -> None:
    """Note where the visitor is: in the address, and beside the runs."""
    query.keep_place("card", str(card), default=str(card))  # the card is kept beside the runs
    if progress.read().card != card:
        progress.change(card=card)


def go(card: int) -> None:
    """Callback: open that card. Past the last one the tour is done."""
    st.session_state["tour_card"] = min(max(card, 1), LAST)
    if card >= LAST:
        progress.change(done=True)


def skip() -> None:
    """Callback: show everything."""
    go(LAST)
