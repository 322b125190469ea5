"""For every test: examples are never timed, for a busy machine would fail them; and CI tries the same ones each time."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Several test processes share the cores: each computes with its part, or they stand in each other's way.
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))

settings.register_profile("vqlab", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI")))
settings.load_profile("vqlab")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where the time went: seconds of set-up, tests and tear-down in each folder."""
    seconds: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                folder = Path(report.nodeid.partition("::")[0]).parent.as_posix()
                seconds[folder] += report.duration
                tests[folder] += report.when == "call"
    if len(seconds) > 1:
        terminalreporter.section("seconds of each folder")
        for folder, spent in seconds.most_common():
            terminalreporter.write_line(f"{spent:7.1f} s  {tests[folder]:5d} tests  {folder}")
        terminalreporter.write_line(f"{seconds.total():7.1f} s  {tests.total():5d} tests  in all")
