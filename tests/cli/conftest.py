"""Runs of a test are its own."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """VQ_RUNS for every test here."""
    monkeypatch.setenv("VQ_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("VQ_SCHEDULER", raising=False)
    return tmp_path / "runs"
