"""`python -m vqcore sweep`: what it makes, what it says, how it ends, and how it goes on."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from vqcore.cli.main import app
from vqcore.errors import RunError
from vqcore.jobs import worker
from vqcore.runs.store import RunStore
from vqcore.sweeps.store import SweepStore, read, state_of

ROOT = Path(__file__).parents[2]
SMALL = ("--preset", "digits", "--set", "model.hidden=8", "--set", "train.threads=1", "--set", "train.evaluation_images=16")


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """VQ_RUNS for every test here."""
    monkeypatch.setenv("VQ_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["sweep", *arguments])


def test_a_sweep_trains_every_combination_and_exports_it(runs: Path, tmp_path: Path) -> None:
    file = tmp_path / "out" / "found.json"
    result = invoke(
        *SMALL,
        *("--steps", "4", "--vary", "model.quantizer.K=4,8", "--arm", "plain", "--arm", "l2: model.quantizer.distance=l2"),
        *("--title", "Two by two", "--export", str(file)),
    )
    assert result.exit_code == 0, result.output
    (sweep,) = SweepStore(runs).list()
    summaries = {entry.id: entry for entry in RunStore(runs).list()}
    assert set(summaries) == set(sweep.runs) and len(summaries) == 4
    assert {entry.state for entry in summaries.values()} == {"finished"}
    assert [RunStore(runs).get(run).config() for run in sweep.runs] == [point.config for point in sweep.spec.points()]
    assert {RunStore(runs).get(run).about().sweep for run in sweep.runs} == {sweep.id}
    assert summaries[sweep.runs[0]].name == "Two by two: K 4, arm plain, seed 0"
    exported = read(file)
    assert exported.results == SweepStore(runs).results(sweep)
    for said in ("4/4  K 8, arm l2, seed 0", "of 8 codes used", "NMSE", f"Written to {file}"):
        assert said in result.stdout


@pytest.mark.parametrize("place", ["folder", "file/below.json"])
def test_an_export_that_cannot_be_written_is_refused_before_anything_is_trained(place: str, runs: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    result = invoke(*SMALL, "--steps", "1", "--seeds", "2", "--export", str(tmp_path / place))
    assert result.exit_code == 2
    assert "--export" in result.stderr
    assert not runs.exists()


def test_a_sweep_is_not_exported_over_itself(runs: Path) -> None:
    assert invoke(*SMALL, "--steps", "1", "--seeds", "2").exit_code == 0
    (sweep,) = SweepStore(runs).list()
    file = SweepStore(runs).path(sweep.id)
    before = file.read_bytes()
    result = invoke("--resume", sweep.id, "--export", str(file))
    assert result.exit_code == 2
    assert "own file" in result.stderr
    assert file.read_bytes() == before


def test_seeds_count_from_the_bases_own(runs: Path) -> None:
    assert invoke(*SMALL, "--steps", "1", "--set", "train.seed=5", "--seeds", "2").exit_code == 0
    (sweep,) = SweepStore(runs).list()
    assert [result.seed for result in SweepStore(runs).results(sweep)] == [5, 6]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (SMALL, "Nothing is varied"),
        ((*SMALL, "--vary", "model.quantizer.K"), "PATH=VALUE,VALUE"),
        ((*SMALL, "--vary", "model.quantizer.KK=3"), "there is no 'KK'"),
        ((*SMALL, "--vary", "model.quantizer.K=16,1"), "given: 1"),
        ((*SMALL, "--vary", "train.lr=1e-3", "--arm", "fast: train.lr=1"), "changed by two axes"),
        (("--preset", "digit", "--seeds", "2"), "digits, photos"),
        (("--resume", "20260101-000000-abcd"), "no sweep 20260101-000000-abcd"),
        (("--resume", "x", "--seeds", "3"), "keeps its settings"),
    ],
)
def test_what_cannot_be_run_is_said_and_writes_nothing(arguments: tuple[str, ...], said: str, runs: Path) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
    assert not runs.exists()


def test_resuming_keeps_what_has_finished_and_trains_the_rest(runs: Path) -> None:
    assert invoke(*SMALL, "--steps", "2", "--vary", "model.quantizer.K=4,8", "--seeds", "2").exit_code == 0
    (sweep,) = SweepStore(runs).list()
    gone, torn, *kept = sweep.runs
    RunStore(runs).delete(gone)
    folder = RunStore(runs).get(torn)
    folder.set_status(state="interrupted")
    before = {run: (runs / run / "metrics.jsonl").stat().st_mtime_ns for run in kept}
    result = invoke("--resume", sweep.id)
    assert result.exit_code == 0, result.output
    again = SweepStore(runs).get(sweep.id)
    assert again.runs[1:] == sweep.runs[1:] and again.runs[0] != gone
    assert [found.done for found in SweepStore(runs).results(again)] == [True] * 4
    assert before == {run: (runs / run / "metrics.jsonl").stat().st_mtime_ns for run in kept}
    # the file itself names it as well, wherever it lies
    assert invoke("--resume", str(runs / "sweeps" / f"{sweep.id}.json")).exit_code == 0


def test_a_run_that_fails_does_not_end_the_sweep(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = worker.run

    def run(folder, *arguments, **named):  # type: ignore[no-untyped-def]
        if folder.config().model.quantizer.K == 4:
            folder.set_status(state="failed", error="The loss is NaN at step 1.")
            return "failed"
        return real(folder, *arguments, **named)

    monkeypatch.setattr(worker, "run", run)
    result = invoke(*SMALL, "--steps", "2", "--vary", "model.quantizer.K=4,8")
    assert result.exit_code == 1
    assert "failed: The loss is NaN" in result.stdout and "1 of 2 runs failed" in result.stdout
    (sweep,) = SweepStore(runs).list()
    assert [found.state for found in SweepStore(runs).results(sweep)] == ["failed", "finished"]


def test_a_full_disk_ends_it_and_says_how_to_go_on(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> None:
        raise RunError("The disk is full.")

    monkeypatch.setattr(worker, "run", run)
    result = invoke(*SMALL, "--steps", "2", "--seeds", "2")
    assert result.exit_code == 2
    assert "The disk is full" in result.stderr and "sweep --resume" in result.stderr


def test_results_without_runs_cannot_go_on(tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    assert invoke(*SMALL, "--steps", "1", "--seeds", "2", "--export", str(shelf / "kept.json")).exit_code == 0
    result = invoke("--resume", str(shelf / "kept.json"))
    assert result.exit_code == 2
    assert "without their runs" in result.stderr
    assert "There is no file" in invoke("--resume", str(shelf / "other.json")).stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to whole consoles only")
def test_ctrl_c_keeps_what_is_done_and_the_printed_command_goes_on(runs: Path) -> None:
    command = [sys.executable, "-m", "vqcore", "sweep", *SMALL, "--seeds", "2", "--steps", "150", "--set", "train.speed_limit=60"]
    environment = {**os.environ, "VQ_RUNS": str(runs), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, text=True, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            deadline = time.monotonic() + 120
            while not any(entry.step > 0 for entry in RunStore(runs).list()):
                assert time.monotonic() < deadline and process.poll() is None, "no step within two minutes"
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=120)
        finally:
            if process.poll() is None:
                process.kill()
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    store = SweepStore(runs)
    (sweep,) = store.list()
    assert state_of(store.results(sweep)) == "partial" and store.results(sweep)[0].state == "stopped"
    printed = re.findall(r"python -m vqcore sweep (--resume \S+)", output)
    assert printed
    result = invoke(*printed[-1].split())
    assert result.exit_code == 0, result.output
    assert [found.steps for found in store.results(store.get(sweep.id)) if found.done] == [150, 150]
