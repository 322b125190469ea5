"""The five cards in a real browser, as a newcomer takes them: by touch on a telephone, and by keyboard on a projector."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.chromium import Watch
from tests.browser.conftest import TIMEOUT_MS
from tests.browser.screen import no_problems, overflow, settled
from tests.browser.server import Server
from vqcore.runs.store import RunStore

LONG_MS = 4 * TIMEOUT_MS  # a run, behind others, on a busy machine
Press = Callable[[Locator], None]

_PIXELS = """selector => {
  const found = [];
  const look = root => {
    found.push(...root.querySelectorAll(selector));
    for (const node of root.querySelectorAll("*")) if (node.shadowRoot) look(node.shadowRoot);
  };
  look(document);
  return found[0].toDataURL();
}"""


_TOP = "node => node.getBoundingClientRect().top"
_BELOW = "node => node.parentElement.getBoundingClientRect().bottom"  # where the figure of a caption ends


def drag(page: Page, start: Locator, end: Locator) -> None:
    """Press on one element, move to the other, let go."""
    start.scroll_into_view_if_needed()
    boxes = [node.bounding_box() for node in (start, end)]
    assert boxes[0] is not None and boxes[1] is not None
    (x, y), (to_x, to_y) = ((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes if box)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(to_x, to_y, steps=8)
    page.mouse.up()


def act(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-{key} button").first


def seen(page: Page) -> Locator:
    """The sentence that says what was seen."""
    return page.locator(".st-key-tour_seen")


def walk(page: Page, server: Server, press: Press, slide: Callable[[Locator], None]) -> None:
    """All five cards: one act each, the sentence, on to the next."""
    page.goto(server.url)
    expect(page.locator("h1")).to_have_text("A palette")
    expect(page.locator('[data-testid="stSidebar"]')).to_be_hidden()
    expect(page.locator(".colour")).to_have_count(8)
    before = page.evaluate(_PIXELS, ".photo canvas")
    expect(seen(page)).to_have_count(0)
    slide(page.locator(".dial input"))
    expect(page.locator(".colour")).not_to_have_count(8)
    expect(seen(page)).to_contain_text("codebook")
    after = page.evaluate(_PIXELS, ".photo canvas")
    assert after != before
    press(page.locator(".colour").first)
    expect(page.locator(".told").first).to_contain_text("% of the pixels")
    assert page.evaluate(_PIXELS, ".photo canvas") != after, "the other pixels fade"
    onward(page, press, "Snap a digit", 2)

    press(page.locator(".input").nth(3))
    expect(page.locator(".tile.best")).to_have_count(1)
    expect(page.locator(".answers .told")).to_contain_text("This 3 became code")
    expect(seen(page)).to_contain_text("index")
    onward(page, press, "Train sixteen pictures", 3)

    press(act(page, "tour_begin_train"))
    faster = act(page, "tour_faster_train")
    expect(page.locator(".plane .figures")).not_to_contain_text("Step 0", timeout=LONG_MS)
    press(faster)
    expect(seen(page)).to_contain_text("16 of 16 codes are in use", timeout=LONG_MS)
    onward(page, press, "Break it, cure it", 4)

    press(act(page, "tour_begin_broken"))
    revive = act(page, "tour_revive_broken")
    expect(revive).to_be_enabled(timeout=LONG_MS)
    expect(page.locator(".plane .figures")).to_contain_text("of 16")
    expect(page.locator(".plane.magnified")).to_be_visible()
    used = page.locator(".plane .tile:not(.idle)")
    assert used.count() <= 4, "far away, few codes are chosen"
    press(revive)
    expect(seen(page)).to_contain_text("16 of 16 in use", timeout=LONG_MS)
    onward(page, press, "A grid of codes", 5)

    press(act(page, "tour_begin_grid"))
    expect(page.locator(".mosaic.ready")).to_be_visible(timeout=LONG_MS)
    before = page.evaluate(_PIXELS, ".mosaic .drawn")
    press(page.locator(".mosaic .cell").nth(5))
    expect(seen(page)).to_contain_text("latent grid", timeout=LONG_MS)
    page.wait_for_function(f"before => ({_PIXELS})('.mosaic .drawn') !== before", arg=before)
    drag(page, page.locator(".mosaic .cell").nth(8), page.locator(".mosaic .cell").nth(11))
    assert page.locator(".mosaic .cell").all_inner_texts()[8:12] == page.locator('.mosaic .code[aria-checked="true"]').all_inner_texts() * 4
    no_problems(page)
    press(act(page, "tour_next"))
    expect(page.locator("h1")).to_have_text("Start")


def onward(page: Page, press: Press, title: str, card: int) -> None:
    """On to the next card; what was done stays when the page is loaded anew."""
    no_problems(page)
    assert overflow(page) == []
    expect(act(page, "tour_next")).to_have_attribute("kind", "primary")
    for caption in page.locator(".plane figcaption").all():  # the pictures and what they are stay in view above the buttons
        assert caption.evaluate(_BELOW) < page.locator(".st-key-tour_bar").evaluate(_TOP)
    press(act(page, "tour_next"))
    expect(page.locator("h1")).to_have_text(title)
    expect(page.locator("h1")).to_be_focused()
    assert f"card={card}" in page.url
    page.reload()
    expect(page.locator("h1")).to_have_text(title)
    settled(page)


@pytest.fixture(autouse=True)
def nobody_trains(server: Server) -> None:
    """Runs that other tests left waiting would hold the only place."""
    for entry in RunStore(server.runs).list():
        assert entry.state not in ("running", "starting"), f"{entry.name} still trains"


def test_by_touch_on_a_telephone(browser: Browser, server: Server, watch: Watch) -> None:
    with browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, reduced_motion="reduce") as context:
        context.set_default_timeout(TIMEOUT_MS)
        watch.attach(context)
        page = context.new_page()

        def tap(node: Locator) -> None:
            node.tap()

        def slide(dial: Locator) -> None:
            box = dial.bounding_box()
            assert box is not None
            page.touchscreen.tap(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)

        walk(page, server, tap, slide)


@pytest.mark.nightly
def test_by_keyboard_on_a_projector(browser: Browser, server: Server, watch: Watch) -> None:
    with browser.new_context(viewport={"width": 1280, "height": 720}, reduced_motion="reduce") as context:
        context.set_default_timeout(TIMEOUT_MS)
        watch.attach(context)
        page = context.new_page()

        def enter(node: Locator) -> None:
            reach(page, node)
            page.keyboard.press("Enter")

        def slide(dial: Locator) -> None:
            reach(page, dial)
            for _ in range(4):
                page.keyboard.press("ArrowRight")

        walk(page, server, enter, slide)
        expect(page.locator('[data-testid="stSidebar"]')).to_be_visible()


_ACTIVE = """
  let active = document.activeElement;
  while (active && active.shadowRoot && active.shadowRoot.activeElement) active = active.shadowRoot.activeElement;
"""
_FOCUSED = f"node => {{ {_ACTIVE} return active === node; }}"
# the focus is in the element's group, where arrows move it
_NEAR = f"node => {{ {_ACTIVE} return active && active.parentElement === node.parentElement && node.tabIndex < 0; }}"


def reach(page: Page, node: Locator) -> None:
    """Tab to an element, or into its group and there with the arrows. Fails when the keyboard does not get there."""
    expect(node).to_be_enabled()
    for _ in range(60):
        if node.evaluate(_FOCUSED):
            return
        page.keyboard.press("ArrowRight" if node.evaluate(_NEAR) else "Tab")
    raise AssertionError(f"the keyboard does not reach {node}")


def test_links_lead_past_the_tour(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/inside")
    expect(page.locator("h1")).to_have_text("Inside")
    expect(page.locator('[data-testid="stSidebar"]')).to_be_visible()
    page.goto(f"{server.url}/?card=4")
    expect(page.locator("h1")).to_have_text("Break it, cure it")
    expect(page.locator('[data-testid="stSidebar"]')).to_be_hidden()
    act(page, "tour_skip").click()
    expect(page.locator("h1")).to_have_text("Start")
    expect(page.locator('[data-testid="stSidebar"]')).to_be_visible()
    page.goto(server.url)
    expect(page.locator('[data-testid="stSidebar"]')).to_be_visible()


def test_a_drawn_digit_snaps(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/?card=2")
    page.locator(".st-key-tour_draw label").click()
    pad = page.locator(".st-key-tour_pad canvas").first
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.15)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.85, steps=8)
    page.mouse.up()
    expect(page.locator(".answers .told")).to_contain_text("Your drawing became code", timeout=LONG_MS)
    expect(page.locator(".tile.best")).to_have_count(1)
    expect(seen(page)).to_contain_text("index")
    no_problems(page)
