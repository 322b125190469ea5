"""The glossary in a real browser: every equation is drawn, it is searched while one types, and a newcomer without a sidebar reaches it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.screen import each_width, no_problems, overflow, settled
from tests.browser.server import Server
from vqcore.glossary import GLOSSARY, search
from vqcore.museum.exhibits import EXHIBITS

EQUATIONS = sum(bool(entry.equation) for entry in GLOSSARY.values())
_WIDE = """() => [...document.querySelectorAll('[role=dialog] .katex-display')]
  .filter(node => node.scrollWidth > node.clientWidth + 1).map(node => node.textContent)"""


def open_from_start(page: Page, server: Server) -> None:
    page.goto(server.url)
    settled(page)
    expect(page.locator('[data-testid="stSidebar"]')).to_be_hidden()
    page.get_by_text("What do these words mean?").first.click()
    page.get_by_role("button", name="All words").last.click()
    expect(page.locator("[role=dialog] .katex-display")).to_have_count(EQUATIONS)


def test_a_newcomer_reads_every_equation(page: Page, server: Server) -> None:
    open_from_start(page, server)
    assert page.locator(".katex-error").count() == 0
    for width in each_width(page, (1280, 390)):
        assert page.locator("[role=dialog] .katex").evaluate_all("nodes => nodes.filter(node => node.offsetHeight === 0).length") == 0
        assert page.evaluate(_WIDE) == [], f"an equation is wider than its place at {width}"
        expect(page.locator("[role=dialog]")).to_have_count(1)
        assert overflow(page) == []
    no_problems(page)


def test_it_is_searched_while_one_types(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/museum")
    settled(page)
    page.locator(".st-key-frame_words button").first.click()
    page.locator(".st-key-terms_search input").press_sequentially("log2")
    found = search("log2")
    dialog = page.locator("[role=dialog]")
    expect(dialog).to_contain_text(f"{len(found)} of {len(GLOSSARY)} words")
    expect(dialog.locator("strong").first).to_have_text(f"{next(iter(found.values())).title}.")
    assert page.locator(".st-key-terms_search input").evaluate("node => node === document.activeElement"), "typing goes on"
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.get_by_text(EXHIBITS["no_stop_gradient"].patient).click()  # the page is run anew, and nothing opens by itself
    expect(page.locator('[data-testid="stMain"]')).to_contain_text(EXHIBITS["no_stop_gradient"].symptom)
    expect(dialog).to_have_count(0)
    no_problems(page)
