"""How long after a stroke's end its picture is there, in a real browser on the bundled example.

`python -m tests.benchmarks.paint`: strokes over three cells each, from the release of the button to the frame in which the decoded
picture is that of the grid; served by `uvicorn app:app` and by `streamlit run app.py`, alone and while trainers fill every slot. Then
a scribble over 60 cells in one stroke: how many are lost; and undo back to the beginning: whether every byte returns.
`wanted_ms`: the bar that the project has set itself for the median.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.benchmarks.common import options, report, skip
from tests.browser.chromium import WHERE, find_chromium, launch
from tests.browser.server import Server
from tests.browser.test_paint import COLUMNS, ROWS, decoded, middle, opened, part, picture, take
from vqcore.config.presets import PRESETS
from vqcore.records import Step
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

STROKES = 50
READY_S = 300.0
PAUSE_MS = 150.0  # between strokes
# from the release to the frame that shows the grid's own picture, by the page's own clock
_CLOCK = """() => {
  const find = root => {
    for (const node of root.querySelectorAll("*")) {
      if (node.matches(".paint")) return node;
      const inner = node.shadowRoot && find(node.shadowRoot);
      if (inner) return inner;
    }
    return null;
  };
  const node = find(document.querySelector(".st-key-paint_canvas"));
  const canvas = node.querySelector(".decoded");
  window.strokes = [];
  node.querySelector(".board").addEventListener("pointerup", () => {
    const released = performance.now();
    const look = () => {
      if (node.dataset.decoded && node.dataset.decoded === node.dataset.grid && canvas.width > 0) {
        window.strokes.push(performance.now() - released);
      } else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}"""


class Uvicorn(Server):
    """The same app by `uvicorn app:app`."""

    def command(self) -> list[str]:
        return [sys.executable, "-m", "uvicorn", "app:app", "--host", "127.0.0.1", "--port", str(self.port), "--log-level", "warning"]


KINDS: dict[str, tuple[type[Server], float]] = {"uvicorn app:app": (Uvicorn, 100.0), "streamlit run app.py": (Server, 150.0)}
BUSY_MS = 250.0


@contextmanager
def served(kind: type[Server], busy: bool) -> Iterator[tuple[Server, int]]:
    """A server, and how many runs train on it. Runs that wait are started with it: more than there are slots."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        server = kind(Path(home, "runs"), Path(home, "data"), Path(home, "server.log"))
        folders = []
        if busy:
            endless = PRESETS["letters"].config.edited({"train.steps": 10_000_000, "train.threads": 1, "train.evaluate_every": 100_000})
            folders = [RunStore(server.runs).create(endless.edited({"train.seed": seed}), name="busy") for seed in range(8)]
        server.start()
        try:
            yield server, filled(folders) if busy else 0
        finally:
            server.stop()


def filled(folders: list[RunFolder]) -> int:
    """Wait until as many runs train as ever will; returns how many."""
    deadline, found, since = time.monotonic() + READY_S, 0, time.monotonic()
    while time.monotonic() < deadline:
        now = sum(any(isinstance(record, Step) and record.step > 20 for record in folder.metrics().records) for folder in folders)
        if now != found:
            found, since = now, time.monotonic()
        if found and time.monotonic() - since > 10:
            return found
        time.sleep(0.5)
    raise RuntimeError("no run began to train")


def strokes(page: Page, count: int) -> list[float]:
    """Milliseconds of each stroke."""
    chance = random.Random(0)
    page.evaluate(_CLOCK)
    for i in range(count):
        row, column = chance.randrange(ROWS), chance.randrange(COLUMNS - 2)
        take(page, chance.randrange(64))
        page.mouse.move(*middle(page, row, column))
        page.mouse.down()
        page.mouse.move(*middle(page, row, column + 1))
        page.mouse.move(*middle(page, row, column + 2))
        page.mouse.up()
        page.wait_for_function("count => window.strokes.length >= count", arg=i + 1, timeout=READY_S * 1000)
        page.wait_for_timeout(PAUSE_MS)
    return [float(taken) for taken in page.evaluate("window.strokes")]


def lost_in_scribble(page: Page, first: list[int]) -> int:
    """How many cells of a stroke over 60 (the grid's 49, eleven of them twice) did not take the brush's code."""
    code = next(code for code in range(64) if code not in first)
    take(page, code)
    at = int(part(page, ".paint").get_attribute("data-at") or 0)
    snake = [(row, column if row % 2 == 0 else COLUMNS - 1 - column) for row in range(ROWS) for column in range(COLUMNS)]
    places = [middle(page, *place) for place in snake + snake[::-1][:11]]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places:
        page.mouse.move(*place)
    page.mouse.up()
    return sum(found != code for found in decoded(page, at + 1))


def undone(page: Page, first: list[int], before: str) -> bool:
    """Whether undo, as often as it goes, gives back the first grid and every byte of its picture."""
    part(page, ".board").focus()
    for _ in range(int(part(page, ".paint").get_attribute("data-at") or 0)):
        page.keyboard.press("Control+z")
    return decoded(page, 0) == first and picture(page) == before


def measure(browser: Browser, name: str, busy: bool, count: int) -> dict[str, Any]:
    kind, wanted = KINDS[name]
    with served(kind, busy) as (server, training):
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(READY_S * 1000)
        opened(page, server)
        page.wait_for_timeout(2000)
        first, before = decoded(page), picture(page)
        taken = strokes(page, count)
        lost = lost_in_scribble(page, first)
        whole = undone(page, first, before)
        page.close()
    return {
        "served": name,
        "training": training,
        "strokes": len(taken),
        "median_ms": statistics.median(taken),
        "p90_ms": statistics.quantiles(taken, n=10)[-1] if len(taken) > 1 else taken[0],
        "most_ms": max(taken),
        "wanted_ms": BUSY_MS if busy else wanted,
        "lost_of_60": lost,
        "undo_whole": whole,
    }


def main() -> None:
    arguments = options(__doc__).parse_args()
    count = 3 if arguments.quick else STROKES
    with sync_playwright() as playwright:
        executable = find_chromium(playwright)
        if executable is None:
            skip(f"no browser was found. {WHERE}")
        with launch(playwright, executable) as browser:
            cases = [(name, busy) for busy in (False, True) for name in KINDS]
            rows = [measure(browser, name, busy, count) for name, busy in (cases[:1] if arguments.quick else cases)]
    report("Paint: from a stroke's end to its picture", rows, as_json=arguments.json)


if __name__ == "__main__":
    main()
