"""The collapse clinic in a real browser: a pair that was trained, and one that is treated while it trains in the engine's only slot."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from pages.ui.session import COOKIE, owner_hash
from tests.browser.chromium import Watch
from tests.browser.conftest import TIMEOUT_MS
from tests.browser.screen import button, each_width, no_problems, overflow, run_id, settled, wait_for_points
from tests.browser.server import Server
from vqcore.clinic.causes import CAUSES
from vqcore.config.run import RunConfig
from vqcore.jobs import worker
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

CAUSE = "far_init"
SMALL = {"model.hidden": 8, "model.quantizer.K": 16, "train.evaluation_images": 64}
Pair = tuple[RunFolder, RunFolder]


def config_of(**changes: object) -> RunConfig:
    return CAUSES[CAUSE].config.edited(SMALL | changes)


def make(server: Server, config: RunConfig, owner: str = "") -> Pair:
    names = (f"{CAUSES[CAUSE].patient}: left", f"{CAUSES[CAUSE].patient}: right")
    left, right = RunStore(server.runs).create_group((config, config), names=names, owner=owner, preset=f"collapse:{CAUSE}")
    return left, right


@pytest.fixture(scope="module")
def trained(server: Server) -> Pair:
    """A short pair that nobody owns, trained."""
    folders = make(server, config_of(**{"train.steps": 60, "train.evaluate_every": 10}))
    for folder in folders:
        assert worker.run(folder, "cli") == "finished"
    return folders


@pytest.fixture
def owner(context: BrowserContext, page: Page, server: Server) -> str:
    """Who this browser is."""
    page.goto(f"{server.url}/collapse")
    settled(page)
    cookies = {cookie.get("name"): cookie.get("value", "") for cookie in context.cookies()}
    return owner_hash(cookies[COOKIE])


def step_of(page: Page, side: int) -> str:
    """The step that a film stands at, as it says."""
    return page.locator(f".st-key-collapse_map_{side} .when b").inner_text()


def opened(page: Page, server: Server, folder: RunFolder) -> None:
    page.goto(f"{server.url}/collapse?run={folder.id}")
    wait_for_points(page, key="collapse_used")
    expect(page.locator(".st-key-collapse_map_1 .when b")).to_contain_text("Step")
    no_problems(page)


def line(page: Page, text: str) -> None:
    """Wait until the case's line says so."""
    expect(page.locator(".st-key-collapse_line")).to_contain_text(text, timeout=3 * TIMEOUT_MS)


def wait_for(page: Page, what: str, met: object) -> None:
    assert callable(met)
    deadline = time.monotonic() + 2 * TIMEOUT_MS / 1000
    while not met():
        assert time.monotonic() < deadline, what
        page.wait_for_timeout(100)


def test_both_films_move_in_step_by_mouse_and_by_keyboard(page: Page, server: Server, trained: Pair) -> None:
    opened(page, server, trained[1])
    sliders = [page.locator(f".st-key-collapse_map_{side} input[type=range]") for side in (0, 1)]
    sliders[0].focus()
    page.keyboard.press("Home")
    expect(page.locator(".st-key-collapse_map_1 .when b")).to_have_text("Step 0")
    assert step_of(page, 0) == "Step 0"
    page.locator(".st-key-collapse_map_1 .play").click()
    expect(page.locator(".st-key-collapse_map_0 .when b")).not_to_have_text("Step 0")
    expect(page.locator(".st-key-collapse_map_0 .when b")).to_have_text("Step 60")
    assert step_of(page, 1) == "Step 60"
    no_problems(page)


def test_a_code_chosen_in_one_film_is_chosen_in_both(page: Page, server: Server, trained: Pair) -> None:
    opened(page, server, trained[1])
    page.locator(".st-key-collapse_map_0 canvas.plot").focus()
    page.keyboard.press("Home")  # the first code
    for side in (0, 1):
        expect(page.locator(f".st-key-collapse_map_{side} .tip b")).to_have_text("Code 0")
    page.locator(".st-key-collapse_map_1 canvas.plot").focus()
    page.keyboard.press("n")  # and the next one, from the other film
    for side in (0, 1):
        expect(page.locator(f".st-key-collapse_map_{side} .tip b")).to_have_text("Code 1")
    no_problems(page)


def test_the_cause_is_guessed_then_shown(page: Page, server: Server, trained: Pair) -> None:
    opened(page, server, trained[1])
    main = page.locator('[data-testid="stMain"]')
    assert CAUSES[CAUSE].reveal[:40] not in main.inner_text()
    expect(button(page, "collapse_reveal")).to_be_disabled()
    page.get_by_role("radio", name=CAUSES["high_lr"].title).or_(page.get_by_role("button", name=CAUSES["high_lr"].title)).first.click()
    button(page, "collapse_reveal").click()
    expect(main).to_contain_text(CAUSES[CAUSE].reveal[:40])
    expect(main).to_contain_text("You guessed: the learning rate is too high.")
    no_problems(page)


def test_nothing_sticks_out_and_a_thumb_can_scroll_past_the_films(browser: Browser, watch: Watch, server: Server, trained: Pair) -> None:
    with browser.new_context(viewport={"width": 390, "height": 720}, has_touch=True) as context:
        context.set_default_timeout(TIMEOUT_MS)
        watch.attach(context)
        page = context.new_page()
        opened(page, server, trained[1])
        settled(page)
        assert "pan-y" in page.locator(".st-key-collapse_map_0 canvas.plot").evaluate("node => getComputedStyle(node).touchAction")
        page.locator(".st-key-collapse_map_0 .play").tap()
        expect(page.locator(".st-key-collapse_map_1 .when b")).to_have_text("Step 60")
        for width in each_width(page):
            assert overflow(page) == [], width
        no_problems(page)


def test_a_patient_is_taken_with_two_clicks_and_can_be_stopped(page: Page, server: Server, trained: Pair, owner: str) -> None:
    opened(page, server, trained[1])
    button(page, "collapse_new").click()
    button(page, f"collapse_take_{CAUSE}").click()
    page.wait_for_function("old => !location.search.includes(old)", arg=trained[1].id)
    right = RunFolder(server.runs / run_id(page))
    left = RunFolder(server.runs / right.about().leader)
    assert right.about().owner == left.about().owner == owner
    assert right.config() == left.config() == CAUSES[CAUSE].config
    expect(page.locator(".st-key-collapse_line")).to_contain_text(CAUSES[CAUSE].patient)
    button(page, "collapse_stop").click()
    for folder in (left, right):
        wait_for(page, f"{folder.id} did not stop", lambda folder=folder: folder.status().state == "stopped")
    line(page, "Stopped")
    no_problems(page)


def test_the_run_on_the_right_is_treated_while_both_train_in_one_slot(page: Page, server: Server, owner: str) -> None:
    config = config_of(**{"train.steps": 400, "train.evaluate_every": 20, "train.speed_limit": 40.0})
    left, right = make(server, config, owner)  # the engine finds what is queued
    page.goto(f"{server.url}/collapse?run={right.id}")
    line(page, "Training")
    wait_for_points(page, key="collapse_used")
    button(page, "collapse_pause").click()
    line(page, "Paused")
    for folder in (left, right):
        wait_for(page, f"{folder.id} did not pause", lambda folder=folder: folder.status().state == "paused")
    paused_at, held_at = (folder.events().records[-1].step for folder in (left, right))
    assert paused_at == held_at, "both pause at one step"

    button(page, "collapse_apply").click()
    expect(page.locator(".st-key-collapse_act")).to_contain_text("Revived")
    treated = [event for event in right.events().records if event.kind == "treated"]
    assert [(event.step, event.data["command"]) for event in treated] == [(paused_at, "revive")]
    assert not [event for event in left.events().records if event.kind == "treated"]

    button(page, "collapse_resume").click()
    line(page, "Finished")
    assert left.status().step == right.status().step == 400
    marks = page.locator(".st-key-collapse_used .js-plotly-plot").evaluate(
        "node => node.layout.annotations.map(note => [note.x, note.text])"
    )
    assert marks == [[paused_at, "revive"]]
    used = {folder.id: folder.metrics().records[-1] for folder in (left, right)}
    assert used[right.id].books[0].used > used[left.id].books[0].used, "the treated codes came back, the others did not"
    no_problems(page)
