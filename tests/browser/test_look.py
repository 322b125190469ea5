"""Every screen at the widths of a projector, a small window and a telephone, in light and in dark, before and after there is a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chromium import Watch
from tests.browser.conftest import TIMEOUT_MS
from tests.browser.screen import contrast, no_problems, overflow, settled
from tests.browser.server import Server
from vqcore.config.presets import PRESETS
from vqcore.jobs import worker
from vqcore.runs.folder import RunFolder

SCREENS = ("train", "inside", "snap", "codes", "collapse", "bits", "runs")
WIDTHS = (1280, 700, 390)
SMALL = {"train.steps": 20, "train.evaluate_every": 10, "train.threads": 1, "train.evaluation_images": 64, "model.hidden": 8}


@pytest.fixture(scope="module")
def finished(server: Server) -> RunFolder:
    """A short run of a name that could break a layout."""
    folder = RunFolder.create(server.runs, PRESETS["digits"].config.edited(SMALL), name="Averylongnamewithoutanyplacetobreakitatall " * 2)
    assert worker.run(folder, "cli") == "finished"
    return folder


def each_page(
    browser: Browser, watch: Watch, server: Server, run: RunFolder, width: int, scheme: Literal["light", "dark"]
) -> Iterator[Page]:
    """Every screen without a run and with one, settled."""
    with browser.new_context(viewport={"width": width, "height": 720}, color_scheme=scheme) as context:
        context.set_default_timeout(TIMEOUT_MS)
        watch.attach(context)
        page = context.new_page()
        for screen in SCREENS:
            for query in ("", f"?run={run.id}"):
                page.goto(f"{server.url}/{screen}{query}")
                settled(page)
                no_problems(page)
                yield page


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_sticks_out(browser: Browser, watch: Watch, server: Server, finished: RunFolder, width: int) -> None:
    for page in each_page(browser, watch, server, finished, width, "light"):
        assert overflow(page) == [], f"{page.url} at {width}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_system_and_can_be_read(
    browser: Browser, watch: Watch, server: Server, finished: RunFolder, scheme: Literal["light", "dark"]
) -> None:
    for page in each_page(browser, watch, server, finished, 1280, scheme):
        ratio, behind = contrast(page, "h1")
        assert (behind > 0.5) == (scheme == "light")
        assert ratio >= 7
        assert contrast(page, '[data-testid="stMain"] p')[0] >= 4.5
