"""How long one waits: for the first paint of a fresh server, and from the click on a preset to the first point of its curve.

`python -m tests.benchmarks.first_point`: needs a Chromium. First paint is the time from the address to the first button to click;
"new" is the first visit after the server's start, with an empty browser cache. The click meets a warm engine, a free place, and
data that is there; the page polls once a second.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.benchmarks.common import options, report, skip
from tests.browser.chromium import WHERE, find_chromium, launch
from tests.browser.screen import button
from tests.browser.server import Server
from vqcore.config.presets import PRESETS

FIRST = next(iter(PRESETS))
WAIT_MS = 120_000
# asked at every frame, so that the clock stops when the point is on the screen
_SEEN = """() => {
  const chart = document.querySelector(".st-key-train_loss .js-plotly-plot");
  return chart && chart.data && chart.data.some(trace => trace.x && trace.x.length > 0);
}"""


def first_paint(browser: Browser, server: Server) -> float:
    """Seconds from the address to the first preset's button, in a browser that has never been here."""
    with browser.new_context(viewport={"width": 1280, "height": 720}) as context:
        page = context.new_page()
        began = time.perf_counter()
        page.goto(f"{server.url}/train")
        button(page, f"start_{FIRST}").wait_for(timeout=WAIT_MS)
        return time.perf_counter() - began


def click_to_point(page: Page, server: Server) -> float:
    """Seconds from the click on the first preset to its first point."""
    page.goto(f"{server.url}/train")
    page.get_by_text("Engine ready · 0 of").first.wait_for(timeout=WAIT_MS)
    click = button(page, f"start_{FIRST}")
    click.wait_for()
    page.wait_for_timeout(2000)  # the page is at rest
    began = time.perf_counter()
    click.click()
    again = button(page, "start_again")
    seen = page.locator(".st-key-train_loss .js-plotly-plot").first
    again.or_(seen).first.wait_for(timeout=WAIT_MS)
    if again.is_visible():  # the same experiment exists: the click that counts is the one that starts it anew
        page.wait_for_timeout(500)
        began = time.perf_counter()
        again.click()
    page.wait_for_function(_SEEN, timeout=WAIT_MS)
    seconds = time.perf_counter() - began
    button(page, "control_stop").click()
    page.locator(".st-key-train_line").get_by_text("Stopped").wait_for(timeout=WAIT_MS)
    return seconds


def measure(repeats: int) -> list[dict[str, Any]]:
    new: list[float] = []
    later: list[float] = []
    points: list[float] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, sync_playwright() as playwright:
        executable = find_chromium(playwright)
        if executable is None:
            skip(f"no browser was found. {WHERE}")
        with launch(playwright, executable) as browser:
            for turn in range(repeats):
                server = Server(Path(home, "runs"), Path(home, "data"), Path(home, "server.log"))
                server.start()
                try:
                    new.append(first_paint(browser, server))
                    if turn == repeats - 1:
                        page = browser.new_page(viewport={"width": 1280, "height": 720})
                        points = [click_to_point(page, server) for _ in range(repeats)]
                        later = [first_paint(browser, server) for _ in range(repeats)]
                finally:
                    server.stop()
    return [
        _row("first paint, new server", new),
        _row("first paint, later", later),
        _row(f"click on '{FIRST}' to first point", points),
    ]


def _row(what: str, seconds: list[float]) -> dict[str, Any]:
    return {"wait": what, "times": len(seconds), "median_s": statistics.median(seconds), "least_s": min(seconds), "most_s": max(seconds)}


def main() -> None:
    arguments = options(__doc__).parse_args()
    report("Waiting", measure(1 if arguments.quick else 5), as_json=arguments.json)


if __name__ == "__main__":
    main()
