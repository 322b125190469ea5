"""The Invent screen on a real server with its real engine: by mouse, by keyboard, by touch."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Download, Locator, Page, expect

from tests.browser.chromium import Watch
from tests.browser.conftest import TIMEOUT_MS
from tests.browser.screen import button, each_width, no_problems, overflow, settled
from tests.browser.server import ROOT, Server
from vqcore.config.presets import PRESETS
from vqcore.config.prior import PixelCNNConfig
from vqcore.config.run import TrainConfig
from vqcore.jobs import worker
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

SMALL = {"train.steps": 40, "train.evaluate_every": 40, "train.threads": 1, "train.evaluation_images": 64, "model.hidden": 8}
DEMO = "20261123-150745-7a44"
TABS = ("Watch it fill", "You are the prior", "Complete an image", "Does it copy?", "Bits", "Download")


@pytest.fixture(scope="module")
def prior(server: Server) -> RunFolder:
    """A model of the digits on a grid, and a PixelCNN over its codes, both trained for a moment."""
    store = RunStore(server.runs)
    model = store.create(PRESETS["digits"].config.edited(SMALL | {"model.downsampling": 2}), name="Digits")
    assert worker.run(model, "cli") == "finished"
    train = TrainConfig(steps=10, threads=1, device="cpu", evaluate_every=10, evaluation_images=32)
    folder = store.create_prior(model, PixelCNNConfig(hidden=8, layers=2), train, name="Small PixelCNN")
    assert worker.run(folder, "cli") == "finished"
    return folder


def opened(page: Page, server: Server, run: str) -> Page:
    """The screen, once every rung that can be drawn is."""
    page.goto(f"{server.url}/invent?run={run}")
    expect(page.locator(".st-key-invent_ladder .rung .sheet")).not_to_have_count(0, timeout=4 * TIMEOUT_MS)
    expect(page.locator(".st-key-invent_ladder .rung .bar")).to_have_count(0, timeout=4 * TIMEOUT_MS)
    settled(page)
    return page


@pytest.fixture
def invent(page: Page, server: Server, prior: RunFolder) -> Page:
    return opened(page, server, prior.id)


@pytest.fixture
def telephone(browser: Browser, watch: Watch, server: Server, prior: RunFolder) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 390, "height": 720}, has_touch=True, is_mobile=True) as context:
        context.set_default_timeout(TIMEOUT_MS)
        watch.attach(context)
        yield opened(context.new_page(), server, prior.id)


def tile(page: Page, rung: str, index: int) -> Locator:
    return page.locator(f'.st-key-invent_ladder [data-rung="{rung}"] .tile').nth(index)


def fill(page: Page) -> Locator:
    return page.locator(".st-key-invent_fill .fill")


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    settled(page)


def saved(download: Download) -> bytes:
    return Path(download.path()).read_bytes()


def score(page: Page, who: str) -> float:
    """The bits of the last guess in the table of the game."""
    row = page.locator(".st-key-invent_guess .score tbody tr").filter(has_text=who)
    return float(row.locator("td").first.inner_text())


def test_a_tapped_sample_fills_by_slider_keys_and_play(invent: Page) -> None:
    expect(tile(invent, "pixelcnn", 0)).to_have_attribute("aria-selected", "true")
    tile(invent, "histogram", 3).click()
    expect(invent.get_by_text("Histogram, sample 4")).to_be_visible()
    expect(fill(invent)).to_be_visible(timeout=4 * TIMEOUT_MS)
    told, slider = fill(invent).locator(".told"), fill(invent).locator(".time input")
    slider.focus()
    invent.keyboard.press("Home")
    expect(told).to_contain_text("Cell 1 of 16")
    invent.keyboard.press("ArrowRight")
    expect(told).to_contain_text("Cell 2 of 16 (row 1, column 2)")
    assert fill(invent).locator(".cell:not(.undrawn)").count() == 1
    fill(invent).locator(".cell").nth(9).click()
    expect(told).to_contain_text("Cell 10 of 16 (row 3, column 2)")
    shares = fill(invent).locator(".row .share").all_inner_texts()
    assert sum(float(text.replace("<", "").replace("%", "")) for text in shares) == pytest.approx(100, abs=6)
    fill(invent).locator("select").select_option("90")
    fill(invent).get_by_role("button", name="Play").click()
    expect(told).to_contain_text("All 16 codes are drawn")
    no_problems(invent)


def test_the_ladder_is_walked_by_keyboard(invent: Page) -> None:
    tile(invent, "positions", 0).focus()
    for key in ("ArrowRight", "ArrowDown", "Enter"):
        invent.keyboard.press(key)
    expect(invent.get_by_text("Histogram per cell, sample 6")).to_be_visible()
    expect(tile(invent, "positions", 5)).to_have_attribute("aria-selected", "true")
    invent.keyboard.press("End")
    invent.keyboard.press(" ")
    expect(invent.get_by_text("Histogram per cell, sample 16")).to_be_visible()


def test_pictures_turn_into_codes(invent: Page) -> None:
    before = tile(invent, "uniform", 0).evaluate("node => node.style.backgroundImage.length")
    invent.get_by_role("button", name="Codes", exact=True).click()
    after = tile(invent, "uniform", 0).evaluate("node => node.style.backgroundImage.length")
    assert before != after
    expect(invent.get_by_role("button", name="Codes", exact=True)).to_have_attribute("aria-pressed", "true")


def test_another_temperature_draws_other_samples(invent: Page) -> None:
    first = tile(invent, "pixelcnn", 0)
    style = str(first.get_attribute("style"))
    assert "background-image" in style
    invent.locator(".st-key-invent_temperature input").focus()
    for _ in range(4):
        invent.keyboard.press("ArrowLeft")
    expect(first).not_to_have_attribute("style", style, timeout=4 * TIMEOUT_MS)
    for _ in range(4):
        invent.keyboard.press("ArrowRight")
    expect(first).to_have_attribute("style", style, timeout=4 * TIMEOUT_MS), "the same settings draw the same"
    no_problems(invent)


def test_a_guess_becomes_bits_as_the_page_says(invent: Page, prior: RunFolder) -> None:
    tab(invent, "You are the prior")
    game = invent.locator(".st-key-invent_guess .guess")
    expect(game.locator(".tile")).not_to_have_count(0, timeout=4 * TIMEOUT_MS)
    K = prior.config().model.quantizer.K
    game.get_by_role("button", name="No idea").click()
    assert score(invent, "You") == pytest.approx(math.log2(K), abs=0.06)
    assert game.locator(".tile.true").count() == 1 and score(invent, "PixelCNN") > 0
    game.get_by_role("button", name="Next tile").click()
    first, second = game.locator(".tile").nth(0), game.locator(".tile").nth(1)
    first.click()
    second.click()
    expect(second).to_have_attribute("aria-pressed", "true")
    game.get_by_role("button", name="Guess").click()
    hit = game.locator(".tile").evaluate_all("tiles => tiles.findIndex(tile => tile.classList.contains('true'))")
    expected = -math.log2(0.8 / 2) if hit in (0, 1) else -math.log2(0.2 / (K - 2))
    assert score(invent, "You") == pytest.approx(expected, abs=0.06)
    under = game.locator(".tile .under").all_inner_texts()
    assert sum(float(re.sub(r"[^\d.]", "", text)) for text in under) == pytest.approx(100, abs=3), "the model's chances, whole"
    game.get_by_role("button", name="Next tile").click()
    tab(invent, "Bits")
    tab(invent, "You are the prior")
    expect(game.locator(".question")).to_contain_text("Tile 3 of"), "a game outlives a visit to another part"
    game.get_by_role("button", name="Start again").click()
    expect(game.locator(".question")).to_contain_text("Tile 1 of")
    no_problems(invent)


def test_an_image_is_completed_and_another_one_chosen(invent: Page) -> None:
    tab(invent, "Complete an image")
    figures = invent.locator(".vq-completions figure")
    expect(figures).to_have_count(10, timeout=4 * TIMEOUT_MS)
    before = figures.first.locator("img").get_attribute("src")
    invent.locator(".st-key-invent_complete_images .tile").nth(4).click()
    expect(figures.first.locator("img")).not_to_have_attribute("src", str(before), timeout=4 * TIMEOUT_MS)
    no_problems(invent)


def test_sheet_and_grids_come_down(invent: Page, prior: RunFolder) -> None:
    tab(invent, "Download")
    with invent.expect_download() as picture:
        button(invent, "invent_png").click()
    assert saved(picture.value)[:8] == b"\x89PNG\r\n\x1a\n"
    with invent.expect_download() as grids:
        button(invent, "invent_npz").click()
    with np.load(io.BytesIO(saved(grids.value)), allow_pickle=False) as data:
        assert data["codes_0"].shape == (16, 4, 4) and data["codes_0"].max() < prior.config().model.quantizer.K
    with invent.expect_download() as ladder:
        button(invent, "invent_ladder_png").click()
    assert len(saved(ladder.value)) > len(saved(picture.value))


def test_what_is_not_trained_leads_to_where_it_is(invent: Page) -> None:
    invent.get_by_role("button", name="Train a Transformer").click()
    expect(invent.locator("h1")).to_have_text("Priors")


def test_by_touch_a_sample_is_watched_and_a_tile_guessed(telephone: Page) -> None:
    tile(telephone, "pixelcnn", 2).tap()
    expect(telephone.get_by_text("PixelCNN, sample 3")).to_be_visible()
    expect(fill(telephone)).to_be_visible(timeout=4 * TIMEOUT_MS)
    fill(telephone).locator(".on").tap()
    telephone.get_by_role("tab", name="You are the prior").tap()
    game = telephone.locator(".st-key-invent_guess .guess")
    expect(game.locator(".tile")).not_to_have_count(0, timeout=4 * TIMEOUT_MS)
    box = game.locator(".tile").first.bounding_box()
    assert box is not None and min(box["width"], box["height"]) >= 44
    game.locator(".tile").first.tap()
    game.get_by_role("button", name="Guess").tap()
    expect(game.get_by_role("button", name="Next tile")).to_be_enabled()
    assert overflow(telephone) == []


def test_nothing_sticks_out_of_any_tab(invent: Page) -> None:
    for name in TABS:
        tab(invent, name)
        expect(invent.locator('[data-testid="stProgress"]')).to_have_count(0, timeout=4 * TIMEOUT_MS)
        for width in each_width(invent):
            no_problems(invent)
            assert overflow(invent) == [], (name, width)


def test_the_bundled_run_opens_on_its_ladder(page: Page, server: Server) -> None:
    assert (ROOT / "assets" / "demo" / DEMO).is_dir()
    opened(page, server, DEMO)
    for rung in ("real", "uniform", "histogram", "positions"):
        assert page.locator(f'.st-key-invent_ladder [data-rung="{rung}"] .tile').count() == 16
    no_problems(page)
