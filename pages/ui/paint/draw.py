"""Draw an image, and have the encoder choose its codes. Session keys owned here: `paint_draw_*`."""

from __future__ import annotations

import hashlib

import numpy as np
import streamlit as st

from pages.ui import models, session
from pages.ui.paint import state
from pages.ui.paint.source import Source
from pages.ui.paint.state import Picture
from pages.ui.pictures import show, strip
from pages.ui.sketch import drawn, sketch
from vqcore.errors import VQError

PAD = "paint_draw_pad"
DRAWING = "Drawing"


def draw_one(source: Source) -> None:
    """The pad. Each stroke's picture goes to the canvas as soon as it ends."""
    if not models.ready():
        st.info("The encoder is being loaded.", icon=":material/hourglass_top:")
        return
    height, width, channels = source.pictures.shape[1:]
    background = int(np.median(source.pictures))
    left, right = st.columns([3, 1], gap="medium")
    with left:
        sketch(PAD, height, width, channels=channels, background=background, ink=255 - background, on_change=lambda: _encode(source))
    with right:
        st.markdown(
            "Whatever you draw, the model answers with codes that it learnt from its own data. Draw something that is not among them: "
            "what does the reconstruction make of it?"
        )
        _answer(source)


def _answer(source: Source) -> None:
    """What the model made of the drawing, beside the pad: the grid in its codes' colours, and the reconstruction."""
    last = state.pushed(source.of)
    if last is None or last.label != DRAWING:
        return
    decoded = models.painter(source.run).decode(last.codes)
    for grid, palette, codes in zip(source.layout.grids, source.palettes, source.layout.split(last.codes[None]), strict=True):
        side = grid.shape if len(grid.shape) == 2 else (1, grid.cells)
        of = f" of {grid.name}" if len(source.layout.grids) > 1 else ""
        show(strip(f"Its codes{of}: one code, one colour", palette.colours[codes].reshape(*side, 3), f"the codes{of} of your drawing"))
    show(strip("Reconstruction, from these codes alone", decoded, "the reconstruction of your drawing"))


def _encode(source: Source) -> None:
    """A callback, when a stroke has ended."""
    height, width, channels = source.pictures.shape[1:]
    picture = drawn(PAD, height, width, channels)
    if picture is None:
        return
    try:
        codes = models.painter(source.run).encode(picture)
    except VQError as error:
        st.toast(session.plain(str(error)), icon=":material/error:")
        return
    name = hashlib.blake2b(picture.tobytes(), digest_size=9).hexdigest()
    state.push(source.of, DRAWING, codes, Picture(f"{source.of}-{source.stamp.hash}-drawn-{name}", "your drawing", codes, picture))
