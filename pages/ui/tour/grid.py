"""Card 5: a grid of codes instead of one, and tiles that are painted. Session keys owned here: `tour_mosaic`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from pages.ui import live, models, session
from pages.ui.component import component
from pages.ui.serial import serial
from pages.ui.tour import progress, runs, stage
from pages.ui.tour.frames import packed
from vqcore.colours import CodeColours
from vqcore.config.tour import K
from vqcore.errors import VQError

NAME = "grid"
KEY = "tour_mosaic"
DIGIT = 0  # of the gallery
TRAINED = "Trained. Choose a code below, then **press or drag over tiles** of the middle picture."
TRIED = "Paint on: how far does one tile reach?"

_component = component("mosaic", "../shared/arrows", "../shared/ink", "component")


def show() -> str:
    """Draw the card; its summary, once a tile was painted."""
    stage.follow(NAME, _body)
    if NAME not in progress.read().tried:
        return ""
    return (
        "A picture is now a **latent grid** of 4×4 **indices**: 16 pictures became 16¹⁶, about 18 billion billion, and 4 bits became 64. "
        "You changed indices, and the **decoder** drew another picture."
    )


def _body(view: live.View | None) -> None:
    line = None
    with stage.row():
        if view is None or stage.broken_off(view):
            stage.act("Train a grid", ":material/play_arrow:", f"tour_begin_{NAME}", runs.begin, NAME)
            stage.note("**Press Train a grid**: sixteen codes again, but one for each of 4×4 places. Then paint with them.")
        elif not view.ended:
            models.warm()  # the painting needs them
            stage.act("Training", ":material/hourglass_top:", f"tour_wait_{NAME}", runs.send, NAME, off=True)
            stage.note(runs.waits(view) or f"Step {view.at:,} of {view.config.train.steps:,}. It takes a few seconds.")
        else:
            stage.act("Train again", ":material/replay:", f"tour_begin_{NAME}", runs.begin, NAME, first=False)
            line = stage.note(TRIED if NAME in progress.read().tried else TRAINED)
    stage.problem(view)
    if view is None or view.gallery is None or view.snapshot is None or view.evaluation is None:
        st.info("Here you will see a digit, its sixteen codes, and what the decoder makes of them.", icon=":material/grid_on:")
        return
    _mosaic(view, line)


def _mosaic(view: live.View, line: DeltaGenerator | None) -> None:
    gallery, snapshot, evaluation = view.gallery, view.snapshot, view.evaluation
    assert gallery is not None and snapshot is not None and evaluation is not None
    of = f"{view.folder.id} {'done' if view.ended else 'live'}"
    own = gallery.indices[0][DIGIT].astype(np.int64)
    painted, answers = _painted(of, own.size)
    picture = gallery.reconstructions[DIGIT]
    ready = view.state == "finished"
    if painted is not None and ready:
        try:
            if line is not None and not models.ready():
                line.markdown("The model is being loaded on the server: a few seconds, once.")
            picture = models.painter(view.folder).decode(painted)
            if line is not None:
                line.markdown(TRIED)
        except VQError as error:
            st.error(session.plain(str(error)), icon=":material/error:")
    book = snapshot.books[0]
    data: dict[str, Any] = {
        "of": of,
        "original": packed(gallery.inputs[DIGIT]),
        "picture": packed(picture),
        "tile": gallery.inputs.shape[1:],
        "shape": own.shape,
        "own": own.reshape(-1).tolist(),
        "painted": None if painted is None else painted.tolist(),
        "answers": answers,
        "colours": CodeColours.fit(book.codebook.astype(np.float32), book.validation_usage > 0).codes.tolist(),
        "ready": ready,
        "tried": NAME in progress.read().tried,
        "figures": [
            ("Step", f"{evaluation.step:,}"),
            ("Codes used", f"{evaluation.books[0].used} of {K}"),
            ("Error", f"{evaluation.nmse:.2f} (mean picture {evaluation.nmse_mean_picture:.2f})"),
        ],
    }
    data["serial"] = serial(KEY, json.dumps(data))
    _component(key=KEY, data=data, default={"painted": None}, on_painted_change=_was_painted)


def _painted(of: str, cells: int) -> tuple[NDArray[np.int64] | None, int]:
    """The grid as painted (M,), and the number of that message; None while it is the digit's own. What cannot be a grid is passed over."""
    message = (st.session_state.get(KEY) or {}).get("painted")
    if not isinstance(message, dict) or message.get("of") != of:
        return None, 0
    codes, seq = message.get("codes"), message.get("seq")
    good = isinstance(codes, list) and len(codes) == cells and all(isinstance(code, int) and 0 <= code < K for code in codes)
    return (np.array(codes, dtype=np.int64), int(seq)) if good and isinstance(seq, int) else (None, 0)


def _was_painted() -> None:
    stage.tried(NAME)
