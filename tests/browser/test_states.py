"""Screens with nothing open, with a name that is too long, on every card of the tour, under a dialog, for a projector; one visit each."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import faults
from tests.browser.chromium import Watch
from tests.browser.looking import WIDTHS, in_scheme, looked_at, opened, quiet
from tests.browser.screen import button, no_problems, overflow, settled
from tests.browser.server import Server
from vqcore.config.presets import PRESETS
from vqcore.jobs import worker
from vqcore.runs.folder import RunFolder

LETTERS = "20261123-150745-7a44"  # a bundled run
SMALL = {"train.steps": 20, "train.evaluate_every": 10, "train.threads": 1, "train.evaluation_images": 64, "model.hidden": 8}
LONG_NAME = ("train", "inside", "codes", "runs")  # screens that write the open run's name or list it
EMPTY = ("train", "inside", "codes", "collapse", "paint", "invent", "priors")  # screens that look otherwise with nothing open


@pytest.fixture(scope="module")
def finished(server: Server) -> RunFolder:
    """A short run of a name that could break a layout."""
    folder = RunFolder.create(server.runs, PRESETS["digits"].config.edited(SMALL), name="Averylongnamewithoutanyplacetobreakitatall " * 2)
    assert worker.run(folder, "cli") == "finished"
    return folder


@pytest.mark.parametrize("name", EMPTY)
def test_a_screen_with_nothing_open(visitor: tuple[Page, Watch], server: Server, name: str) -> None:
    page, watch = visitor
    opened(page, server, name)
    assert looked_at(page) == []
    assert quiet(watch) == []


@pytest.mark.parametrize("name", LONG_NAME)
def test_a_long_name_breaks_no_layout(visitor: tuple[Page, Watch], server: Server, finished: RunFolder, name: str) -> None:
    page, watch = visitor
    opened(page, server, f"{name}?run={finished.id}")
    no_problems(page)
    for width in (1280, *WIDTHS):
        page.set_viewport_size({"width": width, "height": 720})
        settled(page)
        assert overflow(page) == [], width
    page.set_viewport_size({"width": 1280, "height": 720})
    assert quiet(watch) == []


@pytest.mark.parametrize("card", range(1, 6))
def test_a_card_of_the_tour(visitor: tuple[Page, Watch], server: Server, card: int) -> None:
    page, watch = visitor
    opened(page, server, f"start?card={card}")
    assert looked_at(page) == []
    assert quiet(watch) == []


def test_dialogs_and_the_projector(visitor: tuple[Page, Watch], server: Server) -> None:
    page, watch = visitor
    opened(page, server, "runs")
    for dialog in ("words", "you"):
        for scheme in ("dark", "light"):
            in_scheme(page, scheme)
            button(page, f"frame_{dialog}").click()
            expect(page.get_by_role("dialog")).to_be_visible()
            settled(page)
            assert faults(page) == [], (dialog, scheme)
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)
    opened(page, server, f"train?run={LETTERS}&projector=1")
    assert looked_at(page, ()) == []
    assert quiet(watch) == []
