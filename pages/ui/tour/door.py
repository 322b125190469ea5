"""Who comes in by which door: a newcomer meets Start alone; a link to a screen or to a run leads there. Session key: `tour_arrived`."""

from __future__ import annotations

import streamlit as st

from pages.ui.screens import page_of
from pages.ui.tour import progress

_ALONE = """<style>
[data-testid="stSidebar"], [data-testid="stExpandSidebarButton"], [data-testid="stSidebarCollapsedControl"] { display: none !important; }
</style>"""


def enter(page: st.Page) -> None:
    """Once a script run, before the frame is drawn. `page` is the one that is shown; Start is the default one."""
    arrived = "tour_arrived" not in st.session_state
    st.session_state["tour_arrived"] = True
    if page.url_path:  # another screen
        return
    if arrived and "run" in st.query_params and "card" not in st.query_params:  # an address from before there was Start, or a short one
        st.switch_page(page_of("train"))
    if not progress.read().done:
        st.html(_ALONE)
