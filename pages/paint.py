"""Paint: an index grid by hand, and what the decoder makes of it."""

from __future__ import annotations

import streamlit as st

from pages.ui import models, needed, session, terms
from pages.ui.empty import no_run
from pages.ui.paint import canvas, code, keep, second, whole
from pages.ui.paint import state as paint
from pages.ui.paint.draw import draw_one
from pages.ui.paint.source import Source, missing, source
from pages.ui.parts import hint
from pages.ui.screens import header
from vqcore.errors import VQError
from vqcore.runs.folder import RunFolder

POLL = 0.3  # seconds between looks while the model is loaded
BELOW = ("Whole grid", "Draw one", "Prior", "Save and share")


def board(run: RunFolder, waiting: bool) -> None:
    """The canvas. A fragment of its own with nothing beside it: whatever stands here is computed after every stroke."""
    with session.errors_shown():
        easel, problem = None, models.problem()
        if models.ready():
            try:
                easel = models.painter(run)
            except VQError as error:  # the grid stays on the canvas, whatever became of the run
                problem = str(error)
        elif not problem:
            # the first look draws stored pictures alone: loading begins with the second, when they are on their way
            looks = st.session_state["paint_looks"] = st.session_state.get("paint_looks", 0) + 1
            if looks > 1:
                models.warm()
        if waiting and (easel is not None or problem):
            st.rerun()  # polling ends
        found = source(run)
        canvas.canvas(found, easel, second.scorer(found) if easel is not None else None, problem)


def below(found: Source) -> None:
    """What is done to the grid as a whole; only the open part is computed."""
    with session.errors_shown():
        if paint.taken():
            st.rerun()
        parts = st.tabs(list(BELOW), key="paint_below", on_change="rerun")
        for part, show in zip(parts, (whole.show, draw_one, second.show, keep.show), strict=True):
            if part.open:
                with part:
                    show(found)
        if paint.taken():
            st.rerun()


header("paint")
opened = second.model_or_example()
if opened is None:
    no_run("Here an image's index grid lies on the table: exchange tiles by hand, and the decoder redraws the picture at every stroke.")
elif not needed.served("paint", opened):
    pass
elif why := missing(opened):
    st.info(why, icon=":material/info:")
else:
    second.note(opened)
    with session.errors_shown():
        found = source(opened)
        paint.paintable(found.layout)
        keep.from_link(found)
        waiting = not models.ready() and not models.problem()
        st.fragment(board, run_every=POLL if waiting else None)(opened, waiting)
        paint.taken()
        if models.problem():
            st.button("Try again", icon=":material/refresh:", on_click=models.warm, key="paint_again")
        hint(
            "Right-click or long-press a tile to take its code, then paint that code somewhere else. "
            "How many pixels changed, and how far from the tile?"
            if found.layout.length > 1
            else "This model gives a picture a single code. Paint another one: the whole picture changes, and each code has its own."
        )
        st.fragment(below)(found)
        terms.words(
            "index", "latent_grid", "code", "decoded_code", "cell_field", "surprise", "raster_order", "resampling", "gibbs", key="paint"
        )
        code.show(found)
