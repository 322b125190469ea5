"""Projector mode: what a room sees, how one gets in and out, and what stays as it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import panels, projector
from pages.ui.screens import SCREENS
from vqcore.lessons.link import State, encode
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

from .conftest import ADA, MAIN

Finished = Callable[..., RunFolder]


def shown(page: str = "train", **query: str) -> AppTest:
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    at.session_state["guest"] = ADA
    for name, value in query.items():
        at.query_params[name] = value
    return at.switch_page(f"{page}.py").run()


def keys(at: AppTest) -> set[str]:
    return {node.key for kind in (at.button, at.selectbox, at.toggle) for node in kind if node.key}


def charts(at: AppTest) -> list[dict[str, Any]]:
    sent = [json.loads(node.proto.json) for node in at.get("bidi_component")]
    return [data for data in sent if isinstance(data, dict) and "figure" in data]


def test_in_by_the_switch_and_out_again(store: RunStore) -> None:
    at = shown()
    assert "frame_end" not in keys(at) and not any(projector.STYLE in node.proto.body for node in at.get("html"))
    at.button(key="frame_projector").click().run()
    assert not at.exception
    assert any(projector.STYLE in node.proto.body for node in at.get("html"))
    assert at.query_params["projector"] in ("1", ["1"])
    at.query_params.clear()  # as a change of page does
    at.switch_page("bits.py").run()
    assert "frame_end" in keys(at) and at.query_params["projector"] in ("1", ["1"]), "it goes along"
    at.button(key="frame_end").click().run()
    assert "frame_end" not in keys(at) and "frame_projector" in keys(at)
    assert "projector" not in at.query_params


@pytest.mark.parametrize("screen", list(SCREENS))
def test_every_screen_shows_itself_without_forms(store: RunStore, screen: str) -> None:
    at = shown(screen, projector="1")
    assert not at.exception and not at.error
    assert {"frame_end", "frame_run"} <= keys(at) and not {"start_own", "frame_projector"} & keys(at)
    assert "Customise" not in [expander.label for expander in at.expander]


def test_train_shows_one_chart_at_a_time_and_larger(finished: Finished) -> None:
    folder = finished("Mine", cookie=ADA)
    at = shown(run=folder.id)
    assert len(charts(at)) > 4 and {chart["scale"] for chart in charts(at)} == {1}
    at = shown(run=folder.id, projector="1")
    assert not at.exception and charts(at) == [], "pictures come first"
    for name in list(panels.ONE)[1:]:
        at.session_state["train_one"] = name
        at.run()
        (chart,) = charts(at)
        assert chart["scale"] == projector.SCALE and chart["height"] == projector.TALL


def test_a_link_may_ask_for_it(store: RunStore) -> None:
    at = shown(link=encode(State("train", projector=True)))
    assert "frame_end" in keys(at)
    assert "frame_end" not in keys(shown(projector="0"))
    assert "frame_end" not in keys(shown(projector="<b>"))
