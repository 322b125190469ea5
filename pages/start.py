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
    st.markdown("That was the tour. Everything is in the sidebar now; these screens show more of each card.")
    bar.rest()
else:
    card = cards.CARDS[here - 1]
    bar.top(here, card.title)
    st.markdown(card.act)
    seen = ""
    with session.errors_shown():
        seen = card.show()
    bar.bottom(here, seen)
scroll.to_top(f"card {here}")
