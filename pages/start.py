"""Start: the first five minutes, five cards, one thing and one act each. Afterwards all other screens are in the sidebar."""

from __future__ import annotations

import streamlit as st

from pages.ui import scroll, session
from pages.ui.screens import header
from pages.ui.tour import bar, cards

here = cards.current()
cards.keep(here)
if here == cards.LAST:
    header("start")
    st.markdown(
        "That was the tour of **VQ Lab**: you have seen all parts of a **VQ-VAE**. Everything is in the sidebar now; these screens show "
        "more of each card."
    )
    bar.rest()
else:
    card = cards.CARDS[here - 1]
    bar.top(here, card)
    summary = ""
    with session.errors_shown():
        summary = card.show()
    bar.bottom(here, summary)
scroll.to_top(f"card {here}")
