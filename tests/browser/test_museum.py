"""The bug museum in a real browser: guessed by keyboard and by touch, and a pair that the light worker trains."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import Watch
from tests.browser.conftest import TIMEOUT_MS
from tests.browser.screen import button, each_width, no_problems, overflow, points, settled, wait_for_points
from tests.browser.server import Server
from vqcore.museum.exhibits import EXHIBITS
from vqcore.museum.trial import museum_of, read

FIRST = next(iter(EXHIBITS))


def opened(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/museum")
    wait_for_points(page, key="museum_plot_3")
    settled(page)


def choose(page: Page, name: str) -> None:
    page.locator('[data-testid="stMain"]').get_by_role("radio", name=name).or_(page.get_by_role("button", name=name)).first.tap()


def test_a_bug_is_guessed_by_keyboard_and_shown(page: Page, server: Server) -> None:
    opened(page, server)
    main = page.locator('[data-testid="stMain"]')
    pill = main.get_by_role("radio", name=EXHIBITS[FIRST].title).or_(main.get_by_role("button", name=EXHIBITS[FIRST].title)).first
    pill.focus()
    page.keyboard.press("Space")
    expect(button(page, "museum_check")).to_be_enabled()
    button(page, "museum_check").focus()
    page.keyboard.press("Enter")
    expect(main).to_contain_text("You found it at the first guess.")
    expect(main.get_by_role("link", name=EXHIBITS[FIRST].sources[0].name)).to_have_attribute("href", EXHIBITS[FIRST].sources[0].url)
    button(page, "museum_next").focus()
    page.keyboard.press("Enter")
    expect(main).to_contain_text(list(EXHIBITS.values())[1].symptom)
    no_problems(page)


def test_a_bug_is_guessed_by_touch_and_nothing_sticks_out(browser: Browser, watch: Watch, server: Server) -> None:
    with browser.new_context(viewport={"width": 390, "height": 720}, has_touch=True) as context:
        context.set_default_timeout(TIMEOUT_MS)
        watch.attach(context)
        page = context.new_page()
        opened(page, server)
        assert overflow(page) == []
        choose(page, EXHIBITS["loss_on_output"].patient)
        expect(page.locator('[data-testid="stMain"]')).to_contain_text(EXHIBITS["loss_on_output"].symptom)
        choose(page, EXHIBITS["loss_on_output"].title)
        expect(button(page, "museum_check")).to_be_enabled()
        button(page, "museum_check").tap()
        expect(page.locator('[data-testid="stMain"]')).to_contain_text("As it should be")
        for width in each_width(page):
            assert overflow(page) == [], width
        no_problems(page)


def test_another_seed_is_trained_by_the_light_worker_and_kept(page: Page, server: Server) -> None:
    opened(page, server)
    main = page.locator('[data-testid="stMain"]')
    page.locator(f".st-key-museum_seed_{FIRST} input").fill("4")
    page.keyboard.press("Enter")
    expect(button(page, "museum_train")).to_be_enabled()
    button(page, "museum_train").click()
    expect(main).to_contain_text("Training both with seed 4")
    assert points(page, "museum_plot_0") > 0, "the curves that are there stay"
    expect(main).not_to_contain_text("Training both with seed 4", timeout=3 * TIMEOUT_MS)
    no_problems(page)
    found = read([museum_of(server.runs)], FIRST, 4, EXHIBITS[FIRST].run(4).identity)
    assert found is not None
    shown = page.locator(".st-key-museum_plot_0 .js-plotly-plot").evaluate("node => node.data[1].y.at(-1)")
    assert shown == pytest.approx(found.buggy.series["e_norm"][-1], rel=1e-4)
