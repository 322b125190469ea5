"""For every test: examples are never timed, for a busy machine would fail them; and CI tries the same ones each time."""

from __future__ import annotations

import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Several test processes, and what they start, share the cores: each computes with one thread, and one that waits leaves its core.
# os.cpu_count() would be no guide: it counts cores that a container or an affinity mask keeps from us.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")
os.environ.setdefault("VQ_WARM", "train")  # hardly a test asks an engine for UMAP

settings.register_profile("vqlab", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI")))
settings.load_profile("vqlab")

# what takes longest begins first, so that no process works on alone at the end
FIRST = ("jobs", "browser", "benchmarks", "training", "pages", "cli", "data", "contract")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests share a process, and those that need the engine share one whatever their file."""
    here = Path(__file__).parent

    def turn(item: pytest.Item) -> int:
        folder = item.path.relative_to(here).parts[0] if here in item.path.parents else ""
        return FIRST.index(folder) if folder in FIRST else len(FIRST)

    items.sort(key=turn)
    for item in items:
        engine = "engine" in getattr(item, "fixturenames", ()) and item.path.parent.name == "jobs"
        item.add_marker(pytest.mark.xdist_group("engine" if engine else item.path.relative_to(here.parent).as_posix()))


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    """A training that a test leaves unfinished leaves its number of threads: the tests after it would take ten times as long."""
    # pages import torch in another thread: it may be half there
    threads = getattr(sys.modules.get("torch"), "get_num_threads", None)
    before = threads() if threads else None
    yield
    if before is not None:
        sys.modules["torch"].set_num_threads(before)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where the time went: seconds of set-up, tests and tear-down in each folder."""
    seconds: defaultdict[str, float] = defaultdict(float)
    tests: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                folder = Path(report.nodeid.partition("::")[0]).parent.as_posix()
                seconds[folder] += report.duration
                tests[folder] += report.when == "call"
    if len(seconds) > 1:
        terminalreporter.section("seconds of each folder")
        for folder, spent in sorted(seconds.items(), key=lambda entry: -entry[1]):
            terminalreporter.write_line(f"{spent:7.1f} s  {tests[folder]:5d} tests  {folder}")
        terminalreporter.write_line(f"{sum(seconds.values()):7.1f} s  {tests.total():5d} tests  in all")
