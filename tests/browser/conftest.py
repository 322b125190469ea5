"""A real server and a real browser for the tests in this folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.chromium import WHERE, Watch, find_chromium, launch
from tests.browser.screen import settled
from tests.browser.server import Server

TIMEOUT_MS = 60_000  # of a single wait: two busy cores need patience, a broken page none
expect.set_options(timeout=TIMEOUT_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if os.environ.get("CI"):  # a machine that stands still for a moment is no fault; who needed it is listed at the end
                item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        executable = find_chromium(playwright)
        if executable is None:
            if os.environ.get("CI"):
                pytest.fail(f"No browser was found. {WHERE}")
            pytest.skip(f"no browser was found. {WHERE}")
        chromium = launch(playwright, executable)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of a session. Leaving a process behind is a failure."""
    home = tmp_path_factory.mktemp("server")
    server = Server(home / "runs", home / "data", home / "server.log", extra={"VQ_WARM": "train"})
    server.start()
    yield server
    left = server.stop()
    assert not left, f"still running after the server ended: {left}\n{server.output()}"


@pytest.fixture
def watch() -> Iterator[Watch]:
    """What the browser did unasked; a test that used it fails when that is anything."""
    watch = Watch()
    yield watch
    assert not watch.strangers, f"requests that would have left this machine: {watch.strangers}"
    assert not watch.errors, f"exceptions in the page: {watch.errors}"


@pytest.fixture
def context(browser: Browser, watch: Watch) -> Iterator[BrowserContext]:
    """A browser of its own: its own cookies, 1280×720, light."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme="light", reduced_motion="reduce")
    context.set_default_timeout(TIMEOUT_MS)
    watch.attach(context)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture(scope="module")
def visitor(browser: Browser, server: Server) -> Iterator[tuple[Page, Watch]]:
    """One window for all visits of a file, which remembers what went wrong in it."""
    watch = Watch()
    with browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme="light", reduced_motion="reduce") as context:
        context.set_default_timeout(TIMEOUT_MS)
        watch.attach(context)
        page = context.new_page()
        page.goto(f"{server.url}/runs")
        settled(page)
        yield page, watch
