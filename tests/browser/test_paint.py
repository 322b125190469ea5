"""Paint in a real browser: by mouse, by keyboard, by touch; nothing that was painted is lost, and undo gives back every byte."""

from __future__ import annotations

import base64
import struct
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

from pages.ui.session import DEMO
from tests.browser.chromium import Watch
from tests.browser.conftest import TIMEOUT_MS
from tests.browser.screen import button, each_width, no_problems, overflow, settled
from tests.browser.server import Server

RUN = next(path.name for path in sorted(DEMO.iterdir()) if (path / "about.json").read_text(encoding="utf-8").count('"preset": "letters"'))
ROWS = COLUMNS = 7


def part(page: Page, selector: str) -> Locator:
    return page.locator(f".st-key-paint_canvas {selector}").first


def opened(page: Page, server: Server, query: str = f"?run={RUN}") -> Page:
    """The screen with its model loaded."""
    page.goto(f"{server.url}/paint{query}")
    expect(part(page, ".paint")).to_have_attribute("data-ready", "true", timeout=2 * TIMEOUT_MS)
    decoded(page)
    settled(page)
    return page


def decoded(page: Page, at: int | None = None) -> list[int]:
    """Wait until the picture is that of the grid, at this entry of the history; returns the grid."""
    if at is not None:
        expect(part(page, ".paint")).to_have_attribute("data-at", str(at))
    for _ in range(600):
        key = part(page, ".paint").get_attribute("data-grid")
        if key and key == part(page, ".paint").get_attribute("data-decoded"):
            raw = base64.b64decode(key)
            return list(struct.unpack(f"<{len(raw) // 2}H", raw))
        page.wait_for_timeout(50)
    raise AssertionError("the picture never came")


def picture(page: Page) -> str:
    """Every byte of the decoded picture."""
    return str(part(page, ".decoded").evaluate("canvas => canvas.toDataURL()"))


def middle(page: Page, row: int, column: int) -> tuple[float, float]:
    part(page, ".board").scroll_into_view_if_needed()
    box = part(page, ".board").bounding_box()
    assert box is not None
    return box["x"] + (column + 0.5) * box["width"] / COLUMNS, box["y"] + (row + 0.5) * box["height"] / ROWS


def take(page: Page, code: int) -> None:
    part(page, ".number").fill(str(code))


def test_what_is_no_code_is_refused_at_the_brush_in_words(page: Page, server: Server) -> None:
    opened(page, server)
    field, wrong = part(page, ".number"), part(page, ".wrong")
    field.fill("7")
    for typed, why in (("abc", "“abc” is not a whole number."), ("2e1", "“2e1” is not"), ("", "Empty."), ("9" * 20, "is too large.")):
        field.fill(typed)
        expect(wrong).to_contain_text(why)
        expect(wrong).to_contain_text("Type a whole number, 0 to 63.")
        expect(field).to_have_value(typed)
    field.press("ArrowUp")
    expect(field).to_have_value("8")  # one more than the brush, which has stayed
    expect(wrong).to_be_hidden()
    field.fill("x")
    field.blur()
    expect(field).to_have_value("8")
    expect(wrong).to_be_hidden()


def test_a_stroke_is_decoded_and_undo_gives_back_every_byte(page: Page, server: Server) -> None:
    opened(page, server)
    first, before = decoded(page), picture(page)
    brush = int(part(page, ".number").input_value())
    page.mouse.click(*middle(page, 0, 0))
    decoded(page, 1)
    assert brush not in first[:7] and picture(page) != before, "the brush begins with a code that shows"
    part(page, ".undo").click()
    take(page, 31)
    page.mouse.move(*middle(page, 5, 1))
    page.mouse.down()
    page.mouse.move(*middle(page, 5, 5), steps=3)
    page.mouse.up()
    grid = decoded(page, 1)
    assert [i for i in range(49) if grid[i] != first[i]] == [36, 37, 38, 39, 40]
    assert grid[36:41] == [31] * 5
    after = picture(page)
    assert after != before
    expect(part(page, ".told")).to_contain_text("5 cells")
    part(page, ".undo").click()
    assert decoded(page, 0) == first and picture(page) == before
    part(page, ".redo").click()
    assert decoded(page, 1) == grid and picture(page) == after
    part(page, ".reset").click()
    assert decoded(page, 2) == first and picture(page) == before
    no_problems(page)


def test_a_fast_scribble_loses_no_cell_and_undo_has_no_limit(page: Page, server: Server) -> None:
    opened(page, server)
    first, before = decoded(page), picture(page)
    take(page, next(code for code in range(64) if code not in first))
    snake = [(row, column if row % 2 == 0 else COLUMNS - 1 - column) for row in range(ROWS) for column in range(COLUMNS)]
    way = snake + snake[::-1][:11]  # 60 cells
    page.mouse.move(*middle(page, *way[0]))
    page.mouse.down()
    for place in way:
        page.mouse.move(*middle(page, *place))
    page.mouse.up()
    assert len(set(decoded(page, 1))) == 1
    part(page, ".undo").click()
    assert decoded(page, 0) == first and picture(page) == before
    for i in range(60):  # one entry each, as fast as they go
        take(page, (first[i % 49] + 1 + i // 49) % 64)
        page.mouse.click(*middle(page, i % 49 // 7, i % 7))
    grid = decoded(page, 60)
    assert grid == [(first[i] + (2 if i < 11 else 1)) % 64 for i in range(49)]
    part(page, ".board").focus()
    for _ in range(60):
        page.keyboard.press("Control+z")
    assert decoded(page, 0) == first and picture(page) == before


def test_the_keyboard_does_all_of_it(page: Page, server: Server) -> None:
    opened(page, server)
    first = decoded(page)
    part(page, ".board").focus()
    for key in ("ArrowRight", "ArrowDown", "2", "1", "Space"):
        page.keyboard.press(key)
    assert decoded(page, 1)[8] == 21
    expect(part(page, ".readout")).to_contain_text("Row 2, column 2: code 21")
    for key in ("Shift+ArrowRight", "Shift+ArrowDown", "Space"):
        page.keyboard.press(key)
    grid = decoded(page, 2)
    assert [grid[i] for i in (8, 9, 15, 16)] == [21] * 4
    page.keyboard.press("ArrowDown")
    page.keyboard.press("p")
    expect(part(page, ".number")).to_have_value(str(grid[23]))
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert decoded(page, 0) == first
    page.keyboard.press("Control+y")
    assert decoded(page, 1)[8] == 21


def test_right_click_picks_and_a_rectangle_fills(page: Page, server: Server) -> None:
    opened(page, server)
    first = decoded(page)
    page.mouse.click(*middle(page, 3, 3), button="right")
    expect(part(page, ".number")).to_have_value(str(first[24]))
    part(page, "[data-tool=rectangle]").click()
    page.mouse.move(*middle(page, 0, 0))
    page.mouse.down()
    page.mouse.move(*middle(page, 2, 1), steps=2)
    page.mouse.up()
    grid = decoded(page, 1)
    assert [i for i in range(49) if grid[i] == first[24] and first[i] != first[24]] == [0, 1, 7, 8, 14, 15]


def test_a_finger_paints_and_a_long_press_picks(browser: Browser, server: Server, watch: Watch) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, color_scheme="dark")
    context.set_default_timeout(TIMEOUT_MS)
    watch.attach(context)
    page = context.new_page()
    opened(page, server)
    first = decoded(page)
    hand = context.new_cdp_session(page)

    def touch(kind: str, *place: float) -> None:
        points: list[dict[str, Any]] = [{"x": place[0], "y": place[1]}] if place else []
        hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", *middle(page, 3, 3))
    expect(part(page, ".number")).to_have_value(str(first[24]), timeout=5000)
    touch("touchEnd")
    assert decoded(page, 0) == first
    for row, column in ((6, 0), (6, 1), (6, 2)):
        touch("touchStart" if column == 0 else "touchMove", *middle(page, row, column))
    touch("touchEnd")
    assert decoded(page, 1)[42:45] == [first[24]] * 3
    assert overflow(page) == []
    context.close()


def test_history_outlives_another_screen(page: Page, server: Server) -> None:
    opened(page, server)
    first = decoded(page)
    take(page, 31)
    page.mouse.click(*middle(page, 6, 6))
    grid = decoded(page, 1)
    page.get_by_role("link", name="Runs").click()
    expect(page.locator("h1")).to_have_text("Runs")
    page.get_by_role("link", name="Paint").click()
    assert decoded(page, 1) == grid
    part(page, ".undo").click()
    assert decoded(page, 0) == first


def test_whole_grid_edits_images_and_drawings_are_entries_of_the_history(page: Page, server: Server) -> None:
    opened(page, server)
    first, before = decoded(page), picture(page)
    part(page, ".shuffle").click()
    assert sorted(decoded(page, 1)) == sorted(first)
    part(page, ".images button >> nth=5").click()
    decoded(page, 2)
    expect(part(page, ".grid .note")).to_contain_text("image 6 of 64")
    page.get_by_role("tab", name="Draw one").click()
    page.locator(".st-key-paint_draw_pad [data-shape=seven]").click()
    decoded(page, 3)
    expect(part(page, ".grid .note")).to_contain_text("your drawing")
    for at in (2, 1, 0):
        part(page, ".undo").click()
        decoded(page, at)
    assert decoded(page) == first and picture(page) == before
    no_problems(page)


def test_a_link_reproduces_the_grid(page: Page, server: Server) -> None:
    opened(page, server)
    take(page, 31)
    page.mouse.click(*middle(page, 2, 2))
    grid, drawn = decoded(page, 1), picture(page)
    page.get_by_role("tab", name="Save and share").click()
    button(page, "paint_keep_make").click()
    address = page.locator('[data-testid="stCode"]').first.inner_text().replace("\n", "").strip()
    other = page.context.new_page()
    opened(other, server, "?" + address.partition("?")[2])
    assert decoded(other) == grid and picture(other) == drawn
    opened(other, server, "?" + address.partition("?")[2][:-7])
    expect(other.locator('[data-testid="stAlert"]').first).to_contain_text("not whole")


def test_it_fits_at_every_width(page: Page, server: Server) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    opened(page, server)
    for width in each_width(page, (1280, 700, 390)):
        assert overflow(page) == [], width
        no_problems(page)
        board = part(page, ".board").bounding_box()
        assert board is not None and board["width"] / COLUMNS >= 40  # a fingertip
        part(page, ".shuffle").scroll_into_view_if_needed()
        for shown in (part(page, ".decoded"), part(page, ".swatches"), part(page, ".shuffle")):
            expect(shown).to_be_in_viewport()  # the picture stays in view with what changes it
        if width == 1280:
            assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0
