"""Snap in a real browser: by mouse, by keyboard, by touch; and the component's own arithmetic against the microscope's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from pages.ui.component import ASSETS
from pages.ui.snap.message import message
from pages.ui.snap.phases import PHASES
from pages.ui.snap.setups import Setup
from tests.browser.chromium import Watch
from tests.browser.conftest import TIMEOUT_MS
from tests.browser.screen import button, each_width, no_problems, overflow, scrolled, settled
from tests.browser.server import Server

COLOURS = np.zeros((12, 3), dtype=np.uint8)


def opened(page: Page, server: Server) -> Page:
    """The screen with its model loaded."""
    page.goto(f"{server.url}/snap")
    expect(button(page, "snap_step")).to_be_enabled(timeout=2 * TIMEOUT_MS)
    settled(page)
    return page


def part(page: Page, name: str) -> Locator:
    return page.locator(f".st-key-snap .{name}").first


def phase(page: Page, name: str) -> None:
    """Go there by its own button."""
    page.locator(".st-key-snap_phase").get_by_text(PHASES[name].title, exact=False).first.click()
    expect(part(page, "sentence")).to_have_text(PHASES[name].sentence)


def middle(handle: Locator) -> tuple[float, float]:
    box = handle.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_it_opens_on_a_picture_and_then_takes_steps(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/snap")
    expect(page.locator(".st-key-snap .picture polygon").first).to_be_visible()
    opened(page, server)
    no_problems(page)
    button(page, "snap_step").click()
    expect(part(page, "state")).to_contain_text("Step 41")
    for name in PHASES:
        phase(page, name)
        assert part(page, "equation").inner_text().strip()
        expect(part(page, "source").locator("span").first).to_contain_text(re.compile(r"^vqcore/.*\.py, line \d+$"))
    no_problems(page)
    button(page, "snap_next").click()
    expect(part(page, "state")).to_contain_text("Step 42")
    button(page, "snap_back").click()
    expect(part(page, "state")).to_contain_text("Step 41")
    expect(part(page, "sentence")).to_have_text(PHASES["move"].sentence)


def test_dragging_z_e_shows_the_staircase_and_what_the_slope_promised(page: Page, server: Server) -> None:
    opened(page, server)
    phase(page, "gradient")
    before = part(page, "profile").inner_html()
    handle = part(page, "handle")
    x, y = middle(handle)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 90, y + 40, steps=4)
    page.mouse.move(x - 220, y + 90, steps=6)
    page.mouse.up()
    assert middle(handle) == pytest.approx((x - 220, y + 90), abs=2)
    expect(part(page, "words")).to_contain_text("across a border")
    promised, came = (float(text.replace("−", "-")) for text in part(page, "words").locator("b").all_inner_texts())
    assert promised != 0 and came != 0
    assert part(page, "profile").inner_html() != before
    top = scrolled(page)
    part(page, "back").click()
    assert middle(handle) == pytest.approx((x, y + top - scrolled(page)), abs=2)
    expect(part(page, "words")).to_contain_text("Drag the ringed")
    expect(part(page, "back")).to_be_hidden()


def test_everything_by_keyboard(page: Page, server: Server) -> None:
    opened(page, server)
    page.keyboard.press("n")
    expect(part(page, "sentence")).to_have_text(PHASES["distances"].sentence)
    page.keyboard.press("n")
    expect(part(page, "sentence")).to_have_text(PHASES["argmin"].sentence)
    handle = part(page, "handle")
    handle.focus()
    place = middle(handle)
    first = handle.get_attribute("aria-label") or ""
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert middle(handle) == pytest.approx((place[0] + 8, place[1] + 40), abs=2)
    part(page, "equation").click()  # a shortcut of the page is not for the ring
    page.keyboard.press("n")
    expect(part(page, "sentence")).to_have_text(PHASES["z_q"].sentence)
    assert middle(handle) == pytest.approx((place[0] + 8, place[1] + 40), abs=2), "what was moved stays moved through the phases"
    page.keyboard.press("b")
    expect(part(page, "sentence")).to_have_text(PHASES["argmin"].sentence)
    handle.focus()
    page.keyboard.press("Escape")
    assert middle(handle) == pytest.approx(place, abs=2)
    page.keyboard.press("n")  # here it chooses another vector, and the phase stays
    assert (handle.get_attribute("aria-label") or "") != first
    settled(page)
    expect(part(page, "sentence")).to_have_text(PHASES["argmin"].sentence)
    page.keyboard.press("p")
    assert handle.get_attribute("aria-label") == first
    part(page, "chips").locator("button").nth(2).focus()
    page.keyboard.press("b")
    expect(part(page, "sentence")).to_have_text(PHASES["distances"].sentence)


def test_frozen_codes_are_seen_to_reach_the_crosses(page: Page, server: Server) -> None:
    opened(page, server)
    page.locator(".st-key-snap_frozen label").first.click()
    phase_button = page.locator(".st-key-snap_phase").get_by_text("Move").first
    phase_button.click()
    expect(part(page, "sentence")).to_contain_text("codes walk onto cell means")
    loss = part(page, "told").locator("tr", has_text="Codebook").locator("td").first
    expect(loss).not_to_be_empty()
    before = float(loss.inner_text())
    for step in (50, 60, 70, 80):
        button(page, "snap_ten").click()
        expect(part(page, "state")).to_contain_text(f"Step {step}")
    assert float(loss.inner_text()) < 0.6 * before
    no_problems(page)


@pytest.fixture
def phone(browser: Browser, watch: Watch) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 390, "height": 780}, has_touch=True, reduced_motion="reduce") as context:
        context.set_default_timeout(TIMEOUT_MS)
        watch.attach(context)
        yield context.new_page()


def swipe(page: Page, start: tuple[float, float], by: tuple[float, float]) -> None:
    """One finger, as the browser's own input would send it, so that it may scroll."""
    session = page.context.new_cdp_session(page)
    for i in range(11):
        kind = "touchStart" if i == 0 else "touchMove"
        point = {"x": start[0] + by[0] * i / 10, "y": start[1] + by[1] * i / 10}
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
        page.wait_for_timeout(30)  # a finger's pace
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    scrolled(page)


def test_by_touch_the_ring_is_dragged_and_the_page_still_scrolls(phone: Page, server: Server) -> None:
    opened(phone, server)
    for step in (50, 60, 70, 80, 90, 100):
        button(phone, "snap_ten").tap()
        expect(part(phone, "state")).to_contain_text(f"Step {step}")
    button(phone, "snap_next").tap()
    expect(part(phone, "sentence")).to_have_text(PHASES["distances"].sentence)
    phone.evaluate("document.querySelector('.st-key-snap .plane')?.scrollIntoView()")
    part(phone, "plane").scroll_into_view_if_needed()
    handle = part(phone, "handle")
    place, top = middle(handle), scrolled(phone)
    swipe(phone, place, (-60, 70))
    assert scrolled(phone) == top, "dragging the ring does not scroll"
    assert middle(handle) == pytest.approx((place[0] - 60, place[1] + 70), abs=3)
    expect(part(phone, "words")).to_contain_text("Now nearest to code")
    part(phone, "back").tap()
    box = part(phone, "plane").bounding_box()
    assert box is not None
    corner = (box["x"] + 25, box["y"] + box["height"] - 30)
    swipe(phone, corner, (0, -150))
    assert scrolled(phone) > top + 60, "anywhere else a swipe scrolls the page"
    assert overflow(phone) == []


def test_every_phase_fits_at_every_width(page: Page, server: Server) -> None:
    opened(page, server)
    for width in each_width(page):
        heights = set()
        for name in PHASES:
            phase(page, name)
            assert overflow(page) == [], f"{name} at {width}"
            box = part(page, "plane").bounding_box()
            assert box is not None
            heights.add(round(box["y"] + scrolled(page)))
        if width == 1280:
            assert len(heights) == 1, "the plane does not jump between phases"
    no_problems(page)


# ── the component's arithmetic ──


@pytest.fixture(scope="module", params=["straight_through", "rotation"])
def taken(request: pytest.FixtureRequest) -> Any:
    """A step of the microscope under either estimator."""
    from vqcore.analysis.microscope import Microscope
    from vqcore.data.registry import load

    setup = Setup()
    config = setup.config().edited({"model.quantizer.estimator": request.param})
    return Microscope(config, load(config.data), setup.steps).frame


def run(page: Page, frame: Any, expression: str) -> Any:
    script = (ASSETS / "snap" / "geometry.js").read_text(encoding="utf-8")
    told = json.dumps(message(frame, COLOURS))
    return page.evaluate(f"(() => {{ {script}\nconst frame = {told}; return {expression}; }})()")


def test_its_gradients_and_losses_are_the_microscopes(page: Page, taken: Any) -> None:
    each = "frame.z.map((z, n) => [z, n, frame.index[n]])"
    np.testing.assert_array_equal(run(page, taken, "frame.z.map((z) => nearest(z, frame.e))"), taken.index)
    np.testing.assert_allclose(run(page, taken, f"{each}.map(([z, n, k]) => atZq(frame, n, k))"), taken.at_z_q, rtol=1e-3, atol=1e-6)
    passed = run(page, taken, f"{each}.map(([z, n, k]) => passedOn(frame, z, k, atZq(frame, n, k)))")
    np.testing.assert_allclose(passed, taken.passed, rtol=2e-3, atol=1e-6)
    held = run(page, taken, f"{each}.map(([z, n, k]) => commitmentAt(frame, z, k))")
    np.testing.assert_allclose(held, taken.commitment, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(
        run(page, taken, "frame.e.map((_, k) => codeGradient(frame, 0, frame.z[0], k))"), taken.at_codes, rtol=1e-3, atol=1e-5
    )
    own = run(page, taken, f"{each}.map(([z, n, k]) => lossWith(frame, n, k))")
    np.testing.assert_allclose(own, taken.terms["reconstruction"], rtol=1e-4)
    worst = taken.pair_loss[3].argmax()
    expected = taken.terms["reconstruction"] + (taken.pair_loss[3, worst] - taken.pair_loss[3, taken.index[3]]) / len(taken.z_e)
    assert run(page, taken, f"lossWith(frame, 3, {worst})") == pytest.approx(expected, rel=1e-4)


def test_its_stairs_and_cells_are_those_of_the_nearest_code(page: Page, taken: Any) -> None:
    codes = taken.codebook.astype(float)
    height, (left, right) = 0.4, (-3.0, 3.0)
    stairs = run(page, taken, f"stairs(frame.e, {height}, {left}, {right})")
    assert stairs[0]["from"] == left and stairs[-1]["to"] == right
    assert all(a["to"] == b["from"] and a["code"] != b["code"] for a, b in pairwise(stairs))
    for x in np.linspace(left, right, 601):
        step = next(step for step in stairs if step["from"] <= x <= step["to"])
        distance = np.linalg.norm(codes - [x, height], axis=1)
        assert distance[step["code"]] == pytest.approx(distance.min(), abs=1e-3)
    cells = run(page, taken, "frame.e.map((_, k) => cellOf(frame.e, k, [-3, 3, -2, 2]))")
    areas = [abs(sum(a[0] * b[1] - a[1] * b[0] for a, b in zip(cell, [*cell[1:], *cell[:1]], strict=True))) / 2 for cell in cells]
    assert sum(areas) == pytest.approx(24, rel=1e-6), "the cells tile the plane"
    for k, cell in enumerate(cells):
        for corner in cell:
            distance = np.linalg.norm(codes - corner, axis=1)
            assert distance[k] == pytest.approx(distance.min(), abs=1e-3)
