"""The map's Python side: what is sent, once, and which code is selected."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.ui.codemap import Scene, Sheet, scene_of_film, sheet_of
from tests.pages.test_pictures import pixels
from tests.test_film import book
from vqcore.film import film_of
from vqcore.plots.projection import Basis

T, K, V = 3, 4, 5


def scene(**changes: Any) -> Scene:
    fields = {
        "steps": np.arange(T) * 10,
        "points": np.zeros((T, K, 2)),
        "colours": np.zeros((K, 3), dtype=np.uint8),
        "usage": np.ones((T, K), dtype=int),
        "cloud": np.zeros((T, V, 2)),
    }
    return Scene(**(fields | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"points": np.zeros((T + 1, K, 2))},
        {"points": np.zeros((T, K))},
        {"points": np.zeros((T, 0, 2))},
        {"colours": np.zeros((K + 1, 3), dtype=np.uint8)},
        {"usage": np.ones((T, K + 1))},
        {"dead": np.zeros(K, dtype=bool)},
        {"cloud": np.zeros((T, V))},
        {"cloud_code": np.zeros((T, V + 1), dtype=np.int32)},
        {"labels": ["one"]},
        {"steps": np.zeros(0, dtype=int), "points": np.zeros((0, K, 2))},
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"shape|labels|needs one moment"):
        scene(**changes)


def test_the_scene_of_a_film_is_all_that_the_film_knows() -> None:
    film = film_of([0, 10], [book(0, D=2), book(10, D=2)], 5)
    basis = Basis.of_film(film)
    made = scene_of_film(film, basis, np.zeros((6, 3), dtype=np.uint8), title="Mine")
    assert np.allclose(made.points, film.codebook)
    assert made.cloud is not None and np.allclose(made.cloud, film.z)
    assert made.cloud_code is film.z_code and made.dead is film.dead
    assert made.cells and made.title == "Mine" and made.note == basis.note
    flat = film_of([0], [book(0, D=5)])
    assert not scene_of_film(flat, Basis.of_film(flat), np.zeros((6, 3), dtype=np.uint8)).cells
    bare = film_of([0], [book(0, V=0)])
    assert scene_of_film(bare, Basis.of_film(bare), np.zeros((6, 3), dtype=np.uint8)).cloud is None


@pytest.mark.parametrize(("n", "channels"), [(3, 1), (70, 3), (64, 1)])
def test_a_sheet_holds_every_tile_in_its_place(n: int, channels: int) -> None:
    tiles = np.random.default_rng(0).integers(0, 255, (n, 4, 6, channels), dtype=np.uint8)
    sheet = sheet_of(tiles, range(n))
    assert isinstance(sheet, Sheet) and sheet.tile == (4, 6)
    whole = pixels(sheet.picture).reshape(-1, sheet.columns * 6, channels)
    for i in range(n):
        row, column = divmod(i, sheet.columns)
        assert (whole[row * 4 : row * 4 + 4, column * 6 : column * 6 + 6] == tiles[i]).all()
    assert sheet.codes == tuple(range(n))


# ---- on a page

PAGE = """
import numpy as np
import streamlit as st
from pages.ui.codemap import Scene, codemap, selected_code

T = st.session_state.get("T", 40)
random = np.random.default_rng(0)
colours = np.full((4, 3), st.session_state.get("shade", 9), dtype=np.uint8)
scene = Scene(
    steps=np.arange(T), points=random.normal(size=(60, 4, 2))[:T], colours=colours, usage=np.ones((T, 4), dtype=int),
    selected=st.session_state.get("wish"), labels=("", "<b>", "", ""),
)
def noted():
    st.session_state.setdefault("noted", []).append(selected_code("map"))
if st.session_state.get("shown", True):
    got = codemap(scene, "map", of=st.session_state.get("of", "run"), group="g", on_select=noted)
    st.session_state.got = got
"""


@pytest.fixture
def at() -> AppTest:
    page = AppTest.from_string(PAGE, default_timeout=30).run()
    assert not page.exception
    return page


def sent(at: AppTest) -> dict[str, Any]:
    assert not at.exception
    found: dict[str, Any] = json.loads(at.get("bidi_component")[0].proto.json)
    return found


def chunks(data: dict[str, Any]) -> set[str]:
    return {chunk for part in data["scene"]["parts"].values() for chunk in part["chunks"]}


def click(at: AppTest, code: int | None, when: float) -> AppTest:
    at.session_state["map"] = {"selected": {"code": code, "at": when}}
    return at.run()


def test_everything_is_sent_at_first_and_nothing_twice(at: AppTest) -> None:
    first = sent(at)
    assert set(first["blobs"]) == chunks(first)
    assert first["height"] == 420 and first["group"] == "g" and first["scene"]["codes"] == 4
    at.session_state["map"] = {"selected": None}
    again = sent(at.run())
    assert again["blobs"] == {} and chunks(again) == chunks(first)


def test_new_colours_and_new_moments_send_only_themselves(at: AppTest) -> None:
    first = sent(click(at, 1, 5.0))
    at.session_state["shade"] = 200
    recoloured = sent(at.run())
    assert set(recoloured["blobs"]) == chunks(recoloured) - chunks(first)
    assert len(recoloured["blobs"]) == 1
    at.session_state["T"] = 41
    grown = sent(at.run())
    assert len(grown["blobs"]) == 2, "the last chunks of places and of counts"
    assert grown["scene"]["steps"][-1] == 40


def test_a_browser_that_lost_its_data_gets_them_again(at: AppTest) -> None:
    at.session_state["map"] = {"missing": 17.0}
    again = sent(at.run())
    assert set(again["blobs"]) == chunks(again)
    assert sent(at.run())["blobs"] == {}


def test_a_map_that_was_away_is_sent_whole_and_keeps_its_selection(at: AppTest) -> None:
    click(at, 2, 5.0)
    at.session_state["shown"] = False
    at.run()
    at.session_state["shown"] = True
    back = sent(at.run())
    assert set(back["blobs"]) == chunks(back)
    assert at.session_state["got"] == 2 and back["selected"] == 2


def test_a_click_is_the_selection(at: AppTest) -> None:
    assert at.session_state["got"] is None
    data = sent(click(at, 3, 5.0))
    assert at.session_state["got"] == 3
    assert data["answers"] == 5.0
    token = data["token"]
    data = sent(click(at, None, 6.0))
    assert at.session_state["got"] is None
    assert data["token"] == token, "what the browser said itself is not told back"


def test_the_page_can_select_and_a_later_click_goes_first(at: AppTest) -> None:
    token = sent(click(at, 3, 5.0))["token"]
    at.session_state["wish"] = 1
    data = sent(at.run())
    assert at.session_state["got"] == 1 and data["selected"] == 1 and data["token"] > token
    click(at, 2, 6.0)
    assert at.session_state["got"] == 2
    assert sent(at.run())["selected"] == 2, "an old wish is not wished again"
    at.session_state["wish"] = None
    at.run()
    assert at.session_state["got"] is None


def test_another_run_starts_anew(at: AppTest) -> None:
    token = sent(click(at, 3, 5.0))["token"]
    at.session_state["of"] = "another"
    data = sent(at.run())
    assert at.session_state["got"] is None and data["token"] > token
    at.session_state["of"], at.session_state["wish"] = "third", 2
    at.run()
    assert at.session_state["got"] == 2


def test_a_code_that_is_not_there_is_not_selected(at: AppTest) -> None:
    click(at, 99, 5.0)
    assert at.session_state["got"] is None


@pytest.mark.parametrize(
    "told",
    [
        {"selected": "3"},
        {"selected": {"code": "3", "at": 4.0}},
        {"selected": {"at": 4.0}},
        {"selected": {}},
        {"selected": {"code": 2, "at": "soon"}},
    ],
)
def test_what_no_map_says_selects_nothing(at: AppTest, told: dict[str, Any]) -> None:
    at.session_state["map"] = told
    at.run()
    assert not at.exception and at.session_state["got"] is None
