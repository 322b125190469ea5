"""Bits and the panel of sweeps in a real browser: mouse, keyboard, touch, and the stopwatch on a real worker."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import Watch
from tests.browser.conftest import TIMEOUT_MS
from tests.browser.screen import button, contrast, each_width, no_problems, overflow, points, settled, wait_for_points
from tests.browser.server import Server
from vqcore.runs.store import RunStore
from vqcore.sweeps.store import SweepStore

PATIENCE_MS = 4 * TIMEOUT_MS  # where an engine has to come up first


def metric(page: Page, label: str) -> str:
    return page.locator('[data-testid="stMetric"]', has_text=label).locator('[data-testid="stMetricValue"]').inner_text().strip()


def test_the_counter_by_mouse_and_by_keyboard(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/bits")
    settled(page)
    no_problems(page)
    bits = int(metric(page, "Bits an image").replace(",", ""))
    message = page.locator(".vq-message img.grid")
    expect(message).to_be_visible()
    width, height = message.evaluate("node => [node.naturalWidth, node.naturalHeight]")
    assert width == height > 0, "the drawing was taken as an image"

    slider = page.locator(".st-key-bits_D input")
    expect(slider).to_be_disabled()
    page.locator(".st-key-bits_guess").get_by_text("double", exact=True).click()
    expect(page.get_by_text("No: they stay")).to_be_visible()
    expect(slider).to_be_enabled()
    numbers = metric(page, "Codebook K·D")
    slider.focus()
    slider.press("ArrowRight")
    expect(page.locator('[data-testid="stMetric"]', has_text="Codebook K·D")).not_to_contain_text(numbers)
    assert int(metric(page, "Bits an image").replace(",", "")) == bits, "D moves no bit"

    slider = page.locator(".st-key-bits_K input")
    slider.focus()
    slider.press("ArrowRight")
    expect(page.locator('[data-testid="stMetric"]', has_text="Bits an image")).not_to_contain_text(f"{bits:,}")
    assert int(metric(page, "Bits an image").replace(",", "")) > bits
    assert points(page, "bits_rate") > 3


def test_the_stopwatch_measures_on_a_real_worker_and_can_be_cancelled(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/bits")
    settled(page)
    button(page, "bits_start").click()
    expect(button(page, "bits_cancel")).to_be_visible()
    page.set_default_timeout(PATIENCE_MS)
    wait_for_points(page, 2, "bits_time")
    button(page, "bits_cancel").click()
    expect(button(page, "bits_start")).to_contain_text("Measure again")
    kept = points(page, "bits_time")
    page.keyboard.press("r")  # Streamlit's key: a run of the page takes what has come
    settled(page)
    assert points(page, "bits_time") == kept >= 3 and points(page, "bits_memory") == kept
    no_problems(page)


# figures that end in an ellipsis
_CUT = """nodes => nodes.filter(node => [node, ...node.querySelectorAll("*")].some(
  part => part.scrollWidth > part.clientWidth && getComputedStyle(part).overflowX !== "visible")).map(node => node.innerText)"""


def test_it_can_be_read_everywhere(browser: Browser, watch: Watch, server: Server) -> None:
    with browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark", has_touch=True) as context:
        context.set_default_timeout(TIMEOUT_MS)
        watch.attach(context)
        page = context.new_page()
        page.goto(f"{server.url}/bits")
        settled(page)
        assert page.locator('[data-testid="stMetricValue"]').evaluate_all(_CUT) == []
        expect(page.locator(".vq-message figcaption").first).to_be_visible()
        expect(page.locator(".st-key-bits_size .main-svg").first).to_be_visible()
        no_problems(page)
        assert overflow(page) == []
        assert contrast(page, ".vq-message figcaption")[0] >= 4.5
        page.locator(".st-key-bits_guess").get_by_text("stay the same").tap()
        expect(page.get_by_text("Yes: they stay")).to_be_visible()
        for width in each_width(page):
            assert overflow(page) == [], width
        page.goto(f"{server.url}/collapse")
        settled(page)
        page.get_by_text("Sweeps", exact=True).first.click()
        expect(page.locator(".st-key-sweeps_chart_error .main-svg").first).to_be_visible()
        page.locator(".st-key-sweeps_new label").first.click()
        expect(page.locator(".st-key-sweepform_start")).to_be_visible()
        for width in each_width(page):
            assert overflow(page) == [], width
        no_problems(page)


def test_a_sweep_from_the_page_is_trained_and_drawn(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/collapse")
    settled(page)
    page.get_by_text("Sweeps", exact=True).first.click()
    page.locator(".st-key-sweeps_new label").first.click()
    start = button(page, "sweepform_start")
    expect(start).to_contain_text("Start 12 runs")
    for key, name in (("D", "64"), ("D", "16"), ("distance", "l2-normalised")):
        page.locator(f".st-key-sweepform_{key} button", has_text=name).click()
        settled(page)
    steps = page.locator(".st-key-sweepform_steps input")
    steps.fill("12")
    steps.press("Enter")
    expect(start).to_contain_text("Start 2 runs")
    expect(page.locator(".st-key-sweepform")).to_contain_text("2 runs · about", timeout=PATIENCE_MS)
    start.click()
    expect(page.locator(".st-key-sweeps_line", has_text="2 of 2 runs finished")).to_be_visible(timeout=PATIENCE_MS)
    wait_for_points(page, 0, "sweeps_chart_use")
    no_problems(page)
    sweep = SweepStore(server.runs).list()[0]
    assert {entry.state for entry in RunStore(server.runs).list() if entry.sweep == sweep.id} == {"finished"}
    assert all(result.done for result in SweepStore(server.runs).results(sweep))
