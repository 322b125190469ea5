"""No screen has a fault that axe-core calls serious or critical, in light and in dark.

axe-core comes inside the package axe-playwright-python, and is put into the page from there: no network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from pages.ui.screens import SCREENS
from tests.browser.chromium import Watch
from tests.browser.conftest import TIMEOUT_MS
from tests.browser.screen import button, settled
from tests.browser.server import Server

Scheme = Literal["light", "dark"]
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
LETTERS, PAIR, PRIOR = "20261123-150745-7a44", "20261123-151218-f634", "20261123-181115-1d7e"  # bundled runs
SHOWN = {"collapse": PAIR, "priors": PRIOR, "invent": PRIOR}

# What Streamlit draws itself and neither its theme, nor CSS, nor a label can change: the rule, and within what it is passed over.
PASSED = [
    # the names of the sidebar's sections stand in the list of pages, not beside it
    ("list", '[data-testid="stSidebarNavItems"]'),
    ("listitem", '[data-testid="stSidebarNavItems"]'),
]

_FAULTS = """async passed => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  const told = [];
  for (const rule of found.violations.filter(rule => ["serious", "critical"].includes(rule.impact))) {
    for (const node of rule.nodes) {
      const outermost = document.querySelector([node.target[0]].flat()[0]);
      if (passed.some(([id, within]) => id === rule.id && outermost && outermost.closest(within))) continue;
      told.push(`${rule.id}: ${node.html.slice(0, 240)} ${node.failureSummary.replaceAll("\\n", " ").slice(0, 240)}`);
    }
  }
  return told;
}"""
_BAD = '<img src="/"><p style="background: #888; color: #777">grey</p>'
_DRAWN = "() => [...document.querySelectorAll('.vq-chart')].every(chart => chart.hidden || chart.classList.contains('js-plotly-plot'))"


def faults(page: Page) -> list[str]:
    """What axe-core finds on the page as it stands."""
    settled(page)
    page.wait_for_function(_DRAWN)
    page.evaluate(AXE)
    return list(page.evaluate(_FAULTS, PASSED))


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> Scheme:
    chosen: Scheme = request.param
    return chosen


@pytest.fixture
def visit(browser: Browser, watch: Watch, server: Server, scheme: Scheme) -> Iterator[Callable[..., Page]]:
    """Opens an address: `visit("train?run=…")`, in a window of some width."""
    contexts = []

    def opened(path: str, width: int = 1280) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 720}, color_scheme=scheme, reduced_motion="reduce")
        contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        watch.attach(context)
        page = context.new_page()
        page.goto(f"{server.url}/{path}")
        settled(page)
        return page

    yield opened
    for context in contexts:
        context.close()


def test_axe_finds_faults(visit: Callable[..., Page]) -> None:
    # or all that follows would say nothing
    page = visit("runs")
    page.evaluate("html => document.querySelector('h1').insertAdjacentHTML('afterend', html)", _BAD)
    assert {fault.partition(":")[0] for fault in faults(page)} == {"image-alt", "color-contrast"}


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_with_a_result(visit: Callable[..., Page], name: str) -> None:
    page = visit(name if name == "start" else f"{name}?run={SHOWN.get(name, LETTERS)}")
    code = page.get_by_text("Show me the code", exact=True)
    if code.count():
        code.click()
        expect(page.locator('[data-testid="stCode"], [data-testid="stAlert"]').last).to_be_visible()
    assert faults(page) == []


@pytest.mark.parametrize("name", ["train", "inside", "codes", "collapse", "paint"])
def test_a_screen_with_nothing_open(visit: Callable[..., Page], name: str) -> None:
    assert faults(visit(name)) == []


@pytest.mark.parametrize("card", range(1, 6))
def test_a_card_of_the_tour(visit: Callable[..., Page], card: int) -> None:
    assert faults(visit(f"start?card={card}")) == []


@pytest.mark.parametrize("dialog", ["words", "you"])
def test_a_dialog(visit: Callable[..., Page], dialog: str) -> None:
    page = visit("runs")
    button(page, f"frame_{dialog}").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert faults(page) == []


def test_a_telephone_and_a_projector(visit: Callable[..., Page]) -> None:
    assert faults(visit(f"train?run={LETTERS}", 390)) == []
    assert faults(visit(f"train?run={LETTERS}&projector=1")) == []
