"""The lines of Python behind Paint: the grid on the canvas, decoded against the one that it began as."""

from __future__ import annotations

import streamlit as st

from pages.ui import session, showcode
from pages.ui.paint import state
from pages.ui.paint.canvas import picture_name
from pages.ui.paint.source import Source
from vqcore.snippets import looking
from vqcore.snippets.snippet import Snippet


def show(source: Source) -> None:
    """The button. A fragment of its own: the page is not run anew by strokes, which this reads."""
    with session.errors_shown():
        st.fragment(showcode.show)("paint", lambda: [_grid(source)])


def _grid(source: Source) -> Snippet:
    last = state.pushed(source.of)
    picture = last.picture if last is not None else None
    before = source.codes[0] if picture is None else picture.codes
    names = [picture_name(source, image) for image in range(len(source.codes))]
    image = 0 if picture is None else names.index(picture.name) if picture.name in names else None
    start = None
    if image is not None and source.settled:
        kind = "samples" if session.parent_of(source.run) is not None else "gallery"
        start = kind, source.drawn_at if kind == "gallery" else max(source.run.sample_steps()), image
    return looking.painted(source.run, before, state.current(source), start)
