"""Lessons and links in a real browser: what a room opens, what a telephone shows, what a projector shows."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.chromium import Watch
from tests.browser.conftest import TIMEOUT_MS
from tests.browser.screen import button, each_width, no_problems, overflow, run_id, settled, wait_for_points
from tests.browser.server import Server
from vqcore.config.presets import PRESETS
from vqcore.jobs import worker
from vqcore.lessons.link import encode, of_act, of_config
from vqcore.lessons.loader import lesson
from vqcore.runs.folder import RunFolder

LONG_MS = 4 * TIMEOUT_MS  # a run, behind others, on a busy machine
SHARED = PRESETS["digits"].config.edited({"model.quantizer.K": 24, "train.seed": 7, "train.steps": 90, "train.threads": 1})


def fresh(browser: Browser, watch: Watch, width: int = 1280) -> BrowserContext:
    """A browser that has never been here."""
    context = browser.new_context(viewport={"width": width, "height": 720}, reduced_motion="reduce")
    context.set_default_timeout(TIMEOUT_MS)
    watch.attach(context)
    return context


def shown(page: Page, key: str) -> Locator:
    """The button with that key: of one with a tooltip there are two, of which narrow screens hide the other."""
    return page.locator(f".st-key-{key} button:visible").first


def predict(page: Page, key: str, choice: int) -> None:
    if (opens := page.locator(".st-key-lesson_predict button:visible")).count():  # from the line over another screen
        opens.first.click()
    page.locator(f".st-key-lessons_choice_{key} [role='radiogroup'] label").nth(choice).click()
    shown(page, f"lessons_keep_{key}").click()


def shared_address(page: Page, key: str) -> str:
    """What a popover says when it is opened."""
    button(page, f"share_{key}").click()
    code = page.locator('[data-testid="stPopoverBody"] code')
    expect(code).to_contain_text("link=")
    expect(page.locator('[data-testid="stPopoverBody"] img.vq-qr')).to_be_visible()
    return code.inner_text().replace("\n", "").strip()


def test_a_lesson_from_the_question_to_its_meaning(page: Page, server: Server) -> None:
    entry = lesson("three_terms")
    page.goto(f"{server.url}/?lesson=three_terms")
    expect(page.locator("h1")).to_have_text("Lessons")
    expect(button(page, "lessons_open_one")).to_be_disabled()
    predict(page, "three_terms", entry.prediction.right)
    button(page, "lessons_open_one").click()
    page.wait_for_url("**/train?*")
    expect(page.locator(".st-key-lesson_banner")).to_contain_text(entry.act("one").do)
    expect(page.locator(".st-key-start_digits, .st-key-frame_run")).to_have_count(0)
    button(page, "linked_train").click()
    page.wait_for_url("**run=*")
    made = RunFolder(server.runs / run_id(page))
    assert made.config() == entry.act("one").config
    expect(page.locator(".st-key-train_line")).to_contain_text("Finished", timeout=LONG_MS)
    button(page, "lesson_check").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("agree at all")
    page.keyboard.press("Escape")
    expect(page.locator(".st-key-lesson_banner")).to_contain_text("Done. The lesson explains why.")
    button(page, "lesson_why").click()
    page.wait_for_url("**/lessons?*")
    expect(page.get_by_text(entry.after[0][:40])).to_be_in_viewport()
    no_problems(page)

    page.reload()
    settled(page)
    expect(page.locator('[data-testid="stMain"]')).to_contain_text(entry.after[0][:40])


def test_what_one_shares_a_fresh_browser_opens_the_same(browser: Browser, watch: Watch, server: Server, page: Page) -> None:
    page.goto(f"{server.url}/lessons?lesson=bits")
    settled(page)
    address = shared_address(page, "act_bits_wide")
    assert address.startswith(f"{server.url}/train?link="), "the address by which this browser came"
    assert parse_qs(urlsplit(address).query)["link"] == [encode(of_act("bits", "wide"))]
    with fresh(browser, watch) as other:
        page = other.new_page()
        page.goto(address)
        settled(page)
        expect(page.locator("h1")).to_have_text("Train")
        expect(page.locator('[data-testid="stSidebar"]')).to_be_visible()
        expect(page.locator(".st-key-start_digits, .st-key-start_own, .st-key-frame_run")).to_have_count(0)
        expect(button(page, "linked_train")).to_be_disabled()
        predict(page, "bits", 0)
        expect(button(page, "linked_train")).to_be_enabled()
        page.reload()  # the prediction and the lesson are still there
        settled(page)
        button(page, "linked_train").click()
        page.wait_for_url("**run=*")
        assert RunFolder(server.runs / run_id(page)).config() == lesson("bits").act("wide").config
        expect(page.locator(".st-key-train_line")).to_be_visible()
        expect(page.locator(".st-key-control_treat")).to_have_count(0)
        no_problems(page)


def test_a_shared_run_brings_settings_seed_and_what_is_left_out(browser: Browser, watch: Watch, server: Server) -> None:
    with fresh(browser, watch, 390) as telephone:
        page = telephone.new_page()
        page.goto(f"{server.url}/?link={encode(of_config('train', SHARED, hidden=('presets', 'runs', 'hints')))}")
        settled(page)
        expect(page.locator("h1")).to_have_text("Train")
        expect(page.locator('[data-testid="stMain"]')).not_to_contain_text("Do pictures improve")
        expect(page.locator(".st-key-start_digits")).to_have_count(0)
        expect(page.locator(".st-key-start_own")).to_be_visible()
        assert overflow(page) == []
        button(page, "linked_train").click()
        page.wait_for_url("**run=*")
        assert RunFolder(server.runs / run_id(page)).config() == SHARED
        shown(page, "lesson_leave").click()
        expect(page.locator(".st-key-lesson_banner")).to_have_count(0)
        expect(page.locator('[data-testid="stMain"]')).to_contain_text("Do pictures improve")
        assert run_id(page), "the run stays open"


@pytest.mark.parametrize("path", ["", "train", "snap"])
def test_a_changed_link_is_said_and_nothing_else_changes(page: Page, server: Server, path: str) -> None:
    token = encode(of_act("bits", "wide"))
    page.goto(f"{server.url}/{path}?link={token[:-2]}")
    settled(page)
    expect(page.locator('[data-testid="stAlert"]').first).to_contain_text("This link is not whole")
    expect(page.locator(".st-key-lesson_banner")).to_have_count(0)
    assert "link=" not in page.url and "with=" not in page.url
    no_problems(page)


SLIM = 60  # pixels of the line over a screen, on a laptop


def stands_above(page: Page) -> None:
    """The line stands over the page's content, in its flow, and leaves it its place."""
    line, title = page.locator(".st-key-lesson_banner").bounding_box(), page.locator("h1").bounding_box()
    assert line is not None and title is not None
    assert line["y"] >= title["y"] + title["height"], "under the header line"
    width = page.viewport_size["width"] if page.viewport_size else 0
    assert line["height"] <= SLIM or width < 1280, line
    assert overflow(page) == []


def test_the_strip_covers_nothing_and_nothing_sticks_out(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/snap?link={encode(of_act('straight_through', 'copied'))}")
    for _ in each_width(page):
        stands_above(page)
    predict(page, "straight_through", 1)
    for _ in each_width(page):
        expect(shown(page, "lesson_check")).to_be_visible()
        stands_above(page)
    no_problems(page)


def test_the_code_is_shown_to_the_room_and_put_away(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/lessons?lesson=snap")
    settled(page)
    shared_address(page, "act_snap_one")
    button(page, "share_room_act_snap_one").click()
    dialog = page.get_by_role("dialog")
    picture = dialog.locator("img.vq-qr")
    expect(picture).to_be_visible()
    expect(page.locator('[data-testid="stPopoverBody"]')).to_have_count(0)
    box = picture.bounding_box()
    assert box is not None and box["width"] >= 400 and abs(box["width"] - box["height"]) < 2
    assert box["y"] + box["height"] <= 720
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    button(page, "lessons_next").click()
    expect(dialog).to_have_count(0)


def test_the_projector_shows_one_chart_large(page: Page, server: Server) -> None:
    folder = RunFolder.create(server.runs, SHARED, name="For the room")
    assert worker.run(folder, "cli") == "finished"
    page.goto(f"{server.url}/train?projector=1&run={folder.id}")
    settled(page)
    expect(page.locator('[data-testid="stSidebar"]')).to_be_hidden()
    page.locator(".st-key-train_one").get_by_text("Loss", exact=True).click()
    chart = page.locator(".vq-chart")
    expect(chart).to_have_count(1)
    wait_for_points(page)
    box = chart.bounding_box()
    assert box is not None and box["width"] >= 1000 and box["y"] >= 0 and box["y"] + box["height"] <= 720
    letters = ".vq-chart text, .st-key-train_figures label p, .st-key-train_figures [data-testid=stMetricValue]"
    sizes = page.locator(letters).evaluate_all("nodes => nodes.map(node => parseFloat(getComputedStyle(node).fontSize))")
    assert sizes and min(sizes) >= 16
    assert overflow(page) == []
    button(page, "frame_end").click()
    expect(page.locator('[data-testid="stSidebar"]')).to_be_visible()
    expect(page.locator(".vq-chart")).not_to_have_count(1)
    assert "projector" not in page.url
    no_problems(page)
