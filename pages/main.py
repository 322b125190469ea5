"""Navigation and the frame around every page. Run by `app.py`, or by itself."""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parent.parent
ICON = str(ROOT / "assets" / "icon.svg")  # a Material icon would be fetched from the network
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from pages.ui import book, frame, link, projector, query, session, share  # noqa: E402  (needs the path above)
from pages.ui.lessons import answering, banner  # noqa: E402
from pages.ui.screens import SCREENS, page_of  # noqa: E402
from pages.ui.tour import door  # noqa: E402

st.set_page_config(page_title="VQ Lab", page_icon=ICON, layout="wide", initial_sidebar_state="auto")
st.logo(ICON, size="large")

sections: dict[str, list[st.Page]] = {}
for name, screen in SCREENS.items():
    sections.setdefault(screen.section, []).append(
        st.Page(page_of(name), title=screen.title, icon=screen.icon, url_path=name, default=not sections)
    )
query.carry("run", book.QUERY, link.ALONG, projector.QUERY)
page = st.navigation(sections, expanded=True)

with session.errors_shown():
    query.arrive(page.url_path)
    session.attach()
    link.arrive(page)
    door.enter(page)
    frame.sidebar()
    book.picker(page.url_path or next(iter(SCREENS)))
    answering.note_run()
    banner.show(page.url_path or next(iter(SCREENS)))
    share.room()
    page.run()
