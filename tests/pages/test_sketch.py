"""The drawing pad's answer: pixels as they were drawn, or nothing at all."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest


def pad() -> None:
    import streamlit as st

    from pages.ui.sketch import drawn, sketch

    def noted() -> None:
        st.session_state["noted"] = drawn("pad", 2, 3, 1) is not None

    found = sketch("pad", 2, 3, background=255, ink=0, on_change=noted)
    st.write("nothing" if found is None else str(found.tolist()))


def shown(drawing: Any) -> str:
    at = AppTest.from_function(pad)
    at.session_state["pad"] = {"drawing": drawing}
    at.run()
    assert not at.exception
    return str(at.markdown[0].value)


def test_pixels_come_as_they_were_drawn() -> None:
    raw = np.array([[0, 255, 7], [1, 2, 3]], dtype=np.uint8)
    assert shown({"pixels": base64.b64encode(raw.tobytes()).decode(), "turn": "1"}) == str(raw[..., None].tolist())


@pytest.mark.parametrize("drawing", [None, {}, {"pixels": None}, {"pixels": 7}, {"pixels": "%%%"}, {"pixels": "AAAA"}, "x"])
def test_an_empty_pad_and_nonsense_are_nothing(drawing: Any) -> None:
    assert shown(drawing) == "nothing"


def test_the_pad_is_told_its_size_and_colours() -> None:
    at = AppTest.from_function(pad).run()
    told = json.loads(at.get("bidi_component")[0].proto.json)
    assert [told[name] for name in ("height", "width", "channels", "background", "ink")] == [2, 3, 1, 255, 0]
