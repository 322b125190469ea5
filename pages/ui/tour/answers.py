"""Card 2: a digit, chosen or drawn, snaps to one of a model's sixteen pictures. Needs no engine; a drawing needs the models.

Session keys owned here: `tour_answers`, `tour_pad`, `tour_draw`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from pages.ui import models, session
from pages.ui.component import component
from pages.ui.sketch import drawn, sketch
from pages.ui.tour import bundled, progress, stage
from pages.ui.tour.frames import packed
from vqcore.colours import CodeColours
from vqcore.errors import VQError
from vqcore.records import BookSnapshot, Gallery
from vqcore.runs.folder import RunFolder

NAME = "snap"
KEY = "tour_answers"
PAD = "tour_pad"
POLL = 0.5  # seconds between looks while the models are loaded

_component = component("answers")


def show() -> str:
    """Draw the card; its summary, once a digit has snapped."""
    run = bundled.run()
    if run is None:
        st.warning(
            "The model that comes with the program is missing. Go on with the next card: it trains one.", icon=":material/search_off:"
        )
        return ""
    drawing = bool(st.session_state.get("tour_draw"))
    waiting = drawing and not models.ready() and not models.problem()
    st.fragment(_body, run_every=POLL if waiting else None)(run, waiting)
    return (
        "Whatever you show it, the model answers with one of its 16 pictures: the encoder's output **snapped** to the nearest **code**, "
        "and the decoder drew that code. All that is kept of the digit is the code's **index**, 4 bits."
        if NAME in progress.read().tried
        else ""
    )


def _body(run: RunFolder, waited: bool) -> None:
    with session.errors_shown():
        if stage.newly_tried() or (waited and (models.ready() or models.problem())):
            st.rerun()
        own = bool(st.session_state.get("tour_draw"))
        drawing, said = _drawn(run) if own else (None, "")
        st.toggle("Draw one yourself", key="tour_draw", on_change=_opened)
        tried = NAME in progress.read().tried
        data: dict[str, Any] = {"model": _model(str(run.path)), "tried": tried, "drawn": drawing, "drawing": own}
        if not own:
            _answers(data)
            return
        left, right = st.columns((1, 2))
        with left:
            sketch(PAD, *_size(run), size=220, on_change=_sketched)
            st.caption(said)
        with right:
            _answers(data)


def _answers(data: dict[str, Any]) -> None:
    _component(key=KEY, data=data, default={"snapped": None}, on_snapped_change=_snapped)


def _opened() -> None:
    if st.session_state.get("tour_draw"):
        models.warm()


def _snapped() -> None:
    stage.tried(NAME)


def _sketched() -> None:
    st.session_state["tour_sketched"] = st.session_state.get("tour_sketched", 0) + 1
    stage.tried(NAME)


def _drawn(run: RunFolder) -> tuple[dict[str, Any] | None, str]:
    """The drawing with its code, or None; and what to say under the pad."""
    picture = drawn(PAD, *_size(run))
    if models.problem():
        return None, session.plain(models.problem())
    if picture is None:
        return None, "Draw a digit, 0 to 9, as large as the pad." + ("" if models.ready() else " The model is being loaded meanwhile.")
    if not models.ready():
        return None, "The model is being loaded: it takes a few seconds, once. Your drawing snaps when it is there."
    try:
        easel = models.painter(run)
        code = int(easel.encode(picture.copy())[0])
    except VQError as error:
        return None, session.plain(str(error))
    return {
        "picture": packed(picture),
        "code": code,
        "at": st.session_state.get("tour_sketched", 0),
    }, "Draw on: it snaps after every stroke."


def _size(run: RunFolder) -> tuple[int, int]:
    snapshot = run.snapshot()
    assert snapshot is not None
    return snapshot.books[0].decoded.shape[1], snapshot.books[0].decoded.shape[2]


@st.cache_resource(max_entries=4, show_spinner=False)
def _model(path: str) -> str:
    """The message of a model: its pictures, and digits with their codes."""
    run = RunFolder(Path(path), read_only=True)
    gallery, snapshot = run.gallery(), run.snapshot()
    assert gallery is not None and snapshot is not None
    return message(gallery, snapshot.books[0])


def message(gallery: Gallery, book: BookSnapshot) -> str:
    """JSON. The first ten digits are one of each label, where there is one."""
    labels = gallery.labels if len(gallery.labels) else np.zeros(len(gallery.inputs), dtype=np.int64)
    firsts = [int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels)]
    order = firsts + [i for i in range(len(labels)) if i not in firsts]
    codes = gallery.indices[0].reshape(len(gallery.inputs), -1)[:, 0]
    return json.dumps(
        {
            "tile": book.decoded.shape[1:],
            "inputs": packed(gallery.inputs[order]),
            "labels": [str(int(labels[i])) for i in order],
            "codes": [int(codes[i]) for i in order],
            "sheet": packed(book.decoded),
            "colours": CodeColours.fit(book.codebook.astype(np.float32), book.validation_usage > 0).codes.tolist(),
        }
    )
