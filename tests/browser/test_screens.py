"""Every screen in one visit each: all widths, light and dark, accessibility, nothing that sticks out, no errors."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from pages.ui.screens import SCREENS
from tests.browser.axe import faults
from tests.browser.chromium import Watch
from tests.browser.looking import looked_at, opened, quiet
from tests.browser.screen import overflow, settled
from tests.browser.server import Server

LETTERS, PAIR, PRIOR = "20261123-150745-7a44", "20261123-151218-f634", "20261123-181115-1d7e"  # bundled runs
SHOWN = {"collapse": PAIR, "priors": PRIOR, "invent": PRIOR}
PICTURES = {  # what is looked at on a screen; it begins high, so that the act beside it is seen with it
    "train": ".st-key-train_pictures img",
    "snap": ".plane",
    "codes": ".st-key-codes_map canvas.plot",
    "collapse": ".st-key-collapse_map_0 canvas.plot",
    "priors": ".vq-sheet img",
    "paint": ".board",
    "invent": ".sheet",
    "museum": ".js-plotly-plot",
    "runs": "canvas",
}
HIGH = 165  # pixels

_BAD = '<img src="/" id="bad"><p id="grey" style="background: #888; color: #777">grey</p>'


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
    if name in PICTURES:
        box = page.locator(f'[data-testid="stMain"] {PICTURES[name]}').first.bounding_box()
        assert box is not None and box["y"] <= HIGH
    code = page.get_by_text("Show me the code", exact=True)
    if code.count():
        code.first.click()
        expect(page.locator('[data-testid="stCode"], [data-testid="stAlert"]').last).to_be_visible()
        settled(page)
    assert looked_at(page) == []
    assert quiet(watch) == []
