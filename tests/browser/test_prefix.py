"""A server that shares its address with others, under a path of its own: pages, charts, redirects and shared links stay under it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.ownruns import LETTERS
from tests.browser.screen import no_problems, run_id, settled, wait_for_points
from tests.browser.server import Server

PREFIX = "/lab/user1"


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("prefixed")
    server = Server(home / "runs", home / "data", home / "server.log", extra={"VQ_WARM": "train"}, prefix=PREFIX)
    server.start()
    yield server
    assert not server.stop()


def test_everything_stays_under_the_path(page: Page, context: BrowserContext, server: Server) -> None:
    outside: list[str] = []
    page.on("request", lambda request: None if _under(request.url) else outside.append(request.url))
    page.goto(f"{server.url}/start?x=1")
    expect(page.locator(".st-key-tour_bar")).to_be_visible()
    assert urlsplit(page.url).path == f"{PREFIX}/"

    page.goto(f"{server.url}/train?run={LETTERS}")
    wait_for_points(page, 1)
    (cookie,) = (one for one in context.cookies() if one["name"] == "vq_owner")
    assert cookie["path"] == PREFIX, "a neighbour under the same host must not get it"

    page.get_by_test_id("stSidebarNav").get_by_text("Paint", exact=True).click()
    expect(page.locator(".st-key-paint_canvas .paint[data-decoded]")).to_be_visible()  # a component with pictures
    assert urlsplit(page.url).path == f"{PREFIX}/paint" and run_id(page) == LETTERS
    page.go_back()
    wait_for_points(page, 1)
    assert urlsplit(page.url).path == f"{PREFIX}/train" and run_id(page) == LETTERS
    page.reload()
    wait_for_points(page, 1)
    settled(page)
    assert urlsplit(page.url).path == f"{PREFIX}/train" and run_id(page) == LETTERS

    page.get_by_role("button", name="Share this").first.click()
    shared = urlsplit(page.get_by_test_id("stCode").first.inner_text().strip())
    assert shared.path in (f"{PREFIX}/", f"{PREFIX}/train") and parse_qs(shared.query)["link"]
    page.goto(shared.geturl())
    expect(page.locator("h1").first).to_have_text("Train")
    no_problems(page)
    assert not outside, f"asked for outside of {PREFIX}: {outside}"


def _under(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("data", "blob") or parts.path.startswith(f"{PREFIX}/")
