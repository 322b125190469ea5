"""Card 1: a photograph redrawn with K colours. Everything is computed in the browser. Session keys owned here: `tour_palette`."""

from __future__ import annotations

import base64
import io
from functools import cache

import streamlit as st
from PIL import Image

from pages.ui import session
from pages.ui.component import component
from pages.ui.tour import progress
from vqcore.data.scikit import scikit_file
from vqcore.errors import DataError

NAME = "palette"
KEY = "tour_palette"
SIZE = (480, 320)  # pixels, width and height
BOX = (0, 0, 640, 427)  # of the photograph

_component = component("palette", "kmeans", "../shared/arrows", "component")


def show() -> str:
    """Draw the card; its summary, once the slider was moved."""
    try:
        picture = photograph()
    except DataError as error:
        st.warning(session.plain(str(error)), icon=":material/hide_image:")
        return ""
    tried = NAME in progress.read().tried
    state = st.session_state.get(KEY) or {}
    colours = state.get("colours")
    data = {"picture": picture, "tried": tried, "colours": colours}
    _component(key=KEY, data=data, default={"colours": None}, on_colours_change=_moved)
    K = int(colours) if isinstance(colours, int | float) else 8
    return (
        f"You quantised a picture: every pixel became the number of its nearest colour, one of {K}. "
        "The list of colours is a **codebook**, each colour a **code**."
        if tried
        else ""
    )


def _moved() -> None:
    progress.tried(NAME)


@cache
def photograph() -> str:
    """The photograph as a JPEG, inline. Raises DataError where scikit-learn's is missing."""
    with Image.open(scikit_file("images/china.jpg")) as whole:
        small = whole.convert("RGB").crop(BOX).resize(SIZE, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=90)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
