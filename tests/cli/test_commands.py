"""The other commands: doctor and bench; help, and the module itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.invoke import invoke
from vqcore.cli import doctor

ROOT = Path(__file__).parents[2]


def test_doctor_says_what_is_here(runs: Path) -> None:
    result = invoke("doctor")
    assert result.exit_code == 0, result.output
    for part in ("python", "torch 2", "digits", "mnist", str(runs), "engine", "Everything needed is here."):
        assert part in result.stdout
    assert list(runs.iterdir()) == []


def test_doctor_names_what_is_missing_and_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("VQ_RUNS", str(blocked))
    monkeypatch.setattr(doctor, "engine", lambda: iter([doctor.Finding("engine", "ok", "not asked")]))
    monkeypatch.setattr(doctor, "PACKAGES", ("torch", "a-package-that-nobody-has"))
    result = invoke("doctor")
    assert result.exit_code == 1
    for part in ("MISSING", str(blocked), "VQ_RUNS", "a-package-that-nobody-has", "pip install -r requirements.txt"):
        assert part in result.stdout


def test_doctor_goes_on_after_a_check_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise ValueError("a fault")

    monkeypatch.setattr(doctor, "devices", broken)
    monkeypatch.setattr(doctor, "engine", lambda: iter([doctor.Finding("engine", "ok", "not asked")]))
    subjects = {finding.subject: finding.verdict for finding in doctor.findings()}
    assert subjects["broken"] == "missing"
    assert subjects["engine"] == "ok"


def test_bench_measures_and_agrees_with_the_peer() -> None:
    result = invoke("bench", "--quick", "--json", "--threads", "1")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert {"cpu", "threads", "torch", "vector-quantize-pytorch"} <= set(document["settings"])
    for row in document["lookup"]:
        assert row["exact"]
        assert row["same"] > 0.999
        assert row["ratio"] > 0
    assert all(row["ratio"] > 0 for row in document["training"])
    assert {row["prior"] for row in document["sampling"]} == {"pixelcnn", "transformer"}
    for row in document["sampling"]:
        assert row["same"]
        assert row["ratio"] == pytest.approx(row["full_s"] / row["cached_s"])


def test_help_does_not_wait_for_torch() -> None:
    code = "import sys; from vqcore.cli.main import app; app(['train', '--help'], standalone_mode=False); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True).returncode == 0


def test_the_module_runs() -> None:
    done = subprocess.run([sys.executable, "-m", "vqcore", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert all(command in done.stdout for command in ("train", "doctor", "bench"))
