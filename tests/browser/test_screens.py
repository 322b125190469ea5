"""Every screen in one visit each: all widths, light and dark, accessibility, nothing that sticks out, no errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from pages.ui.screens import SCREENS
from tests.browser.axe import faults
from tests.browser.chromium import Watch
from tests.browser.conftest import TIMEOUT_MS
from tests.browser.screen import button, contrast, no_problems, overflow, settled
from tests.browser.server import Server
from vqcore.config.presets import PRESETS
from vqcore.jobs import worker
from vqcore.runs.folder import RunFolder

WIDTHS = (700, 390)  # beside 1280
SMALL = {"train.steps": 20, "train.evaluate_every": 10, "train.threads": 1, "train.evaluation_images": 64, "model.hidden": 8}
LETTERS, PAIR, PRIOR = "20261123-150745-7a44", "20261123-151218-f634", "20261123-181115-1d7e"  # bundled runs
SHOWN = {"collapse": PAIR, "priors": PRIOR, "invent": PRIOR}
LONG_NAME = ("train", "inside", "codes", "runs")  # screens that write the open run's name or list it
EMPTY = ("train", "inside", "codes", "collapse", "paint", "invent", "priors")  # screens that look otherwise with nothing open

Scheme = Literal["light", "dark"]
_BAD = '<img src="/" id="bad"><p id="grey" style="background: #888; color: #777">grey</p>'
_RERUN = "() => vqAsked.sent <= vqAsked.ended"
_THEMED = "dark => (parseInt(getComputedStyle(document.querySelector('.stApp')).backgroundColor.match(/\\d+/)[0]) < 128) === dark"


@pytest.fixture(scope="module")
def visitor(browser: Browser, server: Server) -> Iterator[tuple[Page, Watch]]:
    """One window for all visits of this file, which remembers what went wrong in it."""
    watch = Watch()
    with browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme="light", reduced_motion="reduce") as context:
        context.set_default_timeout(TIMEOUT_MS)
        watch.attach(context)
        page = context.new_page()
        page.goto(f"{server.url}/runs")
        settled(page)
        yield page, watch


@pytest.fixture(scope="module")
def finished(server: Server) -> RunFolder:
    """A short run of a name that could break a layout."""
    folder = RunFolder.create(server.runs, PRESETS["digits"].config.edited(SMALL), name="Averylongnamewithoutanyplacetobreakitatall " * 2)
    assert worker.run(folder, "cli") == "finished"
    return folder


def opened(page: Page, server: Server, path: str) -> None:
    page.goto(f"{server.url}/{path}")
    settled(page)


def in_scheme(page: Page, scheme: Scheme) -> None:
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(_THEMED, arg=scheme == "dark")
    page.keyboard.press("r")  # Streamlit's key for another run of the page: the server learns the theme with it
    page.wait_for_function(_RERUN)
    settled(page)


def looked_at(page: Page, widths: tuple[int, ...] = WIDTHS) -> list[str]:
    """What is wrong with the page as it stands, in both schemes and at each width; the window is 1280 wide and light before and after."""
    no_problems(page)
    wrong = [f"1280: {text}" for text in overflow(page)]
    for scheme in ("dark", "light"):
        in_scheme(page, scheme)
        no_problems(page)
        wrong += [f"{scheme}: {fault}" for fault in faults(page)]
        ratio, behind = contrast(page, "h1")
        if ratio < 7 or (behind > 0.5) != (scheme == "light"):
            wrong.append(f"{scheme}: the title has a contrast of {ratio:.1f} on a ground of luminance {behind:.2f}")
        ratio, _ = contrast(page, '[data-testid="stMain"] p')
        if ratio < 4.5:
            wrong.append(f"{scheme}: text has a contrast of {ratio:.1f}")
    for width in widths:
        page.set_viewport_size({"width": width, "height": 720})
        settled(page)
        no_problems(page)
        wrong += [f"{width}: {text}" for text in overflow(page)]
        if width < 500:
            wrong += [f"{width}: {fault}" for fault in faults(page)]
    page.set_viewport_size({"width": 1280, "height": 720})
    return wrong


def quiet(watch: Watch) -> list[str]:
    """What the browser complained of since the last look."""
    said = watch.strangers + watch.errors
    watch.strangers.clear()
    watch.errors.clear()
    return said


def test_axe_and_overflow_find_faults(visitor: tuple[Page, Watch]) -> None:
    # or all that follows would say nothing
    page, _ = visitor
    page.evaluate("html => document.querySelector('h1').insertAdjacentHTML('afterend', html)", _BAD)
    assert {fault.partition(":")[0] for fault in faults(page)} == {"image-alt", "color-contrast"}
    page.evaluate("() => { document.querySelector('#grey').style.cssText = 'position: absolute; left: 2000px'; }")
    assert overflow(page) != []
    page.evaluate("() => document.querySelectorAll('#bad, #grey').forEach(node => node.remove())")


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_with_a_result(visitor: tuple[Page, Watch], server: Server, name: str) -> None:
    page, watch = visitor
    opened(page, server, name if name == "start" else f"{name}?run={SHOWN.get(name, LETTERS)}")
    code = page.get_by_text("Show me the code", exact=True)
    if code.count():
        code.first.click()
        expect(page.locator('[data-testid="stCode"], [data-testid="stAlert"]').last).to_be_visible()
        settled(page)
    assert looked_at(page) == []
    assert quiet(watch) == []


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
