"""Make README's pictures of the screens anew: `python -m tests.browser.screenshots`, some minutes. Not a test."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.chromium import WHERE, find_chromium, launch
from tests.browser.conftest import TIMEOUT_MS
from tests.browser.screen import button, settled
from tests.browser.server import ROOT, Server

FOLDER = ROOT / "assets" / "screenshots"
CARD = (640, 360)  # pixels of a card of Start, two abreast
GAP = 8
GROUND = "#FBFAF7"
LONG_MS = 10 * TIMEOUT_MS  # a training, on a busy machine
SEEN = ".st-key-tour_seen"


def cards(page: Page, url: str) -> list[Image.Image]:
    """The five cards of Start, each after its act."""
    page.goto(url)
    settled(page)
    page.locator(".dial input").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(page.locator(SEEN)).to_contain_text("codebook")
    shots = [shot(page)]

    onward(page)
    page.locator(".input").nth(3).click()
    expect(page.locator(SEEN)).to_contain_text("index")
    shots.append(shot(page))

    onward(page)
    button(page, "tour_begin_train").click()
    expect(page.locator(SEEN)).to_contain_text("16 of 16 codes are in use", timeout=LONG_MS)
    shots.append(shot(page))

    onward(page)
    button(page, "tour_begin_broken").click()
    expect(button(page, "tour_revive_broken")).to_be_enabled(timeout=LONG_MS)
    button(page, "tour_revive_broken").click()
    expect(page.locator(SEEN)).to_contain_text("16 of 16 in use", timeout=LONG_MS)
    shots.append(shot(page))

    onward(page)
    button(page, "tour_begin_grid").click()
    expect(page.locator(".mosaic.ready")).to_be_visible(timeout=LONG_MS)
    page.locator(".mosaic .cell").nth(5).click()
    expect(page.locator(SEEN)).to_contain_text("latent grid", timeout=LONG_MS)
    shots.append(shot(page))
    return shots


def onward(page: Page) -> None:
    button(page, "tour_next").click()
    settled(page)


def training(page: Page, url: str) -> Image.Image:
    """Train, while a run of digits learns."""
    page.goto(f"{url}/train")
    settled(page)
    button(page, "start_digits").click()
    expect(page.locator(".st-key-train_pictures")).to_contain_text("Reconstructions at step 150", timeout=LONG_MS)
    picture = shot(page)
    button(page, "control_stop").click()
    return picture


def shot(page: Page) -> Image.Image:
    settled(page)
    page.wait_for_timeout(1500)  # marks glide to their places
    return Image.open(io.BytesIO(page.screenshot()))


def together(shots: list[Image.Image]) -> Image.Image:
    """Two abreast, as wide as a README."""
    rows = (len(shots) + 1) // 2
    sheet = Image.new("RGB", (2 * CARD[0] + GAP, rows * CARD[1] + (rows - 1) * GAP), GROUND)
    for i, picture in enumerate(shots):
        place = (i % 2 * (CARD[0] + GAP), i // 2 * (CARD[1] + GAP))
        sheet.paste(picture.convert("RGB").resize(CARD, Image.Resampling.LANCZOS), place)
    return sheet.quantize(256)


def main() -> None:
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        program = find_chromium(playwright)
        if program is None:
            raise SystemExit(f"No browser was found. {WHERE}")
        server = Server(Path(home) / "runs", Path(home) / "data", Path(home) / "server.log")
        server.start()
        try:
            browser = launch(playwright, program)
            page = browser.new_page(viewport={"width": 1280, "height": 720}, color_scheme="light")
            page.set_default_timeout(TIMEOUT_MS)
            together(cards(page, server.url)).save(FOLDER / "start.png", optimize=True)
            page.set_viewport_size({"width": 1280, "height": 800})
            training(page, server.url).convert("RGB").save(FOLDER / "train.png", optimize=True)
            browser.close()
        finally:
            server.stop()


if __name__ == "__main__":
    main()
