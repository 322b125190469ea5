"""The Codes screen on a real server with its real engine: by mouse, by keyboard, by touch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Download, Locator, Page, expect

from tests.browser.chromium import Watch
from tests.browser.conftest import TIMEOUT_MS
from tests.browser.screen import button, each_width, no_problems, overflow, points, settled, wait_for_points
from tests.browser.server import ROOT, Server
from vqcore.config.presets import PRESETS
from vqcore.jobs import worker
from vqcore.runs.folder import RunFolder

SMALL = {"train.steps": 60, "train.evaluate_every": 10, "train.threads": 1, "train.evaluation_images": 64, "model.hidden": 8}
DEMO = sorted(path for path in (ROOT / "assets" / "demo").iterdir() if (path / "config.json").is_file())
TABS = ("Lives", "Usage meter", "Are codes useful?", "Download")


@pytest.fixture(scope="module")
def finished(server: Server) -> RunFolder:
    """A short run whose codes start far away: most of them are dead."""
    folder = RunFolder.create(server.runs, PRESETS["collapse"].config.edited(SMALL), name="Far away")
    assert worker.run(folder, "cli") == "finished"
    return folder


@pytest.fixture
def codes(page: Page, server: Server, finished: RunFolder) -> Page:
    """The screen, once the light worker has said what the codes draw."""
    return opened(page, server, finished.id)


@pytest.fixture
def telephone(browser: Browser, watch: Watch, server: Server, finished: RunFolder) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 390, "height": 720}, has_touch=True, is_mobile=True) as context:
        context.set_default_timeout(TIMEOUT_MS)
        watch.attach(context)
        yield opened(context.new_page(), server, finished.id)


def opened(page: Page, server: Server, run: str) -> Page:
    page.goto(f"{server.url}/codes?run={run}")
    expect(page.locator(".vq-about, .st-key-codes_points").first).to_be_visible(timeout=4 * TIMEOUT_MS)
    settled(page)
    return page


def plot(page: Page) -> Locator:
    return page.locator(".st-key-codes_map canvas.plot")


def shows(page: Page, code: int) -> None:
    """Wait until the page shows this code: in words, in its number, and with its patches."""
    expect(page.get_by_text(f"Code {code}", exact=True).first).to_be_visible()
    expect(number(page)).to_have_value(str(code))


def number(page: Page) -> Locator:
    return page.locator(".st-key-codes_number input")


def code_of(page: Page) -> int:
    return int(number(page).input_value())


def saved(download: Download) -> bytes:
    return Path(download.path()).read_bytes()


def test_a_typed_number_a_neighbour_and_the_arrows_select(codes: Page) -> None:
    number(codes).fill("7")
    number(codes).press("Enter")
    shows(codes, 7)
    button(codes, "codes_next").click()
    shows(codes, 8)
    near = button(codes, "codes_near_0")
    other = int(near.inner_text())
    near.click()
    shows(codes, other)
    assert code_of(codes) == other != 8
    no_problems(codes)


def test_the_map_selects_by_keyboard(codes: Page, finished: RunFolder) -> None:
    before = code_of(codes)
    for part in (plot(codes), codes.locator(".codemap .play"), codes.locator(".vq-draws")):
        box = part.bounding_box()
        assert box is not None and box["y"] + box["height"] <= 720, "map, film and what the code draws are seen without scrolling"
    plot(codes).focus()
    codes.keyboard.press("n")
    shows(codes, (before + 1) % finished.config().model.quantizer.K)
    expect(codes.locator(".codemap .tip")).to_be_hidden()  # what it would say stands beside the map
    button(codes, "codes_previous").click()
    shows(codes, before)
    no_problems(codes)


def test_the_used_code_has_patches_with_their_places_and_fires_somewhere(codes: Page, finished: RunFolder) -> None:
    snapshot = finished.snapshot()
    assert snapshot is not None
    most = int(snapshot.books[0].validation_usage.argmax())
    number(codes).fill(str(most))
    number(codes).press("Enter")
    shows(codes, most)
    expect(codes.locator(".vq-patch")).to_have_count(12)
    expect(codes.locator(".vq-patch .vq-cell")).to_have_count(12)
    expect(codes.locator(f'img[alt="what code {most} decodes to"]')).to_be_visible()
    gallery = finished.gallery()
    assert gallery is not None
    fired = int((gallery.indices[0] == most).reshape(64, -1).any(axis=1).sum())
    expect(codes.get_by_text(f"In {fired} of 64 validation images")).to_be_visible()
    assert codes.locator(".vq-fires img").count() == 64


def test_a_dead_code_is_told_as_dead(codes: Page, finished: RunFolder) -> None:
    snapshot = finished.snapshot()
    assert snapshot is not None
    never = np.flatnonzero(snapshot.books[0].age < 0)
    assert len(never), "codes that start far away are never chosen"
    number(codes).fill(str(int(never[0])))
    number(codes).press("Enter")
    shows(codes, int(never[0]))
    expect(codes.get_by_text("dead: never chosen")).to_be_visible()
    expect(codes.get_by_text("No validation image has chosen it.")).to_be_visible()


def test_umap_comes_from_the_light_worker_and_says_what_it_is_not(codes: Page) -> None:
    codes.locator(".st-key-codes_plane").get_by_text("UMAP").click()
    expect(codes.get_by_text("distances, sizes and empty space mean nothing here")).to_be_visible(timeout=6 * TIMEOUT_MS)
    no_problems(codes)
    codes.locator(".st-key-codes_plane").get_by_text("PCA").click()
    expect(codes.get_by_text("mean nothing here")).to_have_count(0)


def test_every_part_below_is_drawn(codes: Page) -> None:
    wait_for_points(codes, key="codes_lives")
    codes.get_by_role("tab", name="Usage meter").click()
    wait_for_points(codes, key="codes_by_count")
    assert points(codes, "codes_ages") >= 3
    codes.get_by_role("tab", name="Are codes useful?").click()
    wait_for_points(codes, key="codes_useful")
    no_problems(codes)


def test_the_codebook_and_its_table_come_down(codes: Page, finished: RunFolder) -> None:
    codes.get_by_role("tab", name="Download").click()
    with codes.expect_download() as npy:
        button(codes, "codes_npy").click()
    book = np.load(io.BytesIO(saved(npy.value)), allow_pickle=False)
    snapshot = finished.snapshot()
    assert snapshot is not None
    np.testing.assert_allclose(book, snapshot.books[0].codebook.astype(np.float32), rtol=1e-3, atol=1e-3)
    with codes.expect_download() as table:
        button(codes, "codes_csv").click()
    rows = list(csv.DictReader(io.StringIO(saved(table.value).decode("utf-8-sig"))))
    assert len(rows) == len(book) and [int(row["validation_hits"]) for row in rows] == snapshot.books[0].validation_usage.tolist()


def test_a_chart_is_saved_by_keyboard_alone_as_data_and_as_picture(codes: Page, finished: RunFolder) -> None:
    wait_for_points(codes, key="codes_lives")
    save = codes.locator(".st-key-codes_lives .vq-chart-save summary")
    save.focus()
    codes.keyboard.press("Enter")
    codes.keyboard.press("Tab")
    with codes.expect_download() as picture:
        codes.keyboard.press("Enter")
    assert saved(picture.value)[:8] == b"\x89PNG\r\n\x1a\n"
    codes.keyboard.press("Enter")
    codes.keyboard.press("Tab")
    codes.keyboard.press("Tab")
    with codes.expect_download() as data:
        codes.keyboard.press("Enter")
    rows = list(csv.DictReader(io.StringIO(saved(data.value).decode("utf-8-sig"))))
    K, T = finished.config().model.quantizer.K, len(finished.snapshots())
    assert len(rows) == K * T and data.value.suggested_filename == "lives-of-the-codes-by-first-death.csv"
    assert {row["Codes, latest first death on top"] for row in rows} == {f"code {k}" for k in range(K)}
    last = [row for row in rows if row["Training step"] == "60"]
    assert sum(int(row["Choices of 10,000 (log)"]) for row in last) == pytest.approx(10_000, abs=K)
    codes.keyboard.press("Enter")
    expect(codes.locator(".st-key-codes_lives .vq-chart-save")).to_have_attribute("open", "")
    codes.keyboard.press("Escape")
    expect(codes.locator(".st-key-codes_lives .vq-chart-save[open]")).to_have_count(0)


def test_curves_are_saved_with_their_names(codes: Page) -> None:
    codes.get_by_role("tab", name="Usage meter").click()
    wait_for_points(codes, key="codes_by_count")
    chart = codes.locator(".st-key-codes_by_count")
    chart.hover()
    chart.locator(".vq-chart-save summary").click()
    with codes.expect_download() as data:
        chart.get_by_role("button", name="Data (CSV)", exact=True).click()
    rows = list(csv.reader(io.StringIO(saved(data.value).decode("utf-8-sig"))))
    assert rows[0] == ["series", "Vectors counted (log)", "Perplexity (codes)"]
    assert rows[1] == ["The same codes, counted on fewer vectors", "1", "1"]
    assert any(row[0].startswith("A training batch") for row in rows)


def test_by_touch_a_neighbour_is_selected_and_a_chart_saved(telephone: Page) -> None:
    near = button(telephone, "codes_near_1")
    other = int(near.inner_text())
    near.tap()
    shows(telephone, other)
    save = telephone.locator(".st-key-codes_use .vq-chart-save summary")
    expect(save).to_be_visible()
    save.tap()
    with telephone.expect_download() as data:
        telephone.locator(".st-key-codes_use").get_by_role("button", name="Data (CSV)", exact=True).tap()
    assert saved(data.value).decode("utf-8-sig").startswith("series,Training step")
    assert overflow(telephone) == []


def test_nothing_sticks_out_of_any_tab(codes: Page) -> None:
    for tab in TABS:
        codes.get_by_role("tab", name=tab).click()
        for width in each_width(codes):
            no_problems(codes)
            assert overflow(codes) == [], (tab, width)


@pytest.mark.parametrize("run", [path.name for path in DEMO])
def test_the_bundled_run_shows_its_codes_without_any_training(page: Page, server: Server, run: str) -> None:
    opened(page, server, run)
    assert plot(page).evaluate("canvas => canvas.width") > 200
    expect(page.locator(".vq-patch").first).to_be_visible()
    no_problems(page)


def test_a_chosen_code_is_marked_among_the_lives_of_a_run_that_has_ended(codes: Page) -> None:
    marked = """code => {
      const chart = document.querySelector('.st-key-codes_lives .js-plotly-plot');
      return Boolean(chart?.data) && chart.layout.shapes.some(line => line.xref === 'paper' && chart.data[0].y[line.y0] === `code ${code}`);
    }"""
    for code in (3, 5):
        number(codes).fill(str(code))
        number(codes).press("Enter")
        shows(codes, code)
        codes.wait_for_function(marked, arg=code)
        assert not codes.evaluate(marked, 7), "and no other"
    no_problems(codes)
