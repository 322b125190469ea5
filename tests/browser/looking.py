"""A screen looked at as a whole: all widths, light and dark, accessibility, nothing that sticks out, no errors."""

from __future__ import annotations

import io
from typing import Literal

from PIL import Image, ImageStat
from playwright.sync_api import Page

from tests.browser.axe import faults
from tests.browser.chromium import Watch
from tests.browser.screen import contrast, no_problems, overflow, settled
from tests.browser.server import Server

WIDTHS = (700, 390)  # beside 1280
HEADER = 58  # pixels, on a telephone
Scheme = Literal["light", "dark"]
_RERUN = "() => vqAsked.sent <= vqAsked.ended"
_THEMED = "dark => (parseInt(getComputedStyle(document.querySelector('.stApp')).backgroundColor.match(/\\d+/)[0]) < 128) === dark"


def opened(page: Page, server: Server, path: str) -> None:
    page.goto(f"{server.url}/{path}")
    settled(page)


def in_scheme(page: Page, scheme: Scheme) -> None:
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(_THEMED, arg=scheme == "dark")
    page.keyboard.press("r")  # Streamlit's key for another run of the page: the server learns the theme with it
    page.wait_for_function(_RERUN)
    settled(page)


def looked_at(page: Page, widths: tuple[int, ...] = WIDTHS) -> list[str]:
    """What is wrong with the page as it stands, in both schemes and at each width; the window is 1280 wide and light before and after."""
    no_problems(page)
    wrong = [f"1280: {text}" for text in overflow(page)]
    for scheme in ("dark", "light"):
        in_scheme(page, scheme)
        no_problems(page)
        wrong += [f"{scheme}: {fault}" for fault in faults(page)]
        ratio, behind = contrast(page, "h1")
        if ratio < 7 or (behind > 0.5) != (scheme == "light"):
            wrong.append(f"{scheme}: the title has a contrast of {ratio:.1f} on a ground of luminance {behind:.2f}")
        ratio, _ = contrast(page, '[data-testid="stMain"] p')
        if ratio < 4.5:
            wrong.append(f"{scheme}: text has a contrast of {ratio:.1f}")
    for width in widths:
        page.set_viewport_size({"width": width, "height": 720})
        settled(page)
        no_problems(page)
        wrong += [f"{width}: {text}" for text in overflow(page)]
        if width < 500:
            header = page.locator(".st-key-screen_header")
            box = header.bounding_box() if header.count() else None
            if box is not None and box["height"] > HEADER:
                wrong.append(f"{width}: the header is higher than {HEADER} pixels")
            if not written(page):
                wrong.append(f"{width}: something lies over the title")
            wrong += [f"{width}: {fault}" for fault in faults(page)]
    page.set_viewport_size({"width": 1280, "height": 720})
    return wrong


def written(page: Page) -> bool:
    """Whether the title can be read where the page begins: dark on light, or light on dark."""
    page.evaluate("() => { document.querySelector('[data-testid=stMain]').scrollTop = 0; }")
    box = page.locator("h1").first.bounding_box()
    assert box is not None
    picture = page.screenshot(clip={"x": box["x"], "y": box["y"], "width": box["width"], "height": box["height"]})
    darkest, lightest = ImageStat.Stat(Image.open(io.BytesIO(picture)).convert("L")).extrema[0]
    return lightest - darkest > 128


def quiet(watch: Watch) -> list[str]:
    """What the browser complained of since the last look."""
    said = watch.strangers + watch.errors
    watch.strangers.clear()
    watch.errors.clear()
    return said
