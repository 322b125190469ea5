"""How long the Codes screen keeps one waiting, and what its work costs others.

`python -m tests.benchmarks.codes`: UMAP and probes on the light worker of an engine whose every train slot is busy, its very large
books too; what a look at a live run and a hundred of its steps take meanwhile, against the same without; and in a Chromium the time
from the click on "Codes" to the first picture, and from the choice of a code to its patches. `--part engine` or `--part page`: one half.
`processor_s` is what the work itself takes on the light worker, however busy the machine is; `wanted_s` the bar that the project has set
itself; 0 where there is none.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import torch
from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.common import options, report, skip
from tests.browser.chromium import WHERE, find_chromium, launch
from tests.browser.screen import button
from tests.browser.server import Server
from vqcore.config.presets import PRESETS
from vqcore.config.run import RunConfig
from vqcore.jobs import worker
from vqcore.jobs.engine import Engine
from vqcore.records import Step
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore
from vqcore.runs.tail import shared_tail

K, LARGE, SMALL = 512, 8_192, 64
PING, PROBE, UMAP = "vqcore.jobs.worker:ping", "vqcore.analysis.probe:probe", "vqcore.analysis.projection:umap"
READY_S = 600.0
TICK_S = 0.25
SETTLE_S = 3.0
# asked at every frame: something has been painted on the map's canvas, which lives in the component's shadow
_PAINTED = """() => {
  const find = root => {
    for (const node of root.querySelectorAll("*")) {
      if (node.matches("canvas.plot") && node.width > 0) return node;
      const inner = node.shadowRoot && find(node.shadowRoot);
      if (inner) return inner;
    }
    return null;
  };
  const home = document.querySelector(".st-key-codes_map");
  const canvas = home && find(home);
  return canvas !== null && canvas !== undefined
    && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value, i) => i % 4 === 3 && value > 0);
}"""
_DRAWN = """code => {
  const picture = document.querySelector(`img[alt="what code ${code} decodes to"]`);
  const tiles = [...document.querySelectorAll(".vq-tiles img")];
  return picture !== null && picture.complete && tiles.every(tile => tile.complete);
}"""


def row(what: str, seconds: list[float], wanted: float = 0.0, processor: list[float] | None = None) -> dict[str, Any]:
    return {
        "what": what,
        "times": len(seconds),
        "median_s": statistics.median(seconds),
        "least_s": min(seconds),
        "most_s": max(seconds),
        "processor_s": statistics.median(processor) if processor else 0.0,
        "wanted_s": wanted,
    }


def trained(store: RunStore, K: int, snapshots: int) -> RunFolder:
    """A finished run of letters with K codes and so many snapshots, trained for as long as these take."""
    changes = {
        "model.quantizer.K": K,
        "model.quantizer.init": "data",
        "train.steps": snapshots,
        "train.evaluate_every": 1,
        "train.evaluation_images": 16,
        "train.threads": 1,
    }
    folder = store.create(PRESETS["letters"].config.edited(changes), name=f"{K} codes")
    worker.run(folder, "cli")
    return folder


def until(what: Callable[[], Any], seconds: float = READY_S) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {seconds:.0f} s")
        time.sleep(0.05)


def taken(action: Callable[[], Any]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


# ---- the engine's half


@contextmanager
def running(store: RunStore) -> Iterator[Engine]:
    engine = Engine(store)
    engine.start()
    try:
        until(lambda: engine.health().state == "ready" and engine.health().slots)
        yield engine
    finally:
        engine.close()


def endless() -> RunConfig:
    """Trains with all that its slot has until it is stopped."""
    return PRESETS["letters"].config.edited({"train.steps": 10_000_000, "train.threads": 1, "train.evaluate_every": 100_000})


class Looks:
    """A page's look at a live run, again and again: how long each takes, and how late it begins."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.seconds: list[float] = []

    def __enter__(self) -> list[float]:
        self._thread.start()
        return self.seconds

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        due = time.perf_counter()
        while not self._ended.is_set():
            due += TICK_S
            time.sleep(max(0.0, due - time.perf_counter()))
            began = min(due, time.perf_counter())  # when it should have begun
            shared_tail(self._folder).thinned(600)
            self._folder.status()
            self.seconds.append(time.perf_counter() - began)
            due = max(due, time.perf_counter() - TICK_S)


def hundred_steps(folder: RunFolder, action: Callable[[], Any]) -> float:
    """Seconds that a hundred steps of a live run take, counted while `action` goes on."""
    first, began = latest(folder), time.perf_counter()
    action()
    return 100 * (time.perf_counter() - began) / max(1, latest(folder) - first)


def latest(folder: RunFolder) -> int:
    return max((record.step for record in folder.metrics().records if isinstance(record, Step)), default=0)


def engine_half(root: Path, K: int, large: int, times: int) -> list[dict[str, Any]]:
    store = RunStore(root)
    book, big = trained(store, K, 2), trained(store, large, 2)
    with running(store) as engine:

        def asked(target: str, *arguments: Any) -> float:
            return taken(lambda: engine.light(target, *arguments).result(READY_S))

        def worked(what: str, target: str, several: list[tuple[Any, ...]], wanted: float = 0.0) -> dict[str, Any]:
            """A row of work on the light worker."""
            seconds, processor = [], []
            for arguments in several:
                before = sum(light.cpu_times()[:2])
                seconds.append(asked(target, *arguments))
                processor.append(sum(light.cpu_times()[:2]) - before)
            return row(what, seconds, wanted, processor)

        def umaps(folder: RunFolder, count: int) -> list[tuple[Any, ...]]:
            return [(str(folder.path), "", 0, 15, 0.1, seed) for seed in range(count)]

        light = psutil.Process(engine.light("os:getpid").result(READY_S))
        rows = [row("light worker answers while it warms up", [asked(PING) for _ in range(5 * times) if not time.sleep(TICK_S)])]
        rows.append(worked("what is left of warming up UMAP then", "vqcore.analysis.projection:warm_umap", [()]))
        runs = [store.create(endless(), name="busy") for _ in range(engine.health().slots)]
        for folder in runs:
            engine.submit(folder.id)
        until(lambda: all(latest(folder) > 20 for folder in runs))
        busy = f"{len(runs)} of {len(runs)} slots busy"
        with Looks(runs[0]) as alone:
            steps_alone = [hundred_steps(runs[0], lambda: time.sleep(SETTLE_S)) for _ in range(times)]
        rows.append(worked(f"probe of {K} codes, {busy}", PROBE, [(str(book.path), "")]))
        with Looks(runs[0]) as beside:
            work = umaps(book, times)
            steps_beside = [
                hundred_steps(runs[0], lambda: rows.append(worked(f"UMAP of {K} codes + 2,000 outputs, {busy}", UMAP, work, 10.0)))
            ]
        rows.append(worked(f"probe of {large:,} codes, {busy}", PROBE, [(str(big.path), "")]))
        rows.append(worked(f"UMAP of {large:,} codes + 2,000 outputs, {busy}", UMAP, umaps(big, max(1, times // 3))))
        rows += [
            row("a look at a live run, no UMAP", alone),
            row("a look at a live run during UMAP", beside),
            row("100 steps of a live run, no UMAP", steps_alone),
            row("100 steps of a live run during UMAP", steps_beside),
        ]
        for folder in runs:
            engine.stop(folder.id)
        return rows


# ---- the page's half


def to_first_picture(page: Page, server: Server, folder: RunFolder) -> float:
    """Seconds from the click on Codes, on another screen of a page at rest, to the painted map."""
    page.goto(f"{server.url}/runs?run={folder.id}")
    link = page.get_by_role("link", name="Codes")
    link.wait_for(timeout=READY_S * 1000)
    page.wait_for_timeout(2000)
    began = time.perf_counter()
    link.click()
    page.wait_for_function(_PAINTED, timeout=READY_S * 1000)
    return time.perf_counter() - began


def to_patches(page: Page, code: int) -> float:
    """Seconds from the click on Next to what the next code draws, with all its patches."""
    began = time.perf_counter()
    button(page, "codes_next").click()
    page.wait_for_function(_DRAWN, arg=code, timeout=READY_S * 1000)
    return time.perf_counter() - began


def page_half(root: Path, K: int, times: int) -> list[dict[str, Any]]:
    folder = trained(RunStore(root), K, 3 if times == 1 else 120)
    with sync_playwright() as playwright:
        executable = find_chromium(playwright)
        if executable is None:
            skip(f"no browser was found. {WHERE}")
        server = Server(root, root.parent / "data", root.parent / "server.log")
        server.start()
        try:
            with launch(playwright, executable) as browser:
                page = browser.new_page(viewport={"width": 1280, "height": 720})
                first = [to_first_picture(page, server, folder) for _ in range(times)]
                page.locator('img[alt^="what code "]').first.wait_for(timeout=READY_S * 1000)  # the probe has come
                number = page.locator(".st-key-codes_number input")
                number.fill("0")
                number.press("Enter")
                page.wait_for_function(_DRAWN, arg=0, timeout=READY_S * 1000)
                page.wait_for_timeout(2000)
                clicks = []
                for code in range(1, 1 + 4 * times):
                    clicks.append(to_patches(page, code))
                    page.wait_for_timeout(500)
        finally:
            server.stop()
    return [
        row(f"click on Codes to first picture, {K} codes, {len(folder.snapshots())} snapshots", first, 1.0),
        row(f"click on a code to its patches, {K} codes", clicks, 0.3),
    ]


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--part", choices=("engine", "page"), help="only this half")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    codes, large, times = (SMALL, 4 * SMALL, 1) if arguments.quick else (K, LARGE, 5)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        if arguments.part != "page":
            rows += engine_half(Path(home, "engine"), codes, large, times)
        if arguments.part != "engine":
            rows += page_half(Path(home, "page"), codes, times)
    report("Codes", rows, as_json=arguments.json)


if __name__ == "__main__":
    main()
