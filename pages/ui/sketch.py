"""A pad to draw a picture on, at the data's own resolution: by mouse, pen, finger or keyboard. Used by any screen that takes a drawing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.ui.component import component

_component = component("sketch")


def sketch(
    key: str,
    height: int,
    width: int,
    *,
    channels: int = 1,
    background: int = 0,
    ink: int = 255,
    size: int = 280,
    on_change: Callable[[], None] | None = None,
) -> NDArray[np.uint8] | None:
    """What is drawn, uint8 (height, width, channels), or None while the pad is empty.

    `background` and `ink`: 0 to 255, what an empty pixel and a full stroke are; colours are chosen on the pad where `channels` is 3.
    `size`: pixels on the screen of the longer side, at most. Reports when a stroke ends; `on_change` is called before the script runs.
    """
    data = {"height": height, "width": width, "channels": channels, "background": background, "ink": ink, "size": size}
    _component(key=key, data=data, default={"drawing": None}, on_drawing_change=on_change or _nothing)
    return drawn(key, height, width, channels)


def drawn(key: str, height: int, width: int, channels: int = 1) -> NDArray[np.uint8] | None:
    """What is on the pad of that key, as the browser last said. For `on_change`."""
    state: Any = (st.session_state.get(key) or {}).get("drawing")
    if not isinstance(state, dict) or not isinstance(state.get("pixels"), str):
        return None
    try:
        raw = base64.b64decode(state["pixels"], validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != height * width * channels:
        return None
    return np.frombuffer(raw, dtype=np.uint8).reshape(height, width, channels)


def _nothing() -> None:
    """A state of a component needs a callback to have a default."""
