"""The map of the codes under a mouse, a keyboard and fingers."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import Watch
from tests.browser.conftest import TIMEOUT_MS
from tests.browser.mapping import DRAWN, INK, SEEN, at_rest, drawn, moment, part, place, plot, selected
from tests.browser.maps import CORNERS
from tests.browser.screen import contrast, each_width, overflow, scrolled, settled
from tests.browser.server import Server

Opened = Callable[..., Page]


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("maps")
    server = Server(home / "runs", home / "data", home / "server.log", script="tests/browser/maps.py")
    server.start()
    yield server
    assert not server.stop()


@pytest.fixture
def opened(browser: Browser, watch: Watch, maps: Server) -> Iterator[Opened]:
    contexts = []

    def open_map(
        kind: str = "film", *, width: int = 1280, scheme: Literal["light", "dark"] = "light", touch: bool = False, motion: bool = False
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
            has_touch=touch,
            reduced_motion="no-preference" if motion else "reduce",
        )
        contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        watch.attach(context)
        page = context.new_page()
        page.goto(f"{maps.url}/?m={kind}")
        expect(plot(page)).to_have_attribute("aria-label", re.compile("codes"))
        settled(page)
        return page

    yield open_map
    for context in contexts:
        context.close()


# ---- what is seen


@pytest.mark.parametrize("kind", ["film", "plane", "still", "pair", "large", "huge"])
def test_every_kind_of_map_is_drawn(opened: Opened, kind: str) -> None:
    page = opened(kind)
    assert plot(page).evaluate(INK) > 20
    assert part(page, "canvas.bars").evaluate(INK) > 3
    assert overflow(page) == []
    expect(part(page, ".problem")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_in_light_and_dark(opened: Opened, scheme: str) -> None:
    page = opened(scheme=scheme)
    ground = plot(page).evaluate("canvas => [...canvas.getContext('2d').getImageData(70, 10, 1, 1).data]")
    assert (sum(ground[:3]) > 380) == (scheme == "light")
    before = drawn(page)
    page.emulate_media(color_scheme="dark" if scheme == "light" else "light")
    page.wait_for_function(
        "before => document.querySelector('.st-key-map [data-testid=stBidiComponent], .st-key-map') && "
        "[...document.querySelectorAll('*')].find(n => n.shadowRoot?.querySelector('canvas.plot')).shadowRoot"
        ".querySelector('canvas.plot').toDataURL() !== before",
        arg=before,
    )
    assert contrast(page, "h1")[0] >= 7


@pytest.mark.parametrize("kind", ["film", "pair"])
def test_nothing_sticks_out(opened: Opened, kind: str) -> None:
    page = opened(kind, touch=True)
    for width in each_width(page):
        assert overflow(page) == []
        for selector in (".film", ".foot", ".views"):
            inner, outer = part(page, selector).bounding_box(), part(page, ".codemap").bounding_box()
            assert inner and outer and inner["x"] + inner["width"] <= outer["x"] + outer["width"] + 1, (selector, width)


def test_pointing_at_a_code_says_what_it_is(opened: Opened) -> None:
    page = opened()
    page.mouse.move(*place(page, 1))
    tip = part(page, ".tip")
    expect(tip).to_contain_text("Code 1")
    expect(tip).to_contain_text("38 % of choices (40)")
    expect(tip).to_contain_text("last chosen 3 steps earlier")
    expect(tip).to_contain_text("<b>label 1</b>")  # text stays text
    assert tip.locator("canvas").evaluate(INK) > 10, "its picture"
    page.mouse.move(*place(page, 5))
    expect(tip).to_contain_text("Code 5")
    x, y = place(page, 5)
    page.mouse.move(x - 120, y)
    expect(tip).to_be_hidden()


def test_bars_and_words_follow_the_moment(opened: Opened) -> None:
    page = opened()
    expect(part(page, ".sidehead")).to_have_text("6 of 6 codes in use")
    bars = part(page, "canvas.bars").evaluate(DRAWN)
    part(page, ".strip input").focus()
    page.keyboard.press("Home")
    expect(part(page, ".sidehead")).to_have_text("5 of 6 codes in use")
    expect(part(page, ".when")).to_contain_text("Step 0")
    expect(part(page, ".strip input")).to_have_attribute("aria-valuetext", "Step 0, 5 of 6 codes in use")
    assert part(page, "canvas.bars").evaluate(DRAWN) != bars
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(part(page, ".when")).to_contain_text("Step 300 after: revive")
    assert page.get_by_text("Selected: None.").is_visible()


@pytest.mark.parametrize("name", ["pictures", "trails", "cells", "sorted"])
def test_each_choice_changes_the_picture(opened: Opened, name: str) -> None:
    page = opened("plane")
    if name == "trails":
        page.mouse.click(*place(page, 4))
        page.mouse.move(5, 5)
    canvas = part(page, "canvas.bars") if name == "sorted" else plot(page)
    before = at_rest(canvas)
    toggle = part(page, f"button.{name}")
    was = toggle.get_attribute("aria-pressed")
    toggle.click()
    expect(toggle).to_have_attribute("aria-pressed", "false" if was == "true" else "true")
    assert at_rest(canvas) != before


# ---- choosing


def test_a_click_selects_and_tells_the_page(opened: Opened) -> None:
    page = opened()
    page.mouse.click(*place(page, 3))
    selected(page, 3)
    expect(page.get_by_text("Noted: 3.")).to_be_visible()
    page.mouse.click(*place(page, 0))
    selected(page, 0)
    plot(page).press("Escape")
    selected(page, None)


def test_a_bar_selects_its_code(opened: Opened) -> None:
    page = opened()
    box = part(page, "canvas.bars").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 20, box["y"] + 4 + (box["height"] - 26) * 2.5 / 6)
    selected(page, 2)


def test_a_click_into_a_cell_selects_its_code(opened: Opened) -> None:
    page = opened("plane")
    x, y = place(page, 5)
    page.mouse.click(x - 60, y + 90)
    selected(page, 5)
    expect(page.get_by_text("Noted: 5.")).to_be_visible()


def test_the_page_can_select(opened: Opened) -> None:
    page = opened()
    page.mouse.click(*place(page, 3))
    selected(page, 3)
    page.locator(".st-key-wish_two button").click()
    selected(page, 2)
    expect(part(page, ".tip")).to_contain_text("Code 2")


def test_arrow_keys_go_to_the_nearest_code_that_way(opened: Opened) -> None:
    page = opened()
    plot(page).focus()
    said = part(page, ".said")
    page.keyboard.press("n")
    expect(said).to_contain_text("Code 0")
    for key, code in (("ArrowRight", 1), ("ArrowDown", 3), ("ArrowLeft", 2), ("ArrowUp", 0), ("ArrowUp", 0), ("ArrowRight", 1)):
        page.keyboard.press(key)
        expect(said).to_contain_text(f"Code {code}")
    selected(page, 1)
    page.keyboard.press("p")
    expect(said).to_contain_text("Code 0")
    page.keyboard.press("PageUp")
    expect(said).to_contain_text("Code 5")
    page.keyboard.press("PageDown")
    page.keyboard.press("End")
    expect(said).to_contain_text("Code 5")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    selected(page, 0)


# ---- the view


def test_the_wheel_zooms_only_after_a_click(opened: Opened) -> None:
    page = opened()
    whole = drawn(page)
    x, y = place(page, 4)
    page.mouse.move(x + 60, y + 40)
    page.mouse.wheel(0, 120)
    expect(part(page, ".hint")).to_have_class(re.compile("shown"))
    scrolled(page)
    page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    assert scrolled(page) == 0
    plot(page).focus()
    page.mouse.wheel(0, -300)
    zoomed = drawn(page)
    assert zoomed != whole
    assert scrolled(page) == 0
    page.mouse.down()
    page.mouse.move(x + 160, y + 90, steps=3)
    page.mouse.up()
    assert drawn(page) != zoomed
    page.keyboard.press("0")
    page.mouse.move(5, 5)
    plot(page).evaluate("canvas => canvas.blur()")
    assert drawn(page) == whole
    selected(page, None)  # dragging chooses nothing


def test_the_view_has_buttons(opened: Opened) -> None:
    page = opened()
    whole = drawn(page)
    for name in ("in", "out", "near"):
        part(page, f"button.{name}").click()
        assert drawn(page) != whole, name
        part(page, "button.all").click()
        assert drawn(page) == whole, name


def test_one_finger_scrolls_the_page_and_a_tap_selects(opened: Opened) -> None:
    page = opened(width=390, touch=True)
    box = plot(page).bounding_box()
    assert box is not None
    finger = page.context.new_cdp_session(page)
    x, y = box["x"] + 180, box["y"] + 200

    def touch(kind: str, *points: tuple[float, float]) -> None:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": px, "y": py} for px, py in points]})

    page.touchscreen.tap(*place(page, 1))
    selected(page, 1)
    expect(part(page, ".tip")).to_contain_text("Code 1")
    before = drawn(page)

    touch("touchStart", (x, y))
    for i in range(1, 9):
        touch("touchMove", (x, y - 20 * i))
        page.wait_for_timeout(20)  # a finger's pace
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollTop > 50")
    for _ in range(10):  # a finger at rest flings nothing that would still scroll below
        touch("touchMove", (x, y - 160))
        page.wait_for_timeout(20)
    touch("touchEnd")
    assert drawn(page) == before, "the map stays"

    page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 0)")
    assert scrolled(page) == 0
    touch("touchStart", (x - 30, y), (x + 30, y))
    for i in range(1, 6):
        touch("touchMove", (x - 30 - 10 * i, y), (x + 30 + 10 * i, y))
        page.wait_for_timeout(20)
    touch("touchEnd")
    assert drawn(page) != before, "two fingers zoom"
    assert scrolled(page) == 0
    selected(page, 1)


# ---- time


def test_the_film_plays_to_its_end_and_stops(opened: Opened) -> None:
    page = opened(motion=True)
    part(page, ".speed select").select_option("4")
    play = part(page, "button.play")
    when = part(page, ".when")
    when.evaluate(SEEN)
    play.click()
    expect(play).to_have_attribute("aria-label", "Play")
    assert moment(page) == 5
    steps = [int(words.split()[1]) for words in page.evaluate("window.seen")]
    assert steps[0] == 0 and steps[-1] == 500 and steps == sorted(steps), "from the beginning to the end"
    play.click()
    plot(page).focus()
    page.keyboard.press(" ")
    expect(play).to_have_attribute("aria-label", "Play")
    page.keyboard.press(",")
    resting = moment(page)
    page.keyboard.press(".")
    assert moment(page) == min(5, resting + 1)


def test_maps_of_a_group_stay_in_step(opened: Opened) -> None:
    page = opened("pair")
    assert (moment(page), moment(page, "other")) == (5, 3)
    part(page, ".strip input").focus()
    page.keyboard.press("Home")
    assert (moment(page), moment(page, "other")) == (0, 0)
    page.keyboard.press("ArrowRight")
    expect(part(page, ".when", "other")).to_contain_text("Step 100")
    page.keyboard.press("End")
    expect(part(page, ".when")).to_contain_text("Step 500")
    expect(part(page, ".when", "other")).to_contain_text("Step 300")
    before = drawn(page, "other")
    part(page, "button.in").click()
    assert drawn(page, "other") != before, "they share the view"
    part(page, "button.play", "other").click()
    expect(part(page, "button.play")).to_have_attribute("aria-label", "Pause")
    part(page, "button.play").click()
    expect(part(page, "button.play", "other")).to_have_attribute("aria-label", "Play")
    assert part(page, ".when").inner_text().split(" ")[:2] == part(page, ".when", "other").inner_text().split(" ")[:2]


def test_who_looks_at_the_latest_moment_goes_on_doing_so(opened: Opened) -> None:
    page = opened("grow")
    assert moment(page) == 3
    page.locator(".st-key-more button").click()
    expect(part(page, ".when")).to_contain_text("Step 400")
    part(page, ".strip input").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.locator(".st-key-more button").click()
    expect(part(page, ".strip input")).to_have_attribute("max", "5")
    assert moment(page) == 1, "who looks at an earlier one stays there"


# ---- what can be taken home


def test_the_numbers_and_the_picture_can_be_taken_home(opened: Opened, tmp_path: Path) -> None:
    page = opened()
    with page.expect_download() as found:
        part(page, "button.csv").click()
    assert found.value.suggested_filename == "test-codes-step-500.csv"
    found.value.save_as(tmp_path / "codes.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "codes.csv").read_text(encoding="utf-8-sig"))))
    assert len(rows) == len(CORNERS)
    assert [float(row["dimension 1"]) for row in rows] == pytest.approx(CORNERS[:, 0].tolist(), abs=1e-3)
    assert [row["hits"] for row in rows] == ["20", "40", "20", "10", "10", "5"]
    assert rows[0]["colour"] == "#005ac8" and rows[0]["about"] == "<b>label 0</b>"
    assert sum(float(row["share"]) for row in rows) == pytest.approx(1, abs=1e-4)
    with page.expect_download() as found:
        part(page, "button.png").click()
    found.value.save_as(tmp_path / "codes.png")
    with Image.open(tmp_path / "codes.png") as picture:
        assert picture.width > 1000 and picture.height > 800
        assert len(picture.convert("RGB").resize((200, 150)).getcolors(30_000) or []) > 20


# ---- size


@pytest.mark.parametrize("kind", ["large", "huge"])
def test_large_codebooks_play(opened: Opened, kind: str) -> None:
    page = opened(kind, motion=True)
    part(page, "button.play").click()
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while moment(page) == 0:
        assert time.monotonic() < deadline, "the film stands still"
        page.wait_for_timeout(100)
