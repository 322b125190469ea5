"""What a screen says when there is neither a run nor an example: what it will show, and a button that makes it so."""

from __future__ import annotations

import streamlit as st

from pages.ui import session
from pages.ui.screens import page_of
from vqcore.errors import RunError


def no_run(promise: str) -> None:
    """`promise` says what this screen shows once a run is open."""
    st.info(promise, icon=":material/lightbulb:")
    ready = [entry for entry in session.store().list() if entry.figures and not entry.problem and entry.kind == "model"]
    newest = next((entry.id for entry in ready if not entry.read_only and not entry.sweep), "")
    with st.container(horizontal=True):
        if newest:
            st.button(
                "Open the newest run", type="primary", icon=":material/folder_open:", on_click=_open, args=(newest,), key="empty_newest"
            )
        if st.button("Train a model", type="secondary" if ready else "primary", icon=":material/play_circle:", key="empty_train"):
            st.switch_page(page_of("train"))


def _open(run_id: str) -> None:
    try:
        session.open_run(run_id)
    except RunError as error:  # deleted since the button was drawn
        session.report(str(error))
