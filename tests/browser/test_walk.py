"""What a stranger does first, in a real browser: open, click the first preset, watch it learn, and take hold of it."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.chromium import Watch
from tests.browser.conftest import TIMEOUT_MS
from tests.browser.screen import badge, button, no_problems, points, run_id, settled, wait_for_points
from tests.browser.server import Server
from vqcore.config.presets import PRESETS
from vqcore.runs.folder import RunFolder
from vqcore.runs.status import RunState

FIRST = next(iter(PRESETS))


@pytest.fixture
def free_engine(server: Server, page: Page) -> None:
    """The engine is warm, and no other test's run holds its only place."""
    page.goto(f"{server.url}/train")
    expect(page.get_by_text("Engine ready · 0 of").first).to_be_visible(timeout=2 * TIMEOUT_MS)


def wait_for_state(page: Page, folder: RunFolder, *states: RunState) -> None:
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while folder.status().state not in states:
        assert time.monotonic() < deadline, f"still {folder.status()}, waited for {states}"
        page.wait_for_timeout(100)


def start(page: Page, server: Server, preset: str) -> RunFolder:
    """Click a preset's card; its run, once its curve is seen."""
    page.goto(f"{server.url}/train")
    button(page, f"start_{preset}").click()
    page.wait_for_url("**/train?run=*")
    wait_for_points(page)
    return RunFolder(server.runs / run_id(page))


@pytest.mark.usefixtures("free_engine")
def test_from_the_first_click_over_pause_and_stop(page: Page, server: Server, browser: Browser, watch: Watch) -> None:
    folder = start(page, server, FIRST)
    assert folder.config() == PRESETS[FIRST].config
    wait_for_points(page, more_than=points(page))  # the curve moves
    no_problems(page)

    button(page, "control_pause").click()
    badge(page, "Paused")
    wait_for_state(page, folder, "paused")
    paused_at = folder.metrics().records[-1].step
    # a second viewer, who did not start it, sees it and cannot touch it
    with browser.new_context(viewport={"width": 1280, "height": 720}) as stranger:
        watch.attach(stranger)
        other = stranger.new_page()
        other.goto(page.url)
        wait_for_points(other)
        badge(other, "Paused")
        expect(other.locator(".st-key-control_pause, .st-key-control_resume, .st-key-control_stop")).to_have_count(0)
        no_problems(other)

    # a reload finds its way back by the address
    page.reload()
    wait_for_points(page)
    badge(page, "Paused")
    assert run_id(page) == folder.id
    assert folder.metrics().records[-1].step == paused_at, "meanwhile no step was done"

    before = points(page)
    button(page, "control_resume").click()
    wait_for_points(page, more_than=before)
    button(page, "control_stop").click()
    badge(page, "Stopped")
    wait_for_state(page, folder, "stopped")
    checkpoint = folder.checkpoint()
    assert checkpoint is not None
    assert paused_at <= checkpoint.meta["step"] < PRESETS[FIRST].config.train.steps

    before = points(page)
    button(page, "control_resume").click()
    wait_for_points(page, more_than=before)
    button(page, "control_stop").click()  # lessons watch a run to its end
    badge(page, "Stopped")
    no_problems(page)


@pytest.mark.usefixtures("free_engine")
def test_a_run_goes_on_without_its_page_and_its_owner_finds_it_again(context: BrowserContext, page: Page, server: Server) -> None:
    folder = start(page, server, "collapse")
    address = page.url
    page.goto("about:blank")
    seen = folder.metrics().records[-1].step
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while folder.metrics().records[-1].step < seen + 50:
        assert time.monotonic() < deadline, folder.status()
        page.wait_for_timeout(200)
    again = context.new_page()
    again.goto(address)
    wait_for_points(again)
    if folder.status().state == "running":  # a fast machine may have finished it by now
        button(again, "control_stop").click()
    wait_for_state(again, folder, "stopped", "finished")
    no_problems(again)


def test_the_same_preset_is_offered_as_the_run_that_exists(page: Page, server: Server) -> None:
    made = RunFolder.create(server.runs, PRESETS["letters"].config, name="Letters", preset="letters")
    made.set_status(state="finished")
    page.goto(f"{server.url}/train")
    button(page, "start_letters").click()
    button(page, "start_open").click()
    page.wait_for_url(f"**/train?run={made.id}")
    settled(page)
    assert [path.name for path in server.runs.glob("*") if path.name[0] != "."].count(made.id) == 1
    assert made.status().state == "finished", "it is looked at, not trained again"


def test_what_is_typed_just_before_the_click_is_trained(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/train")
    settled(page)
    page.locator(".st-key-start_own label").first.click()
    page.locator('input[aria-label="Codes K"]').fill("17")
    button(page, "start_custom").click()  # the field sends its number as it is left, and the click follows at once
    page.wait_for_url("**/train?run=*")
    assert RunFolder(server.runs / run_id(page)).config().model.quantizer.K == 17


@pytest.mark.parametrize("address", ["/?run=../../etc", "/?run=no-such-run", "/inside?run=%00", "/runs?run=" + "x" * 500])
def test_a_wrong_run_in_the_address_is_said_in_words(page: Page, server: Server, address: str) -> None:
    page.goto(server.url + address)
    settled(page)
    expect(page.locator('[data-testid="stAlert"]').first).to_be_visible()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)
    assert "Traceback" not in page.locator('[data-testid="stMain"]').inner_text()
