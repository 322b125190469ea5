"""The run that a screen shows: the open one, or the example when none is open, which is said in one line."""

from __future__ import annotations

import streamlit as st

from pages.ui import session
from vqcore.errors import RunError
from vqcore.runs.folder import RunFolder


def model_shown() -> RunFolder | None:
    """The model to show, and the line that names it where it is not the open run: a prior's model, or the example when none is open.

    None when the open run is a prior whose model was deleted, and where no example comes with the program.
    """
    run = session.current_model()
    if run is not None or session.current_run() is not None:
        if note := session.model_note():
            st.caption(note)
        return run
    run = folder_of(session.example())
    if run is not None:
        say(run)
    return run


def folder_of(run_id: str) -> RunFolder | None:
    """The run of that id; None for "" and for one that has been deleted since it was listed."""
    try:
        return session.store().get(run_id) if run_id else None
    except RunError:
        return None


def say(run: RunFolder) -> None:
    """The line above an example that nobody opened."""
    with st.container(key="example_line"):
        st.caption(f"No run is open: this is the example, {session.plain(run.about().name)}.")
