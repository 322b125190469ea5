"""Screens that need a run show the example while none is open, and say so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import session
from vqcore.runs.store import RunStore

Page = Callable[..., AppTest]
LINE = "No run is open: this is the example"


@pytest.fixture
def bundled(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the examples that come with the program."""
    monkeypatch.setattr(session, "DEMO", Path(session.__file__).parents[2] / "assets" / "demo")
    monkeypatch.setattr(session, "_stores", {})


@pytest.mark.usefixtures("bundled")
@pytest.mark.parametrize("screen", ["codes", "inside", "paint", "invent", "priors"])
def test_it_shows_the_example_and_opens_nothing(page: Page, screen: str) -> None:
    at = page(screen)
    assert not at.exception and not at.error
    assert sum(LINE in caption.value for caption in at.caption) == 1
    assert not [button for button in at.button if button.key in ("empty_train", "empty_newest")]
    assert "run_id" not in at.session_state and "run" not in at.query_params
    assert at.selectbox(key="frame_run").value == ""


@pytest.mark.usefixtures("bundled")
def test_an_open_run_has_no_such_line(page: Page) -> None:
    assert LINE not in str([caption.value for caption in page("inside", run=session.example()).caption])
