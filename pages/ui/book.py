"""Which codebook of the open run is shown, where it has several: one picker above the page, for all screens that show a book.

Session keys owned here: `book`, `frame_book`. The address carries `?book=<number from 1>`.
"""

from __future__ import annotations

import streamlit as st

from pages.ui import query, session
from pages.ui.screens import SCREENS
from vqcore.config.run import RunConfig
from vqcore.errors import VQError
from vqcore.runs.folder import RunFolder

QUERY = "book"


def names(config: RunConfig) -> list[str]:
    """What the books of a model are called, in the order of the indices; with their level where it has several."""
    levels = config.levels()
    return [(f"{level.name}: {book.name}" if len(levels) > 1 else book.name).capitalize() for level in levels for book in level.books]


def chosen(run: RunFolder) -> int:
    """The place of the chosen book among those of `run`; the first where it has not so many."""
    book = int(st.session_state.get("book", 0))
    return book if book < len(run.config().books()) else 0


def picker(screen: str) -> None:
    """Once a script run, before the page: take the book from the address; the choice, on screens that show a book of several."""
    asked = query.asked(QUERY)
    if asked is not None:
        st.session_state["book"] = max(0, int(asked) - 1) if asked.isdecimal() and len(asked) < 4 else 0
    try:
        opened, run = session.current_run(), session.current_model()
        # on Train a prior itself is watched, not the model whose codes it learns
        watched = screen == "train" and opened is not None and session.parent_of(opened) is not None
        found = names(run.config()) if run is not None else []
        book = chosen(run) if run is not None else 0
    except VQError:  # the page says why
        return
    query.put(QUERY, str(book + 1) if book else "")
    if len(found) < 2 or watched or not SCREENS[screen].shows_book:
        return
    st.session_state["frame_book"] = book
    st.segmented_control(
        "Codebook",
        range(len(found)),
        format_func=found.__getitem__,
        required=True,
        key="frame_book",
        label_visibility="collapsed",
        on_change=_picked,
    )


def _picked() -> None:
    st.session_state["book"] = int(st.session_state["frame_book"])
