"""What it costs a run to be watched: steps per second while a page follows it, against nobody following it.

`python -m tests.benchmarks.watched`: the trainer has one core to itself, the server and the browser share the other ones; the page
polls once a second. Watched and unwatched stretches alternate. Needs a Chromium, and two cores that one may choose (Linux, Windows).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from tests.benchmarks.common import options, report, skip
from tests.browser.chromium import WHERE, find_chromium, launch
from tests.browser.server import ROOT, Server
from vqcore.records import Step
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

SETTLE_S = 2.0  # after each change, before counting


@contextmanager
def on_cores(cores: list[int]) -> Iterator[None]:
    """What is started inside runs on these cores."""
    me = psutil.Process()
    before = me.cpu_affinity()
    me.cpu_affinity(cores)
    try:
        yield
    finally:
        me.cpu_affinity(before)


@contextmanager
def trainer(runs: Path, cores: list[int]) -> Iterator[RunFolder]:
    """A run of the command line, on these cores, that goes on until the end of the block; from its hundredth step on."""
    command = [sys.executable, "-m", "vqcore", "train", "--preset", "digits", "--set", "train.threads=1", "--steps", "10000000"]
    environment = {**os.environ, "VQ_RUNS": str(runs)}
    with on_cores(cores):
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        while not (found := [RunFolder(runs / run.id) for run in RunStore(runs).list() if latest(RunFolder(runs / run.id)) >= 100]):
            if process.poll() is not None:
                raise RuntimeError("the run ended before it was measured")
            time.sleep(0.2)
        yield found[0]
    finally:
        process.terminate()
        process.wait(30)


def latest(folder: RunFolder) -> int:
    return max((record.step for record in folder.metrics().records if isinstance(record, Step)), default=0)


def speed(folder: RunFolder, page: Page, seconds: float) -> float:
    """Steps per second over a stretch, by the clock on the wall: pictures and evaluations are part of it."""
    page.wait_for_timeout(SETTLE_S * 1000)
    first, began = latest(folder), time.perf_counter()
    page.wait_for_timeout(seconds * 1000)
    return (latest(folder) - first) / (time.perf_counter() - began)


def alternate(browser: Browser, server: Server, folder: RunFolder, seconds: float, pairs: int) -> tuple[list[float], list[float]]:
    """Speeds of the unwatched and of the watched stretches, in turn."""
    unwatched, watched = [], []
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    for _ in range(pairs):
        page.goto("about:blank")
        unwatched.append(speed(folder, page, seconds))
        page.goto(f"{server.url}/train?run={folder.id}")
        page.locator(".js-plotly-plot").first.wait_for(timeout=60_000)
        watched.append(speed(folder, page, seconds))
    return unwatched, watched


def measure(seconds: float, pairs: int) -> dict[str, Any]:
    cores = psutil.Process().cpu_affinity()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, on_cores(cores[1:]), sync_playwright() as playwright:
        executable = find_chromium(playwright)
        if executable is None:
            skip(f"no browser was found. {WHERE}")
        server = Server(Path(home, "runs"), Path(home, "data"), Path(home, "server.log"))
        server.start()
        try:
            with launch(playwright, executable) as browser, trainer(server.runs, cores[:1]) as folder:
                unwatched, watched = alternate(browser, server, folder, seconds, pairs)
        finally:
            server.stop()
    ratios = [seen / alone for seen, alone in zip(watched, unwatched, strict=True)]
    return {
        "cores": f"trainer {cores[0]}, server and browser {','.join(map(str, cores[1:]))}",
        "stretches": pairs,
        "seconds_each": seconds,
        "unwatched_steps_per_s": statistics.median(unwatched),
        "watched_steps_per_s": statistics.median(watched),
        "ratio": statistics.median(ratios),
        "lowest_ratio": min(ratios),
    }


def main() -> None:
    arguments = options(__doc__).parse_args()
    if not hasattr(psutil.Process, "cpu_affinity") or len(psutil.Process().cpu_affinity()) < 2:
        skip("processes cannot be given cores of their own here, or there is only one")
    report("Cost of being watched", [measure(2.0, 1) if arguments.quick else measure(15.0, 5)], as_json=arguments.json)


if __name__ == "__main__":
    main()
