"""A page with nothing but maps, for the tests of the map: `?m=` says which. Run by Streamlit."""

from __future__ import annotations

import numpy as np
import streamlit as st

from pages.ui.codemap import Scene, codemap, selected_code, sheet_of
from vqcore.plots.figure import Mark

# codes 0 to 3 in corners, 4 on its way to the middle, 5 far out and dead until the last moment; every moment fills the same box
CORNERS = np.array([[-1, 1], [1, 1], [-1, -1], [1, -1], [0, 0], [4, 0]], dtype=float)
BOX = (-1.0, -1.0, 4.0, 1.0)
T, K, V = 6, 6, 40


def corners(moments: int = T, **more: object) -> Scene:
    points = np.tile(CORNERS, (T, 1, 1))
    points[:, 4, 0] = np.linspace(0.8, 0, T)
    usage = np.tile([20, 40, 20, 10, 10, 0], (moments, 1))
    usage[T - 1 :, 5] = 5
    tiles = np.random.default_rng(0).integers(0, 255, (K, 8, 8, 1), dtype=np.uint8)
    return Scene(
        **{
            "steps": np.arange(moments) * 100,
            "points": points[T - moments :],
            "colours": np.array([[0, 90, 200], [200, 90, 0], [0, 150, 90], [200, 120, 160], [90, 160, 220], [150, 120, 0]], dtype=np.uint8),
            "usage": usage,
            "dead": usage == 0,
            "age": np.where(usage == 0, -1, 3),
            "cloud": np.tile(np.random.default_rng(1).uniform(-0.9, 0.9, size=(V, 2)), (moments, 1, 1)),
            "cloud_code": np.tile(np.arange(V, dtype=np.int32) % 5, (moments, 1)),
            "labels": [f"<b>label {k}</b>" for k in range(K)],
            "sheet": sheet_of(tiles),
            "marks": (Mark(250, "revive"),),
            "x": "dimension 1",
            "y": "dimension 2",
            "title": "Test codes",
            "note": "A note.",
            "selected": st.session_state.get("wish"),
        }
        | more
    )


def large(K: int, T: int) -> Scene:
    random = np.random.default_rng(0)
    along = np.linspace(0, 1, T)[:, None, None]
    ends = random.normal(size=(2, 1, K, 2)) * 3
    usage = random.poisson(20, (T, K)) * (random.random(K) < 0.6)
    return Scene(
        steps=np.arange(T) * 10,
        points=ends[0] * (1 - along) + ends[1] * along,
        colours=random.integers(0, 255, (K, 3), dtype=np.uint8),
        usage=usage,
        dead=usage == 0,
        cloud=random.normal(size=(T, 512, 2)),
        cloud_code=random.integers(0, K, (T, 512)).astype(np.int32),
        x="x",
        y="y",
    )


def noted() -> None:
    st.session_state["noted"] = selected_code("map")


def wish(code: int | None) -> None:
    st.session_state["wish"] = code


def more() -> None:
    st.session_state["moments"] = st.session_state.get("moments", 4) + 1


st.set_page_config(layout="wide")
st.title("Maps")
kind = st.query_params.get("m", "film")
if kind == "pair":
    left, right = st.columns(2)
    with left:
        codemap(corners(), "map", 300, group="pair", share_view=True)
    with right:
        codemap(corners(4), "other", 300, group="pair", share_view=True)
elif kind == "grow":
    st.button("More", on_click=more, key="more")
    codemap(corners(st.session_state.get("moments", 4)), "map")
elif kind in ("large", "huge"):
    codemap(large(*((512, 120) if kind == "large" else (8192, 32))), "map")
else:
    one = corners(1, still=True, x="", y="") if kind == "still" else corners(cells=kind == "plane")
    code = codemap(one, "map", on_select=noted)
    st.write(f"Selected: {code}. Noted: {st.session_state.get('noted', 'nothing')}.")
    st.button("Wish", on_click=wish, args=(2,), key="wish_two")
    st.html("<div style='height: 900px'></div>")  # room to scroll
